//! Operations: commands that run until they are done or cancelled.

use std::collections::HashMap;
use std::future::Future;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock};
use std::time::Duration;

use serde_json::Value as Json;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tower_lsp::Client;
use tower_lsp::jsonrpc::{Error, ErrorCode, Result};
use tower_lsp::ls_types::{ExecuteCommandParams, LSPAny, ProgressToken};

use super::capabilities::Editor;
use super::commands::Commands;
use super::progress::WorkDone;
use super::stays::Stays;
use crate::failure::Failure;
use crate::progress::Progress;

/// Long operations get to end in order when the editor goes.
const LAST_STEPS: Duration = Duration::from_secs(5);
/// LSP's `RequestFailed`: the request was right, but could not be fulfilled.
const REQUEST_FAILED: i64 = -32803;

/// What runs, and how it is ended.
pub(super) struct Operations {
    pub commands: Commands,
    /// The services that are kept up to date.
    pub stays: Stays,
    pub client: Client,
    editor: OnceLock<Editor>,
    tasks: TaskTracker,
    /// By the token of its progress, how each operation is cancelled.
    cancellations: Mutex<HashMap<ProgressToken, CancellationToken>>,
    ended: CancellationToken,
}

/// The progress of one operation in the editor, which can cancel it there until this is dropped.
pub(super) struct Shown<'a> {
    pub progress: Progress,
    token: Option<ProgressToken>,
    operations: &'a Operations,
}

impl Drop for Shown<'_> {
    fn drop(&mut self) {
        if let Some(token) = &self.token {
            self.operations.cancellations().remove(token);
        }
    }
}

impl Operations {
    pub fn new(client: Client, commands: Commands) -> Operations {
        Operations {
            commands,
            stays: Stays::default(),
            client,
            editor: OnceLock::new(),
            tasks: TaskTracker::new(),
            cancellations: Mutex::default(),
            ended: CancellationToken::new(),
        }
    }

    /// The editor says what it can do. A second time it is not heard.
    pub fn meet(&self, editor: Editor) {
        _ = self.editor.set(editor);
    }

    /// What the editor can do.
    pub fn editor(&self) -> &Editor {
        self.editor.get_or_init(Editor::default)
    }

    /// Is cancelled when the conversation ends.
    pub fn ending(&self) -> &CancellationToken {
        &self.ended
    }

    /// Runs something until the conversation ends.
    pub fn run_to_the_end(&self, task: impl Future<Output = ()> + Send + 'static) {
        let ended = self.ended.clone();
        self.tasks.spawn(async move {
            ended.run_until_cancelled(task).await;
        });
    }

    /// Runs something that ends in order when the conversation does.
    pub fn run(&self, task: impl Future<Output = ()> + Send + 'static) {
        self.tasks.spawn(task);
    }

    /// Cancels what runs and gives it a moment to end in order.
    pub async fn end(&self) {
        self.ended.cancel();
        self.tasks.close();
        if tokio::time::timeout(LAST_STEPS, self.tasks.wait())
            .await
            .is_err()
        {
            tracing::warn!("an operation did not end when it was cancelled");
        }
    }

    /// Asks the operation that has this progress to end.
    pub fn cancel(&self, token: &ProgressToken) {
        if let Some(cancellation) = self.cancellations().get(token) {
            cancellation.cancel();
        }
    }

    /// Shows the progress of an operation that `cancellation` ends.
    pub async fn show(
        &self,
        given: Option<ProgressToken>,
        title: String,
        cancellation: CancellationToken,
    ) -> Shown<'_> {
        let creates = self.editor().creates_progress;
        let (work_done, token) = WorkDone::begin(&self.client, given, creates, title).await;
        if let Some(token) = &token {
            self.cancellations()
                .insert(token.clone(), cancellation.clone());
        }
        Shown {
            progress: Progress::new(work_done, cancellation),
            token,
            operations: self,
        }
    }

    /// Runs a command in a task of its own: when the request is cancelled, it is asked to end and ends in
    /// order, instead of being dropped where it is.
    pub async fn execute(self: &Arc<Self>, params: ExecuteCommandParams) -> Result<Option<LSPAny>> {
        let name = params.command;
        let given = params.work_done_progress_params.work_done_token;
        let cancellation = self.ended.child_token();
        let shown = self.show(given, title(&name), cancellation.clone()).await;
        let argument = params.arguments.into_iter().next();
        let argument = argument.unwrap_or_else(|| Json::Object(Default::default()));
        let (progress, operations) = (shown.progress.clone(), Arc::clone(self));
        let command = (self.commands.run)(name.clone(), argument, progress, operations);
        let running = self.tasks.spawn(command);

        let abandoned = cancellation.clone().drop_guard();
        let result = running.await.unwrap_or_else(|error| {
            Err(Failure::ours(
                "the command was not finished",
                name,
                error.to_string(),
            ))
        });
        let was_cancelled = cancellation.is_cancelled();
        abandoned.disarm();
        result
            .map(Some)
            .map_err(|failure| response_error(&failure, was_cancelled))
    }

    fn cancellations(&self) -> MutexGuard<'_, HashMap<ProgressToken, CancellationToken>> {
        self.cancellations
            .lock()
            .expect("nothing panics while it holds the lock")
    }
}

/// `azds.server.listUp` is shown as "azds list-up", as the command line has it.
fn title(command: &str) -> String {
    let mut title = "azds ".to_owned();
    for letter in command.rsplit('.').next().unwrap_or(command).chars() {
        if letter.is_ascii_uppercase() {
            title.push('-');
        }
        title.push(letter.to_ascii_lowercase());
    }
    title
}

fn response_error(failure: &Failure, was_cancelled: bool) -> Error {
    Error {
        code: match was_cancelled {
            true => ErrorCode::RequestCancelled,
            false => ErrorCode::ServerError(REQUEST_FAILED),
        },
        message: failure.to_string().into(),
        data: serde_json::to_value(failure).ok(),
    }
}
