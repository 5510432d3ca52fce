//! Problems for programs.

use std::fmt::Write;
use std::ops::Range;
use std::path::Path;

use serde_json::{Value as Json, json};

use super::Checked;
use crate::analysis::lines::{Encoding, Lines, Position};
use crate::analysis::{Code, Edit, Fix, Problem, Severity};
use crate::system::with_slashes;

/// An array of problems, with positions as LSP has them: from zero, in UTF-16.
pub(super) fn problems(checked: &[Checked]) -> String {
    let all: Vec<Json> = checked.iter().flat_map(problems_of).collect();
    format!("{:#}", Json::Array(all))
}

fn problems_of(file: &Checked) -> Vec<Json> {
    let lines = Lines::new(&file.text, Encoding::Utf16);
    let position = |offset| {
        let Position { line, character } = lines.position(offset);
        json!({"line": line, "character": character})
    };
    let problem = |problem: &Problem| {
        let fixes: Vec<_> = problem.fixes.iter().map(|fix| &fix.title).collect();
        json!({
            "file": file.path,
            "range": {"start": position(problem.range.start), "end": position(problem.range.end)},
            "severity": problem.severity.as_str(),
            "code": problem.code.as_str(),
            "message": problem.message,
            "fixes": fixes,
        })
    };
    file.problems.iter().map(problem).collect()
}

/// A SARIF 2.1.0 log with one run.
pub(super) fn sarif(checked: &[Checked]) -> String {
    let results: Vec<Json> = checked.iter().flat_map(results_of).collect();
    let rules = Code::ALL.iter();
    let rules: Vec<_> = rules
        .map(|code| json!({"id": code.as_str(), "helpUri": code.documentation()}))
        .collect();
    let log = json!({
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": {"driver": {
                "name": "azds",
                "version": env!("CARGO_PKG_VERSION"),
                "informationUri": env!("CARGO_PKG_REPOSITORY"),
                "rules": rules,
            }},
            "columnKind": "utf16CodeUnits",
            "results": results,
        }],
    });
    format!("{log:#}")
}

fn results_of(file: &Checked) -> Vec<Json> {
    let lines = Lines::new(&file.text, Encoding::Utf16);
    let uri = uri(&file.path.to_string_lossy());
    let result = |problem: &Problem| {
        let level = match problem.severity {
            Severity::Error => "error",
            Severity::Warning => "warning",
            Severity::Information => "note",
        };
        let fixes: Vec<Json> = problem
            .fixes
            .iter()
            .map(|it| fix(it, &uri, &lines))
            .collect();
        json!({
            "ruleId": problem.code.as_str(),
            "level": level,
            "message": {"text": problem.message},
            "locations": [{"physicalLocation": {
                "artifactLocation": {"uri": uri},
                "region": region(&problem.range, &lines),
            }}],
            "fixes": fixes,
        })
    };
    file.problems.iter().map(result).collect()
}

/// SARIF counts lines and columns from one.
fn region(range: &Range<usize>, lines: &Lines) -> Json {
    let (start, end) = (lines.position(range.start), lines.position(range.end));
    json!({
        "startLine": start.line + 1,
        "startColumn": start.character + 1,
        "endLine": end.line + 1,
        "endColumn": end.character + 1,
    })
}

fn fix(fix: &Fix, uri: &str, lines: &Lines) -> Json {
    let replacement = |edit: &Edit| json!({"deletedRegion": region(&edit.range, lines), "insertedContent": {"text": edit.text}});
    let replacements: Vec<Json> = fix.edits.iter().map(replacement).collect();
    json!({
        "description": {"text": fix.title},
        "artifactChanges": [{"artifactLocation": {"uri": uri}, "replacements": replacements}],
    })
}

/// A path as a relative reference, or as a `file:` URI if it is absolute.
fn uri(path: &str) -> String {
    let mut uri = String::from(match Path::new(path).is_absolute() {
        // `C:/x` has no `/` before it.
        true if cfg!(windows) => "file:///",
        true => "file://",
        false => "",
    });
    for byte in with_slashes(path).bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'/' | b'.' | b'-' | b'_' | b'~' => {
                uri.push(byte as char);
            }
            _ => {
                write!(uri, "%{byte:02X}").expect("a String takes everything");
            }
        }
    }
    uri
}
