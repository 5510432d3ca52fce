//! azds.yaml: what is in it, what follows from it, and what is wrong with it.

mod files;
mod layer;
mod read;
mod settings;
mod tokens;

pub use files::Files;
pub use settings::{ContainerSettings, Settings, ValuesFile};
pub use tokens::Tokens;

pub(super) use tokens::{is_token, tokens_in};

use super::yaml::{self, Node};
use super::{Code, Problem, spelling, values};
use layer::Layer;

/// The only `kind` of azds.yaml there is.
const KIND: &str = "helm-release";

/// What [`analyse`] found in an azds.yaml.
#[derive(Debug, Clone)]
pub struct Analysis {
    /// What is wrong with it, in the order of the text.
    pub problems: Vec<Problem>,
    /// What is in it, as far as it can be read.
    pub file: AzdsFile,
}

/// The contents of an azds.yaml, with tokens and variables as they are written.
#[derive(Debug, Clone, Default)]
pub struct AzdsFile {
    foreign: bool,
    base: Layer,
    configurations: Vec<(String, Layer)>,
}

/// Reads an azds.yaml. What can't be read is left out and among the problems. Whether the files
/// that it names are there is asked with [`AzdsFile::missing_files`].
pub fn analyse(text: &str) -> Analysis {
    let parsed = yaml::parse(text);
    let mut problems = Vec::new();
    let root = parsed.documents.first();
    if let Some(kind) = root.and_then(|root| root.get("kind"))
        && kind.text() != Some(KIND)
    {
        problems.extend(mistyped_kind(kind));
        let file = AzdsFile {
            foreign: problems.is_empty(),
            ..AzdsFile::default()
        };
        return Analysis { problems, file };
    }
    if let Some(error) = parsed.error {
        problems.push(error.into());
    }
    let file = match root {
        Some(root) if !root.is_null() => {
            values::duplicate_keys(root, &mut problems);
            tokens::unknown(root, text, &mut problems);
            read::file(root, text, &mut problems)
        }
        _ => AzdsFile::default(),
    };
    let problems = super::in_order(problems);
    Analysis { problems, file }
}

/// Other kinds are other people's files, but a slip in ours is not.
fn mistyped_kind(kind: &Node) -> Option<Problem> {
    spelling::nearest(kind.text()?, [KIND])?;
    let range = kind.range.clone();
    let message = format!("azds knows the kind `{KIND}` only. Did you mean that?");
    let problem = Problem::error(Code::UnknownKind, range.clone(), message);
    Some(problem.fixed_by(format!("Change to `{KIND}`"), range, KIND))
}

impl AzdsFile {
    /// Whether the file bears the name, but is of another kind than `helm-release`: not ours.
    pub fn is_foreign(&self) -> bool {
        self.foreign
    }

    /// Names of the configurations, in the order of the file.
    pub fn configurations(&self) -> impl Iterator<Item = &str> {
        self.configurations.iter().map(|(name, _)| name.as_str())
    }

    /// The base, with a configuration laid over it: maps are merged, everything else is replaced.
    /// `None`, or a name that the file does not have, gives the base alone.
    pub fn settings(&self, configuration: Option<&str>) -> Settings {
        let overlay = self
            .configurations
            .iter()
            .find(|(name, _)| Some(name.as_str()) == configuration);
        match overlay {
            Some((_, overlay)) => self.base.clone().overlaid_by(overlay.clone()).settings(),
            None => self.base.clone().settings(),
        }
    }
}

#[cfg(test)]
mod tests;
