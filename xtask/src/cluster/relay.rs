//! Ports of this machine's loopback that lead into the node's network.

use std::io;
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::thread;

/// Serves `listener`, which was made outside, by connections to `to`, which are made in the namespace of the caller.
pub fn serve(listener: TcpListener, to: SocketAddr) {
    thread::spawn(move || {
        for client in listener.incoming().flatten() {
            thread::spawn(move || {
                // Refused inside: the client sees its connection closed, as it would without a relay.
                let _ = carry(&client, to);
            });
        }
    });
}

fn carry(client: &TcpStream, to: SocketAddr) -> io::Result<()> {
    let server = TcpStream::connect(to)?;
    // Both ends send small messages and wait for the answer: Nagle's algorithm would hold them back for 40 ms.
    client.set_nodelay(true)?;
    server.set_nodelay(true)?;
    thread::scope(|scope| {
        scope.spawn(|| copy(client, &server));
        copy(&server, client);
    });
    Ok(())
}

fn copy(mut from: &TcpStream, mut to: &TcpStream) {
    // However it ended, the other side has to learn that nothing more comes.
    let _ = io::copy(&mut from, &mut to);
    let _ = to.shutdown(Shutdown::Write);
}
