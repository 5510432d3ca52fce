//! HTTP as the agents speak it: versions, tokens, JSON answers, and one connection at a time.

use std::convert::Infallible;
use std::time::Duration;

use azds_protocol::agent::{VERSION, VERSION_HEADER};
use bytes::Bytes;
use futures_util::{Stream, StreamExt as _};
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt, Empty, Full, StreamBody};
use hyper::body::{Body, Frame, Incoming};
use hyper::header::{AUTHORIZATION, CONTENT_TYPE};
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::cluster::agent::whole;
use crate::failure::{Context, Failure, Result};

/// Body of an answer.
pub type Answer = Response<BoxBody<Bytes, Infallible>>;

/// How often a silent peer is asked whether it is still there, and how long it may take to say so.
/// A port-forward sends no pings of its own, so without these a lost link is never noticed.
const PING_INTERVAL: Duration = Duration::from_secs(10);
const PING_TIMEOUT: Duration = Duration::from_secs(20);
/// What may be on its way unacknowledged; the default of 64 KiB would slow a transfer of files down.
const WINDOW: u32 = 4 << 20;
/// A batch of files that waits for the one before it may fill its own window, but not that of the other.
const CONNECTION_WINDOW: u32 = 4 * WINDOW;

/// Serves one HTTP/2 connection until the peer ends it or stops answering pings, or, once `end` is
/// cancelled, until the answers that were begun are sent.
pub async fn serve<F, A>(
    io: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    respond: F,
    end: &CancellationToken,
) -> hyper::Result<()>
where
    F: Fn(Request<Incoming>) -> A + Send + 'static,
    A: Future<Output = Answer> + Send + 'static,
{
    let service = hyper::service::service_fn(move |request| {
        let answer = respond(request);
        async move { Ok::<_, Infallible>(answer.await) }
    });
    let connection = hyper::server::conn::http2::Builder::new(TokioExecutor::new())
        .timer(TokioTimer::new())
        .keep_alive_interval(PING_INTERVAL)
        .keep_alive_timeout(PING_TIMEOUT)
        .initial_stream_window_size(WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW)
        .serve_connection(TokioIo::new(io), service);
    let mut connection = std::pin::pin!(connection);
    tokio::select! {
        ended = &mut connection => ended,
        () = end.cancelled() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    }
}

/// An answer without a body.
pub fn empty(status: StatusCode) -> Answer {
    with_body(status, Empty::new())
}

/// An answer with `value` as JSON.
pub fn json<T: Serialize>(status: StatusCode, value: &T) -> Answer {
    let text = serde_json::to_vec(value).expect("our own types have string keys only");
    let mut answer = with_body(status, Full::from(text));
    answer.headers_mut().insert(
        CONTENT_TYPE,
        hyper::header::HeaderValue::from_static("application/json"),
    );
    answer
}

/// An answer that says what did not happen.
pub fn refuse(status: StatusCode, failure: &Failure) -> Answer {
    // The peer is told. In the host this log is the service's own.
    tracing::debug!(%status, %failure, "refused");
    json(status, failure)
}

/// An answer to a request that nobody here knows.
pub fn unknown(request: &Request<Incoming>) -> Answer {
    let what = format!("{} {}", request.method(), request.uri());
    refuse(
        StatusCode::NOT_FOUND,
        &Failure::ours("the agent did not answer", what, "it knows no such request"),
    )
}

/// An answer with `body`.
pub fn with_body<B>(status: StatusCode, body: B) -> Answer
where
    B: Body<Data = Bytes, Error = Infallible> + Send + Sync + 'static,
{
    let mut answer = Response::new(BodyExt::boxed(body));
    *answer.status_mut() = status;
    answer
}

/// An answer of lines, each one value as JSON, as they come.
pub fn lines<T: Serialize>(values: impl Stream<Item = T> + Send + Sync + 'static) -> Answer {
    let lines = values.map(|value| {
        let mut line = serde_json::to_vec(&value).expect("our own types have string keys only");
        line.push(b'\n');
        Ok(Frame::data(Bytes::from(line)))
    });
    with_body(StatusCode::OK, StreamBody::new(lines))
}

/// The values of a channel, as they come.
pub fn received<T: Send + Sync + 'static>(values: mpsc::Receiver<T>) -> impl Stream<Item = T> {
    futures_util::stream::unfold(values, |mut values| async {
        Some((values.recv().await?, values))
    })
}

/// Refuses a request of another version of the conversation.
pub fn check_version<B>(request: &Request<B>) -> Result<(), Box<Answer>> {
    let theirs = request.headers().get(VERSION_HEADER);
    let ours = VERSION.to_string();
    if theirs.is_some_and(|theirs| theirs.as_bytes() == ours.as_bytes()) {
        return Ok(());
    }
    let theirs = theirs.map_or("none", |theirs| theirs.to_str().unwrap_or("unreadable"));
    let failure = Failure::new(
        "azds and its agent in the cluster did not understand each other",
        format!("agent {}", env!("CARGO_PKG_VERSION")),
        format!("it speaks protocol {ours}, this azds speaks protocol {theirs}"),
    )
    .try_to(
        "Use the azds that set the cluster up, or run azds use-dev-spaces again with this one.",
    );
    Err(Box::new(refuse(StatusCode::UPGRADE_REQUIRED, &failure)))
}

/// The bearer token of a request.
pub fn bearer<B>(request: &Request<B>) -> Option<&str> {
    let header = request.headers().get(AUTHORIZATION)?.to_str().ok()?;
    header.strip_prefix("Bearer ")
}

/// Whether two secrets are equal, in a time that does not depend on where they differ.
pub fn same_secret(left: &str, right: &str) -> bool {
    blake3::hash(left.as_bytes()) == blake3::hash(right.as_bytes())
}

/// Reads a JSON body of at most `limit` bytes.
pub async fn read_json<T: DeserializeOwned>(body: Incoming, limit: usize) -> Result<T> {
    let what = "the agent did not read a request";
    let bytes = whole(body, limit).await;
    let bytes = bytes.map_err(|why| Failure::new(what, "", why))?;
    serde_json::from_slice(&bytes).or_fail(what, "")
}
