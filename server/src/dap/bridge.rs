//! An editor and a debugger that talk to each other.
//!
//! Debuggers differ in when they send `initialized` and when they answer `attach`; editors bear that.
//! So nothing waits for anything here and nothing is made up: each message passes when it comes. Only
//! where the debugger is lost, and the editor is still there, the next one is told what the editor had
//! said (see [`super::again`]).

use std::collections::{HashMap, VecDeque};
use std::time::Duration;

use futures_util::SinkExt;
use serde_json::{Value, json};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::{Instant, sleep_until};

use super::again::Replay;
use super::attach::{Attached, Local, Place, Wanted};
use super::editor::{self, Editor};
use super::end::End;
use super::message::Message;
use super::paths::PathMap;
use super::rewrite::{attach_request, explain, is_for_editors, leave_running, without_ending};
use super::setup::{Setup, Stage};
use super::wire::Wire;
use super::{Services, sources};
use crate::commands::debug::runtimes::Runtime;
use crate::failure::Failure;

/// What a debugger may take from `disconnect` to its end; netcoredbg gives each command 15 seconds.
const LEAVE_TIMEOUT: Duration = Duration::from_secs(15);
/// What debugpy says to `attach` as long as it has not noticed that its last client is gone.
const BUSY: &str = "is already being debugged";
/// Requests of ours are numbered from here on, far from the editor's own.
pub const OURS: i64 = 1 << 30;

/// The conversation.
pub struct Bridge<'a, R, W, S> {
    pub(super) editor: &'a mut Editor<R, W>,
    pub(super) services: &'a S,
    pub(super) wanted: &'a Wanted,
    wire: Wire,
    pub(super) local: Option<Local>,
    pub(super) place: Option<Place>,
    pub(super) runtime: Runtime,
    paths: PathMap,
    initialize: Message,
    /// The debugger's `attach`, until `initialize` is answered.
    pub(super) attach: Option<Message>,
    /// How many debuggers ended one after the other without a word.
    pub(super) silent: u32,
    /// Requests of the editor that wait for their answer, by `seq`.
    pub(super) pending: HashMap<i64, Message>,
    /// The debugger's own `seq` of its requests, by the one that the editor saw.
    pub(super) reverse: HashMap<i64, Value>,
    pub(super) setup: Setup,
    /// When the session began, and the number of the request that began it.
    pub(super) begun: Instant,
    pub(super) request: i64,
    /// While another debugger is told what the first one was told.
    pub(super) replay: Option<Replay>,
    /// Requests of the editor for the next debugger.
    pub(super) held: VecDeque<Message>,
    /// The thread that the editor shows as stopped.
    pub(super) stopped: Option<Value>,
    /// Until when the debugger has to be gone, once the editor said `disconnect`.
    pub(super) leaving: Option<Instant>,
    /// Whether the editor was told that the session is over.
    pub(super) terminated: bool,
}

