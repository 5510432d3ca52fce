//! Problems as labels under the lines of a text: `#   ^^^^ code: message`.

use std::collections::BTreeMap;

use expect_test::Expect;

use super::{Document, Kind, Problem, Severity, Source, Surroundings, Trouble};

/// Files and folders that are there, by their paths; those of folders end in `/`.
#[derive(Default)]
pub(super) struct There {
    pub texts: BTreeMap<String, String>,
    pub variables: BTreeMap<String, String>,
    pub helm: Option<String>,
    pub trouble: Vec<Trouble>,
}

impl There {
    /// Empty files.
    pub fn with(paths: &[&str]) -> There {
        let texts = paths.iter().map(|path| ((*path).to_owned(), String::new()));
        There {
            texts: texts.collect(),
            ..There::default()
        }
    }
}

impl Surroundings for There {
    fn is_file(&self, path: &str) -> bool {
        self.texts.contains_key(path)
    }

    fn is_folder(&self, path: &str) -> bool {
        let path = path.trim_start_matches("./");
        let below = format!("{path}/");
        path == "." || self.texts.keys().any(|other| other.starts_with(&below))
    }

    fn entries(&self, folder: &str) -> Vec<String> {
        let below = if folder == "." {
            String::new()
        } else {
            format!("{folder}/")
        };
        let inside = self
            .texts
            .keys()
            .filter_map(|path| path.strip_prefix(&below));
        let names = inside.filter(|rest| !rest.is_empty() && !rest.starts_with("../"));
        let mut names: Vec<String> = names
            .map(|rest| match rest.split_once('/') {
                Some((folder, _)) => format!("{folder}/"),
                None => rest.to_owned(),
            })
            .collect();
        names.sort();
        names.dedup();
        names
    }

    fn text(&self, path: &str) -> Option<String> {
        self.texts.get(path).cloned()
    }

    fn context(&self, _: &super::Context<'_>) -> Option<Vec<String>> {
        let files = self.texts.keys().filter(|path| !path.ends_with('/'));
        Some(files.cloned().collect())
    }

    fn variable(&self, name: &str) -> Option<String> {
        self.variables.get(name).cloned()
    }

    fn helm(&self) -> Option<String> {
        self.helm.clone()
    }

    fn trouble(&self) -> Vec<Trouble> {
        self.trouble.clone()
    }

    fn variables(&self) -> Vec<String> {
        self.variables.keys().cloned().collect()
    }
}

/// Asks the document that a text makes.
pub(super) fn ask<T>(
    kind: Kind,
    text: &str,
    around: &There,
    question: impl FnOnce(&Document<'_>) -> T,
) -> T {
    let path = match kind {
        Kind::AzdsYaml => "azds.yaml",
        _ => "values.dev.yaml",
    };
    ask_at(path, kind, text, around, question)
}

/// Asks the document that a text makes at a path.
pub(super) fn ask_at<T>(
    path: &str,
    kind: Kind,
    text: &str,
    around: &There,
    question: impl FnOnce(&Document<'_>) -> T,
) -> T {
    let source = std::sync::Arc::new(Source::new(text));
    question(&Document {
        kind,
        path,
        source: &source,
        around,
    })
}

/// Takes the cursor, `$0`, out of a text.
pub(super) fn cursor(marked: &str) -> (String, usize) {
    let at = marked.find("$0").expect("the text has a cursor");
    (marked.replacen("$0", "", 1), at)
}

/// Takes the labels out of a fixture, analyses what is left, and compares it with its labels.
pub(super) fn check(fixture: Expect, analyse: impl Fn(&str) -> Vec<Problem>) {
    let text = without_labels(&without_indent(fixture.data()));
    fixture.assert_eq(&with_labels(&text, &analyse(&text)));
}

pub(super) fn without_indent(text: &str) -> String {
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

pub(super) fn without_labels(fixture: &str) -> String {
    let is_label = |line: &&str| {
        let line = line.trim_start_matches('#').trim_start();
        line.starts_with('^')
    };
    let lines = fixture.split_inclusive('\n');
    lines.filter(|line| !is_label(line)).collect()
}

/// Puts problems into a text as labels. A label in the first column has no `#`.
pub(super) fn with_labels(text: &str, problems: &[Problem]) -> String {
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
