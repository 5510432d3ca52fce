//! What a tunnel answers while its service can't be reached: a page with status 503.

use std::io;
use std::net::IpAddr;
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
    let body = match is_from_here(&head) {
        true => format!("{failure}\n"),
        false => "The service cannot be reached.\n".to_owned(),
    };
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

/// Whether a request is one to this machine by a name of its own, and of no other page. What is wrong with a
/// pod is not for a page of elsewhere, which reaches a local port where its own name leads there (DNS rebinding).
/// What names nothing comes from no browser.
fn is_from_here(head: &[u8]) -> bool {
    let head = String::from_utf8_lossy(head);
    let head = head.split("\r\n\r\n").next().unwrap_or_default();
    let mut fields = head.lines().skip(1).filter_map(|line| line.split_once(':'));
    fields.all(|(name, value)| {
        let value = value.trim();
        match name.trim().to_ascii_lowercase().as_str() {
            "host" => is_local(value),
            "origin" => value
                .split_once("://")
                .is_some_and(|(_, host)| is_local(host)),
            _ => true,
        }
    })
}

/// Whether a host, with or without a port, is this machine.
fn is_local(host: &str) -> bool {
    let name = match host.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((address, _)) => address,
        None => host.split(':').next().unwrap_or_default(),
    };
    let name = name.to_ascii_lowercase();
    let is_loopback = |address: IpAddr| address.is_loopback();
    name == "localhost" || name.ends_with(".localhost") || name.parse().is_ok_and(is_loopback)
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
    async fn a_page_of_elsewhere_is_not_told_why() {
        let told = async |fields: &str| {
            let page = answered(&format!("GET / HTTP/1.1\r\n{fields}\r\n")).await;
            assert!(page.starts_with("HTTP/1.1 503 "), "{page}");
            page.contains("pods with app=a")
        };
        for fields in [
            "Host: localhost:20001\r\n",
            "host:127.0.0.1\r\n",
            "Host: [::1]:20001\r\nOrigin: http://localhost:3000\r\n",
            "Host: shop.localhost\r\n",
            "",
        ] {
            assert!(told(fields).await, "{fields}");
        }
        for fields in [
            "Host: evil.example:20001\r\n",
            "Host: localhost.evil.example\r\n",
            "Host: localhost\r\nOrigin: https://evil.example\r\n",
            "Host: localhost\r\nOrigin: null\r\n",
            "Host: localhost\r\nhost: evil.example\r\n",
            "Host: 192.168.1.2\r\n",
        ] {
            assert!(!told(fields).await, "{fields}");
        }
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
