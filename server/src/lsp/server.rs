//! What each message of the editor does.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock};
use std::time::Duration;

use serde_json::Value as Json;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tower_lsp::jsonrpc::{Error, ErrorCode, Result};
use tower_lsp::ls_types::*;
use tower_lsp::{Client, LanguageServer};

use super::commands::Commands;
use super::diagnostics;
use super::documents::Documents;
use super::progress::WorkDone;
use crate::analysis::lines::Encoding;
use crate::failure::Failure;
use crate::progress::Progress;

/// So long operations get to end in order when the editor goes.
const LAST_STEPS: Duration = Duration::from_secs(5);
/// So long the editor may take to answer the request to watch files.
const ANSWER: Duration = Duration::from_secs(10);
/// LSP's `RequestFailed`: the request was right, but could not be fulfilled.
const REQUEST_FAILED: i64 = -32803;
/// Files whose coming and going changes diagnostics.
const WATCHED: &str = "**/{azds.yaml,Dockerfile*,*values*.yaml,secrets*.yaml,Chart.yaml}";

/// The state of one conversation.
pub(super) struct Server {
    client: Client,
    commands: Commands,
    documents: Arc<Documents>,
    editor: OnceLock<Editor>,
    operations: TaskTracker,
    /// By the token of its progress, how each operation is cancelled.
    cancellations: Mutex<HashMap<ProgressToken, CancellationToken>>,
    ended: CancellationToken,
}

/// What the editor said of itself in `initialize`.
#[derive(Clone, Copy, Default)]
struct Editor {
    encoding: Encoding,
    creates_progress: bool,
    watches_files: bool,
}

impl Server {
    pub fn new(client: Client, commands: Commands) -> Server {
        Server {
            client,
            commands,
            documents: Arc::default(),
            editor: OnceLock::new(),
            operations: TaskTracker::new(),
            cancellations: Mutex::default(),
            ended: CancellationToken::new(),
        }
    }

    /// Cancels what runs and gives it a moment to end in order.
    pub async fn end_operations(&self) {
        self.ended.cancel();
        self.operations.close();
        if tokio::time::timeout(LAST_STEPS, self.operations.wait())
            .await
            .is_err()
        {
            tracing::warn!("an operation did not end when it was cancelled");
        }
    }

    /// `window/workDoneProgress/cancel`
    pub async fn cancel_progress(&self, params: WorkDoneProgressCancelParams) {
        if let Some(cancellation) = self.cancellations().get(&params.token) {
            cancellation.cancel();
        }
    }

    fn editor(&self) -> Editor {
        self.editor.get().copied().unwrap_or_default()
    }

    fn cancellations(&self) -> MutexGuard<'_, HashMap<ProgressToken, CancellationToken>> {
        self.cancellations
            .lock()
            .expect("nothing panics while it holds the lock")
    }
}

impl LanguageServer for Server {
    async fn initialize(&self, params: InitializeParams) -> Result<InitializeResult> {
        let editor = Editor::of(&params.capabilities);
        // A second `initialize` is refused before it comes here.
        _ = self.editor.set(editor);
        let documents = Arc::clone(&self.documents);
        let (client, ended) = (self.client.clone(), self.ended.clone());
        self.operations.spawn(async move {
            let publish = diagnostics::publish(&documents, &client, editor.encoding);
            ended.run_until_cancelled(publish).await;
        });
        Ok(InitializeResult {
            capabilities: capabilities(editor.encoding, self.commands.names),
            server_info: Some(ServerInfo {
                name: "azds".to_owned(),
                version: Some(env!("CARGO_PKG_VERSION").to_owned()),
            }),
            ..InitializeResult::default()
        })
    }

