//! `azds-agent probe`: a container's probe, with its real result.

use std::io::ErrorKind;
use std::net::IpAddr;
use std::path::PathBuf;
use std::process::Stdio;
use std::time::{Duration, Instant};

use azds_protocol::agent::AGENT_FOLDER;
use bytes::Bytes;
use http_body_util::Empty;
use hyper::Request;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

use crate::failure::{Context, Failure, Result};

/// Variable with the pod's address, which the kubelet's own probes go to.
pub const POD_IP: &str = "AZDS_POD_IP";
const WHAT: &str = "the probe failed";
const PATIENCE: Duration = Duration::from_millis(700);
const RETRY: Duration = Duration::from_millis(20);

/// What `azds-agent probe` is told by the webhook. The kubelet sets its time limit.
#[derive(Debug, Clone, clap::Args)]
pub struct Arguments {
    /// Which of the pod's wrapped containers this is.
    #[arg(long)]
    index: u16,
    #[command(subcommand)]
    kind: Kind,
}

#[derive(Debug, Clone, clap::Subcommand)]
enum Kind {
    /// GET a path; any status from 200 to 399 is success.
    Http {
        port: u16,
        path: String,
        #[arg(long, env = POD_IP)]
        host: IpAddr,
        #[arg(long)]
        header: Vec<String>,
    },
    /// Connect to a port.
    Tcp {
        port: u16,
        #[arg(long, env = POD_IP)]
        host: IpAddr,
    },
    /// Run a command.
    Exec {
        #[arg(last = true)]
        command: Vec<String>,
    },
}

/// The file that is there while a debugger holds the process of a container.
pub fn held_file(index: u16) -> PathBuf {
    PathBuf::from(AGENT_FOLDER).join(format!("held-{index}"))
}

/// Succeeds if the probe does, or if a debugger holds the process.
pub async fn run(arguments: Arguments) -> Result<()> {
    if held_file(arguments.index).exists() {
        return Ok(());
    }
    match arguments.kind {
        Kind::Http {
            port,
            path,
            host,
            header,
        } => http(host, port, &path, &header).await,
        Kind::Tcp { port, host } => dial(host, port).await.map(drop),
        Kind::Exec { command } => exec(&command).await,
    }
}

async fn http(host: IpAddr, port: u16, path: &str, headers: &[String]) -> Result<()> {
    let object = format!("http://{host}:{port}{path}");
    let stream = dial(host, port).await?;
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream))
        .await
        .or_fail(WHAT, &object)?;
    tokio::spawn(connection);
    let mut request = Request::get(path).header("user-agent", "azds-agent");
    let mut host_header = format!("{host}:{port}");
    for header in headers {
        let (name, value) = header.split_once(": ").unwrap_or((header, ""));
        if name.eq_ignore_ascii_case("host") {
            value.clone_into(&mut host_header);
        } else {
            request = request.header(name, value);
        }
    }
    let request = request
        .header("host", host_header)
        .body(Empty::<Bytes>::new())
        .or_fail(WHAT, &object)?;
    let answer = sender.send_request(request).await.or_fail(WHAT, &object)?;
    let status = answer.status();
    if status.is_success() || status.is_redirection() {
        return Ok(());
    }
    Err(Failure::new(WHAT, object, format!("status {status}")))
}

/// Connects. A service that starts may listen in a moment, and the kubelet asks again only after a
/// whole period: so one that is not there yet is waited for, within the shortest time limit of a
/// probe (1 s).
async fn dial(host: IpAddr, port: u16) -> Result<TcpStream> {
    let begun = Instant::now();
    loop {
        match TcpStream::connect((host, port)).await {
            Err(error)
                if error.kind() == ErrorKind::ConnectionRefused && begun.elapsed() < PATIENCE =>
            {
                tokio::time::sleep(RETRY).await;
            }
            connected => return connected.or_fail(WHAT, format!("{host}:{port}")),
        }
    }
}

async fn exec(command: &[String]) -> Result<()> {
    let (program, args) = command
        .split_first()
        .ok_or_else(|| Failure::new(WHAT, "exec", "it names no command"))?;
    let status = tokio::process::Command::new(program)
        .args(args)
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .status()
        .await
        .or_fail(WHAT, program)?;
    if status.success() {
        return Ok(());
    }
    Err(Failure::new(WHAT, program, status.to_string()))
}
