//! An editor and a debugger that talk to each other.
//!
//! Debuggers differ in when they send `initialized` and when they answer `attach`; editors bear that.
//! So nothing waits for anything here and nothing is made up: each message passes when it comes.

use std::collections::HashMap;
use std::time::Duration;

use dap::events::Event;
use futures_util::SinkExt;
use hyper::upgrade::Upgraded;
use hyper_util::rt::TokioIo;
use serde_json::{Map, Value, json};
use tokio::io::{AsyncRead, AsyncWrite, ReadHalf, WriteHalf};
use tokio::time::{Instant, sleep_until, timeout};
use tokio_util::codec::{FramedRead, FramedWrite};

use super::attach::Attached;
use super::codec::Codec;
use super::editor::{self, Editor};
use super::message::Message;
use super::paths::PathMap;
use super::runtimes::Runtime;
use super::{Host, sources};

use crate::failure::Failure;

/// What a debugger may take from `disconnect` to its end; netcoredbg gives each command 15 seconds.
const LEAVE_TIMEOUT: Duration = Duration::from_secs(15);
/// What the host may take to say why a debugger ended.
const REASON_TIMEOUT: Duration = Duration::from_secs(3);

/// How a conversation came to its end.
#[derive(Debug, PartialEq)]
pub enum End {
    /// The editor left.
    Left,
    /// The debugger is gone and the editor still there.
    Lost,
}

/// The conversation.
pub struct Bridge<'a, R, W> {
    editor: &'a mut Editor<R, W>,
    from_debugger: FramedRead<ReadHalf<TokioIo<Upgraded>>, Codec>,
    to_debugger: FramedWrite<WriteHalf<TokioIo<Upgraded>>, Codec>,
    stream: String,
    host: Host,
    pod: String,
    runtime: Runtime,
    paths: PathMap,
    initialize: Message,
    /// The debugger's `attach`, until `initialize` is answered.
    attach: Option<Message>,
    /// Requests of the editor that wait for their answer, by `seq`.
    pending: HashMap<i64, Message>,
    /// The debugger's own `seq` of its requests, by the one that the editor saw.
    reverse: HashMap<i64, Value>,
    /// Until when the debugger has to be gone, once the editor said `disconnect`.
    leaving: Option<Instant>,
    /// Whether the debugger said that the session is over.
    terminated: bool,
}

