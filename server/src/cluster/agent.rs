//! HTTP/2 to the agents: azds is always the client, over one stream of bytes.

mod exec;
mod sync;

pub use exec::{Input, read_frame};
pub use sync::in_form;

use std::io;
use std::time::Duration;

use azds_protocol::agent::{BuildEvent, Manifest, Missing, Received, VERSION, VERSION_HEADER};
use bytes::Bytes;
use futures_util::{StreamExt, TryStreamExt};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Empty, Full, Limited};
use hyper::body::Incoming;
use hyper::client::conn::http2::{self, SendRequest};
use hyper::header::AUTHORIZATION;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::io::{AsyncBufRead, AsyncRead, AsyncWrite};
use tokio_util::codec::{FramedRead, LinesCodec};
use tokio_util::io::StreamReader;

use crate::failure::{Context, Failure, Result, chain};

/// A port-forward sends no pings of its own, and what lies between drops what is silent.
const PING_INTERVAL: Duration = Duration::from_secs(5);
const PING_TIMEOUT: Duration = Duration::from_secs(10);
/// One stream may fill the whole path of a distant cluster, and a long answer of a debugger waits for nothing.
const STREAM_WINDOW: u32 = 4 << 20;
const CONNECTION_WINDOW: u32 = 8 << 20;
/// Of the agent's frames. Each costs both ends a turn, and the connection carries little at a time beside it.
const FRAME: u32 = 64 << 10;

/// The longest answer that is read as a whole: the list of what was synced is the longest.
const ANSWER: usize = 64 << 20;
/// The longest line of an answer that comes in lines.
const LINE: usize = 16 << 20;

/// The body of a request to an agent.
pub type RequestBody = UnsyncBoxBody<Bytes, io::Error>;

/// The bytes of one connection that an agent carries.
pub type Tunnel = TokioIo<hyper::upgrade::Upgraded>;

/// A connection to one agent. Cheap to clone; all clones share the connection.
#[derive(Clone)]
pub struct Agent {
    sender: SendRequest<RequestBody>,
    token: String,
    name: String,
}

impl Agent {
    /// Begins the conversation over `io`. `name` is what failures call the agent. Whether anybody
    /// listens at the other end shows with the first request.
    pub async fn connect<I>(io: I, token: &str, name: impl Into<String>) -> Result<Agent>
    where
        I: AsyncRead + AsyncWrite + Send + Unpin + 'static,
    {
        let name = name.into();
        let (sender, connection) = http2::Builder::new(TokioExecutor::new())
            .timer(TokioTimer::new())
            .keep_alive_interval(PING_INTERVAL)
            .keep_alive_timeout(PING_TIMEOUT)
            .keep_alive_while_idle(true)
            .initial_stream_window_size(STREAM_WINDOW)
            .initial_connection_window_size(CONNECTION_WINDOW)
            .max_frame_size(FRAME)
            .handshake(TokioIo::new(io))
            .await
            .or_fail("the agent did not answer", name.as_str())?;
        let whom = name.clone();
        tokio::spawn(async move {
            if let Err(error) = connection.await {
                tracing::debug!(agent = whom, error = chain(&error), "connection ended");
            }
        });
        Ok(Agent {
            sender,
            token: token.to_owned(),
            name,
        })
    }

    /// Whether the connection has ended.
    pub fn is_closed(&self) -> bool {
        self.sender.is_closed()
    }

    /// Asks and waits for the head of the answer, which is a success or becomes a failure.
    pub async fn request(
        &self,
        method: Method,
        target: &str,
        body: RequestBody,
    ) -> Result<Response<Incoming>> {
        let what = "the agent did not answer";
        // HTTP/2 wants an authority; the agents don't look at it, except in a CONNECT.
        let uri = match method {
            Method::CONNECT => target.to_owned(),
            _ => format!("http://azds{target}"),
        };
        let request = Request::builder()
            .method(method)
            .uri(uri)
            .header(VERSION_HEADER, VERSION)
            .header(AUTHORIZATION, format!("Bearer {}", self.token))
            .body(body)
            .or_fail(what, self.name.as_str())?;
        let mut sender = self.sender.clone();
        let answer = sender
            .send_request(request)
            .await
            .or_fail(what, self.name.as_str())?;
        if answer.status().is_success() {
            return Ok(answer);
        }
        Err(self.refused(answer).await)
    }

