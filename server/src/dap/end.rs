//! The end of a conversation: whose will it was, and who is told.

use std::time::Duration;

use dap::events::Event;
use serde_json::{Value, json};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::timeout;

use super::Services;
use super::bridge::{Bridge, OURS};
use super::message::Message;
use super::setup::Stage;
use crate::failure::Failure;

/// What the host may take to say why a debugger ended.
const REASON_TIMEOUT: Duration = Duration::from_secs(3);
/// How long a session that has not begun is begun again when its debugger is lost: one that ends each time
/// has a reason of its own.
const BEGIN_PATIENCE: Duration = Duration::from_secs(60);
/// So many debuggers that end without a word are enough: the next one would not speak, either. debugpy closes
/// a few connections in this way while it ends the session before.
const SILENT: u32 = 5;

/// How a conversation came to its end.
#[derive(Debug, PartialEq)]
pub enum End {
    /// The editor left.
    Left,
    /// The debugger is gone and the editor still there.
    Lost,
}

impl<R, W, S> Bridge<'_, R, W, S>
where
    R: AsyncRead + Unpin,
    W: AsyncWrite + Unpin,
    S: Services,
{
    /// Whether an end that the debugger speaks of is not the editor's will, and can be mended.
    pub(super) fn is_lost(&self) -> bool {
        let has_begun = match self.setup.stage {
            Stage::Attaching | Stage::Configuring => {
                self.silent < SILENT && self.begun.elapsed() < BEGIN_PATIENCE
            }
            Stage::Running => true,
            Stage::Refused => false,
        };
        self.leaving.is_none() && has_begun && self.place.is_some()
    }

    /// Lets a service go on whose debugger would leave it stopped.
    pub(super) async fn let_go(&mut self) {
        let requests = self.setup.clear(OURS);
        let next = OURS + i64::try_from(requests.len()).unwrap_or_default();
        for request in requests {
            self.tell_debugger(request).await;
        }
        if let Some(thread) = self.stopped.take() {
            let go_on = json!({
                "seq": next, "type": "request", "command": "continue",
                "arguments": {"threadId": thread},
            });
            self.tell_debugger(Message::from(go_on)).await;
        }
    }

    /// Ends the session of an editor that said so or is gone. The host sees the rest to its end.
    pub(super) async fn left(&mut self) -> End {
        self.close().await;
        for (_, request) in std::mem::take(&mut self.pending) {
            if request.command() == "disconnect" {
                self.editor.respond(&request, Value::Null).await;
            }
        }
        End::Left
    }

    /// Why the debugger is gone.
    pub(super) async fn reason(&mut self) -> String {
        // First, since one that said `terminated` may still be there.
        self.close().await;
        let Some(place) = &self.place else {
            return "js-debug ended it".to_owned();
        };
        match timeout(REASON_TIMEOUT, place.host.end()).await {
            Ok(Ok(Some(end))) if end.stream == place.stream => end.why,
            Ok(Ok(_)) => "the debugger closed its stream".to_owned(),
            Ok(Err(_)) | Err(_) => "the connection to the pod was lost".to_owned(),
        }
    }

    /// Tells an editor that did not ask for it that the session is over, and why.
    pub(super) async fn lost(&mut self, why: &str) -> End {
        let failure = Failure::new("the debug session ended", self.pod(), why)
            .try_to("The service is left running. Start the session again to go on.");
        // A session of js-debug that says so itself is one of several: it needs no words of ours.
        if self.place.is_some() || !self.terminated {
            self.editor.say(&failure.to_string()).await;
        }
        self.refuse_pending(&failure).await;
        if !self.terminated {
            self.editor.event(&Event::Terminated(None)).await;
        }
        End::Lost
    }

    /// Refuses what the editor waits for.
    pub(super) async fn refuse_pending(&mut self, failure: &Failure) {
        let mut pending: Vec<_> = std::mem::take(&mut self.pending).into_iter().collect();
        pending.sort_by_key(|(seq, _)| *seq);
        let held = std::mem::take(&mut self.held);
        for request in pending.into_iter().map(|(_, request)| request).chain(held) {
            self.editor.refuse(&request, failure).await;
        }
    }
}
