//! From the editor's `attach` or `launch` to the stream of a debugger.

use std::borrow::Cow;
use std::path::Path;
use std::time::Duration;

use azds_protocol::commands::UpArguments;
use azds_protocol::debug::{AttachArguments, StartDebugger};
use futures_util::future::try_join;
use serde_json::{Map, Value, json};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::{Instant, sleep};

use super::js_debug::{self, JsDebug};
use super::paths::PathMap;
use super::{Host, Services, Sources, Target};
use crate::commands::debug::runtimes::{Container, Plan, Runtime};
use crate::commands::debug::{Forward, HostStream};
use crate::commands::debugger::{self, Installed};
use crate::failure::{Context, Failure, Result};
use crate::progress::Progress;

const WHAT: &str = "the debug session did not start";
/// What `dotnet run` may take to build in the pod; a big solution on a small node needs minutes.
const BUILD_TIMEOUT: Duration = Duration::from_secs(180);
/// Argument of a session that js-debug asks for: the socket of its server.
const CHILD: &str = "__azdsJsDebug";

/// The bytes of a debugger, wherever it runs.
pub trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

/// What an editor wants to debug, and who that is.
pub struct Wanted {
    /// Its arguments.
    pub arguments: AttachArguments,
    /// Name of the session, for other developers.
    pub session: String,
    /// What no other session has.
    pub id: String,
}

/// A debugger that waits for its first message.
pub struct Attached {
    /// Its DAP bytes.
    pub stream: Box<dyn Stream>,
    /// Where it is; nothing for a session that js-debug asked for.
    pub place: Option<Place>,
    /// What it debugs.
    pub runtime: Runtime,
    /// Arguments of its `attach`.
    pub arguments: Map<String, Value>,
    /// What its sources are called here.
    pub paths: PathMap,
    /// What runs here for it.
    pub local: Option<Local>,
}

/// Where a debugger is.
pub struct Place {
    /// The pod.
    pub pod: String,
    /// The host that runs it.
    pub host: Host,
    /// Name of its stream.
    pub stream: String,
    /// What was found out about the service, for its developer.
    pub found: String,
}

/// A debugger of the developer's machine, and its way to the pod.
pub struct Local {
    js_debug: JsDebug,
    _forward: Forward,
    _lease: HostStream,
}

impl Local {
    /// Makes a session that js-debug asks the editor for one that leads to it.
    pub fn adopt(&self, configuration: &mut Map<String, Value>) {
        configuration.insert("type".to_owned(), json!("azds"));
        configuration.insert(CHILD.to_owned(), json!(self.js_debug.socket()));
    }
}

/// Brings the service up where the editor asked for `launch`, and starts a debugger for it.
pub async fn attach<S: Services>(
    services: &S,
    launch: bool,
    wanted: &Wanted,
    progress: &Progress,
) -> Result<Attached> {
    if let Some(socket) = wanted.arguments.rest.get(CHILD).and_then(Value::as_str) {
        return child(Path::new(socket), &wanted.arguments).await;
    }
    if launch {
        services
            .up(up_arguments(&wanted.arguments)?, progress)
            .await?;
    }
    progress
        .or_cancelled(WHAT, start(services, wanted, progress))
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
        command: Vec::new(),
        detach: true,
    })
}

/// Finds the pod of the service and starts a debugger there.
pub async fn start<S: Services>(
    services: &S,
    wanted: &Wanted,
    progress: &Progress,
) -> Result<Attached> {
    let arguments = &wanted.arguments;
    let Target {
        pod,
        pods,
        sources,
        host,
    } = {
        let _step = progress.begin("Connecting to the pod");
        services.connect(arguments, progress).await?
    };
    let step = progress.begin("Starting the debugger");
    let container = running(&host, || {
        step.say("waiting until the service is built and started in the pod");
    })
    .await?;
    let runtime = Runtime::choose(arguments.runtime.as_deref(), &container)?;
    let debugger = match runtime.needs_debugger() {
        true => {
            let sending = || step.say("sending the debugger to the pod");
            in_pod(runtime, &host, services.debugger(runtime.name()), sending).await?
        }
        false => String::new(),
    };
    let plan = runtime.plan(&container, &debugger, arguments)?;
    if runtime == Runtime::Java {
        return Err(
            Failure::new(WHAT, &pod, "azds has no debugger for Java of its own")
                .try_to("In VS Code, the extension of azds starts the Java debugger there."),
        );
    }
    let paths = paths(arguments, &plan.sources, &sources);
    let found = found(runtime, &container, &paths, &pod);
    let others = others(arguments, pods);
    let started = host
        .start(&StartDebugger {
            session: wanted.session.clone(),
            id: wanted.id.clone(),
            lease: plan.port.is_some(),
            how: plan.start.clone(),
        })
        .await?;
    let stream = host.open(&started).await?;
    let place = Some(Place {
        pod,
        host,
        stream: started.stream,
        found: format!("{found}{others}"),
    });
    match plan.port {
        Some(port) => here(stream, port, place, &plan, arguments, &sources).await,
        None => Ok(Attached {
            stream: Box::new(stream),
            place,
            runtime,
            arguments: plan.attach,
            paths,
            local: None,
        }),
    }
}

