//! What is asked of the host in the pod.

use std::sync::Arc;

use azds_protocol::agent::HostState;
use azds_protocol::debug::{
    DebuggerEnd, DebuggerFolder, DebuggerStarted, ProcessInfo, StartDebugger,
};
use bytes::Bytes;
use futures_util::future::BoxFuture;
use hyper::body::Incoming;
use hyper::upgrade::Upgraded;
use hyper::{Method, Response};
use hyper_util::rt::TokioIo;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::cluster::agent::whole;
use crate::failure::{Context, Failure, Result};

const WHAT: &str = "the pod did not answer about debugging";
/// The longest answer that is read: the processes of a container are the longest.
const ANSWER: usize = 16 << 20;

/// The one HTTP/2 connection to a host, which adds token and version to each request.
pub trait Connection: Send + Sync {
    /// Asks, and waits for the head of the answer. One that is no success is the host's failure.
    /// `target` is a path, or the authority of a CONNECT.
    fn request<'a>(
        &'a self,
        method: Method,
        target: &'a str,
        body: Bytes,
    ) -> BoxFuture<'a, Result<Response<Incoming>>>;
}

/// The bytes of a stream of the host.
pub type HostStream = TokioIo<Upgraded>;

/// The host of one container. Cheap to clone; all clones share the connection.
#[derive(Clone)]
pub struct Host(Arc<dyn Connection>);

impl Host {
    /// The host at the other end of a connection.
    pub fn new(connection: impl Connection + 'static) -> Host {
        Host(Arc::new(connection))
    }

    /// What the host runs.
    pub async fn state(&self) -> Result<HostState> {
        self.json(Method::GET, "/v1/state", Bytes::new()).await
    }

    /// The processes of the container.
    pub async fn processes(&self) -> Result<Vec<ProcessInfo>> {
        let path = "/v1/debug/processes";
        let body = self.ask(Method::GET, path, Bytes::new()).await?;
        body.split(|&byte| byte == b'\n')
            .filter(|line| !line.is_empty())
            .map(|line| serde_json::from_slice(line).or_fail(WHAT, path))
            .collect()
    }

    /// The debuggers that the host has.
    pub async fn debuggers(&self) -> Result<Vec<DebuggerFolder>> {
        let path = "/v1/debug/debuggers";
        self.json(Method::GET, path, Bytes::new()).await
    }

    /// Sends a debugger; says where the host keeps it.
    pub async fn store(&self, name: &str, tar: Vec<u8>) -> Result<String> {
        let path = format!("/v1/debug/debuggers/{name}");
        let stored: DebuggerFolder = self.json(Method::PUT, &path, tar.into()).await?;
        Ok(stored.folder)
    }

    /// Starts a debugger.
    pub async fn start(&self, start: &StartDebugger) -> Result<DebuggerStarted> {
        self.json(Method::POST, "/v1/debug/sessions", body(start))
            .await
    }

    /// Opens the stream of a debugger that was started.
    pub async fn open(&self, started: &DebuggerStarted) -> Result<HostStream> {
        self.stream(&started.stream).await
    }

    /// Opens a connection to a loopback port of the pod.
    pub async fn open_port(&self, port: u16) -> Result<HostStream> {
        self.stream(&format!("127.0.0.1:{port}")).await
    }

    async fn stream(&self, authority: &str) -> Result<HostStream> {
        let response = self
            .0
            .request(Method::CONNECT, authority, Bytes::new())
            .await?;
        hyper::upgrade::on(response)
            .await
            .map(TokioIo::new)
            .or_fail(WHAT, authority)
    }

    /// How the last session came to its end, if one did.
    pub async fn end(&self) -> Result<Option<DebuggerEnd>> {
        self.json(Method::GET, "/v1/debug/end", Bytes::new()).await
    }

    async fn json<T: DeserializeOwned>(
        &self,
        method: Method,
        path: &str,
        body: Bytes,
    ) -> Result<T> {
        let answer = self.ask(method, path, body).await?;
        serde_json::from_slice(&answer).or_fail(WHAT, path)
    }

    async fn ask(&self, method: Method, path: &str, body: Bytes) -> Result<Bytes> {
        let response = self.0.request(method, path, body).await?;
        let body = whole(response.into_body(), ANSWER).await;
        body.map_err(|why| Failure::new(WHAT, path, why))
    }
}

fn body(value: &impl Serialize) -> Bytes {
    serde_json::to_vec(value)
        .expect("types of the protocol are JSON")
        .into()
}
