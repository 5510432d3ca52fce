//! An editor that is played step by step. It holds every message, in both directions, against the
//! protocol's schema.

use std::time::Duration;

use azds::dap::Codec;
use bytes::Bytes;
use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::io::{DuplexStream, ReadHalf, WriteHalf};
use tokio::time::timeout;
use tokio_util::codec::{FramedRead, FramedWrite};

use crate::schema::assert_valid;

/// No step of a test takes longer, short of a machine at its limits.
const PATIENCE: Duration = Duration::from_secs(20);

pub struct Editor {
    reader: FramedRead<ReadHalf<DuplexStream>, Codec>,
    writer: FramedWrite<WriteHalf<DuplexStream>, Codec>,
    seq: i64,
    /// Everything that was received, in order.
    pub received: Vec<Value>,
    /// How much of it a test has looked at.
    looked_at: usize,
}

impl Editor {
    pub fn new(stream: DuplexStream) -> Editor {
        let (reader, writer) = tokio::io::split(stream);
        Editor {
            reader: FramedRead::new(reader, Codec::default()),
            writer: FramedWrite::new(writer, Codec::default()),
            seq: 0,
            received: Vec::new(),
            looked_at: 0,
        }
    }

    pub async fn send(&mut self, command: &str, arguments: Value) -> i64 {
        self.seq += 1;
        let mut message = json!({"seq": self.seq, "type": "request", "command": command});
        if !arguments.is_null() {
            message["arguments"] = arguments;
        }
        assert_valid(&message);
        let bytes = Bytes::from(message.to_string());
        self.writer.send(bytes).await.expect("the adapter reads");
        self.seq
    }

    /// Sends a request and waits for its answer, whatever else comes before.
    pub async fn ask(&mut self, command: &str, arguments: Value) -> Value {
        let seq = self.send(command, arguments).await;
        self.response(seq).await
    }

    /// As [`Editor::ask`], of a request that has to succeed.
    pub async fn good(&mut self, command: &str, arguments: Value) -> Value {
        let response = self.ask(command, arguments).await;
        assert_eq!(response["success"], true, "{response}");
        response["body"].clone()
    }

    pub async fn response(&mut self, seq: i64) -> Value {
        let is_it =
            |message: &Value| message["type"] == "response" && message["request_seq"] == seq;
        if let Some(message) = self.received.iter().find(|message| is_it(message)) {
            return message.clone();
        }
        loop {
            let message = self.receive().await.expect("an answer before the end");
            if is_it(&message) {
                return message;
            }
        }
    }

    /// The next event of this name that was not looked at, with its body.
    pub async fn event(&mut self, name: &str) -> Value {
        loop {
            if self.looked_at == self.received.len() && self.receive().await.is_none() {
                panic!("no event {name} before the end: {:#?}", self.received);
            }
            let message = &self.received[self.looked_at];
            self.looked_at += 1;
            if message["event"] == name {
                return message["body"].clone();
            }
        }
    }

    /// Receives until the adapter closes.
    pub async fn rest(&mut self) {
        while self.receive().await.is_some() {}
    }

    pub async fn receive(&mut self) -> Option<Value> {
        let received = timeout(PATIENCE, self.reader.next()).await;
        let Ok(received) = received else {
            panic!("nothing more comes after {:#?}", self.received.last());
        };
        let body = received?.expect("well-formed frames");
        let message: Value = serde_json::from_slice(&body).expect("JSON");
        assert_eq!(
            message["seq"],
            self.received.len() + 1,
            "numbered without a gap: {message}"
        );
        assert_valid(&message);
        self.received.push(message.clone());
        Some(message)
    }
}
