//! Problems for people.

use annotate_snippets::{AnnotationKind, Group, Level, Renderer, Snippet};

use super::Checked;
use crate::analysis::{Problem, Severity};

/// Each problem with its line, then the counts.
pub(super) fn render(checked: &[Checked], color: bool) -> String {
    let renderer = if color {
        Renderer::styled()
    } else {
        Renderer::plain()
    };
    let mut answer = String::new();
    for file in checked {
        for problem in &file.problems {
            answer.push_str(&renderer.render(&report(file, problem)));
            answer.push_str("\n\n");
        }
    }
    answer.push_str(&summary(checked));
    answer
}

fn report<'a>(file: &'a Checked, problem: &'a Problem) -> Vec<Group<'a>> {
    let level = match problem.severity {
        Severity::Error => Level::ERROR,
        Severity::Warning => Level::WARNING,
        Severity::Information => Level::INFO,
    };
    let snippet = Snippet::source(&file.text)
        .path(file.path.to_string_lossy())
        .annotation(AnnotationKind::Primary.span(problem.range.clone()));
    let problem_group = level
        .primary_title(&problem.message)
        .id(problem.code.as_str())
        .element(snippet);
    let fixes = problem.fixes.iter();
    let fixes = fixes.map(|fix| Group::with_title(Level::HELP.secondary_title(&fix.title)));
    std::iter::once(problem_group).chain(fixes).collect()
}

fn summary(checked: &[Checked]) -> String {
    let count = |severity: Severity| {
        let problems = checked.iter().flat_map(|file| &file.problems);
        problems
            .filter(|problem| problem.severity == severity)
            .count()
    };
    let files = number(checked.len(), "file");
    let parts: Vec<_> = [
        (count(Severity::Error), "error"),
        (count(Severity::Warning), "warning"),
        (count(Severity::Information), "hint"),
    ]
    .into_iter()
    .filter(|(count, _)| *count > 0)
    .map(|(count, what)| number(count, what))
    .collect();
    if parts.is_empty() {
        format!("No problems in {files}.")
    } else {
        format!("{} in {files}.", parts.join(", "))
    }
}

fn number(count: usize, what: &str) -> String {
    format!("{count} {what}{}", if count == 1 { "" } else { "s" })
}
