//! Operations: commands that run until they are done or cancelled.

use std::collections::HashMap;
use std::future::Future;
use std::sync::{Mutex, MutexGuard};
use std::time::Duration;

use serde_json::Value as Json;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tower_lsp::Client;
use tower_lsp::jsonrpc::{Error, ErrorCode, Result};
use tower_lsp::ls_types::{ExecuteCommandParams, LSPAny, ProgressToken};

use super::commands::Commands;
use super::progress::WorkDone;
use crate::failure::Failure;
use crate::progress::Progress;

/// Long operations get to end in order when the editor goes.
const LAST_STEPS: Duration = Duration::from_secs(5);
/// LSP's `RequestFailed`: the request was right, but could not be fulfilled.
const REQUEST_FAILED: i64 = -32803;

/// What runs, and how it is ended.
pub(super) struct Operations {
    pub commands: Commands,
    tasks: TaskTracker,
    /// By the token of its progress, how each operation is cancelled.
    cancellations: Mutex<HashMap<ProgressToken, CancellationToken>>,
    ended: CancellationToken,
}

impl Operations {
    pub fn new(commands: Commands) -> Operations {
        Operations {
            commands,
            tasks: TaskTracker::new(),
            cancellations: Mutex::default(),
            ended: CancellationToken::new(),
        }
    }

    /// Runs something until the conversation ends.
    pub fn run_to_the_end(&self, task: impl Future<Output = ()> + Send + 'static) {
        let ended = self.ended.clone();
        self.tasks.spawn(async move {
            ended.run_until_cancelled(task).await;
        });
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

    /// Runs a command in a task of its own: when the request is cancelled, it is asked to end and ends in
    /// order, instead of being dropped where it is.
    pub async fn execute(
        &self,
        client: &Client,
        params: ExecuteCommandParams,
        creates: bool,
    ) -> Result<Option<LSPAny>> {
        let name = params.command;
        let given = params.work_done_progress_params.work_done_token;
        let title = title(&name);
        let (work_done, token) = WorkDone::begin(client, given, creates, title).await;
        let cancellation = self.ended.child_token();
        if let Some(token) = &token {
            self.cancellations()
                .insert(token.clone(), cancellation.clone());
        }
        let argument = params.arguments.into_iter().next();
        let argument = argument.unwrap_or_else(|| Json::Object(Default::default()));
        let progress = Progress::new(work_done, cancellation.clone());
        let running = self
            .tasks
            .spawn((self.commands.run)(name.clone(), argument, progress));

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
        if let Some(token) = &token {
            self.cancellations().remove(token);
        }
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
