//! What a tunnel answers while its service can't be reached: a page with status 503.

use std::io;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

use crate::failure::Failure;

/// How long a request's head may take, and how much of it is read.
const HEAD_TIMEOUT: Duration = Duration::from_secs(2);
const HEAD_LIMIT: u64 = 64 << 10;
/// How a request of HTTP/1 begins. Who speaks another protocol is not answered.
const METHODS: [&str; 7] = [
    "GET ", "HEAD ", "POST ", "PUT ", "PATCH ", "DELETE ", "OPTIONS ",
];

/// Answers a request of HTTP/1, if one comes, and says why there is no other answer.
pub async fn answer(peer: &mut (impl AsyncRead + AsyncWrite + Unpin), failure: &Failure) {
    // A peer that is silent or gone need not be told.
    let _ = tokio::time::timeout(HEAD_TIMEOUT, converse(peer, failure)).await;
}

async fn converse(
    peer: &mut (impl AsyncRead + AsyncWrite + Unpin),
    failure: &Failure,
) -> io::Result<()> {
    let mut head = Vec::new();
    let mut limited = (&mut *peer).take(HEAD_LIMIT);
    while !head.ends_with(b"\r\n\r\n") {
        if limited.read_buf(&mut head).await? == 0 {
            return Ok(());
        }
        let is_request = METHODS.iter().any(|method| {
            let length = method.len().min(head.len());
            method.as_bytes()[..length] == head[..length]
        });
        if !is_request {
            return Ok(());
        }
        // The body of a request that has one follows its head in the same piece.
        if head.windows(4).any(|end| end == b"\r\n\r\n") {
            break;
        }
    }
    let body = format!("{failure}\n");
    // Browsers look again by themselves.
    let answer = format!(
        "HTTP/1.1 503 Service Unavailable\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: {}\r\nCache-Control: no-store\r\nRetry-After: 2\r\nRefresh: 2\r\nConnection: close\r\n\r\n",
        body.len()
    );
    peer.write_all(answer.as_bytes()).await?;
    if !head.starts_with(b"HEAD ") {
        peer.write_all(body.as_bytes()).await?;
    }
    peer.shutdown().await
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn answered(request: &str) -> String {
        let (mut ours, mut theirs) = tokio::io::duplex(4096);
        let failure = Failure::new("there is no connection", "pods with app=a", "none is ready");
        let asking = async {
            ours.write_all(request.as_bytes()).await.expect("sent");
            let mut said = String::new();
            ours.read_to_string(&mut said).await.expect("text");
            said
        };
        let answering = async {
            answer(&mut theirs, &failure).await;
            drop(theirs);
        };
        tokio::join!(asking, answering).0
    }

    #[tokio::test]
    async fn a_browser_is_told_why_and_others_are_not_spoken_to() {
        let page = answered("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n").await;
        assert!(page.starts_with("HTTP/1.1 503 "), "{page}");
        assert!(page.contains("\r\nRefresh: 2\r\n"), "{page}");
        assert!(
            page.ends_with("\r\n\r\nthere is no connection: pods with app=a: none is ready.\n")
        );
        let posted = answered("POST / HTTP/1.1\r\nContent-Length: 2\r\n\r\nab").await;
        assert!(posted.starts_with("HTTP/1.1 503 "), "{posted}");
        let head = answered("HEAD / HTTP/1.1\r\n\r\n").await;
        assert!(head.ends_with("\r\n\r\n"), "{head}");
        assert_eq!(answered("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").await, "");
        assert_eq!(answered("\u{16}\u{3}\u{1}hello").await, "");
    }
}
