//! Diagnostics for editors that ask for them, for one document or for the whole workspace.

use std::collections::{HashMap, HashSet};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tower_lsp::jsonrpc::Result;
use tower_lsp::ls_types::{
    Diagnostic, DocumentDiagnosticReport, FullDocumentDiagnosticReport, PreviousResultId,
    RelatedFullDocumentDiagnosticReport, RelatedUnchangedDocumentDiagnosticReport,
    UnchangedDocumentDiagnosticReport, Uri, WorkspaceDiagnosticReport,
    WorkspaceDocumentDiagnosticReport, WorkspaceFullDocumentDiagnosticReport,
    WorkspaceUnchangedDocumentDiagnosticReport,
};

use super::ask::Question;
use super::diagnostics;
use super::documents::{Documents, Snapshot};
use crate::analysis::Source;
use crate::analysis::lines::Encoding;
use crate::commands::check;

/// The answer to `textDocument/diagnostic`.
pub(super) fn report(found: Vec<Diagnostic>, previous: Option<String>) -> DocumentDiagnosticReport {
    let result_id = result_id(&found);
    if previous.as_ref() == Some(&result_id) {
        let unchanged = RelatedUnchangedDocumentDiagnosticReport {
            related_documents: None,
            unchanged_document_diagnostic_report: UnchangedDocumentDiagnosticReport { result_id },
        };
        return unchanged.into();
    }
    let full = RelatedFullDocumentDiagnosticReport {
        related_documents: None,
        full_document_diagnostic_report: FullDocumentDiagnosticReport {
            result_id: Some(result_id),
            items: found,
        },
    };
    full.into()
}

/// Diagnostics that are alike have the same.
fn result_id(diagnostics: &[Diagnostic]) -> String {
    let mut hasher = DefaultHasher::new();
    serde_json::to_string(diagnostics)
        .unwrap_or_default()
        .hash(&mut hasher);
    format!("{:016x}", hasher.finish())
}

/// All services in the editor's folders, and all that is open.
pub(super) struct Workspace {
    pub folders: Vec<PathBuf>,
    pub documents: Arc<Documents>,
    pub encoding: Encoding,
}

impl Workspace {
    /// The answer to `workspace/diagnostic`. Editors ask again as soon as they have it, so it waits until
    /// there is something new to say.
    pub async fn report(
        self,
        previous: Vec<PreviousResultId>,
    ) -> Result<WorkspaceDiagnosticReport> {
        let workspace = Arc::new(self);
        let previous: Arc<HashMap<Uri, String>> =
            Arc::new(previous.into_iter().map(|it| (it.uri, it.value)).collect());
        let mut moves = workspace.documents.moves();
        loop {
            moves.mark_unchanged();
            let (here, known) = (Arc::clone(&workspace), Arc::clone(&previous));
            let items = tokio::task::spawn_blocking(move || here.items(&known)).await;
            let items = items.map_err(|error| {
                tracing::error!(%error, "the workspace was not looked at");
                tower_lsp::jsonrpc::Error::internal_error()
            })?;
            let changed = |item: &_| matches!(item, WorkspaceDocumentDiagnosticReport::Full(_));
            if items.iter().any(changed) || previous.is_empty() {
                return Ok(WorkspaceDiagnosticReport { items });
            }
            if moves.changed().await.is_err() {
                return Ok(WorkspaceDiagnosticReport { items });
            }
        }
    }

    fn items(&self, previous: &HashMap<Uri, String>) -> Vec<WorkspaceDocumentDiagnosticReport> {
        let mut items = Vec::new();
        let mut seen = HashSet::new();
        for snapshot in self.snapshots() {
            let (uri, version) = (snapshot.uri.clone(), snapshot.version);
            let question = Question {
                snapshot,
                documents: Arc::clone(&self.documents),
                encoding: self.encoding,
            };
            if let Some(found) = question.answer_here(diagnostics::diagnostics) {
                seen.insert(uri.clone());
                let version = (version != Snapshot::ON_DISK).then_some(i64::from(version));
                items.push(item(uri, version, found, previous));
            }
        }
        // What was there and is gone has no problems any more.
        let gone = previous.keys().filter(|uri| !seen.contains(*uri));
        items.extend(gone.map(|uri| item(uri.clone(), None, Vec::new(), previous)));
        items
    }

    /// What is open, and what is on disk besides.
    fn snapshots(&self) -> Vec<Snapshot> {
        let mut snapshots = self.documents.snapshots();
        let open: HashSet<PathBuf> = snapshots.iter().filter_map(|it| it.path.clone()).collect();
        for path in self
            .folders
            .iter()
            .flat_map(|folder| check::files_in(folder))
        {
            if !open.contains(&path)
                && let Some(snapshot) = on_disk(&path)
            {
                snapshots.push(snapshot);
            }
        }
        snapshots
    }
}

fn on_disk(path: &Path) -> Option<Snapshot> {
    let text = std::fs::read_to_string(path).ok()?;
    Some(Snapshot::on_disk(
        Uri::from_file_path(path)?,
        path.to_owned(),
        Source::new(text),
    ))
}

fn item(
    uri: Uri,
    version: Option<i64>,
    found: Vec<Diagnostic>,
    previous: &HashMap<Uri, String>,
) -> WorkspaceDocumentDiagnosticReport {
    let result_id = result_id(&found);
    if previous.get(&uri) == Some(&result_id) {
        return WorkspaceUnchangedDocumentDiagnosticReport {
            uri,
            version,
            unchanged_document_diagnostic_report: UnchangedDocumentDiagnosticReport { result_id },
        }
        .into();
    }
    WorkspaceFullDocumentDiagnosticReport {
        uri,
        version,
        full_document_diagnostic_report: FullDocumentDiagnosticReport {
            result_id: Some(result_id),
            items: found,
        },
    }
    .into()
}
