//! A port of this machine that leads to a debug port of the pod, for debuggers that run here.

use std::io;
use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4};

use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

use super::{Host, HostStream};
use crate::failure::{Context, Result};
use crate::system;

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
            while let Ok(local) = accept(&listener).await {
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

/// The next connection of a program of this user. A debug port knows no token, and lets whoever comes run
/// anything in the pod.
pub async fn accept(listener: &TcpListener) -> io::Result<TcpStream> {
    loop {
        let (stream, _) = listener.accept().await?;
        match peer_user(&stream) {
            // Root may do everything anyway, and carries connections from outside of virtual machines.
            Some(user) if user != 0 && Some(user) != system::user() => {
                tracing::warn!(
                    user,
                    "a program of another user came to a debug port, and was refused"
                );
            }
            _ => return Ok(stream),
        }
    }
}

/// The user at the other end of a loopback connection, where the system tells (Linux, proc_net(5)).
fn peer_user(stream: &TcpStream) -> Option<u32> {
    let (Ok(SocketAddr::V4(peer)), Ok(SocketAddr::V4(here))) =
        (stream.peer_addr(), stream.local_addr())
    else {
        return None;
    };
    let tables = ["/proc/net/tcp", "/proc/net/tcp6"].into_iter();
    let mut tables = tables.filter_map(|table| std::fs::read_to_string(table).ok());
    tables.find_map(|table| user_in(&table, peer, here))
}

/// The user of the socket from one address to another. In the table of IPv6, those of IPv4 have more before them.
fn user_in(table: &str, from: SocketAddrV4, to: SocketAddrV4) -> Option<u32> {
    let written = |address: SocketAddrV4| {
        let bits = u32::from_ne_bytes(address.ip().octets());
        format!("{bits:08X}:{:04X}", address.port())
    };
    let (from, to) = (written(from), written(to));
    table.lines().find_map(|line| {
        let mut fields = line.split_whitespace().skip(1);
        let is_it = fields.next()?.ends_with(&from) && fields.next()?.ends_with(&to);
        is_it.then(|| fields.nth(4)?.parse().ok())?
    })
}

/// Carries the bytes of one connection to its end.
pub async fn carry(mut local: TcpStream, mut remote: HostStream) {
    // Small messages, each waited for.
    let _ = local.set_nodelay(true);
    if let Err(error) = tokio::io::copy_bidirectional(&mut local, &mut remote).await {
        tracing::debug!(%error, "a connection to a debug port broke");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_user_of_a_connection_stands_in_the_tables() {
        let four = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n   \
            0: 0100007F:1F90 0100007F:C350 01 00000000:00000000 00:00000000 00000000     0        0 1 1 0 20 0 0 10 -1\n   \
            1: 0100007F:C350 0100007F:1F90 01 00000000:00000000 00:00000000 00000000  1000        0 2 1 0 20 0 0 10 -1\n";
        let six = "   0: 0000000000000000FFFF00000100007F:C351 0000000000000000FFFF00000100007F:1F90 \
            01 00000000:00000000 00:00000000 00000000  1001        0 3 1 0 20 0 0 10 -1\n";
        let address = |port| SocketAddrV4::new(Ipv4Addr::LOCALHOST, port);
        assert_eq!(user_in(four, address(50000), address(8080)), Some(1000));
        assert_eq!(user_in(six, address(50001), address(8080)), Some(1001));
        assert_eq!(user_in(four, address(50001), address(8080)), None);
    }

    #[cfg(target_os = "linux")]
    #[tokio::test]
    async fn a_program_of_this_user_is_known() {
        let (listener, port) = listen().await.expect("a port");
        let coming = TcpStream::connect((Ipv4Addr::LOCALHOST, port));
        let (came, accepted) = tokio::join!(coming, accept(&listener));
        came.expect("it listens");
        let user = peer_user(&accepted.expect("ours"));
        assert_eq!(user, system::user());
    }
}
