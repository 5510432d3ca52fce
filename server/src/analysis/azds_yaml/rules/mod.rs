//! What is wrong with an azds.yaml beyond its keys and types: one file for each subject.

mod globs;
mod image;
mod ingress;
mod process;
mod references;

pub(super) use globs::{USUAL, preview};

use super::AzdsFile;
use super::schema::{self, Type};
use crate::analysis::yaml::{Entry, Node};
use crate::analysis::{Code, Edit, Fix, Problem, Surroundings};

/// What a rule looks at.
pub(super) struct Subject<'a> {
    pub root: &'a Node,
    pub text: &'a str,
    pub file: &'a AzdsFile,
    /// Whether all of the text could be read: what is missing may stand in the rest.
    pub whole: bool,
}

/// What can be told from the text alone.
pub(super) fn check(subject: &Subject<'_>, problems: &mut Vec<Problem>) {
    api_version(subject, problems);
    chart(subject, problems);
    back_slashes(subject, problems);
    image::check(subject, problems);
    ingress::check(subject, problems);
    references::check(subject, problems);
}

/// What takes a look around.
pub(super) fn check_around(
    subject: &Subject<'_>,
    around: &dyn Surroundings,
    problems: &mut Vec<Problem>,
) {
    references::check_variables(subject, around, problems);
    globs::check(subject, around, problems);
    process::check(subject, around, problems);
}

fn api_version(subject: &Subject<'_>, problems: &mut Vec<Problem>) {
    let Some(version) = subject.root.get("apiVersion") else {
        return;
    };
    let text = version.text().unwrap_or_default();
    // YAML has it as a number, and people write it as a text.
    if version.is_null() || ["1.0", "1.1", "1"].contains(&text) {
        return;
    }
    let range = version.range.clone();
    let message = "The versions of the format are `1.0` and `1.1`; azds reads this as `1.1`.";
    let problem = Problem::warning(Code::UnknownApiVersion, range.clone(), message);
    problems.push(problem.fixed_by("Change to `1.1`", range, "1.1"));
}

fn chart(subject: &Subject<'_>, problems: &mut Vec<Problem>) {
    let has_chart = || {
        let chart = subject.root.get("install")?.get("chart")?;
        (!chart.is_null()).then_some(())
    };
    let Some(kind) = entry(subject.root, "kind") else {
        return;
    };
    if !subject.whole || has_chart().is_some() {
        return;
    }
    let place = entry(subject.root, "install").unwrap_or(kind);
    let message = "There is no `install.chart`: azds does not know what to install.";
    problems.push(Problem::error(
        Code::MissingKey,
        place.key.range.clone(),
        message,
    ));
}

fn back_slashes(subject: &Subject<'_>, problems: &mut Vec<Problem>) {
    schema::visit(subject.root, &mut |_, kind, node| {
        let Type::Path(_) = kind else { return };
        let written = subject.text.get(node.range.clone()).unwrap_or_default();
        if !node.text().is_some_and(|text| text.contains('\\')) || written.contains('\n') {
            return;
        }
        let range = node.range.clone();
        let message =
            "azds reads `\\` in paths as `/`, but other tools and people on Linux do not.";
        let slashes = match written.starts_with('"') {
            true => written.replace("\\\\", "/"),
            false => written.replace('\\', "/"),
        };
        let problem = Problem::information(Code::BackSlash, range.clone(), message);
        problems.push(problem.fixed_by("Change to `/`", range, slashes));
    });
}

/// The entry of a map under a key; the last one if the key stands there twice.
fn entry<'n>(map: &'n Node, key: &str) -> Option<&'n Entry> {
    let mut entries = map.entries().iter();
    entries.rfind(|entry| entry.key.text() == Some(key))
}

/// The edit that puts a line after the one with `kind`.
pub(super) fn insert_after_kind(root: &Node, text: &str, line: &str) -> Option<Edit> {
    let kind = entry(root, "kind")?;
    let (_, indent, end) = first_line(root, text)?;
    let at = kind.value.range.end;
    let at = text[at..]
        .find(['\r', '\n'])
        .map_or(text.len(), |to| at + to);
    Some(Edit {
        range: at..at,
        text: format!("{end}{indent}{line}"),
    })
}

/// The fix that puts lines before the first entry of a map.
fn insert_first(title: &str, map: &Node, text: &str, lines: &[&str]) -> Option<Fix> {
    let (at, indent, end) = first_line(map, text)?;
    let lines = lines.iter().map(|line| format!("{line}{end}{indent}"));
    Some(inserting(title, at, lines.collect()))
}

/// The fix that puts lines after the last entry of a map.
fn insert_last(title: &str, map: &Node, text: &str, lines: &[&str]) -> Option<Fix> {
    let (_, indent, end) = first_line(map, text)?;
    // A text of many lines ends with its line end, everything else before it.
    let last = text[..map.range.end].trim_end().len();
    let at = text[last..]
        .find(['\r', '\n'])
        .map_or(text.len(), |at| last + at);
    let lines = lines.iter().map(|line| format!("{end}{indent}{line}"));
    Some(inserting(title, at, lines.collect()))
}

/// Where the first key of a map in a block begins, its indentation, and how lines end.
fn first_line<'t>(map: &Node, text: &'t str) -> Option<(usize, &'t str, &'static str)> {
    let at = map.entries().first()?.key.range.start;
    let start = text[..at].rfind('\n').map_or(0, |end| end + 1);
    let indent = &text[start..at];
    // What stands before the key belongs to it: `- `, or the bracket of a map in one line.
    let is_block = indent.chars().all(|c| c == ' ');
    let end = if text.contains("\r\n") { "\r\n" } else { "\n" };
    is_block.then_some((at, indent, end))
}

fn inserting(title: &str, at: usize, text: String) -> Fix {
    Fix {
        title: title.to_owned(),
        edits: vec![Edit {
            range: at..at,
            text,
        }],
        automatic: true,
    }
}

/// The fix that takes an entry away with its lines. `None` if other things stand on them.
pub(in crate::analysis) fn remove(title: &str, entry: &Entry, text: &str) -> Option<Fix> {
    let start = entry.key.range.start;
    let line = text[..start].rfind('\n').map_or(0, |end| end + 1);
    let value_end = entry.value.range.end.max(entry.key.range.end);
    let end = text[value_end..]
        .find('\n')
        .map_or(text.len(), |at| value_end + at + 1);
    let before = text[line..start].trim();
    let after = text[value_end..end].trim();
    let alone = before.is_empty() && (after.is_empty() || after.starts_with('#'));
    // A value of many lines may end where its last line begins.
    let clean = !text[start..value_end].contains('\n') || entry.value.text().is_none();
    (alone && clean).then(|| Fix {
        title: title.to_owned(),
        edits: vec![Edit {
            range: line..end,
            text: String::new(),
        }],
        automatic: false,
    })
}
