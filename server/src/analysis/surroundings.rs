//! What the caller knows of what lies around a document.

use std::sync::Arc;

use super::{Severity, Source};

/// Asked by analysis, which itself looks nowhere. Paths are relative to the folder of the service, which
/// is that of azds.yaml; they have `/` and may begin with `..`.
pub trait Surroundings {
    /// Whether there is a file.
    fn is_file(&self, path: &str) -> bool;

    /// Whether there is a folder; `.` is the service's own.
    fn is_folder(&self, path: &str) -> bool;

    /// Names of what is in a folder, those of folders with a `/` at their end, sorted.
    fn entries(&self, _folder: &str) -> Vec<String> {
        Vec::new()
    }

    /// The text of a file, as the editor has it if it is open there.
    fn text(&self, _path: &str) -> Option<String> {
        None
    }

    /// A file with what was made of its text: who keeps it parses an unchanged file once.
    fn source(&self, path: &str) -> Option<Arc<Source>> {
        Some(Arc::new(Source::new(self.text(path)?)))
    }

    /// Paths of the files that an `up` would take from a build context, relative to its root. `None` if
    /// that can't be told, or if they are too many to look at.
    fn context(&self, _context: &Context<'_>) -> Option<Vec<String>> {
        None
    }

    /// What Helm said when it could not render the chart, as it was saved last.
    fn helm(&self) -> Option<String> {
        None
    }

    /// What is wrong with the release in the cluster, as far as somebody has looked.
    fn trouble(&self) -> Vec<Trouble> {
        Vec::new()
    }

    /// The value of a variable as `up` would find it: in the environment, else in `.env`.
    fn variable(&self, _name: &str) -> Option<String> {
        None
    }

    /// Names of the variables in `.env`.
    fn variables(&self) -> Vec<String> {
        Vec::new()
    }

    /// The space that is chosen for the folder, if that is known without asking a cluster.
    fn space(&self) -> Option<String> {
        None
    }
}

/// Something that is wrong with the release in the cluster.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trouble {
    /// How bad it is. Never an error: the text of azds.yaml is not to blame.
    pub severity: Severity,
    /// What is wrong and what to try, for a person.
    pub message: String,
}

/// A build context, as azds.yaml describes it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Context<'a> {
    /// Its root.
    pub root: &'a str,
    /// The Dockerfile.
    pub dockerfile: &'a str,
    /// Whether .gitignore keeps files out.
    pub use_git_ignore: bool,
    /// Globs of `build.ignore`.
    pub ignore: &'a [String],
}
