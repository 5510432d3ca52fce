//! A debug session from the editor's first message to its last.

use std::sync::Arc;

use azds_protocol::debug::AttachArguments;
use dap::requests::InitializeArguments;
use dap::types::Capabilities;
use serde_json::json;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::Services;
use super::attach::{Attached, Wanted, attach};
use super::bridge::Bridge;
use super::editor::Editor;
use super::end::End;
use super::message::Message;
use super::progress::ProgressEvents;
use crate::commands::debug::user;
use crate::failure::{Context, Failure, Result};
use crate::progress::Progress;

/// Serves one editor until it disconnects or is gone.
pub async fn serve<R, W, S>(input: R, output: W, services: S)
where
    R: AsyncRead + Unpin,
    W: AsyncWrite + Unpin,
    S: Services,
{
    let mut session = Session {
        editor: Editor::new(input, output),
        services,
        initialize: Message::from(json!({"seq": 0, "type": "request", "command": "initialize"})),
        client: InitializeArguments::default(),
    };
    while let Some(request) = session.editor.next().await {
        if session.answer(request).await == Flow::Over {
            break;
        }
    }
}

struct Session<R, W, S> {
    editor: Editor<R, W>,
    services: S,
    /// The editor's `initialize`, which the debugger gets as well.
    initialize: Message,
    client: InitializeArguments,
}

#[derive(PartialEq)]
enum Flow {
    On,
    Over,
}

impl<R, W, S> Session<R, W, S>
where
    R: AsyncRead + Unpin,
    W: AsyncWrite + Unpin,
    S: Services,
{
    /// Answers a request while there is no debugger.
    async fn answer(&mut self, request: Message) -> Flow {
        match request.command() {
            "initialize" => {
                // What only some editors say is no reason to refuse the others.
                self.client =
                    serde_json::from_value(request.get("arguments").clone()).unwrap_or_default();
                let capabilities = serde_json::to_value(capabilities()).unwrap_or_default();
                self.editor.respond(&request, capabilities).await;
                self.initialize = request;
                Flow::On
            }
            "attach" | "launch" => self.debug(request).await,
            "disconnect" => {
                self.editor.respond(&request, json!(null)).await;
                Flow::Over
            }
            _ if request.kind() == "request" => {
                self.editor
                    .refuse(&request, &no_debugger(request.command()))
                    .await;
                Flow::On
            }
            _ => Flow::On,
        }
    }

    /// From `attach` or `launch` to the end of the debugger.
    async fn debug(&mut self, request: Message) -> Flow {
        let wanted = match wanted(&request, &self.client) {
            Ok(wanted) => wanted,
            Err(failure) => {
                self.editor.refuse(&request, &failure).await;
                return Flow::On;
            }
        };
        let (attached, flow) = self.attach(&request, &wanted).await;
        match attached {
            Ok(attached) if flow == Flow::On => {
                if let Some(place) = &attached.place {
                    self.editor.say(&place.found).await;
                }
                let bridge = Bridge::new(
                    &mut self.editor,
                    &self.services,
                    &wanted,
                    attached,
                    &self.initialize,
                    request,
                );
                match bridge.run().await {
                    End::Left => Flow::Over,
                    End::Lost => Flow::On,
                }
            }
            // The host ends a debugger whose stream goes.
            Ok(_) => Flow::Over,
            Err(failure) => {
                self.editor.refuse(&request, &failure).await;
                flow
            }
        }
    }

    /// Starts a debugger, and listens to the editor meanwhile, which may want to leave.
    async fn attach(&mut self, request: &Message, wanted: &Wanted) -> (Result<Attached>, Flow) {
        let (sender, mut events) = mpsc::unbounded_channel();
        let cancellation = CancellationToken::new();
        let watcher = ProgressEvents {
            events: sender,
            supported: self.client.supports_progress_reporting == Some(true),
        };
        let progress = Progress::new(Arc::new(watcher), cancellation.clone());
        let launch = request.command() == "launch";
        let attaching = attach(&self.services, launch, wanted, &progress);
        tokio::pin!(attaching);

        let mut flow = Flow::On;
        let attached = loop {
            tokio::select! {
                biased;
                Some(event) = events.recv() => self.editor.event(&event).await,
                attached = &mut attaching => break attached,
                message = self.editor.next(), if flow == Flow::On => match message {
                    Some(message) => match message.command() {
                        "disconnect" => {
                            self.editor.respond(&message, json!(null)).await;
                            flow = Flow::Over;
                            cancellation.cancel();
                        }
                        "cancel" => {
                            self.editor.respond(&message, json!(null)).await;
                            cancellation.cancel();
                        }
                        command => self.editor.refuse(&message, &no_debugger(command)).await,
                    },
                    None => {
                        flow = Flow::Over;
                        cancellation.cancel();
                    }
                },
            }
        };
        while let Ok(event) = events.try_recv() {
            self.editor.event(&event).await;
        }
        (attached, flow)
    }
}

/// What every debugger of ours can do. The one that is found adds its own with a `capabilities` event.
fn capabilities() -> Capabilities {
    Capabilities {
        supports_configuration_done_request: Some(true),
        supports_conditional_breakpoints: Some(true),
        supports_evaluate_for_hovers: Some(true),
        supports_cancel_request: Some(true),
        ..Capabilities::default()
    }
}

/// What a request asks for.
fn wanted(request: &Message, client: &InitializeArguments) -> Result<Wanted> {
    let what = "the debug session did not start";
    let arguments: AttachArguments = serde_json::from_value(request.get("arguments").clone())
        .or_fail(what, "the debug configuration")?;
    let id = getrandom::u64().or_fail(what, "this machine's random numbers")?;
    Ok(Wanted {
        arguments,
        session: session_name(client),
        id: format!("{id:016x}"),
    })
}

/// How other developers are told of this session.
fn session_name(client: &InitializeArguments) -> String {
    let editor = client
        .client_name
        .as_deref()
        .or(client.client_id.as_deref());
    format!("{} ({})", user(), editor.unwrap_or("unknown editor"))
}

fn no_debugger(command: &str) -> Failure {
    Failure::new(
        format!("{command} was not done"),
        "the debug session",
        "no debugger is attached",
    )
    .try_to("Start the debug session first.")
}
