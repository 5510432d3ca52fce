//! Problems as labels under the lines of a text: `#   ^^^^ code: message`.

use super::{Problem, Severity};

use expect_test::Expect;

/// Takes the labels out of a fixture, analyses what is left, and compares it with its labels.
pub(super) fn check(fixture: Expect, analyse: impl Fn(&str) -> Vec<Problem>) {
    let text = without_labels(&without_indent(fixture.data()));
    fixture.assert_eq(&with_labels(&text, &analyse(&text)));
}

fn without_indent(text: &str) -> String {
    let text = text.strip_prefix('\n').unwrap_or(text);
    let indent = |line: &str| line.len() - line.trim_start_matches(' ').len();
    let lines = || text.split_inclusive('\n');
    let full = |line: &&str| !line.trim().is_empty();
    let least = lines().filter(full).map(indent).min().unwrap_or(0);
    lines()
        .map(|line| {
            line.get(least..)
                .unwrap_or_else(|| line.trim_start_matches(' '))
        })
        .collect()
}

fn without_labels(fixture: &str) -> String {
    let is_label = |line: &&str| {
        let line = line.trim_start_matches('#').trim_start();
        line.starts_with('^')
    };
    let lines = fixture.split_inclusive('\n');
    lines.filter(|line| !is_label(line)).collect()
}

/// Puts problems into a text as labels. A label in the first column has no `#`.
fn with_labels(text: &str, problems: &[Problem]) -> String {
    let mut labelled = String::new();
    let mut start = 0;
    for line in text.split_inclusive('\n') {
        let content = line.trim_end_matches(['\r', '\n']);
        labelled.push_str(content);
        labelled.push('\n');
        let here = |problem: &&Problem| {
            let at = problem.range.start;
            (start..start + line.len()).contains(&at)
                || at == text.len() && start + line.len() == at
        };
        for problem in problems.iter().filter(here) {
            labelled.push_str(&label(content, start, problem));
        }
        start += line.len();
    }
    labelled
}

fn label(line: &str, start: usize, problem: &Problem) -> String {
    let column = (problem.range.start - start).min(line.len());
    let end = (problem.range.end - start).min(line.len());
    let column = line[..column].chars().count();
    let width = line[..end].chars().count().saturating_sub(column).max(1);
    let margin = match column {
        0 => String::new(),
        _ => format!("#{:1$}", "", column - 1),
    };
    let mark = "^".repeat(width);
    let severity = match problem.severity {
        Severity::Error => "",
        Severity::Warning => " (warning)",
        Severity::Information => " (information)",
    };
    let Problem { code, message, .. } = problem;
    let mut text = format!("{margin}{mark} {code}{severity}: {message}");
    for fix in &problem.fixes {
        text.push_str(&format!(" [{}]", fix.title));
    }
    text.push('\n');
    text
}
