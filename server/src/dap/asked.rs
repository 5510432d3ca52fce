//! What a debugger asks of the editor.

use serde_json::Value;
use tokio::io::{AsyncRead, AsyncWrite};

use super::Services;
use super::bridge::Bridge;
use super::message::Message;
use crate::failure::Failure;

impl<R, W, S> Bridge<'_, R, W, S>
where
    R: AsyncRead + Unpin,
    W: AsyncWrite + Unpin,
    S: Services,
{
    /// Passes a debugger's request on, if it may ask for that.
    ///
    /// An editor does on the developer's machine what it is asked to: `runInTerminal` runs a program. So what
    /// comes from a pod is refused, whatever it is. js-debug runs here, and asks for further sessions.
    pub(super) async fn debugger_asked(&mut self, mut message: Message) {
        let is_here = self.local.is_some() || self.place.is_none();
        if !is_here || message.command() != "startDebugging" {
            let failure = Failure::new(
                format!("{} was not done", message.command()),
                "the developer's machine",
                "azds lets no debugger ask for that",
            );
            tracing::warn!(%failure, pod = self.pod(), "refused");
            return self
                .tell_debugger(Message::refusal(&message, &failure))
                .await;
        }
        if let Some(local) = &self.local {
            message.edit(|fields| {
                let arguments = fields.get_mut("arguments");
                let configuration = arguments.and_then(|it| it.get_mut("configuration"));
                let configuration = configuration.and_then(Value::as_object_mut);
                configuration.map(|it| local.adopt(it)).is_some()
            });
        }
        let theirs = message.get("seq").clone();
        let ours = self.tell_editor(message).await;
        self.reverse.insert(ours, theirs);
    }
}