    async fn refused(&self, answer: Response<Incoming>) -> Failure {
        let status = answer.status();
        let body = whole(answer.into_body(), ANSWER).await.unwrap_or_default();
        let said = serde_json::from_slice::<Failure>(&body);
        match (status, said) {
            (StatusCode::UPGRADE_REQUIRED, _) => Failure::new(
                "the agent in the cluster is of another version",
                self.name.as_str(),
                format!("this azds speaks version {VERSION} of their protocol"),
            )
            .try_to("Run azds use-dev-spaces with this azds, or install the azds that set the cluster up; then azds up."),
            (_, Ok(failure)) => failure,
            (status, Err(_)) => Failure::new(
                "the agent refused",
                self.name.as_str(),
                format!("it answered {status}"),
            ),
        }
    }

    /// Asks with JSON and reads JSON.
    pub async fn json<T: DeserializeOwned>(
        &self,
        method: Method,
        path: &str,
        body: &impl Serialize,
    ) -> Result<T> {
        let what = "the agent's answer was not understood";
        let body = serde_json::to_vec(body).or_fail(what, path)?;
        let answer = self.request(method, path, full(body)).await?;
        self.read(answer, what).await
    }

    /// Reads an answer's JSON; `what` did not happen if it is none.
    async fn read<T: DeserializeOwned>(&self, answer: Response<Incoming>, what: &str) -> Result<T> {
        let body = whole(answer.into_body(), ANSWER).await;
        let body = body.map_err(|why| Failure::new(what, self.name.as_str(), why))?;
        serde_json::from_slice(&body).or_fail(what, self.name.as_str())
    }

    /// Says what the context holds; the answer is what the builder lacks of it.
    pub async fn offer(&self, manifest: &Manifest) -> Result<Missing> {
        self.json(Method::POST, "/v1/context", manifest).await
    }

    /// Sends contents as frames; the answer is the builder's own count.
    pub async fn send_files(&self, frames: RequestBody) -> Result<Received> {
        let what = "the files were not sent";
        let answer = self.request(Method::PUT, "/v1/files", frames).await?;
        self.read(answer, what).await
    }

    /// Has the image built; tells `watch` every event, the last one included, which is returned.
    /// `request` is empty for the build of a pod, which knows what to build, and a `BuildRequest`
    /// for the builder.
    pub async fn build(
        &self,
        request: RequestBody,
        mut watch: impl FnMut(&BuildEvent),
    ) -> Result<BuildEvent> {
        let what = "the build was not followed to its end";
        let answer = self.request(Method::POST, "/v1/build", request).await?;
        let mut lines = lines(answer.into_body());
        while let Some(line) = lines.next().await {
            let line = line.or_fail(what, self.name.as_str())?;
            let event: BuildEvent =
                serde_json::from_str(&line).or_fail(what, self.name.as_str())?;
            watch(&event);
            if event.is_last() {
                return Ok(event);
            }
        }
        Err(Failure::new(
            what,
            self.name.as_str(),
            "the agent ended before",
        ))
    }

    /// Opens a connection to `authority`: a loopback port of the pod, or a debugger's stream.
    pub async fn open(&self, authority: &str) -> Result<Tunnel> {
        let answer = self.request(Method::CONNECT, authority, empty()).await?;
        let upgraded = hyper::upgrade::on(answer)
            .await
            .or_fail("the connection was not opened", authority)?;
        Ok(TokioIo::new(upgraded))
    }
}

/// Reads an answer's body as it comes.
pub fn reader(body: Incoming) -> impl AsyncBufRead + Unpin + Send {
    StreamReader::new(body.into_data_stream().map_err(io::Error::other))
}

/// Reads a body of at most `limit` bytes; why, if it can't.
pub async fn whole(body: Incoming, limit: usize) -> std::result::Result<Bytes, String> {
    let body = Limited::new(body, limit).collect().await;
    let body = body.map_err(|error| error.to_string())?;
    Ok(body.to_bytes())
}

/// Reads an answer's lines as they come.
fn lines(body: Incoming) -> FramedRead<impl AsyncBufRead + Unpin + Send, LinesCodec> {
    FramedRead::new(reader(body), LinesCodec::new_with_max_length(LINE))
}

/// A body that is there as a whole.
pub fn full(bytes: impl Into<Bytes>) -> RequestBody {
    Full::new(bytes.into())
        .map_err(|never| match never {})
        .boxed_unsync()
}

/// No body.
pub fn empty() -> RequestBody {
    Empty::new().map_err(|never| match never {}).boxed_unsync()
}

