//! Problems as LSP's diagnostics and quick fixes.

use std::collections::HashMap;
use std::path::PathBuf;

use tower_lsp::Client;
use tower_lsp::ls_types::{
    CodeAction, CodeActionKind, CodeDescription, Diagnostic, DiagnosticSeverity, NumberOrString,
    Position, Range, TextEdit, Uri, WorkspaceEdit,
};

use super::documents::{Documents, Snapshot, Work};
use crate::analysis::lines::{self, Encoding, Lines};
use crate::analysis::{Fix, Problem, Severity};
use crate::commands::check;

/// Shows the problems of documents that were changed, one document after the other, for ever.
pub(super) async fn publish(documents: &Documents, client: &Client, encoding: Encoding) {
    loop {
        match documents.next().await {
            Work::Analyse(snapshot) => {
                let problems = problems(&snapshot).await;
                if documents.may_show(&snapshot, problems.is_some()) {
                    let problems = problems.unwrap_or_default();
                    let diagnostics = diagnostics(&snapshot.text, &problems, encoding);
                    let version = Some(snapshot.version);
                    client
                        .publish_diagnostics(snapshot.uri, diagnostics, version)
                        .await;
                }
            }
            Work::Clear(uri) => client.publish_diagnostics(uri, Vec::new(), None).await,
        }
    }
}

/// The quick fixes of a document that touch a range.
pub(super) async fn quick_fixes(
    snapshot: &Snapshot,
    range: Range,
    encoding: Encoding,
) -> Vec<CodeAction> {
    let problems = problems(snapshot).await.unwrap_or_default();
    let lines = Lines::new(&snapshot.text, encoding);
    let asked = lines.offset(position(range.start))..=lines.offset(position(range.end));
    problems
        .iter()
        .filter(|problem| {
            problem.range.start <= *asked.end() && problem.range.end >= *asked.start()
        })
        .flat_map(|problem| {
            let fixes = problem.fixes.iter();
            fixes.map(|fix| quick_fix(&snapshot.uri, problem, fix, &lines))
        })
        .collect()
}

/// Looks for files, so it runs where it may wait for the disk.
async fn problems(snapshot: &Snapshot) -> Option<Vec<Problem>> {
    let path = path(&snapshot.uri)?;
    let text = snapshot.text.clone();
    let analysis = tokio::task::spawn_blocking(move || check::problems_of(&path, &text));
    analysis.await.unwrap_or_else(|error| {
        tracing::error!(%error, "the analysis of a document failed");
        None
    })
}

fn path(uri: &Uri) -> Option<PathBuf> {
    let is_file = uri.scheme().as_str().eq_ignore_ascii_case("file");
    is_file.then(|| Some(uri.to_file_path()?.into_owned()))?
}

fn diagnostics(text: &str, problems: &[Problem], encoding: Encoding) -> Vec<Diagnostic> {
    let lines = Lines::new(text, encoding);
    let diagnostics = problems.iter().map(|problem| diagnostic(problem, &lines));
    diagnostics.collect()
}

fn diagnostic(problem: &Problem, lines: &Lines) -> Diagnostic {
    let documentation = problem.code.documentation().parse();
    Diagnostic {
        range: range(&problem.range, lines),
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

fn quick_fix(uri: &Uri, problem: &Problem, fix: &Fix, lines: &Lines) -> CodeAction {
    let edits = fix.edits.iter().map(|edit| TextEdit {
        range: range(&edit.range, lines),
        new_text: edit.text.clone(),
    });
    CodeAction {
        title: fix.title.clone(),
        kind: Some(CodeActionKind::QUICKFIX),
        diagnostics: Some(vec![diagnostic(problem, lines)]),
        is_preferred: Some(problem.fixes.len() == 1),
        edit: Some(WorkspaceEdit {
            changes: Some(HashMap::from([(uri.clone(), edits.collect())])),
            ..WorkspaceEdit::default()
        }),
        ..CodeAction::default()
    }
}

fn range(range: &std::ops::Range<usize>, lines: &Lines) -> Range {
    let position = |offset| {
        let lines::Position { line, character } = lines.position(offset);
        Position { line, character }
    };
    Range {
        start: position(range.start),
        end: position(range.end),
    }
}

/// The editor's position as ours.
pub(super) fn position(position: Position) -> lines::Position {
    lines::Position {
        line: position.line,
        character: position.character,
    }
}
