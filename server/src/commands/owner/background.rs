//! The background process that owns the tunnels of `up -d`.

use std::fs::OpenOptions;
use std::io::Write;
use std::process::Stdio;
use std::time::Duration;

use k8s_openapi::api::core::v1::Secret;
use kube::Api;
use kube::api::ListParams;
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::process::Command;
use tokio::time::Instant;

use super::{Owned, Owner, Ownership, runtime};
use crate::cluster::client::Cluster;
use crate::cluster::pod_link::KnownPod;
use crate::failure::{Context, Failure, Result};
use crate::system::{asked_to_end, detach, detached, private};

/// Name of the subcommand that [`run`] is.
pub const SUBCOMMAND: &str = "tunnel";
/// How long the process may take to open the ports.
const START_TIMEOUT: Duration = Duration::from_secs(15);
/// How often an owner without a connection to the pod looks whether its release is still there.
const LOOK: Duration = Duration::from_secs(30);
/// How often one does that has a connection: with thousands of owners the API server has other work.
const LOOK_CONNECTED: Duration = Duration::from_secs(10 * 60);
/// How long a cluster may be silent until it counts as gone. Sleep of the machine does not count.
const SILENCE: Duration = Duration::from_secs(60 * 60);
const WHAT: &str = "the tunnels were not opened";

/// What the process is told on its standard input.
#[derive(Serialize, Deserialize)]
struct Order {
    #[serde(flatten)]
    ownership: Ownership,
    pod: Option<KnownPod>,
}

/// Starts a background process that owns `ownership`, and waits until its ports are open. `pod` as in
/// [`Owner::begin`].
pub async fn start(ownership: Ownership, pod: Option<KnownPod>) -> Result<Owned> {
    let log = runtime::folder()?.join(format!("{}.log", ownership.key()));
    let object = log.display().to_string();
    let mut options = OpenOptions::new();
    options.create(true).write(true).truncate(true);
    let output = private(&mut options).open(&log);
    let output = output.or_fail(WHAT, object.as_str())?;
    let program = std::env::current_exe().or_fail(WHAT, "azds")?;
    let mut child = detached(&mut Command::new(&program))
        .arg(SUBCOMMAND)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(output)
        .spawn()
        .or_fail(WHAT, program.display().to_string())?;
    let (stdin, stdout) = (child.stdin.take(), child.stdout.take());
    let (Some(mut stdin), Some(stdout)) = (stdin, stdout) else {
        return Err(Failure::ours(WHAT, object, "the process has no pipes"));
    };
    let order = serde_json::to_vec(&Order { ownership, pod }).or_fail(WHAT, object.as_str())?;
    let conversation = async {
        stdin.write_all(&order).await?;
        drop(stdin);
        let mut answer = String::new();
        BufReader::new(stdout).read_line(&mut answer).await?;
        Ok::<_, std::io::Error>(answer)
    };
    let answer = match tokio::time::timeout(START_TIMEOUT, conversation).await {
        Ok(answer) => answer.or_fail(WHAT, object.as_str())?,
        Err(_) => {
            // It is of no use without its ports.
            let _ = child.start_kill();
            return Err(Failure::new(
                WHAT,
                object,
                "the process that owns them did not start in time",
            )
            .try_to("See its log."));
        }
    };
    match serde_json::from_str::<Result<Owned>>(&answer) {
        Ok(owned) => owned,
        Err(_) => Err(
            Failure::new(WHAT, object, "the process that owns them ended at once")
                .try_to("See its log."),
        ),
    }
}

/// What the background process does: reads its order from the standard input, answers once on the
/// standard output, then owns the tunnels until it is ended.
pub async fn run() -> Result<()> {
    detach();
    let begun = begin().await;
    let answer = begun.as_ref().map(|(owner, _)| &owner.owned);
    let mut line = serde_json::to_vec(&answer).or_fail(WHAT, "")?;
    line.push(b'\n');
    std::io::stdout()
        .write_all(&line)
        .or_fail(WHAT, "the command that started this")?;
    let (owner, cluster) = begun?;
    tokio::select! {
        () = owner.ended.cancelled() => {}
        asked = asked_to_end() => asked.or_fail(WHAT, "this process")?,
        () = gone(&cluster, &owner) => {}
    }
    Ok(())
}

/// Waits until there is nothing left to lead to: the release was removed by another hand, or the
/// cluster has not answered for long.
async fn gone(cluster: &Cluster, owner: &Owner) {
    let ownership = &owner.owned.ownership;
    let secrets: Api<Secret> = Api::namespaced(cluster.client.clone(), &ownership.space);
    // Helm's own record of its releases.
    let of_release = ListParams::default()
        .labels(&format!("owner=helm,name={}", ownership.release))
        .limit(1);
    let mut answered = Instant::now();
    while answered.elapsed() < SILENCE {
        tokio::time::sleep(LOOK).await;
        if answered.elapsed() < LOOK_CONNECTED && owner.link.is_connected() {
            continue;
        }
        match secrets.list_metadata(&of_release).await {
            Ok(found) if found.items.is_empty() => return,
            Ok(_) => answered = Instant::now(),
            // Refused is an answer: a right that was taken away may come back.
            Err(kube::Error::Api(_)) => answered = Instant::now(),
            Err(error) => tracing::debug!(%error, "the cluster does not answer"),
        }
    }
}

async fn begin() -> Result<(Owner, Cluster)> {
    let mut order = Vec::new();
    tokio::io::stdin()
        .read_to_end(&mut order)
        .await
        .or_fail(WHAT, "the order")?;
    let Order { ownership, pod } = serde_json::from_slice(&order).or_fail(WHAT, "the order")?;
    let cluster = Cluster::from_kubeconfig().await?;
    if cluster.address != ownership.cluster {
        return Err(Failure::new(
            WHAT,
            cluster.address,
            format!("the kubeconfig led to {} just now", ownership.cluster),
        )
        .try_to("Choose the context again and run azds up once more."));
    }
    let owner = Owner::begin(cluster.clone(), ownership, pod).await?;
    Ok((owner, cluster))
}
