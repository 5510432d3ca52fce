//! The same session with another debugger: after the service started again, in the same pod or in
//! another one, or after the connection was cut.

use std::time::Duration;

use serde_json::json;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::{Instant, sleep};

use super::Services;
use super::attach::start;
use super::bridge::{Bridge, OURS};
use super::end::End;
use super::message::Message;
use super::setup::{Setup, Stage};
use crate::failure::Failure;
use crate::progress::Progress;

/// How long a session waits for its service to run again. A build in the cluster fits into it.
const PATIENCE: Duration = Duration::from_secs(600);
/// What another debugger may take to attach and to set the breakpoints.
const REPLAY_TIMEOUT: Duration = Duration::from_secs(60);
const RETRY_FIRST: Duration = Duration::from_millis(100);
const RETRY_LONGEST: Duration = Duration::from_secs(1);

/// What another debugger is told before the editor's turn.
pub struct Replay {
    /// Until when it has to be done.
    pub deadline: Instant,
    /// The requests that are waited for.
    requests: usize,
    /// Whether they were sent.
    is_told: bool,
    since: Instant,
}

/// Numbers of our requests: the debugger's `attach`, its `configurationDone`, and what was kept.
pub const ATTACH: i64 = OURS;
const DONE: i64 = OURS + 1;
const KEPT: i64 = OURS + 2;

impl Replay {
    /// Begins for a debugger that was lost at `since`, and may take so long.
    pub fn new(since: Instant, patience: Duration) -> Replay {
        Replay {
            deadline: Instant::now() + patience,
            requests: 0,
            is_told: false,
            since,
        }
    }
}

impl<R, W, S> Bridge<'_, R, W, S>
where
    R: AsyncRead + Unpin,
    W: AsyncWrite + Unpin,
    S: Services,
{
    /// Looks for the service until its next debugger has begun. The end of the session is an error.
    pub(super) async fn come_back(&mut self, why: String) -> Result<(), End> {
        let since = match self.replay.take() {
            // The one before was lost, too: the person knows.
            Some(replay) if replay.since.elapsed() < PATIENCE => replay.since,
            Some(_) => return Err(self.lost(&why).await),
            None => {
                self.tell_loss(&why).await;
                Instant::now()
            }
        };
        let mut pause = (RETRY_FIRST * 2_u32.pow(self.silent.min(4))).min(RETRY_LONGEST);
        let mut last = String::new();
        loop {
            let attempt = {
                let (services, wanted) = (self.services, self.wanted);
                async move {
                    sleep(pause).await;
                    start(services, wanted, &Progress::silent()).await
                }
            };
            tokio::pin!(attempt);
            let result = loop {
                tokio::select! {
                    result = &mut attempt => break result,
                    message = self.editor.next() => match message {
                        Some(message) if message.command() == "disconnect" => {
                            self.editor.respond(&message, json!(null)).await;
                            return Err(End::Left);
                        }
                        Some(message) => self.wait_with(message).await,
                        None => return Err(End::Left),
                    },
                }
            };
            match result {
                Ok(attached) => {
                    self.replay = Some(Replay::new(since, REPLAY_TIMEOUT));
                    // The editor waits for its own answer, perhaps.
                    let attach = match self.pending.contains_key(&self.request) {
                        true => self.request,
                        false => ATTACH,
                    };
                    self.go_on_with(attached, attach).await;
                    return Ok(());
                }
                Err(failure) if since.elapsed() > PATIENCE => {
                    return Err(self.lost(&failure.to_string()).await);
                }
                Err(failure) => {
                    let said = failure.to_string();
                    if said != last {
                        self.editor.say(&format!("azds waits: {said}")).await;
                        last = said;
                    }
                }
            }
            pause = (pause * 2).min(RETRY_LONGEST);
        }
    }

    pub(super) async fn tell_loss(&mut self, why: &str) {
        let text = format!(
            "azds lost the debugger in {}: {why}. It attaches again.",
            self.pod()
        );
        self.editor.say(&text).await;
        if self.setup.stage == Stage::Running {
            let failure = Failure::new("this was not done", self.pod(), "the debugger was lost")
                .try_to("Do it again when the debugger is attached again.");
            self.refuse_pending(&failure).await;
        } else {
            self.hold_pending();
        }
        if let Some(thread) = self.stopped.take() {
            let event = json!({
                "seq": 0, "type": "event", "event": "continued",
                "body": {"threadId": thread, "allThreadsContinued": true},
            });
            self.editor.send(Message::from(event)).await;
        }
    }

    /// Keeps for the next debugger what the last one did not answer, but for the editor's `attach`.
    fn hold_pending(&mut self) {
        let request = self.request;
        let mut unanswered: Vec<_> = self.pending.extract_if(|seq, _| *seq != request).collect();
        unanswered.sort_by_key(|(seq, _)| *seq);
        for (_, message) in unanswered.into_iter().rev() {
            self.held.push_front(message);
        }
    }

    /// Takes a request of the editor while there is no debugger to pass it to.
    pub(super) async fn wait_with(&mut self, message: Message) {
        match message.command() {
            _ if message.kind() != "request" => {}
            _ if Setup::keeps(&message) || self.setup.stage != Stage::Running => {
                self.held.push_back(message);
            }
            "threads" => self.editor.respond(&message, json!({"threads": []})).await,
            command => {
                let failure = Failure::new(
                    format!("{command} was not done"),
                    self.pod(),
                    "the debugger attaches again just now",
                )
                .try_to("Try it again in a moment.");
                self.editor.refuse(&message, &failure).await;
            }
        }
    }

    /// Tells the next debugger what the editor told the first one.
    pub(super) async fn tell_again(&mut self) {
        // netcoredbg and js-debug may say `initialized` more than once.
        let Some(replay) = self.replay.as_mut().filter(|replay| !replay.is_told) else {
            return;
        };
        let requests = self.setup.again(KEPT);
        replay.is_told = true;
        replay.requests = requests.len();
        for request in requests {
            self.tell_debugger(request).await;
        }
        if self.setup.stage != Stage::Running {
            return self.go_on().await;
        }
        let done = json!({
            "seq": DONE, "type": "request", "command": "configurationDone", "arguments": {},
        });
        self.tell_debugger(Message::from(done)).await;
    }

    /// Leaves the rest to the editor.
    async fn go_on(&mut self) {
        self.replay = None;
        for message in std::mem::take(&mut self.held) {
            self.editor_said(message).await;
        }
    }

    /// Takes an answer to a request of ours; says whether the debugger can't be used.
    pub(super) async fn answered_again(&mut self, seq: i64, answer: &Message) -> bool {
        let is_good = *answer.get("success") == json!(true);
        match (seq, &self.replay) {
            (ATTACH | DONE, Some(_)) if !is_good => {
                tracing::info!(message = answer.text("message"), "attaching again failed");
                return true;
            }
            (DONE, Some(replay)) => {
                let seconds = replay.since.elapsed().as_secs_f32();
                let text = format!(
                    "azds has attached again to {} after {seconds:.1} s; {} sets of breakpoints are as before.",
                    self.pod(),
                    replay.requests
                );
                self.editor.say(&text).await;
                self.go_on().await;
            }
            (ATTACH | DONE, _) => {}
            _ => {
                let at = usize::try_from(seq - KEPT).unwrap_or_default();
                for event in self.setup.set_again(at, answer) {
                    self.tell_editor(event).await;
                }
            }
        }
        false
    }
}
