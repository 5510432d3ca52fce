//! From the editor's `attach` or `launch` to the stream of a debugger.

use std::path::Path;
use std::time::Duration;

use azds_protocol::commands::UpArguments;
use azds_protocol::debug::{AttachArguments, StartDebugger};
use futures_util::future::try_join;
use hyper::upgrade::Upgraded;
use hyper_util::rt::TokioIo;
use serde_json::{Map, Value};
use tokio::time::{Instant, sleep};

use super::paths::PathMap;
use super::runtimes::{Container, Runtime};
use super::{Host, Services, Target};
use crate::commands::debugger::Installed;
use crate::failure::{Context, Failure, Result};
use crate::progress::Progress;

const WHAT: &str = "the debug session did not start";
/// What `dotnet run` may take to build in the pod; a big solution on a small node needs minutes.
const BUILD_TIMEOUT: Duration = Duration::from_secs(180);

/// A debugger that waits for its first message.
pub struct Attached {
    /// Its DAP bytes.
    pub stream: TokioIo<Upgraded>,
    /// Name of the stream.
    pub name: String,
    /// The host that runs it.
    pub host: Host,
    /// The pod it is in.
    pub pod: String,
    /// What it debugs.
    pub runtime: Runtime,
    /// Arguments of its `attach`.
    pub arguments: Map<String, Value>,
    /// What its sources are called here.
    pub paths: PathMap,
}

/// Brings the service up where the editor asked for `launch`, and starts a debugger for it.
pub async fn attach<S: Services>(
    services: &S,
    launch: bool,
    arguments: &AttachArguments,
    session: String,
    progress: &Progress,
) -> Result<Attached> {
    if launch {
        services.up(up_arguments(arguments)?, progress).await?;
    }
    progress
        .or_cancelled(WHAT, start(services, arguments, session, progress))
        .await
}

fn up_arguments(arguments: &AttachArguments) -> Result<UpArguments> {
    let folder = arguments.folder.clone().ok_or_else(|| {
        Failure::new(WHAT, "the debug configuration", "it has no \"folder\"")
            .try_to("Set \"folder\" to the folder where azds.yaml is.")
    })?;
    Ok(UpArguments {
        folder,
        space: arguments.space.clone(),
        configuration: arguments.configuration.clone(),
        ports: Vec::new(),
    })
}

async fn start<S: Services>(
    services: &S,
    arguments: &AttachArguments,
    session: String,
    progress: &Progress,
) -> Result<Attached> {
    let Target { pod, folder, host } = {
        let _step = progress.begin("Connecting to the pod");
        services.connect(arguments, progress).await?
    };
    let step = progress.begin("Starting the debugger");
    let container = running(&host, || {
        step.say("waiting until the service is built and started in the pod");
    })
    .await?;
    let runtime = Runtime::choose(arguments.runtime.as_deref(), &container)?;
    let installed = services.debugger(runtime.name())?;
    let name = format!("{}-{}", runtime.name(), installed.version);
    let debugger = match host.debugger(&name).await? {
        Some(folder) => folder,
        None => {
            step.say("sending the debugger to the pod");
            host.store(&name, archive(installed).await?).await?
        }
    };
    let plan = runtime.plan(&container, &debugger, arguments)?;
    let started = host
        .start(&StartDebugger {
            session,
            how: plan.start,
        })
        .await?;
    let stream = host.open(&started).await?;
    Ok(Attached {
        stream,
        name: started.stream,
        host,
        pod,
        runtime,
        arguments: plan.attach,
        paths: paths(arguments, &plan.sources, &folder),
    })
}

/// What runs in the container, once there is more than a build.
async fn running(host: &Host, waiting: impl Fn()) -> Result<Container> {
    let deadline = Instant::now() + BUILD_TIMEOUT;
    loop {
        let (state, processes) = try_join(host.state(), host.processes()).await?;
        let container = Container::new(state, processes);
        if !container.is_building() || Instant::now() > deadline {
            return Ok(container);
        }
        waiting();
        sleep(Duration::from_millis(500)).await;
    }
}

/// The folder of a debugger as the host unpacks it.
async fn archive(installed: Installed) -> Result<Vec<u8>> {
    let folder = installed.folder.clone();
    let archive = tokio::task::spawn_blocking(move || {
        let mut archive = tar::Builder::new(Vec::new());
        archive.append_dir_all("", &folder)?;
        archive.into_inner()
    });
    let archive = archive
        .await
        .or_fail(WHAT, installed.folder.display().to_string())?;
    archive.or_fail(WHAT, installed.folder.display().to_string())
}

/// The user's own pairs count before what was found out.
fn paths(arguments: &AttachArguments, sources: &str, folder: &Path) -> PathMap {
    let folder = folder.to_string_lossy();
    let given = arguments
        .source_file_map
        .iter()
        .map(|(remote, local)| (remote.as_str(), local.as_str()))
        .filter(|(_, local)| !local.is_empty());
    // From the root everything would be ours, libraries too.
    let found = Some((sources, &*folder)).filter(|(sources, _)| *sources != "/");
    PathMap::new(given.chain(found))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_users_own_pairs_come_first() {
        let arguments: AttachArguments = serde_json::from_value(json!({
            "sourceFileMap": {"/src": "/w/other", "/gen": "/w/producer", "/none": ""}
        }))
        .expect("good arguments");
        let map = paths(&arguments, "/src", Path::new("/w/producer"));
        assert_eq!(map.to_local("/src/a").as_deref(), Some("/w/other/a"));
        assert_eq!(map.to_remote("/w/producer/a").as_deref(), Some("/gen/a"));
        assert_eq!(map.to_local("/none/a"), None);
    }

    #[test]
    fn a_service_at_the_root_maps_nothing() {
        let map = paths(&AttachArguments::default(), "/", Path::new("/w"));
        assert_eq!(map.to_local("/usr/lib/x.py"), None);
    }
}