impl<'a, R, W, S> Bridge<'a, R, W, S>
where
    R: AsyncRead + Unpin,
    W: AsyncWrite + Unpin,
    S: Services,
{
    /// A conversation that begins with the editor's `initialize` and its `attach` or `launch`.
    pub fn new(
        editor: &'a mut Editor<R, W>,
        services: &'a S,
        wanted: &'a Wanted,
        attached: Attached,
        initialize: &Message,
        request: Message,
    ) -> Bridge<'a, R, W, S> {
        let attach = attach_request(&request, attached.arguments);
        let seq = request.number("seq").unwrap_or_default();
        Bridge {
            editor,
            services,
            wanted,
            wire: Wire::new(attached.stream),
            local: attached.local,
            place: attached.place,
            runtime: attached.runtime,
            paths: attached.paths,
            initialize: initialize.clone(),
            attach: Some(attach),
            silent: 0,
            pending: HashMap::from([(seq, request)]),
            reverse: HashMap::new(),
            setup: Setup::default(),
            begun: Instant::now(),
            request: seq,
            replay: None,
            held: VecDeque::new(),
            stopped: None,
            leaving: None,
            terminated: false,
        }
    }

    /// Passes messages until the session is over.
    pub async fn run(mut self) -> End {
        self.tell_debugger(self.initialize.clone()).await;
        loop {
            let replay = self.replay.as_ref().map(|replay| replay.deadline);
            let deadline = self.leaving.or(replay);
            let too_late = async {
                match deadline {
                    Some(deadline) => sleep_until(deadline).await,
                    None => std::future::pending().await,
                }
            };
            let is_over = tokio::select! {
                message = editor::next(&mut self.wire.from) => match message {
                    Some(message) => self.debugger_said(message).await,
                    None => true,
                },
                message = self.editor.next(), if self.leaving.is_none() => {
                    match message {
                        Some(message) => self.editor_said(message).await,
                        None => {
                            self.leaving = Some(Instant::now() + LEAVE_TIMEOUT);
                            self.close().await;
                        }
                    }
                    false
                },
                () = too_late => true,
            };
            if !is_over {
                continue;
            }
            if self.leaving.is_some() {
                return self.left().await;
            }
            self.silent = match self.attach.is_some() {
                true => self.silent + 1,
                false => 0,
            };
            let why = self.reason().await;
            if !self.is_lost() {
                return self.lost(&why).await;
            }
            if let Err(end) = self.come_back(why).await {
                return end;
            }
        }
    }

    pub(super) async fn editor_said(&mut self, mut message: Message) {
        if message.kind() == "response" {
            if let Some(theirs) = message
                .number("request_seq")
                .and_then(|ours| self.reverse.remove(&ours))
            {
                message.set("request_seq", theirs);
                self.tell_debugger(message).await;
            }
            return;
        }
        if message.command() == "terminate" {
            let failure = Failure::new(
                "the service was not ended",
                self.pod(),
                "a debug session leaves it running",
            )
            .try_to("Disconnect to end the session, run Down to remove the service.");
            return self.editor.refuse(&message, &failure).await;
        }
        if message.command() == "disconnect" {
            message.edit(leave_running);
            self.leaving = Some(Instant::now() + LEAVE_TIMEOUT);
            if self.runtime.stays_stopped() {
                self.let_go().await;
            }
        } else if self.replay.is_some() {
            return self.wait_with(message).await;
        }
        if let Some(seq) = message.number("seq") {
            self.pending.insert(seq, message.clone());
        }
        message.edit(|fields| sources::to_remote(fields, &self.paths));
        self.setup.asked(&message);
        self.tell_debugger(message).await;
    }

    /// Says whether the session with this debugger is over.
    pub(super) async fn debugger_said(&mut self, mut message: Message) -> bool {
        match message.kind() {
            "response" => return self.response(message).await,
            "event" => {
                let body = message.get("body");
                match message.text("event") {
                    event if !is_for_editors(event) => return false,
                    "initialized" => {
                        let is_first = self.setup.stage == Stage::Attaching;
                        if is_first {
                            self.setup.stage = Stage::Configuring;
                        }
                        if self.replay.is_some() {
                            self.tell_again().await;
                            if !is_first {
                                return false;
                            }
                        }
                    }
                    "terminated" | "exited" if self.is_lost() => {
                        return message.text("event") == "terminated";
                    }
                    "terminated" => self.terminated = true,
                    "stopped" => self.stopped = Some(body["threadId"].clone()),
                    "continued" => self.stopped = None,
                    "capabilities" => message.edit(|fields| {
                        let capabilities = fields
                            .get_mut("body")
                            .and_then(|body| body.get_mut("capabilities"))
                            .and_then(Value::as_object_mut);
                        capabilities.is_some_and(without_ending)
                    }),
                    _ => {}
                }
                self.setup.event(&mut message);
                self.tell_editor(message).await;
            }
            "request" => self.debugger_asked(message).await,
            _ => {}
        }
        false
    }

    async fn response(&mut self, mut message: Message) -> bool {
        let answered = message.number("request_seq");
        // Ours comes first; the editor has had its own answer.
        if self.attach.is_some() && answered == self.initialize.number("seq") {
            self.initialized(message).await;
            return false;
        }
        if let Some(ours) = answered.filter(|seq| *seq >= OURS) {
            return self.answered_again(ours, &message).await;
        }
        let request = answered.and_then(|seq| Some((seq, self.pending.remove(&seq)?)));
        let Some((seq, request)) = request else {
            self.tell_editor(message).await;
            return false;
        };
        if seq == self.request && message.text("message").contains(BUSY) && self.is_lost() {
            self.pending.insert(seq, request);
            return true;
        }
        // As the editor wrote them: it may have said `launch`, and not all debuggers echo both.
        message.set("request_seq", request.get("seq").clone());
        message.set("command", request.command());
        if let Some(explanation) = self.runtime.explain(message.text("message")) {
            message.edit(|fields| explain(fields, explanation));
        }
        let is_good = *message.get("success") == json!(true);
        match request.command() {
            "configurationDone" if is_good => self.setup.stage = Stage::Running,
            "attach" | "launch" if !is_good => self.setup.stage = Stage::Refused,
            "continue" | "next" | "stepIn" | "stepOut" if is_good => self.stopped = None,
            _ => {}
        }
        self.setup.answered(seq, &mut message);
        self.tell_editor(message).await;
        if request.command() == "disconnect" {
            self.close().await;
        }
        false
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

    pub(super) async fn tell_editor(&mut self, mut message: Message) -> i64 {
        message.edit(|fields| sources::to_local(fields, &self.paths));
        self.editor.send(message).await
    }

    pub(super) async fn tell_debugger(&mut self, message: Message) {
        if let Err(error) = self.wire.to.send(message.into_bytes()).await {
            // The end of what it sends says that it is gone.
            tracing::debug!(%error, "the debugger does not read");
        }
    }

    /// Goes on with another debugger, which gets `initialize` and, under the number `seq`, its `attach`.
    pub(super) async fn go_on_with(&mut self, attached: Attached, seq: i64) {
        let mut attach = attach_request(&self.initialize, attached.arguments);
        attach.set("seq", seq);
        self.wire = Wire::new(attached.stream);
        self.local = attached.local;
        self.place = attached.place;
        self.runtime = attached.runtime;
        self.paths = attached.paths;
        self.attach = Some(attach);
        self.reverse.clear();
        self.tell_debugger(self.initialize.clone()).await;
    }

    pub(super) async fn close(&mut self) {
        if let Err(error) = self.wire.to.close().await {
            tracing::debug!(%error, "closing the stream");
        }
    }

    pub(super) fn pod(&self) -> String {
        let pod = self.place.as_ref().map(|place| place.pod.clone());
        pod.unwrap_or_else(|| "the service".to_owned())
    }
}
