//! azds.yaml: what is in it, what follows from it, and what is wrong with it.

mod layer;
mod read;
mod settings;
mod tokens;

pub use settings::{ContainerSettings, Settings, ValuesFile};
pub use tokens::Tokens;

use super::Problem;
use super::yaml;
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

/// Reads an azds.yaml. What can't be read is left out and among the problems.
pub fn analyse(text: &str) -> Analysis {
    let parsed = yaml::parse(text);
    let root = parsed.documents.first();
    let kind = root.and_then(|root| root.get("kind"));
    if kind.is_some_and(|kind| kind.text() != Some(KIND)) {
        let file = AzdsFile {
            foreign: true,
            ..AzdsFile::default()
        };
        return Analysis {
            problems: Vec::new(),
            file,
        };
    }
    let mut problems = Vec::new();
    if let Some(error) = parsed.error {
        let message = format!("This is not valid YAML: {}.", error.message);
        problems.push(Problem::error("yaml-syntax", error.range, message));
    }
    let file = match root {
        Some(root) => read::file(root, &mut problems),
        None => AzdsFile::default(),
    };
    problems.sort_by_key(|problem| (problem.range.start, problem.range.end));
    problems.dedup();
    Analysis { problems, file }
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
