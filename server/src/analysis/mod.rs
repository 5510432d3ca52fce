//! Text in, problems out. Pure: no tokio, no kube, no LSP types, no files, no clock. Cannot fail.
//!
//! All positions are byte offsets into the text that was given.

pub mod azds_yaml;
pub mod yaml;

use std::ops::Range;

/// Something in a text that is wrong, or will not do what it seems to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// What kind of problem it is; docs/diagnostics.md has a section for each.
    pub code: &'static str,
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
}

/// A change of the text that takes a [`Problem`] away.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fix {
    /// What it does, in the imperative.
    pub title: String,
    /// The changes. They do not overlap.
    pub edits: Vec<Edit>,
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
    fn error(code: &'static str, range: Range<usize>, message: impl Into<String>) -> Problem {
        Problem {
            code,
            severity: Severity::Error,
            range,
            message: message.into(),
            fixes: Vec::new(),
        }
    }

    fn warning(code: &'static str, range: Range<usize>, message: impl Into<String>) -> Problem {
        Problem {
            severity: Severity::Warning,
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
        });
        self
    }
}
