//! One TCP connection of the developer's machine to a port of the pod.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use hyper::body::Incoming;
use hyper::{Request, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

use crate::agent::http;
use crate::agent::probe::POD_IP;
use crate::failure::{Failure, Result};

/// Answers `CONNECT 127.0.0.1:PORT`, and carries the bytes.
pub async fn open(request: Request<Incoming>) -> http::Answer {
    let Some(port) = request
        .uri()
        .authority()
        .and_then(|authority| authority.port_u16())
    else {
        let failure = Failure::ours(
            "no tunnel was opened",
            request.uri().to_string(),
            "it names no port",
        );
        return http::refuse(StatusCode::BAD_REQUEST, &failure);
    };
    let mut service = match dial(port).await {
        Ok(stream) => stream,
        Err(failure) => return http::refuse(StatusCode::BAD_GATEWAY, &failure),
    };
    tokio::spawn(async move {
        match hyper::upgrade::on(request).await {
            Ok(upgraded) => {
                let mut developer = TokioIo::new(upgraded);
                // Either side may go at any time; there is nobody left to tell.
                let _ = tokio::io::copy_bidirectional(&mut developer, &mut service).await;
            }
            Err(error) => tracing::debug!(%error, "a tunnel was not opened"),
        }
    });
    http::empty(StatusCode::OK)
}

/// A service may listen on loopback only, on all addresses, or on the pod's only.
async fn dial(port: u16) -> Result<TcpStream> {
    let pod: Option<IpAddr> = std::env::var(POD_IP)
        .ok()
        .and_then(|text| text.parse().ok());
    let loopback = [
        IpAddr::from(Ipv4Addr::LOCALHOST),
        IpAddr::from(Ipv6Addr::LOCALHOST),
    ];
    let mut why = String::new();
    for address in loopback.into_iter().chain(pod) {
        match TcpStream::connect((address, port)).await {
            Ok(stream) => {
                let _ = stream.set_nodelay(true);
                return Ok(stream);
            }
            Err(error) if why.is_empty() => why = error.to_string(),
            Err(_) => {}
        }
    }
    let try_to = "Wait until the service has started, or compare the port that it listens on with the chart's.";
    Err(Failure::new(
        "the service did not answer",
        format!("port {port} of the pod"),
        why,
    )
    .try_to(try_to))
}
