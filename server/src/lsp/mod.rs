//! The language server: the only place with LSP types.
//!
//! It speaks LSP 3.17 on standard input and output. [`serve`] reads, in [`server`] stands what each
//! message does; there is no rule about azds.yaml here.

mod actions;
mod ask;
mod capabilities;
mod commands;
mod diagnostics;
mod documents;
pub mod framing;
mod lenses;
mod mistakes;
mod operations;
mod progress;
mod pull;
mod renaming;
mod rendering;
mod server;
mod stays;
mod translate;
mod troubles;

use std::panic::AssertUnwindSafe;
use std::time::Duration;

use futures_util::future::BoxFuture;
use futures_util::{FutureExt, SinkExt, StreamExt};
use serde_json::Value as Json;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::mpsc::{self, UnboundedReceiver, UnboundedSender};
use tokio::task::JoinSet;
use tower::Service;
use tower_lsp::LspService;
use tower_lsp::jsonrpc::{Error, Id, Request, Response};

use commands::Commands;
use framing::{Frame, Reader};
use server::Server;

/// How long an editor that reads no more keeps the process from ending.
const LAST_WRITES: Duration = Duration::from_secs(5);

/// How a conversation came to its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// The editor asked for it with `shutdown`, as it must.
    Shutdown,
    /// It said `exit` without `shutdown`, or went away.
    Abrupt,
}

/// Serves an editor until it says `exit` or its stream ends.
pub async fn serve(
    input: impl AsyncRead + Unpin,
    output: impl AsyncWrite + Unpin + Send + 'static,
) -> End {
    converse(input, output, commands::ALL).await
}

/// The reader never waits, neither for a handler nor for the editor. A handler is polled once in
/// place, so that what it does before its first `.await` happens in the order of the messages:
/// there it changes the state, or takes what it needs of it. What is not done then goes on in a
/// task of its own. (`tower_lsp::Server` would wait for its handlers, four at a time, and hangs
/// when these wait for answers of the editor that stand behind a hundred other messages.)
async fn converse(
    input: impl AsyncRead + Unpin,
    output: impl AsyncWrite + Unpin + Send + 'static,
    commands: Commands,
) -> End {
    let (mut service, socket) = LspService::build(|client| Server::new(client, commands))
        .custom_method("window/workDoneProgress/cancel", Server::cancel_progress)
        .finish();
    let (mut own_messages, mut answers) = socket.split();
    let (out, outgoing) = mpsc::unbounded_channel();
    let writer = tokio::spawn(write(output, outgoing));
    let mut handlers = JoinSet::new();
    let own = out.clone();
    handlers.spawn(async move {
        while let Some(message) = own_messages.next().await {
            send(&own, &message);
        }
    });

    let mut end = End::Abrupt;
    let mut reader = Reader::new(input);
    loop {
        let request = match reader.next().await {
            Frame::Json(json) if json.get("method").is_some() => {
                match serde_json::from_value::<Request>(json) {
                    Ok(request) => request,
                    Err(_) => {
                        refuse(&out, Error::invalid_request());
                        continue;
                    }
                }
            }
            Frame::Json(json) => {
                match serde_json::from_value::<Response>(json) {
                    // Routing an answer to who waits for it never has to wait itself.
                    Ok(answer) => _ = answers.send(answer).now_or_never(),
                    Err(_) => refuse(&out, Error::invalid_request()),
                }
                continue;
            }
            Frame::NotJson => {
                refuse(&out, Error::parse_error());
                continue;
            }
            Frame::End => break,
        };
        let method = request.method().to_owned();
        while handlers.try_join_next().is_some() {}
        let mut handler = handle(&mut service, request);
        match (&mut handler).now_or_never() {
            Some(response) => answer(&out, response),
            None => {
                let out = out.clone();
                handlers.spawn(async move { answer(&out, handler.await) });
            }
        }
        match method.as_str() {
            "shutdown" => end = End::Shutdown,
            "exit" => break,
            _ => {}
        }
    }
    service.inner().end_operations().await;
    handlers.shutdown().await;
    drop(out);
    if tokio::time::timeout(LAST_WRITES, writer).await.is_err() {
        tracing::warn!("the editor does not read what it is sent");
    }
    end
}

/// Handles a message. A request is answered whatever happens.
fn handle(
    service: &mut LspService<Server>,
    request: Request,
) -> BoxFuture<'static, Option<Response>> {
    let id = request.id().cloned();
    let handler = AssertUnwindSafe(service.call(request)).catch_unwind();
    let handled = handler.map(|result| match result {
        Ok(response) => response.unwrap_or_default(),
        Err(_) => id.map(|id| Response::from_error(id, Error::internal_error())),
    });
    handled.boxed()
}

fn answer(out: &UnboundedSender<Json>, response: Option<Response>) {
    if let Some(response) = response {
        send(out, &response);
    }
}

fn refuse(out: &UnboundedSender<Json>, error: Error) {
    send(out, &Response::from_error(Id::Null, error));
}

fn send(out: &UnboundedSender<Json>, message: &impl serde::Serialize) {
    let json = serde_json::to_value(message).expect("messages are made of JSON");
    // After the writer's end nobody is there to be told.
    _ = out.send(json);
}

/// The one task that writes. Ends when the conversation does or the editor's end is gone.
async fn write(mut output: impl AsyncWrite + Unpin, mut outgoing: UnboundedReceiver<Json>) {
    while let Some(message) = outgoing.recv().await {
        if let Err(error) = framing::write(&mut output, &message).await {
            tracing::warn!(%error, "the editor can't be written to");
            return;
        }
    }
}

#[cfg(test)]
mod tests;