impl<'a, R, W> Bridge<'a, R, W>
where
    R: AsyncRead + Unpin,
    W: AsyncWrite + Unpin,
{
    /// A conversation that begins with the editor's `initialize` and its `attach` or `launch`.
    pub fn new(
        editor: &'a mut Editor<R, W>,
        attached: Attached,
        initialize: &Message,
        request: Message,
    ) -> Bridge<'a, R, W> {
        let (reader, writer) = tokio::io::split(attached.stream);
        let mut attach = request.clone();
        attach.set("command", "attach");
        attach.set("arguments", attached.arguments);
        let pending = request.number("seq").map(|seq| (seq, request));
        Bridge {
            editor,
            from_debugger: FramedRead::new(reader, Codec::default()),
            to_debugger: FramedWrite::new(writer, Codec::default()),
            stream: attached.name,
            host: attached.host,
            pod: attached.pod,
            runtime: attached.runtime,
            paths: attached.paths,
            initialize: initialize.clone(),
            attach: Some(attach),
            pending: pending.into_iter().collect(),
            reverse: HashMap::new(),
            leaving: None,
            terminated: false,
        }
    }

    /// Passes messages until one side is gone.
    pub async fn run(mut self) -> End {
        self.tell_debugger(self.initialize.clone()).await;
        loop {
            let deadline = self.leaving;
            let too_late = async {
                match deadline {
                    Some(deadline) => sleep_until(deadline).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                message = editor::next(&mut self.from_debugger) => match message {
                    Some(message) => self.debugger_said(message).await,
                    None if self.leaving.is_some() => return self.left().await,
                    None => return self.lost().await,
                },
                message = self.editor.next(), if deadline.is_none() => match message {
                    Some(message) => self.editor_said(message).await,
                    None => {
                        self.leaving = Some(Instant::now() + LEAVE_TIMEOUT);
                        self.close().await;
                    }
                },
                () = too_late => return self.left().await,
            }
        }
    }

    async fn editor_said(&mut self, mut message: Message) {
        if message.kind() == "response" {
            if let Some(theirs) = message
                .number("request_seq")
                .and_then(|ours| self.reverse.remove(&ours))
            {
                message.set("request_seq", theirs);
            }
            return self.tell_debugger(message).await;
        }
        if message.command() == "terminate" {
            let failure = Failure::new(
                "the service was not ended",
                &self.pod,
                "a debug session leaves it running",
            )
            .try_to("Disconnect to end the session, run Down to remove the service.");
            return self.editor.refuse(&message, &failure).await;
        }
        if let Some(seq) = message.number("seq") {
            self.pending.insert(seq, message.clone());
        }
        if message.command() == "disconnect" {
            message.edit(leave_running);
            self.leaving = Some(Instant::now() + LEAVE_TIMEOUT);
        }
        message.edit(|fields| sources::to_remote(fields, &self.paths));
        self.tell_debugger(message).await;
    }

    async fn debugger_said(&mut self, mut message: Message) {
        match message.kind() {
            "response" => self.response(message).await,
            "event" => {
                match message.text("event") {
                    "capabilities" => message.edit(|fields| {
                        let capabilities = fields
                            .get_mut("body")
                            .and_then(|body| body.get_mut("capabilities"))
                            .and_then(Value::as_object_mut);
                        capabilities.is_some_and(without_ending)
                    }),
                    "terminated" => self.terminated = true,
                    _ => {}
                }
                self.tell_editor(message).await;
            }
            _ => {
                let theirs = message.get("seq").clone();
                let ours = self.tell_editor(message).await;
                self.reverse.insert(ours, theirs);
            }
        }
    }

    async fn response(&mut self, mut message: Message) {
        let answered = message.number("request_seq");
        // Ours comes first; the editor has had its own answer.
        if self.attach.is_some() && answered == self.initialize.number("seq") {
            return self.initialized(message).await;
        }
        let Some(request) = answered.and_then(|seq| self.pending.remove(&seq)) else {
            self.tell_editor(message).await;
            return;
        };
        // As the editor wrote them: it may have said `launch`, and not all debuggers echo both.
        message.set("request_seq", request.get("seq").clone());
        message.set("command", request.command());
        if let Some(explanation) = self.runtime.explain(message.text("message")) {
            message.edit(|fields| explain(fields, explanation));
        }
        self.tell_editor(message).await;
        if request.command() == "disconnect" {
            self.close().await;
        }
    }

    /// The debugger has answered `initialize`: the editor learns what it can do, and it gets `attach`.
    async fn initialized(&mut self, answer: Message) {
        if let Value::Object(mut capabilities) = answer.get("body").clone() {
            without_ending(&mut capabilities);
            let event = json!({
                "seq": 0, "type": "event", "event": "capabilities",
                "body": {"capabilities": capabilities},
            });
            self.editor.send(Message::from(event)).await;
        }
        if let Some(attach) = self.attach.take() {
            self.tell_debugger(attach).await;
        }
    }

    async fn tell_editor(&mut self, mut message: Message) -> i64 {
        message.edit(|fields| sources::to_local(fields, &self.paths));
        self.editor.send(message).await
    }

    async fn tell_debugger(&mut self, message: Message) {
        if let Err(error) = self.to_debugger.send(message.into_bytes()).await {
            // The end of what it sends says that it is gone.
            tracing::debug!(%error, "the debugger does not read");
        }
    }

    async fn close(&mut self) {
        if let Err(error) = self.to_debugger.close().await {
            tracing::debug!(%error, "closing the stream");
        }
    }

    /// Ends the session of an editor that said so or is gone. The host sees the rest to its end.
    async fn left(&mut self) -> End {
        self.close().await;
        for (_, request) in std::mem::take(&mut self.pending) {
            if request.command() == "disconnect" {
                self.editor.respond(&request, Value::Null).await;
            }
        }
        End::Left
    }

    /// Tells an editor that did not ask for it that the session is over, and why.
    async fn lost(&mut self) -> End {
        let why = match timeout(REASON_TIMEOUT, self.host.end()).await {
            Ok(Ok(Some(end))) if end.stream == self.stream => end.why,
            Ok(Ok(_)) => "the debugger closed its stream".to_owned(),
            Ok(Err(_)) | Err(_) => "the connection to the pod was lost".to_owned(),
        };
        let failure = Failure::new("the debug session ended", &self.pod, why)
            .try_to("The service is left running. Start the session again to go on.");
        self.editor.say(&failure.to_string()).await;
        let mut pending: Vec<_> = std::mem::take(&mut self.pending).into_iter().collect();
        pending.sort_by_key(|(seq, _)| *seq);
        for (_, request) in pending {
            self.editor.refuse(&request, &failure).await;
        }
        if !self.terminated {
            self.editor.event(&Event::Terminated(None)).await;
        }
        End::Lost
    }
}

/// Makes `disconnect` leave the service running, whatever the editor wants.
fn leave_running(message: &mut Map<String, Value>) -> bool {
    let arguments = message.entry("arguments").or_insert_with(|| json!({}));
    if !arguments.is_object() {
        *arguments = json!({});
    }
    arguments["terminateDebuggee"] = json!(false);
    arguments["suspendDebuggee"] = json!(false);
    true
}

/// Takes away what would offer to end, or freeze, a service that others may use.
fn without_ending(capabilities: &mut Map<String, Value>) -> bool {
    let mut changed = false;
    for name in [
        "supportTerminateDebuggee",
        "supportSuspendDebuggee",
        "supportsTerminateRequest",
        "supportsRestartRequest",
    ] {
        if let Some(offered) = capabilities.get_mut(name) {
            *offered = json!(false);
            changed = true;
        }
    }
    changed
}

fn explain(message: &mut Map<String, Value>, explanation: &str) -> bool {
    let said = message
        .get("message")
        .and_then(Value::as_str)
        .unwrap_or_default();
    let whole = format!("{said} {explanation}");
    message.insert("message".to_owned(), json!(whole));
    message.insert(
        "body".to_owned(),
        json!({"error": {"id": 1, "format": whole, "showUser": true}}),
    );
    true
}
