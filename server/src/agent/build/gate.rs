//! The builder of the pod's node, as the build calls it.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use azds_protocol::agent::{
    BuildEvent, BuildRequest, GATE_SERVER_NAME, Missing, VERSION, VERSION_HEADER,
};
use bytes::Bytes;
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::client::conn::http2;
use hyper::header::AUTHORIZATION;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::ClientConfig;
use tokio_rustls::rustls::pki_types::ServerName;
use tokio_util::io::StreamReader;

use super::attempt::Attempt;
use crate::agent::{http, tls};
use crate::failure::{Context, Failure, Result};

const WHAT: &str = "the builder of the node did not answer";
/// How long the builder may stay away: it may be restarting, or its Service not be wired up yet.
const PATIENCE: Duration = Duration::from_secs(60);
const RETRY: Duration = Duration::from_millis(200);
const PING_INTERVAL: Duration = Duration::from_secs(10);
const PING_TIMEOUT: Duration = Duration::from_secs(20);

type Body = BoxBody<Bytes, hyper::Error>;

/// The gate in front of the builder.
pub struct Gate {
    address: SocketAddr,
    tls: Arc<ClientConfig>,
    token: PathBuf,
}

impl Gate {
    /// The gate at `address`, whose certificate `authority` signed. The token is read for each
    /// call, since Kubernetes renews it.
    pub fn new(address: SocketAddr, authority: &str, token: PathBuf) -> Result<Gate> {
        Ok(Gate {
            address,
            tls: tls::client(authority)?,
            token,
        })
    }

    /// Passes a request of the developer's machine on, and the answer back.
    pub async fn pass_on(&self, request: Request<Incoming>) -> Result<http::Answer> {
        let method = request.method().clone();
        let path = request.uri().path().to_owned();
        let answer = self
            .send(method, &path, request.into_body().boxed())
            .await?;
        let status = answer.status();
        let body = answer
            .into_body()
            .collect()
            .await
            .or_fail(WHAT, self.object())?;
        Ok(http::with_body(status, Full::from(body.to_bytes())))
    }

    /// Has the image built, and tells `attempt` how it goes. Returns the last event.
    pub async fn build(&self, request: &BuildRequest, attempt: &Attempt) -> Result<BuildEvent> {
        let body = serde_json::to_vec(request).expect("our own types have string keys only");
        let body = Full::from(body).map_err(|never| match never {}).boxed();
        let answer = self.send(Method::POST, "/v1/build", body).await?;
        let status = answer.status();
        if status != StatusCode::OK {
            let body = answer
                .into_body()
                .collect()
                .await
                .or_fail(WHAT, self.object())?
                .to_bytes();
            return Err(match status {
                StatusCode::CONFLICT => lacking(&request.repository, &body),
                _ => serde_json::from_slice(&body).or_fail(WHAT, self.object())?,
            });
        }
        let stream = answer.into_body().into_data_stream();
        let stream = futures_util::TryStreamExt::map_err(stream, std::io::Error::other);
        let mut lines = BufReader::new(StreamReader::new(stream)).lines();
        while let Some(line) = lines.next_line().await.or_fail(WHAT, self.object())? {
            let event = serde_json::from_str(&line).or_fail(WHAT, self.object())?;
            match event {
                BuildEvent::Built { .. } | BuildEvent::Failed { .. } => return Ok(event),
                BuildEvent::Step { .. } | BuildEvent::Log { .. } => attempt.tell(event),
            }
        }
        Err(
            Failure::new(WHAT, self.object(), "it ended in the middle of the build")
                .try_to("Run up again."),
        )
    }

    /// Sends one request over a connection of its own: there are three in the life of a pod.
    async fn send(&self, method: Method, path: &str, body: Body) -> Result<Response<Incoming>> {
        let token = tokio::fs::read_to_string(&self.token)
            .await
            .or_fail(WHAT, self.object())?;
        let request = Request::builder()
            .method(method)
            .uri(format!("https://{GATE_SERVER_NAME}{path}"))
            .header(VERSION_HEADER, VERSION)
            .header(AUTHORIZATION, format!("Bearer {}", token.trim()))
            .body(body)
            .or_fail(WHAT, self.object())?;
        let mut sender = self.connect().await?;
        sender
            .send_request(request)
            .await
            .or_fail(WHAT, self.object())
    }

    async fn connect(&self) -> Result<http2::SendRequest<Body>> {
        let begun = tokio::time::Instant::now();
        let stream = loop {
            match self.dial().await {
                Ok(stream) => break stream,
                Err(error) if begun.elapsed() > PATIENCE => {
                    return Err(Failure::new(WHAT, self.object(), error.to_string()).try_to(
                        "Ask an administrator whether the pods of DaemonSet azds-builder in namespace azds run.",
                    ));
                }
                Err(_) => tokio::time::sleep(RETRY).await,
            }
        };
        let (sender, connection) = http2::Builder::new(TokioExecutor::new())
            .timer(TokioTimer::new())
            .keep_alive_interval(PING_INTERVAL)
            .keep_alive_timeout(PING_TIMEOUT)
            .handshake(TokioIo::new(stream))
            .await
            .or_fail(WHAT, self.object())?;
        tokio::spawn(connection);
        Ok(sender)
    }

    async fn dial(&self) -> std::io::Result<tokio_rustls::client::TlsStream<TcpStream>> {
        let stream = TcpStream::connect(self.address).await?;
        stream.set_nodelay(true)?;
        let name = ServerName::try_from(GATE_SERVER_NAME).expect("a constant that is a name");
        TlsConnector::from(Arc::clone(&self.tls))
            .connect(name, stream)
            .await
    }

    fn object(&self) -> String {
        format!("builder at {}", self.address)
    }
}

/// The builder lacks files, and only the developer's machine has them.
fn lacking(repository: &str, body: &[u8]) -> Failure {
    let why = match serde_json::from_slice::<Missing>(body) {
        Ok(missing) if !missing.blobs.is_empty() => {
            format!(
                "the builder of this node lacks {} of its files",
                missing.blobs.len()
            )
        }
        _ => "the builder of this node does not know its files".to_owned(),
    };
    Failure::new("the image was not built", repository, why)
        .try_to("Run up again, which sends them.")
}
