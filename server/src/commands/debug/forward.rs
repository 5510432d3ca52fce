//! A port of this machine that leads to a debug port of the pod, for debuggers that run here.

use std::net::Ipv4Addr;

use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

use super::{Host, HostStream};
use crate::failure::{Context, Result};

/// The port; it closes when this is dropped.
pub struct Forward {
    /// Loopback port of this machine.
    pub port: u16,
    _tasks: JoinSet<()>,
}

impl Forward {
    /// Opens a port whose connections lead to a port of the pod.
    pub async fn open(host: Host, target: u16) -> Result<Forward> {
        let (listener, port) = listen().await?;
        let mut tasks = JoinSet::new();
        tasks.spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((local, _)) = listener.accept().await {
                let host = host.clone();
                connections.spawn(async move {
                    match host.open_port(target).await {
                        Ok(remote) => carry(local, remote).await,
                        Err(failure) => tracing::warn!("{failure}"),
                    }
                });
            }
        });
        Ok(Forward {
            port,
            _tasks: tasks,
        })
    }
}

/// A free loopback port.
pub async fn listen() -> Result<(TcpListener, u16)> {
    let (what, object) = ("the debugger was not reached", "a local port");
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await;
    let listener = listener.or_fail(what, object)?;
    let port = listener.local_addr().or_fail(what, object)?.port();
    Ok((listener, port))
}

/// Carries the bytes of one connection to its end.
pub async fn carry(mut local: TcpStream, mut remote: HostStream) {
    // Small messages, each waited for.
    let _ = local.set_nodelay(true);
    if let Err(error) = tokio::io::copy_bidirectional(&mut local, &mut remote).await {
        tracing::debug!(%error, "a connection to a debug port broke");
    }
}
