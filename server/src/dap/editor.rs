//! The editor's end: its messages in, ours out, numbered without a gap.

use bytes::Bytes;
use dap::events::{Event, OutputEventBody};
use dap::types::OutputEventCategory;
use futures_util::{SinkExt, StreamExt};
use serde_json::Value;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_util::codec::{FramedRead, FramedWrite};

use super::codec::Codec;
use super::message::Message;
use crate::failure::Failure;

/// The connection to the editor.
pub struct Editor<R, W> {
    reader: FramedRead<R, Codec>,
    writer: FramedWrite<W, Codec>,
    seq: i64,
}

impl<R, W> Editor<R, W>
where
    R: AsyncRead + Unpin,
    W: AsyncWrite + Unpin,
{
    /// An editor that writes to `input` and reads from `output`.
    pub fn new(input: R, output: W) -> Editor<R, W> {
        Editor {
            reader: FramedRead::new(input, Codec::default()),
            writer: FramedWrite::new(output, Codec::default()),
            seq: 0,
        }
    }

    /// The next message, or none when the editor is gone. Can be dropped without losing one.
    pub async fn next(&mut self) -> Option<Message> {
        next(&mut self.reader).await
    }

    /// Sends a message under the next number, which it returns.
    pub async fn send(&mut self, mut message: Message) -> i64 {
        self.seq += 1;
        message.set("seq", self.seq);
        if let Err(error) = self.writer.send(message.into_bytes()).await {
            // Its end of the other direction is what ends the session.
            tracing::debug!(%error, "the editor does not read");
        }
        self.seq
    }

    /// Sends an event of ours.
    pub async fn event(&mut self, event: &Event) {
        self.send(Message::event(event)).await;
    }

    /// Tells the person something, in the debug console.
    pub async fn say(&mut self, text: &str) {
        self.event(&Event::Output(OutputEventBody {
            category: Some(OutputEventCategory::Important),
            output: format!("{text}\n"),
            ..OutputEventBody::default()
        }))
        .await;
    }

    /// Answers a request well.
    pub async fn respond(&mut self, request: &Message, body: Value) {
        self.send(Message::response(request, body)).await;
    }

    /// Answers that a request was not done.
    pub async fn refuse(&mut self, request: &Message, failure: &Failure) {
        self.send(Message::refusal(request, failure)).await;
    }
}

/// The next message of a peer, or none when it is gone or sends what has no frames. A body that is no
/// JSON object is passed over: nobody could answer it.
pub async fn next<R>(reader: &mut FramedRead<R, Codec>) -> Option<Message>
where
    R: AsyncRead + Unpin,
{
    loop {
        let body: Bytes = match reader.next().await? {
            Ok(body) => body,
            Err(error) => {
                tracing::warn!(%error, "reading DAP");
                return None;
            }
        };
        match Message::parse(body) {
            Ok(message) => return Some(message),
            Err(error) => tracing::warn!(%error, "a DAP message that is no JSON object"),
        }
    }
}