#[cfg(test)]
mod tests {
    use azds_protocol::agent::Digest;
    use hyper::server::conn::http2 as server;
    use hyper::service::service_fn;
    use std::convert::Infallible;
    use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};

    use super::*;

    fn serve(io: DuplexStream) {
        tokio::spawn(
            server::Builder::new(TokioExecutor::new())
                .serve_connection(TokioIo::new(io), service_fn(answer)),
        );
    }

    async fn answer(request: Request<Incoming>) -> Result<Response<Full<Bytes>>, Infallible> {
        let with = |status: u16, body: &str| {
            let mut response = Response::new(Full::new(Bytes::from(body.to_owned())));
            *response.status_mut() = StatusCode::from_u16(status).expect("a status");
            Ok(response)
        };
        if request.headers()[AUTHORIZATION] != "Bearer secret" {
            return with(
                401,
                r#"{"what":"you are not known","object":"pod p","why":"the token is another"}"#,
            );
        }
        assert_eq!(request.headers()[VERSION_HEADER], "1");
        match (request.method().as_str(), request.uri().path()) {
            ("POST", "/v1/context") => with(200, r#"{"blobs":[]}"#),
            ("POST", "/v1/build") => with(
                200,
                "{\"event\":\"log\",\"id\":\"a\",\"text\":\"hello\\n\"}\n{\"event\":\"built\",\"image\":\"producer:mindaro-1\",\"start\":{}}\n",
            ),
            ("GET", "/v1/sync") => with(200, &" ".repeat(ANSWER + 1)),
            ("POST", "/v1/iterate") => with(200, &" ".repeat(LINE + 1)),
            ("CONNECT", _) => {
                assert_eq!(
                    request.uri().authority().expect("of CONNECT").as_str(),
                    "127.0.0.1:80"
                );
                tokio::spawn(async move {
                    let mut io = TokioIo::new(hyper::upgrade::on(request).await.expect("upgrade"));
                    let mut all = Vec::new();
                    io.read_to_end(&mut all).await.expect("the client's half");
                    all.reverse();
                    io.write_all(&all).await.expect("our half");
                    io.shutdown().await.expect("the end");
                });
                with(200, "")
            }
            _ => with(426, ""),
        }
    }

    async fn agent(token: &str) -> Agent {
        let (ours, theirs) = tokio::io::duplex(64 * 1024);
        serve(theirs);
        Agent::connect(ours, token, "pod p")
            .await
            .expect("a connection")
    }

    #[tokio::test]
    async fn a_build_is_offered_and_followed() {
        let digest = Digest::try_from("0".repeat(64)).expect("a digest");
        let agent = agent("secret").await;
        let manifest = Manifest {
            dockerfile: azds_protocol::agent::Blob { digest, size: 0 },
            entries: Vec::new(),
        };
        assert!(
            agent
                .offer(&manifest)
                .await
                .expect("an answer")
                .blobs
                .is_empty()
        );
        let mut said = String::new();
        let last = agent
            .build(empty(), |event| {
                if let BuildEvent::Log { text, .. } = event {
                    said.push_str(text);
                }
            })
            .await
            .expect("events");
        assert_eq!(said, "hello\n");
        assert!(matches!(last, BuildEvent::Built { image, .. } if image == "producer:mindaro-1"));
    }

    #[tokio::test]
    async fn an_answer_without_an_end_is_not_read_to_it() {
        let agent = agent("secret").await;
        let failure = agent.synced().await.expect_err("too long");
        assert!(failure.why.contains("limit"), "{failure}");
        let order = azds_protocol::sync::Iterate::default();
        let failure = agent.iterate(&order, |_| {}).await.expect_err("too long");
        assert!(failure.why.contains("length"), "{failure}");
    }

    #[tokio::test]
    async fn a_tunnel_keeps_its_other_half_open() {
        let mut tunnel = agent("secret")
            .await
            .open("127.0.0.1:80")
            .await
            .expect("a tunnel");
        tunnel.write_all(b"abc").await.expect("sent");
        tunnel.shutdown().await.expect("our half ended");
        let mut answer = String::new();
        tunnel.read_to_string(&mut answer).await.expect("an answer");
        assert_eq!(answer, "cba");
    }

    #[tokio::test]
    async fn refusals_are_the_agents_own_words() {
        let failure = agent("wrong")
            .await
            .open("127.0.0.1:80")
            .await
            .expect_err("a refusal");
        assert_eq!(failure.why, "the token is another");
        let failure = agent("secret")
            .await
            .json::<()>(Method::GET, "/v2", &())
            .await
            .expect_err("another version");
        assert_eq!(
            failure.what,
            "the agent in the cluster is of another version"
        );
    }

    #[tokio::test]
    async fn a_silent_end_is_noticed() {
        let (ours, theirs) = tokio::io::duplex(1024);
        let agent = Agent::connect(ours, "secret", "pod p")
            .await
            .expect("a connection");
        drop(theirs);
        let failure = agent
            .open("127.0.0.1:80")
            .await
            .expect_err("nobody is there");
        assert_eq!(failure.object, "pod p");
        assert!(agent.is_closed());
    }
}
