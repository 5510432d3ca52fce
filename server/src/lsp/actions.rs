//! Code actions: quick fixes, all fixes at once, and comments that keep a problem from being shown.

use std::collections::HashMap;

use tower_lsp::ls_types::{CodeAction, CodeActionKind, Range, TextEdit, WorkspaceEdit};

use super::ask::Asked;
use super::{diagnostics, translate};
use crate::analysis::{Edit, Fix, Problem, automatic, suppressing};

/// All fixes that need nobody to look at them.
pub(super) const FIX_ALL: CodeActionKind = CodeActionKind::new("source.fixAll.azds");

/// What can be done about a range of a document. `only` are the kinds that the editor wants to have.
pub(super) fn actions(
    asked: &Asked<'_>,
    range: Range,
    only: Option<&[CodeActionKind]>,
) -> Vec<CodeAction> {
    let wants =
        |kind: &CodeActionKind| only.is_none_or(|only| only.iter().any(|it| is_in(kind, it)));
    let problems = asked.document.problems();
    let mut actions = Vec::new();
    if wants(&CodeActionKind::QUICKFIX) {
        let range = asked.offset(range.start)..=asked.offset(range.end);
        let touched: Vec<&Problem> = problems
            .iter()
            .filter(|it| it.range.start <= *range.end() && it.range.end >= *range.start())
            .collect();
        for problem in &touched {
            let only = problem.fixes.len() == 1;
            let fixes = problem.fixes.iter();
            actions.extend(fixes.map(|fix| quick_fix(asked, problem, fix, only)));
        }
        for problem in &touched {
            let fixes = suppressing(asked.document.text(), problem);
            actions.extend(
                fixes
                    .iter()
                    .map(|fix| quick_fix(asked, problem, fix, false)),
            );
        }
    }
    // Editors show it beside the quick fixes only where it is asked for by its kind.
    if only.is_some() && wants(&FIX_ALL) {
        actions.extend(fix_all(asked, &problems));
    }
    actions
}

/// Whether a kind is another one or below it: `source.fixAll` has `source.fixAll.azds` below it.
fn is_in(kind: &CodeActionKind, other: &CodeActionKind) -> bool {
    let rest = kind.as_str().strip_prefix(other.as_str());
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('.') || other.as_str().is_empty())
}

fn fix_all(asked: &Asked<'_>, problems: &[Problem]) -> Option<CodeAction> {
    let edits = automatic(Vec::new(), problems);
    (!edits.is_empty()).then(|| CodeAction {
        title: "Fix all that azds can fix".to_owned(),
        kind: Some(FIX_ALL),
        edit: Some(workspace_edit(asked, edits)),
        ..CodeAction::default()
    })
}

fn quick_fix(asked: &Asked<'_>, problem: &Problem, fix: &Fix, preferred: bool) -> CodeAction {
    CodeAction {
        title: fix.title.clone(),
        kind: Some(CodeActionKind::QUICKFIX),
        diagnostics: Some(vec![diagnostics::diagnostic(problem, &asked.lines)]),
        is_preferred: Some(preferred),
        edit: Some(workspace_edit(asked, &fix.edits)),
        ..CodeAction::default()
    }
}

fn workspace_edit<'e>(
    asked: &Asked<'_>,
    edits: impl IntoIterator<Item = &'e Edit>,
) -> WorkspaceEdit {
    let edits = edits
        .into_iter()
        .map(|edit| translate::edit(edit, &asked.lines));
    let edits: Vec<TextEdit> = edits.collect();
    WorkspaceEdit {
        changes: Some(HashMap::from([(asked.uri.clone(), edits)])),
        ..WorkspaceEdit::default()
    }
}
