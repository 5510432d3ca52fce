//! The builder of the pod's node, as the build calls it.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use azds_protocol::agent::{BuildEvent, BuildRequest, GATE_SERVER_NAME};
use futures_util::TryStreamExt as _;
use http_body_util::{BodyExt as _, Full, StreamBody};
use hyper::body::{Frame, Incoming};
use hyper::{Request, StatusCode};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_rustls::rustls::ClientConfig;
use tokio_rustls::rustls::pki_types::ServerName;

use super::attempt::Attempt;
use crate::agent::{http, tls};
use crate::cluster::agent::{Agent, full};
use crate::failure::{Context, Failure, Result};

const WHAT: &str = "the builder of the node did not answer";
/// How long the builder may stay away: it may be restarting, or its Service not be wired up yet.
const PATIENCE: Duration = Duration::from_secs(60);
const RETRY: Duration = Duration::from_millis(200);

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
        let body = request.into_body().into_data_stream();
        let body = body.map_ok(Frame::data).map_err(std::io::Error::other);
        let body = StreamBody::new(body).boxed_unsync();
        let answer = self.connect().await?.request(method, &path, body).await?;
        let body = answer.into_body().collect().await;
        let body = body.or_fail(WHAT, self.object())?.to_bytes();
        Ok(http::with_body(StatusCode::OK, Full::from(body)))
    }

    /// Has the image built, and tells `attempt` how it goes. Returns the last event.
    pub async fn build(&self, request: &BuildRequest, attempt: &Attempt) -> Result<BuildEvent> {
        let body = serde_json::to_vec(request).expect("our own types have string keys only");
        let gate = self.connect().await?;
        gate.build(full(body), |event| {
            if !event.is_last() {
                attempt.tell(event.clone());
            }
        })
        .await
    }

    /// A connection for one call: there are three in the life of a pod.
    async fn connect(&self) -> Result<Agent> {
        let begun = tokio::time::Instant::now();
        let stream = loop {
            match self.dial().await {
                Ok(stream) => break stream,
                Err(error) if begun.elapsed() > PATIENCE => {
                    let ask = "Ask an administrator whether the pods of azds-builder in namespace azds run.";
                    return Err(Failure::new(WHAT, self.object(), error.to_string()).try_to(ask));
                }
                Err(_) => tokio::time::sleep(RETRY).await,
            }
        };
        let token = tokio::fs::read_to_string(&self.token).await;
        let token = token.or_fail(WHAT, self.token.display().to_string())?;
        Agent::connect(stream, token.trim(), self.object()).await
    }

    async fn dial(&self) -> std::io::Result<TlsStream<TcpStream>> {
        let stream = TcpStream::connect(self.address).await?;
        stream.set_nodelay(true)?;
        let name = ServerName::try_from(GATE_SERVER_NAME).expect("a constant that is a name");
        let connector = TlsConnector::from(Arc::clone(&self.tls));
        connector.connect(name, stream).await
    }

    fn object(&self) -> String {
        format!("builder at {}", self.address)
    }
}
