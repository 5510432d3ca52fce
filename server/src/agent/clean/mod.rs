//! `azds-agent clean`: takes from a node what azds left on it, before azds itself is removed.
//!
//! It stands in the builder's place, with the builder's folders. BuildKit is started a last time,
//! since only BuildKit knows which of containerd's snapshots and leases are its own; then go the
//! images that azds built and that no container uses, then the folders.

mod runtime;

use std::net::{Ipv6Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use azds_protocol::agent::GATE_PORT;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tokio::net::TcpListener;
use tokio::process::{Child, Command};
use tokio::time::{sleep, timeout};

use crate::context;
use crate::failure::{Context, Failure, Result};
use runtime::Runtime;

const WHAT: &str = "the node was not cleaned";
/// How long BuildKit may take to start, to forget what it built, and to end.
const START: Duration = Duration::from_secs(30);
const PRUNE: Duration = Duration::from_secs(60);
const END: Duration = Duration::from_secs(10);
const PAUSE: Duration = Duration::from_millis(100);

/// What `azds-agent clean` is told by the chart.
#[derive(Debug, Clone, clap::Args)]
pub struct Arguments {
    /// The unix socket on which the node's container runtime serves CRI.
    #[arg(long)]
    runtime: PathBuf,
    /// Where BuildKit will listen: unix:///path.
    #[arg(long)]
    buildkit: String,
    /// Folders whose content goes.
    #[arg(long = "folder")]
    folders: Vec<PathBuf>,
    /// Starts BuildKit.
    #[arg(last = true, required = true)]
    buildkitd: Vec<String>,
}

/// Cleans, then listens on the gate's port, by which the kubelet sees that it is done.
pub async fn run(arguments: Arguments) -> Result<()> {
    prune(&arguments).await?;
    remove_images(&Runtime::connect(&arguments.runtime).await?).await?;
    for folder in &arguments.folders {
        empty(folder).or_fail(WHAT, folder.display().to_string())?;
    }
    let address = SocketAddr::from((Ipv6Addr::UNSPECIFIED, GATE_PORT));
    let listener = TcpListener::bind(address)
        .await
        .or_fail(WHAT, format!("port {GATE_PORT}"))?;
    loop {
        drop(super::accept(&listener).await);
    }
}

/// Has BuildKit forget all that it built, which releases its snapshots in containerd.
async fn prune(arguments: &Arguments) -> Result<()> {
    let (program, rest) = arguments
        .buildkitd
        .split_first()
        .ok_or_else(|| Failure::ours(WHAT, "BuildKit", "its command is not given"))?;
    let mut buildkit = Command::new(program)
        .args(rest)
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .or_fail(WHAT, program)?;
    let started = async {
        while !buildctl(arguments, &["debug", "workers"]).await? {
            sleep(PAUSE).await;
        }
        Ok(())
    };
    tokio::select! {
        started = timeout(START, started) => {
            started.unwrap_or_else(|_| Err(late("BuildKit did not start", START)))?;
        }
        _ = buildkit.wait() => return Err(Failure::new(WHAT, "BuildKit", "it ended at once")),
    }
    let pruned = timeout(PRUNE, buildctl(arguments, &["prune", "--all"])).await;
    match pruned.unwrap_or_else(|_| Err(late("buildctl prune did not end", PRUNE)))? {
        true => end(buildkit).await,
        false => Err(Failure::new(WHAT, "BuildKit", "buildctl prune failed")),
    }
}

async fn buildctl(arguments: &Arguments, command: &[&str]) -> Result<bool> {
    let mut buildctl = Command::new("buildctl");
    buildctl.args(["--addr", &arguments.buildkit]).args(command);
    // What it would say while BuildKit starts is no news.
    buildctl.stdout(Stdio::null()).stderr(Stdio::null());
    let status = buildctl.stdin(Stdio::null()).kill_on_drop(true).status();
    Ok(status.await.or_fail(WHAT, "buildctl")?.success())
}

async fn end(mut buildkit: Child) -> Result<()> {
    let id = buildkit.id().and_then(|id| i32::try_from(id).ok());
    if let Some(id) = id {
        kill(Pid::from_raw(id), Signal::SIGTERM).or_fail(WHAT, "BuildKit")?;
    }
    let ended = timeout(END, buildkit.wait()).await;
    ended
        .map_err(|_| late("BuildKit did not end", END))?
        .or_fail(WHAT, "BuildKit")?;
    Ok(())
}

fn late(what: &str, limit: Duration) -> Failure {
    let why = format!("{what} within {} s", limit.as_secs());
    Failure::new(WHAT, "BuildKit", why)
}

/// Removes the images that azds built. What a container still uses stays: it could not be started
/// again, since nobody could pull it.
async fn remove_images(runtime: &Runtime) -> Result<()> {
    let in_use = runtime.images_in_use().await?;
    for image in runtime.images().await? {
        let is_ours = |name: &String| context::is_tag(tag_of(name));
        if !image.repo_tags.iter().any(is_ours) {
            continue;
        }
        // A container names its image by its id, or as its pod does.
        let names = [&image.id].into_iter().chain(&image.repo_tags);
        if names.clone().any(|name| in_use.contains(name)) {
            tracing::info!(image = ?image.repo_tags, "stays: a container uses it");
        } else if !image.repo_tags.iter().all(is_ours) {
            tracing::info!(image = ?image.repo_tags, "stays: it has another name as well");
        } else {
            runtime.remove(&image.id).await?;
            tracing::info!(image = ?image.repo_tags, "removed");
        }
    }
    Ok(())
}

fn tag_of(name: &str) -> &str {
    name.rsplit_once(':').map_or("", |(_, tag)| tag)
}

/// Removes what is in a folder, not the folder: it is a mount.
fn empty(folder: &Path) -> std::io::Result<()> {
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        match entry.file_type()?.is_dir() {
            true => std::fs::remove_dir_all(entry.path())?,
            false => std::fs::remove_file(entry.path())?,
        }
    }
    Ok(())
}
