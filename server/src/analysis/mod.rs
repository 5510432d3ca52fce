//! Text in, answers out. Pure: no tokio, no kube, no LSP types, no files, no clock. Cannot fail.
//!
//! All positions are byte offsets into the text that was given.

pub mod across;
pub mod answer;
pub mod azds_yaml;
pub mod chart;
mod code;
pub mod compiler;
mod document;
pub mod lines;
pub mod placements;
mod project;
pub mod service;
mod spelling;
mod suppression;
mod surroundings;
pub mod values;
pub mod yaml;

pub use code::Code;
pub use document::{Document, Features, Kind, Source};
pub use suppression::suppressing;
pub use surroundings::{Context, Surroundings, Trouble};

use std::ops::Range;

/// Something in a text that is wrong, or will not do what it seems to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// What kind of problem it is; docs/diagnostics.md has a section for each.
    pub code: Code,
    /// How bad it is.
    pub severity: Severity,
    /// Where it is.
    pub range: Range<usize>,
    /// What is wrong, for a person.
    pub message: String,
    /// What can be done about it.
    pub fixes: Vec<Fix>,
}

/// How bad a [`Problem`] is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// `azds up` refuses it, or is sure to fail because of it.
    Error,
    /// It probably does not do what it seems to.
    Warning,
    /// It works, and there is a better way.
    Information,
}

impl Severity {
    /// As LSP calls it.
    pub fn as_str(self) -> &'static str {
        match self {
            Severity::Error => "error",
            Severity::Warning => "warning",
            Severity::Information => "information",
        }
    }
}

/// A change of the text that takes a [`Problem`] away.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fix {
    /// What it does, in the imperative.
    pub title: String,
    /// The changes. They do not overlap.
    pub edits: Vec<Edit>,
    /// Whether it may be applied together with others, without anybody looking at it.
    pub automatic: bool,
}

/// The replacement of a part of the text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Edit {
    /// What is replaced.
    pub range: Range<usize>,
    /// By what.
    pub text: String,
}

impl Problem {
    fn error(code: Code, range: Range<usize>, message: impl Into<String>) -> Problem {
        Problem {
            code,
            severity: Severity::Error,
            range,
            message: message.into(),
            fixes: Vec::new(),
        }
    }

    fn warning(code: Code, range: Range<usize>, message: impl Into<String>) -> Problem {
        Problem {
            severity: Severity::Warning,
            ..Problem::error(code, range, message)
        }
    }

    fn information(code: Code, range: Range<usize>, message: impl Into<String>) -> Problem {
        Problem {
            severity: Severity::Information,
            ..Problem::error(code, range, message)
        }
    }

    /// Adds the fix that replaces `range` by `text`.
    fn fixed_by(
        mut self,
        title: impl Into<String>,
        range: Range<usize>,
        text: impl Into<String>,
    ) -> Problem {
        let edit = Edit {
            range,
            text: text.into(),
        };
        self.fixes.push(Fix {
            title: title.into(),
            edits: vec![edit],
            automatic: true,
        });
        self
    }

    /// Says that somebody has to look at what the fixes do.
    fn not_automatic(mut self) -> Problem {
        self.fixes.iter_mut().for_each(|fix| fix.automatic = false);
        self
    }
}

impl From<yaml::SyntaxError> for Problem {
    fn from(error: yaml::SyntaxError) -> Problem {
        let mut message = format!("This is not valid YAML: {}", error.message);
        if !message.ends_with('?') {
            message.push('.');
        }
        let mut problem = Problem::error(Code::YamlSyntax, error.range, message);
        problem.fixes.extend(error.fix);
        problem
    }
}

/// The text after edits that do not overlap. Those that are not in the text, or overlap, are left out.
pub fn edited(text: &str, edits: &[Edit]) -> String {
    let mut edits: Vec<&Edit> = edits.iter().collect();
    edits.sort_by_key(|edit| (edit.range.start, edit.range.end));
    let mut result = String::with_capacity(text.len());
    let mut done = 0;
    for edit in edits {
        let before = text.get(done..edit.range.start);
        if let Some(before) = before.filter(|_| edit.range.end <= text.len()) {
            result.push_str(before);
            result.push_str(&edit.text);
            done = edit.range.end;
        }
    }
    result.push_str(text.get(done..).unwrap_or_default());
    result
}

/// The edits of all fixes that need nobody to look at them and are no choice, besides those that are
/// `taken`: none of them overlaps.
pub fn automatic<'p>(mut taken: Vec<&'p Edit>, problems: &'p [Problem]) -> Vec<&'p Edit> {
    for problem in problems {
        let [fix] = problem.fixes.as_slice() else {
            continue;
        };
        let free = |edit: &Edit| {
            taken.iter().all(|taken| {
                let apart =
                    edit.range.end <= taken.range.start || edit.range.start >= taken.range.end;
                apart && edit.range != taken.range
            })
        };
        if fix.automatic && fix.edits.iter().all(free) {
            taken.extend(&fix.edits);
        }
    }
    taken
}

/// Problems in the order of the text, each once: an alias shows the same place again. At a syntax
/// error nothing else is said.
fn in_order(mut problems: Vec<Problem>) -> Vec<Problem> {
    let syntax = problems
        .iter()
        .find(|problem| problem.code == Code::YamlSyntax);
    if let Some(broken) = syntax.map(|problem| problem.range.clone()) {
        problems.retain(|problem| {
            problem.code == Code::YamlSyntax || !broken.contains(&problem.range.start)
        });
    }
    problems.sort_by_key(|problem| (problem.range.start, problem.range.end, problem.code));
    problems.dedup();
    problems
}

#[cfg(test)]
mod corpus_tests;
#[cfg(test)]
mod fixture;
#[cfg(test)]
mod tests;
