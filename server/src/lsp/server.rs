//! What each message of the editor does.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard};

use tower_lsp::jsonrpc::Result;
use tower_lsp::ls_types::*;
use tower_lsp::{Client, LanguageServer};

use super::ask::{Asked, Question};
use super::capabilities::{self, Editor};
use super::commands::Commands;
use super::diagnostics::ANSWER;
use super::documents::{Documents, path};
use super::operations::Operations;
use super::{actions, diagnostics, lenses, pull, renaming, translate, troubles};

/// Files whose coming and going changes diagnostics.
const WATCHED: &str = "**/{azds.yaml,Dockerfile*,.dockerignore,*values*.yaml,secrets*.yaml,Chart.yaml,values.schema.json,*.csproj,*.fsproj,.env,templates/*}";

/// The state of one conversation.
pub(super) struct Server {
    client: Client,
    documents: Arc<Documents>,
    operations: Arc<Operations>,
    /// Folders that the editor has open.
    folders: Mutex<Vec<PathBuf>>,
}

impl Server {
    pub fn new(client: Client, commands: Commands) -> Server {
        Server {
            operations: Arc::new(Operations::new(client.clone(), commands)),
            client,
            documents: Arc::default(),
            folders: Mutex::default(),
        }
    }

    /// Cancels what runs and gives it a moment to end in order.
    pub async fn end_operations(&self) {
        self.operations.end().await;
    }

    /// `window/workDoneProgress/cancel`
    pub async fn cancel_progress(&self, params: WorkDoneProgressCancelParams) {
        self.operations.cancel(&params.token);
    }

    fn editor(&self) -> &Editor {
        self.operations.editor()
    }

    /// The open document, as it is now, to ask it something. Called before the first `.await`.
    fn question(&self, uri: &Uri) -> Option<Question> {
        Some(Question {
            snapshot: self.documents.snapshot(uri)?,
            documents: Arc::clone(&self.documents),
            encoding: self.editor().encoding,
        })
    }

    /// Has all looked at again: files may have come or gone.
    async fn recheck(&self) {
        diagnostics::recheck(&self.documents, &self.client, self.editor()).await;
    }

    fn folders(&self) -> MutexGuard<'_, Vec<PathBuf>> {
        self.folders
            .lock()
            .expect("nothing panics while it holds the lock")
    }

    async fn ask<T: Send + 'static>(
        &self,
        uri: &Uri,
        answer: impl FnOnce(&Asked<'_>) -> T + Send + 'static,
    ) -> Result<Option<T>> {
        match self.question(uri) {
            Some(question) => question.answer(answer).await,
            None => Ok(None),
        }
    }
}

