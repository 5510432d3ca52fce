//! The bytes of a pod's port, over a WebSocket to the API server.
//!
//! kube's own port-forward sends what it is given in messages of 4 KiB, each to its end before the next, and
//! through three programs that look at each: half the speed of `kubectl exec tar`.

use std::io;
use std::time::Duration;

use futures_util::{Sink, SinkExt as _, Stream, StreamExt as _};
use tokio::io::{
    AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, DuplexStream, duplex, split,
};
use tokio::time::timeout;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::{self, Message};

/// The first byte of a message, with one port (k8s.io/kubelet, pkg/cri/streaming/portforward/websocket.go). On
/// each channel the port comes first, in two bytes.
const DATA: u8 = 0;
const ERROR: u8 = 1;
const PORT: usize = 2;
/// What is sent in one message at most.
const PIECE: usize = 64 << 10;
/// What is read ahead of whoever writes or reads.
const AHEAD: usize = 1 << 20;
/// How long the other side may take to answer a farewell.
const FAREWELL: Duration = Duration::from_secs(10);

/// The bytes that a forwarded port carries, until either side ends. `name` is what the log calls it.
pub fn bytes_of<S>(socket: WebSocketStream<S>, name: String) -> DuplexStream
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let (near, far) = duplex(AHEAD);
    tokio::spawn(async move {
        if let Err(error) = carry(socket, far).await {
            tracing::debug!(%error, name, "port-forward ended");
        }
    });
    near
}

async fn carry<S>(socket: WebSocketStream<S>, far: DuplexStream) -> io::Result<()>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let (to_pod, from_pod) = socket.split();
    let (reader, writer) = split(far);
    let receiving = receive(from_pod, writer);
    tokio::pin!(receiving);
    tokio::select! {
        received = &mut receiving => return received,
        sent = send(reader, to_pod) => sent?,
    }
    timeout(FAREWELL, receiving).await.unwrap_or(Ok(()))
}

async fn send(
    mut from: impl AsyncRead + Unpin,
    mut to: impl Sink<Message, Error = tungstenite::Error> + Unpin,
) -> io::Result<()> {
    loop {
        let mut message = Vec::with_capacity(1 + PIECE);
        message.push(DATA);
        if from.read_buf(&mut message).await? == 0 {
            break;
        }
        let sent = to.send(Message::binary(message)).await;
        sent.map_err(io::Error::other)?;
    }
    to.close().await.map_err(io::Error::other)
}

async fn receive(
    mut from: impl Stream<Item = tungstenite::Result<Message>> + Unpin,
    mut to: impl AsyncWrite + Unpin,
) -> io::Result<()> {
    let mut begun = [false; 2];
    while let Some(message) = from.next().await {
        let message = match message.map_err(io::Error::other)? {
            Message::Binary(message) => message,
            Message::Close(_) => break,
            _ => continue,
        };
        let Some((channel @ (&DATA | &ERROR), content)) = message.split_first() else {
            return Err(io::Error::other("a message of no channel"));
        };
        let had_port = std::mem::replace(&mut begun[usize::from(*channel)], true);
        match *channel {
            _ if !had_port && content.len() == PORT => {}
            _ if !had_port => {
                return Err(io::Error::other("a channel did not begin with its port"));
            }
            DATA => to.write_all(content).await?,
            _ => {
                return Err(io::Error::other(
                    String::from_utf8_lossy(content).into_owned(),
                ));
            }
        }
    }
    to.shutdown().await
}

#[cfg(test)]
mod tests {
    use tokio_tungstenite::tungstenite::protocol::Role;

    use super::*;

    type Socket = WebSocketStream<DuplexStream>;

    async fn both_sides() -> (DuplexStream, Socket) {
        let (near, far) = duplex(4 * AHEAD);
        let client = WebSocketStream::from_raw_socket(near, Role::Client, None).await;
        let mut server = WebSocketStream::from_raw_socket(far, Role::Server, None).await;
        for channel in [DATA, ERROR] {
            say(&mut server, &[channel, 80, 0]).await;
        }
        (bytes_of(client, "pod a".to_owned()), server)
    }

    async fn say(server: &mut Socket, message: &[u8]) {
        let sent = server.send(Message::binary(message.to_vec())).await;
        sent.expect("it is read");
    }

    async fn heard(server: &mut Socket) -> Message {
        let message = timeout(Duration::from_secs(5), server.next()).await;
        let message = message.expect("in time").expect("it has not ended");
        message.expect("a message")
    }

    #[tokio::test]
    async fn much_is_sent_in_long_messages_and_the_end_in_one() {
        let (mut port, mut server) = both_sides().await;
        port.write_all(&vec![7; 4 * PIECE]).await.expect("carried");
        let first = heard(&mut server).await.into_data();
        assert_eq!((first[0], first.len()), (DATA, 1 + PIECE));
        drop(port);
        for _ in 0..3 {
            assert_eq!(heard(&mut server).await.into_data().len(), 1 + PIECE);
        }
        assert!(heard(&mut server).await.is_close());
    }

    #[tokio::test]
    async fn what_the_pod_sends_is_read_without_ports_and_until_it_ends() {
        let (mut port, mut server) = both_sides().await;
        say(&mut server, &[DATA, b'a', b'b']).await;
        say(&mut server, &[DATA, b'c']).await;
        server.close(None).await.expect("closed");
        let mut text = String::new();
        port.read_to_string(&mut text).await.expect("text");
        assert_eq!(text, "abc");
    }

    #[tokio::test]
    async fn an_error_of_the_node_ends_it() {
        let (mut port, mut server) = both_sides().await;
        let mut error = vec![ERROR];
        error.extend(b"connection refused");
        say(&mut server, &error).await;
        assert_eq!(port.read(&mut [0]).await.expect("an end"), 0);
    }
}