    async fn initialized(&self, _: InitializedParams) {
        if !self.editor().watches_files {
            return;
        }
        let watcher = FileSystemWatcher {
            glob_pattern: GlobPattern::String(WATCHED.to_owned()),
            kind: None,
        };
        let options = DidChangeWatchedFilesRegistrationOptions {
            watchers: vec![watcher],
        };
        let registration = Registration {
            id: "azds-files".to_owned(),
            method: "workspace/didChangeWatchedFiles".to_owned(),
            register_options: serde_json::to_value(options).ok(),
        };
        let registered = self.client.register_capability(vec![registration]);
        match tokio::time::timeout(ANSWER, registered).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::warn!(%error, "the editor does not watch files"),
            Err(_) => tracing::warn!("the editor does not answer client/registerCapability"),
        }
    }

    async fn shutdown(&self) -> Result<()> {
        Ok(())
    }

    async fn did_open(&self, params: DidOpenTextDocumentParams) {
        let document = params.text_document;
        self.documents
            .open(document.uri, document.text, document.version);
    }

    async fn did_change(&self, params: DidChangeTextDocumentParams) {
        let VersionedTextDocumentIdentifier { uri, version } = params.text_document;
        let encoding = self.editor().encoding;
        self.documents
            .change(uri, version, params.content_changes, encoding);
    }

    async fn did_close(&self, params: DidCloseTextDocumentParams) {
        self.documents.close(params.text_document.uri);
    }

    async fn did_save(&self, _: DidSaveTextDocumentParams) {
        self.documents.recheck();
    }

    async fn did_change_watched_files(&self, _: DidChangeWatchedFilesParams) {
        self.documents.recheck();
    }

    async fn code_action(&self, params: CodeActionParams) -> Result<Option<CodeActionResponse>> {
        let Some(snapshot) = self.documents.snapshot(&params.text_document.uri) else {
            return Ok(None);
        };
        let fixes = diagnostics::quick_fixes(&snapshot, params.range, self.editor().encoding);
        let actions = fixes.await.into_iter().map(CodeActionOrCommand::CodeAction);
        Ok(Some(actions.collect()))
    }

    /// The command runs in a task of its own: when the request is cancelled, it is asked to end and
    /// ends in order, instead of being dropped where it is.
    async fn execute_command(&self, params: ExecuteCommandParams) -> Result<Option<LSPAny>> {
        let name = params.command;
        let given = params.work_done_progress_params.work_done_token;
        let creates = self.editor().creates_progress;
        let title = title(&name);
        let (work_done, token) = WorkDone::begin(&self.client, given, creates, title).await;
        let cancellation = self.ended.child_token();
        if let Some(token) = &token {
            self.cancellations()
                .insert(token.clone(), cancellation.clone());
        }
        let argument = params.arguments.into_iter().next();
        let argument = argument.unwrap_or_else(|| Json::Object(Default::default()));
        let progress = Progress::new(work_done, cancellation.clone());
        let running = self
            .operations
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
}

impl Editor {
    fn of(capabilities: &ClientCapabilities) -> Editor {
        let general = capabilities.general.as_ref();
        let encodings = general.and_then(|general| general.position_encodings.as_ref());
        let utf8 = encodings.is_some_and(|all| all.contains(&PositionEncodingKind::UTF8));
        let window = capabilities.window.as_ref();
        let workspace = capabilities.workspace.as_ref();
        let watching = workspace.and_then(|workspace| workspace.did_change_watched_files.as_ref());
        Editor {
            encoding: if utf8 {
                Encoding::Utf8
            } else {
                Encoding::Utf16
            },
            creates_progress: window.and_then(|w| w.work_done_progress).unwrap_or(false),
            watches_files: watching
                .and_then(|w| w.dynamic_registration)
                .unwrap_or(false),
        }
    }
}

fn capabilities(encoding: Encoding, commands: &[&str]) -> ServerCapabilities {
    let sync = TextDocumentSyncOptions {
        open_close: Some(true),
        change: Some(TextDocumentSyncKind::INCREMENTAL),
        save: Some(TextDocumentSyncSaveOptions::Supported(true)),
        ..TextDocumentSyncOptions::default()
    };
    let code_actions = CodeActionOptions {
        code_action_kinds: Some(vec![CodeActionKind::QUICKFIX]),
        ..CodeActionOptions::default()
    };
    let execute = ExecuteCommandOptions {
        commands: commands.iter().map(|name| (*name).to_owned()).collect(),
        work_done_progress_options: WorkDoneProgressOptions {
            work_done_progress: Some(true),
        },
    };
    ServerCapabilities {
        position_encoding: Some(match encoding {
            Encoding::Utf8 => PositionEncodingKind::UTF8,
            Encoding::Utf16 => PositionEncodingKind::UTF16,
        }),
        text_document_sync: Some(TextDocumentSyncCapability::Options(sync)),
        code_action_provider: Some(CodeActionProviderCapability::Options(code_actions)),
        execute_command_provider: Some(execute),
        ..ServerCapabilities::default()
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