/// Where the pod has the debugger of a runtime, from an image or an earlier session; sends it there if it
/// has not. Without one on this machine, any that fits does.
async fn in_pod(
    runtime: Runtime,
    host: &Host,
    installed: Result<Installed>,
    sending: impl FnOnce(),
) -> Result<String> {
    let installed = match installed {
        Ok(installed) => installed,
        Err(failure) => {
            let there = host.debuggers().await?.into_iter();
            let mut fit = there.filter(|it| debugger::fits(&it.name, runtime.name()));
            return fit.next().map(|it| it.folder).ok_or(failure);
        }
    };
    let name = installed.stored_as();
    let there = host.debuggers().await?;
    if let Some(stored) = there.into_iter().find(|it| it.name == name) {
        return Ok(stored.folder);
    }
    sending();
    let object = installed.folder.display().to_string();
    let archive = tokio::task::spawn_blocking(move || installed.archive(""));
    let archive = archive
        .await
        .or_fail(WHAT, &object)?
        .or_fail(WHAT, object)?;
    host.store(&name, archive).await
}

/// A debugger of this machine for a debug port of the pod. It maps the sources' paths itself.
async fn here(
    lease: HostStream,
    port: u16,
    place: Option<Place>,
    plan: &Plan,
    arguments: &AttachArguments,
    sources: &Sources,
) -> Result<Attached> {
    let host = place.as_ref().map(|place| place.host.clone());
    let host = host.expect("what has a port is in a pod");
    let forward = Forward::open(host, port).await?;
    let js_debug = JsDebug::start(arguments).await?;
    let stream = js_debug::connect(&js_debug.socket()).await?;
    Ok(Attached {
        stream: Box::new(stream),
        place,
        runtime: Runtime::Node,
        arguments: plan.configuration(Runtime::Node, forward.port, sources),
        paths: PathMap::default(),
        local: Some(Local {
            js_debug,
            _forward: forward,
            _lease: lease,
        }),
    })
}

/// A session that js-debug asked the editor for, with a connection of its own to the same server.
async fn child(socket: &Path, arguments: &AttachArguments) -> Result<Attached> {
    let stream = js_debug::connect(socket).await?;
    let mut arguments = arguments.rest.clone();
    arguments.remove(CHILD);
    arguments.insert("type".to_owned(), json!("pwa-node"));
    Ok(Attached {
        stream: Box::new(stream),
        place: None,
        runtime: Runtime::Node,
        arguments,
        paths: PathMap::default(),
        local: None,
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

/// The user's own pairs count before those of the Dockerfile, and these before what the process shows.
fn paths(arguments: &AttachArguments, there: &str, sources: &Sources) -> PathMap {
    let given = arguments.source_file_map.iter();
    let given = given
        .map(|(remote, local)| (remote.as_str(), Path::new(local)))
        .filter(|(_, local)| !local.as_os_str().is_empty());
    let copied = sources.copied.iter();
    let copied = copied.map(|(remote, local)| (remote.as_str(), local.as_path()));
    // From the root everything would be ours, libraries too.
    let found = Some(sources.root(there)).filter(|(remote, _)| *remote != "/");
    let pairs: Vec<(&str, Cow<'_, str>)> = given
        .chain(copied)
        .chain(found)
        .map(|(remote, local)| (remote, local.to_string_lossy()))
        .collect();
    PathMap::new(pairs.iter().map(|(remote, local)| (*remote, &**local)))
}

/// What the session goes by, so that its developer can say otherwise.
fn found(runtime: Runtime, container: &Container, paths: &PathMap, pod: &str) -> String {
    let process = runtime.service(container).map(|process| {
        let (pid, folder) = (process.pid, &process.working_dir);
        format!(
            ": process {pid} ({}), in {folder}",
            runtime.command(process).join(" ")
        )
    });
    let process = process.unwrap_or_default();
    let sources = match paths.to_string() {
        none if none.is_empty() => {
            "No folder there is known to have its sources: set \"sourceFileMap\".".to_owned()
        }
        some => format!("Sources: {some}."),
    };
    format!(
        "azds debugs {} in {pod}{process}. {sources}",
        runtime.name()
    )
}

/// Which of several pods it is, and by which rule.
fn others(arguments: &AttachArguments, pods: usize) -> String {
    match (pods, &arguments.pod) {
        (0 | 1, _) => String::new(),
        (pods, Some(_)) => format!(" It is the one of {pods} pods that \"pod\" names."),
        (pods, None) => format!(" It is the newest of {pods} pods; \"pod\" names another one."),
    }
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
        let mut sources = Sources::of("/w/producer".into());
        sources.copied = vec![("/src".to_owned(), "/w/copied".into())];
        let map = paths(&arguments, "/src/web", &sources);
        assert_eq!(map.to_local("/src/a").as_deref(), Some("/w/other/a"));
        assert_eq!(map.to_remote("/w/producer/a").as_deref(), Some("/gen/a"));
        assert_eq!(map.to_local("/none/a"), None);
        assert_eq!(
            map.to_string(),
            "/gen is /w/producer, /src is /w/other here"
        );
    }

    #[test]
    fn a_service_at_the_root_maps_nothing() {
        let sources = Sources::of("/w".into());
        let map = paths(&AttachArguments::default(), "/", &sources);
        assert_eq!(map.to_local("/usr/lib/x.py"), None);
        assert_eq!(map.to_string(), "");
    }
}
