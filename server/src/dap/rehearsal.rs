//! Conversations without a pod, step by step: for tests, and for fuzz/, which has anything said by both sides.

use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use azds_protocol::commands::UpArguments;
use azds_protocol::debug::AttachArguments;
use bytes::{Bytes, BytesMut};
use futures_util::future::BoxFuture;
use hyper::body::Incoming;
use hyper::{Method, Response};
use serde_json::{Map, Value, json};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::Instant;
use tokio_util::codec::Decoder;

use super::again::Replay;
use super::attach::{Attached, Place, Wanted};
use super::bridge::Bridge;
use super::editor::Editor;
use super::end::End;
use super::message::Message;
use super::paths::PathMap;
use super::{Codec, Connection, Host, Services, Target};
use crate::commands::debug::runtimes::Runtime;
use crate::commands::debugger::Installed;
use crate::failure::{Failure, Result};
use crate::progress::Progress;

/// What happens.
pub enum Step {
    /// The editor says something.
    Editor(Value),
    /// The debugger says something.
    Debugger(Value),
    /// The debugger is lost; where the session outlives that, another one has begun.
    Lost,
}

/// What was said because of it, in its order.
#[derive(Debug)]
pub struct Told {
    /// To the editor.
    pub editor: Vec<Value>,
    /// To the debuggers.
    pub debugger: Vec<Value>,
}

/// Folder of the sources in the container.
pub const THERE: &str = "/src";
/// Folder of the sources here.
pub const HERE: &str = "/w/shop";

/// Plays the steps of one session.
///
/// # Panics
/// If the adapter does, or writes what it can't read itself.
pub async fn rehearse(runtime: Runtime, is_in_pod: bool, steps: Vec<Step>) -> Told {
    let (to_editor, to_debugger) = (Written::default(), Written::default());
    let mut editor = Editor::new(tokio::io::empty(), to_editor.clone());
    let wanted = Wanted {
        arguments: AttachArguments::default(),
        session: String::new(),
        id: String::new(),
    };
    let attached = || Attached {
        stream: Box::new(to_debugger.clone()),
        place: is_in_pod.then(|| Place {
            pod: "shop-1".to_owned(),
            host: Host::new(Nobody),
            stream: String::new(),
            found: String::new(),
        }),
        runtime,
        arguments: Map::new(),
        paths: PathMap::new([(THERE, HERE)]),
        local: None,
    };
    let initialize = json!({"seq": 1, "type": "request", "command": "initialize"});
    let attach = json!({"seq": 2, "type": "request", "command": "attach", "arguments": {}});
    let mut bridge = Bridge::new(
        &mut editor,
        &Nobody,
        &wanted,
        attached(),
        &Message::from(initialize),
        Message::from(attach),
    );
    for step in steps {
        let is_over = match step {
            Step::Editor(said) => {
                bridge.editor_said(Message::from(said)).await;
                false
            }
            Step::Debugger(said) => bridge.debugger_said(Message::from(said)).await,
            Step::Lost => true,
        };
        if !is_over {
            continue;
        }
        if !bridge.is_lost() {
            let (End::Left | End::Lost) = bridge.lost("it is gone").await;
            break;
        }
        bridge.tell_loss("it is gone").await;
        bridge.replay = Some(Replay::new(Instant::now(), Duration::from_secs(60)));
        bridge.go_on_with(attached(), super::again::ATTACH).await;
    }
    drop(bridge);
    Told {
        editor: to_editor.messages(),
        debugger: to_debugger.messages(),
    }
}

/// Keeps what is written; nothing is to be read.
#[derive(Clone, Default)]
struct Written(Arc<Mutex<BytesMut>>);

impl Written {
    fn messages(&self) -> Vec<Value> {
        let mut bytes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut codec = Codec::default();
        let bodies = std::iter::from_fn(|| codec.decode(&mut bytes).expect("frames of ours"));
        let messages = bodies.map(|body| serde_json::from_slice(&body).expect("JSON of ours"));
        messages.collect()
    }
}

impl AsyncRead for Written {
    fn poll_read(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
        _: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Written {
    fn poll_write(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let mut written = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        written.extend_from_slice(bytes);
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

/// The rest of azds, and the pod's host: neither is there.
struct Nobody;

fn not_there() -> Failure {
    Failure::new("nothing was done", "", "it is a rehearsal")
}

impl Connection for Nobody {
    fn request<'a>(
        &'a self,
        _: Method,
        _: &'a str,
        _: Bytes,
    ) -> BoxFuture<'a, Result<Response<Incoming>>> {
        Box::pin(async { Err(not_there()) })
    }
}

impl Services for Nobody {
    async fn up(&self, _: UpArguments, _: &Progress) -> Result<()> {
        Err(not_there())
    }

    async fn connect(&self, _: &AttachArguments, _: &Progress) -> Result<Target> {
        Err(not_there())
    }

    fn debugger(&self, _: &str) -> Result<Installed> {
        Err(not_there())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn asked(is_in_pod: bool, command: &str) -> Told {
        let request = json!({
            "seq": "7", "type": "request", "command": command,
            "arguments": {"args": ["rm", "-rf", "/"], "configuration": {"program": "rm"}},
        });
        rehearse(Runtime::Python, is_in_pod, vec![Step::Debugger(request)]).await
    }

    #[tokio::test]
    async fn a_pod_can_have_the_editor_run_nothing() {
        for command in ["runInTerminal", "startDebugging", "handshake", ""] {
            let told = asked(true, command).await;
            assert!(told.editor.is_empty(), "{command}: {told:?}");
            let refusal = &told.debugger[0];
            assert_eq!(refusal["request_seq"], "7", "{refusal}");
            assert_eq!(refusal["success"], false, "{refusal}");
        }
        assert!(asked(false, "runInTerminal").await.editor.is_empty());
        let passed = asked(false, "startDebugging").await;
        assert_eq!(passed.editor[0]["command"], "startDebugging");
    }
}