impl LanguageServer for Server {
    async fn initialize(&self, params: InitializeParams) -> Result<InitializeResult> {
        let editor = Editor::of(&params.capabilities);
        // A second `initialize` is refused before it comes here.
        let (encoding, pulls) = (editor.encoding, editor.pulls_diagnostics);
        self.operations.meet(editor.clone());
        #[expect(deprecated, reason = "old editors have nothing else")]
        let root = params.root_uri.as_ref().and_then(path);
        *self.folders() = match &params.workspace_folders {
            Some(folders) => folders
                .iter()
                .filter_map(|folder| path(&folder.uri))
                .collect(),
            None => root.into_iter().collect(),
        };
        // Shown twice they would be, if they were sent to an editor that asks for them.
        if !pulls {
            let (documents, client) = (Arc::clone(&self.documents), self.client.clone());
            self.operations.run_to_the_end(async move {
                diagnostics::publish(&documents, &client, encoding).await;
            });
        }
        let (documents, client) = (Arc::clone(&self.documents), self.client.clone());
        let look = self.operations.commands.look;
        self.operations.run_to_the_end(async move {
            let changed = || diagnostics::recheck(&documents, &client, &editor);
            troubles::watch(&documents, look, changed).await;
        });
        Ok(InitializeResult {
            capabilities: capabilities::offered(encoding, self.operations.commands.names),
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

    async fn did_save(&self, params: DidSaveTextDocumentParams) {
        let question = self.question(&params.text_document.uri);
        self.recheck().await;
        let found = match question {
            Some(question) => question.answer(|asked| asked.found.folder.clone()).await,
            None => Ok(None),
        };
        // What could not be answered is in the log.
        let Ok(Some(folder)) = found else { return };
        if self.documents.renderings.render(&folder).await {
            self.recheck().await;
        }
    }

    async fn did_change_watched_files(&self, _: DidChangeWatchedFilesParams) {
        self.recheck().await;
    }

    async fn hover(&self, params: HoverParams) -> Result<Option<Hover>> {
        let TextDocumentPositionParams {
            text_document,
            position,
        } = params.text_document_position_params;
        let hover = self.ask(&text_document.uri, move |asked| {
            let hover = asked.document.hover(asked.offset(position));
            hover.map(|hover| translate::hover(hover, &asked.lines))
        });
        Ok(hover.await?.flatten())
    }

    async fn completion(&self, params: CompletionParams) -> Result<Option<CompletionResponse>> {
        let TextDocumentPositionParams {
            text_document,
            position,
        } = params.text_document_position;
        let completions = self.ask(&text_document.uri, move |asked| {
            let completions = asked.document.completions(asked.offset(position));
            let numbered = completions.into_iter().enumerate();
            let items = numbered.map(|(at, it)| translate::completion(at, it, &asked.lines));
            items.collect()
        });
        Ok(completions.await?.map(CompletionResponse::Array))
    }

    async fn goto_definition(
        &self,
        params: GotoDefinitionParams,
    ) -> Result<Option<GotoDefinitionResponse>> {
        let TextDocumentPositionParams {
            text_document,
            position,
        } = params.text_document_position_params;
        let places = self.ask(&text_document.uri, move |asked| {
            let places = asked.document.definition(asked.offset(position));
            places
                .iter()
                .filter_map(|place| asked.location(place))
                .collect()
        });
        Ok(places.await?.map(GotoDefinitionResponse::Array))
    }

    async fn references(&self, params: ReferenceParams) -> Result<Option<Vec<Location>>> {
        let TextDocumentPositionParams {
            text_document,
            position,
        } = params.text_document_position;
        let uri = text_document.uri;
        self.ask(&uri, move |asked| renaming::references(asked, position))
            .await
    }

    async fn prepare_rename(
        &self,
        params: TextDocumentPositionParams,
    ) -> Result<Option<PrepareRenameResponse>> {
        let position = params.position;
        let uri = params.text_document.uri;
        let prepared = self.ask(&uri, move |asked| renaming::prepare(asked, position));
        prepared.await?.unwrap_or(Ok(None))
    }

    async fn rename(&self, params: RenameParams) -> Result<Option<WorkspaceEdit>> {
        let TextDocumentPositionParams {
            text_document,
            position,
        } = params.text_document_position;
        let name = params.new_name;
        let uri = text_document.uri;
        let renamed = self.ask(&uri, move |asked| renaming::rename(asked, position, &name));
        renamed.await?.unwrap_or(Ok(None))
    }

    async fn inlay_hint(&self, params: InlayHintParams) -> Result<Option<Vec<InlayHint>>> {
        let hints = self.ask(&params.text_document.uri, move |asked| {
            let shown = asked.offset(params.range.start)..=asked.offset(params.range.end);
            let hints = asked.document.hints().into_iter();
            let hints = hints.filter(|hint| shown.contains(&hint.at));
            hints
                .map(|hint| renaming::hint(hint, &asked.lines))
                .collect()
        });
        hints.await
    }

    async fn document_link(&self, params: DocumentLinkParams) -> Result<Option<Vec<DocumentLink>>> {
        let links = self.ask(&params.text_document.uri, |asked| {
            let links = asked.document.links().into_iter();
            links.map(|link| translate::link(&link, asked)).collect()
        });
        links.await
    }

    async fn document_symbol(
        &self,
        params: DocumentSymbolParams,
    ) -> Result<Option<DocumentSymbolResponse>> {
        let symbols = self.ask(&params.text_document.uri, |asked| {
            let symbols = asked.document.symbols().into_iter();
            symbols
                .map(|symbol| translate::symbol(symbol, &asked.lines))
                .collect()
        });
        Ok(symbols.await?.map(DocumentSymbolResponse::Nested))
    }

    async fn folding_range(&self, params: FoldingRangeParams) -> Result<Option<Vec<FoldingRange>>> {
        let folds = self.ask(&params.text_document.uri, |asked| {
            let folds = asked.document.folds();
            folds
                .iter()
                .map(|fold| translate::fold(fold, &asked.lines))
                .collect()
        });
        folds.await
    }

    async fn selection_range(
        &self,
        params: SelectionRangeParams,
    ) -> Result<Option<Vec<SelectionRange>>> {
        let selections = self.ask(&params.text_document.uri, move |asked| {
            let places = params.positions.iter();
            let ranges = places.map(|&place| asked.document.selections(asked.offset(place)));
            ranges
                .map(|ranges| translate::selection(&ranges, &asked.lines))
                .collect()
        });
        selections.await
    }

    async fn formatting(&self, params: DocumentFormattingParams) -> Result<Option<Vec<TextEdit>>> {
        let edits = self.ask(&params.text_document.uri, |asked| {
            let edits = asked.document.format();
            edits
                .iter()
                .map(|edit| translate::edit(edit, &asked.lines))
                .collect()
        });
        edits.await
    }

    async fn code_lens(&self, params: CodeLensParams) -> Result<Option<Vec<CodeLens>>> {
        let commands = self.editor().commands.clone();
        let lenses = self.ask(&params.text_document.uri, move |asked| {
            let lenses = asked.document.lenses().into_iter();
            let lens = |(range, lens)| lenses::lens(&range, lens, asked, &commands);
            lenses.filter_map(lens).collect()
        });
        lenses.await
    }

    async fn code_action(&self, params: CodeActionParams) -> Result<Option<CodeActionResponse>> {
        let actions = self.ask(&params.text_document.uri, move |asked| {
            actions::actions(asked, params.range, params.context.only.as_deref())
        });
        let actions = actions.await?.map(|actions| {
            let actions = actions.into_iter().map(CodeActionOrCommand::CodeAction);
            actions.collect()
        });
        Ok(actions)
    }

    async fn diagnostic(
        &self,
        params: DocumentDiagnosticParams,
    ) -> Result<DocumentDiagnosticReportResult> {
        let found = self.ask(&params.text_document.uri, diagnostics::diagnostics);
        let report = pull::report(found.await?.unwrap_or_default(), params.previous_result_id);
        Ok(DocumentDiagnosticReportResult::Report(report))
    }

    async fn workspace_diagnostic(
        &self,
        params: WorkspaceDiagnosticParams,
    ) -> Result<WorkspaceDiagnosticReportResult> {
        let folders = self.folders().clone();
        let workspace = pull::Workspace {
            folders,
            documents: Arc::clone(&self.documents),
            encoding: self.editor().encoding,
        };
        let report = workspace.report(params.previous_result_ids).await?;
        Ok(WorkspaceDiagnosticReportResult::Report(report))
    }

    async fn did_change_workspace_folders(&self, params: DidChangeWorkspaceFoldersParams) {
        {
            let mut folders = self.folders();
            folders.retain(|folder| {
                let gone = &params.event.removed;
                !gone
                    .iter()
                    .any(|gone| path(&gone.uri).as_ref() == Some(folder))
            });
            folders.extend(params.event.added.iter().filter_map(|it| path(&it.uri)));
        }
        self.documents.recheck();
    }

    async fn execute_command(&self, params: ExecuteCommandParams) -> Result<Option<LSPAny>> {
        let result = self.operations.execute(params).await;
        self.documents.troubles.look_again();
        result
    }
}
