//! As much of HTTP as a look at a service takes.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use anyhow::{Context, Result};

/// A service's answer.
pub struct Response {
    /// The status code.
    pub status: u16,
    /// All of it.
    pub body: String,
}

/// Asks for `path` at an address such as `http://localhost:50123`.
pub fn get(address: &str, path: &str) -> Result<Response> {
    get_as(address, None, path)
}

/// As [`get`], under the name `host`, which need not resolve.
pub fn get_as(address: &str, host: Option<&str>, path: &str) -> Result<Response> {
    let server = address.trim_start_matches("http://").trim_end_matches('/');
    let host = host.unwrap_or(server);
    let mut stream =
        TcpStream::connect(server).with_context(|| format!("nothing answers at {address}"))?;
    stream.set_read_timeout(Some(Duration::from_secs(60)))?;
    // 1.0: the answer is not chunked, and ends with the connection.
    write!(stream, "GET {path} HTTP/1.0\r\nHost: {host}\r\n\r\n")?;
    let mut answer = Vec::new();
    stream
        .read_to_end(&mut answer)
        .with_context(|| format!("{address}{path} does not answer"))?;
    let answer = String::from_utf8_lossy(&answer);
    let status = answer
        .split(' ')
        .nth(1)
        .and_then(|status| status.parse().ok());
    let body = answer
        .split_once("\r\n\r\n")
        .map(|(_, body)| body.to_owned());
    Ok(Response {
        status: status.with_context(|| format!("{address}{path} closes the connection"))?,
        body: body.unwrap_or_default(),
    })
}
