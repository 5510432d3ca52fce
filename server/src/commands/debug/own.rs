//! Sessions of an editor's own debugger (js-debug, Java): azds opens the debug port of the service, and
//! a port of this machine that leads there, wherever the service's pod is by then.

use std::time::Duration;

use azds_protocol::debug::{AttachArguments, StartDebugger};
use futures_util::future::try_join;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio::time::sleep;

use super::runtimes::{Container, Plan, Runtime};
use super::{Host, HostStream, Sources, accept, carry, listen, user};
use crate::commands::debug_target::debug_target;
use crate::failure::Result;

/// How long the first connection may take to come.
const FIRST: Duration = Duration::from_secs(60);
/// How long the next one may take when there is none: a debugger that looks for a service which
/// starts again does so every second or so.
const NEXT: Duration = Duration::from_secs(5);

/// The way to the debug port of a service.
struct Session {
    arguments: AttachArguments,
    runtime: Runtime,
    id: String,
    host: Host,
    port: u16,
    /// Open as long as the session is.
    _lease: HostStream,
}

/// Begins a session, and says what the editor's debugger is to be told.
pub async fn open(
    host: Host,
    runtime: Runtime,
    container: &Container,
    arguments: &AttachArguments,
    sources: &Sources,
) -> Result<Value> {
    let plan = runtime.plan(container, "", arguments)?;
    // The same for the same service in the same editor: its next session may come at once.
    let id = format!("{} {}", std::process::id(), sources.folder.display());
    let (lease, port) = begin(&host, &plan, &id).await?;
    let (listener, local) = listen().await?;
    let mut configuration = plan.configuration(runtime, local, sources);
    if runtime == Runtime::Node {
        // js-debug connects again by itself when the service has started again.
        configuration.insert("restart".to_owned(), json!(true));
    }
    let session = Session {
        arguments: arguments.clone(),
        runtime,
        id,
        host,
        port,
        _lease: lease,
    };
    tokio::spawn(session.serve(listener));
    Ok(Value::Object(configuration))
}

async fn begin(host: &Host, plan: &Plan, id: &str) -> Result<(HostStream, u16)> {
    let started = host
        .start(&StartDebugger {
            session: format!("{} (the editor's own debugger)", user()),
            id: id.to_owned(),
            lease: true,
            how: plan.start.clone(),
        })
        .await?;
    let lease = host.open(&started).await?;
    Ok((lease, plan.port.unwrap_or_default()))
}

impl Session {
    /// Until nobody connects any more.
    async fn serve(mut self, listener: TcpListener) {
        let mut connections = JoinSet::new();
        let mut patience = FIRST;
        loop {
            tokio::select! {
                accepted = accept(&listener) => {
                    let Ok(local) = accepted else { return };
                    match self.reach().await {
                        Ok(remote) => drop(connections.spawn(carry(local, remote))),
                        Err(failure) => tracing::warn!("{failure}"),
                    }
                    patience = NEXT;
                }
                Some(_) = connections.join_next() => {}
                () = sleep(patience), if connections.is_empty() => return,
            }
        }
    }

    /// A connection to the debug port; of another pod, or of the same one that started again, if need be.
    async fn reach(&mut self) -> Result<HostStream> {
        if let Ok(stream) = self.host.open_port(self.port).await {
            return Ok(stream);
        }
        let host = Host::new(debug_target(&self.arguments).await?);
        let (state, processes) = try_join(host.state(), host.processes()).await?;
        let container = Container::new(state, processes);
        let plan = self.runtime.plan(&container, "", &self.arguments)?;
        (self._lease, self.port) = begin(&host, &plan, &self.id).await?;
        self.host = host;
        self.host.open_port(self.port).await
    }
}
