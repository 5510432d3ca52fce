//! Problems as LSP's diagnostics and quick fixes.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use tower_lsp::Client;
use tower_lsp::ls_types::{CodeDescription, Diagnostic, DiagnosticSeverity, NumberOrString, Uri};

use super::ask::{Asked, Question};
use super::capabilities::Editor;
use super::documents::{Documents, Work};
use super::translate;
use crate::analysis::lines::{Encoding, Lines};
use crate::analysis::{Problem, Severity};

/// So long the editor may take to answer a request.
pub(super) const ANSWER: Duration = Duration::from_secs(10);

/// Shows the problems of documents that were changed, one document after the other, for ever.
pub(super) async fn publish(documents: &Arc<Documents>, client: &Client, encoding: Encoding) {
    // What is shown already need not be sent again.
    let mut shown: HashMap<Uri, (i32, Vec<Diagnostic>)> = HashMap::new();
    loop {
        match documents.next().await {
            Work::Analyse(snapshot) => {
                let question = Question {
                    snapshot: snapshot.clone(),
                    documents: Arc::clone(documents),
                    encoding,
                };
                // What could not be answered is in the log; what is shown already stays.
                let Ok(found) = question.answer(diagnostics).await else {
                    continue;
                };
                if documents.may_show(&snapshot, found.is_some()) {
                    let found = (snapshot.version, found.unwrap_or_default());
                    if shown.get(&snapshot.uri) == Some(&found) {
                        continue;
                    }
                    shown.insert(snapshot.uri.clone(), found.clone());
                    let (version, found) = found;
                    client
                        .publish_diagnostics(snapshot.uri, found, Some(version))
                        .await;
                }
            }
            Work::Clear(uri) => {
                shown.remove(&uri);
                client.publish_diagnostics(uri, Vec::new(), None).await;
            }
        }
    }
}

/// Has all looked at again: what is said may depend on more than the documents.
pub(super) async fn recheck(documents: &Documents, client: &Client, editor: &Editor) {
    documents.recheck();
    if editor.pulls_diagnostics && editor.refreshes_diagnostics {
        let refreshed = client.workspace_diagnostic_refresh();
        if tokio::time::timeout(ANSWER, refreshed).await.is_err() {
            tracing::warn!("the editor does not answer workspace/diagnostic/refresh");
        }
    }
}

/// The problems of a document.
pub(super) fn diagnostics(asked: &Asked<'_>) -> Vec<Diagnostic> {
    let problems = asked.document.problems();
    let diagnostics = problems
        .iter()
        .map(|problem| diagnostic(problem, &asked.lines));
    diagnostics.collect()
}

/// A problem as the editor has it.
pub(super) fn diagnostic(problem: &Problem, lines: &Lines) -> Diagnostic {
    let documentation = problem.code.documentation().parse();
    Diagnostic {
        range: translate::range(&problem.range, lines),
        severity: Some(match problem.severity {
            Severity::Error => DiagnosticSeverity::ERROR,
            Severity::Warning => DiagnosticSeverity::WARNING,
            Severity::Information => DiagnosticSeverity::INFORMATION,
        }),
        code: Some(NumberOrString::String(problem.code.to_string())),
        code_description: documentation.ok().map(|href| CodeDescription { href }),
        source: Some("azds".to_owned()),
        message: problem.message.clone(),
        ..Diagnostic::default()
    }
}
