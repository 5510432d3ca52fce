//! azds.yaml: what is in it, what follows from it, and what is wrong with it.

mod chance;
mod complete;
mod files;
mod glob;
mod hover;
mod keys;
mod layer;
mod order;
mod paths;
mod read;
mod rules;
mod schema;
mod settings;
mod tokens;
mod upgrade;

pub use glob::SyncGlob;
pub use order::Given;
pub use settings::{ContainerSettings, Settings, ValuesFile};
pub use tokens::Tokens;
pub use upgrade::upgrade;

pub(super) use rules::remove as remove_entry;
pub(super) use tokens::{is_token, tokens_in};

use super::answer::{Lens, PlacedLens};
use super::service::in_service;
use super::yaml::{self, Node, Parsed, Step};
use super::{Code, Document, Features, Problem, Severity, Source, spelling, values};
pub(super) use chance::is_of_another;
use layer::Layer;
use rules::Subject;
use std::collections::BTreeSet;

/// What can be asked of an azds.yaml.
pub(super) const FEATURES: Features = Features {
    problems,
    // Keys under `install.set` are for the chart, like those of a values file.
    hover: |document, at| {
        let of_key = in_service::hover(document, at);
        let of_key = of_key.filter(|hover| (hover.range.start..=hover.range.end).contains(&at));
        of_key.or_else(|| hover::hover(document, at))
    },
    completions: |document, at| {
        // What the chart reads is asked for only where values are written: it takes parsing the files.
        let in_set = yaml::cursor(document.text(), at)
            .is_some_and(|cursor| cursor.path.contains(&Step::Key("set".to_owned())));
        let mut completions = match in_set {
            true => in_service::completions(document, at),
            false => Vec::new(),
        };
        completions.extend(complete::completions(document, at));
        completions
    },
    definition: |document, at| {
        let mut places = in_service::definition(document, at);
        places.extend(paths::definition(document, at));
        places
    },
    references: in_service::references,
    rename: in_service::rename,
    hints: in_service::hints,
    links: paths::links,
    lenses,
    ..Features::YAML
};

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

/// Reads an azds.yaml. What can't be read is left out and among the problems. What lies around the file
/// is not looked at: [`Document::problems`] does that, too.
pub fn analyse(text: &str) -> Analysis {
    analysis(text, &yaml::parse(text))
}

fn problems(document: &Document<'_>) -> Vec<Problem> {
    let (text, parsed) = (document.text(), document.parsed());
    let Analysis { mut problems, file } = analysis(text, parsed);
    if let Some(root) = parsed.documents.first().filter(|_| !file.foreign) {
        problems.extend(file.missing_files(document.around));
        let subject = Subject {
            root,
            text,
            file: &file,
            whole: parsed.error.is_none(),
        };
        rules::check_around(&subject, document.around, &mut problems);
        problems.extend(in_service::problems(document));
    }
    problems
}

/// Reads what an azds.yaml says, and looks for nothing that is wrong with it.
pub fn file_of(source: &Source) -> AzdsFile {
    let (text, root) = (source.text(), source.parsed().documents.first());
    match (set_aside(text, root), root) {
        (Some(aside), _) => aside.file,
        (None, Some(root)) if !root.is_null() => read::file(root, text),
        (None, _) => AzdsFile::default(),
    }
}

/// A file that is not read, since it is somebody else's or nobody's.
fn set_aside(text: &str, root: Option<&Node>) -> Option<Analysis> {
    if is_of_another(text) {
        return Some(foreign(Vec::new()));
    }
    let kind = root?.get("kind")?;
    (kind.text() != Some(KIND)).then(|| foreign(mistyped_kind(kind).into_iter().collect()))
}

fn analysis(text: &str, parsed: &Parsed) -> Analysis {
    let root = parsed.documents.first();
    if let Some(aside) = set_aside(text, root) {
        return aside;
    }
    let mut problems = Vec::new();
    problems.extend(parsed.error.clone().map(Problem::from));
    let file = match root {
        Some(root) if !root.is_null() => {
            let file = read::file(root, text);
            values::duplicate_keys(root, text, &mut problems);
            tokens::unknown(root, text, &mut problems);
            keys::check(root, text, &mut problems);
            for set in sets(root) {
                values::secrets(set, text, &mut problems);
            }
            let subject = Subject {
                root,
                text,
                file: &file,
                whole: parsed.error.is_none(),
            };
            rules::check(&subject, &mut problems);
            file
        }
        _ => AzdsFile::default(),
    };
    let problems = super::in_order(problems);
    Analysis { problems, file }
}

/// A file that is not ours, unless there is something to say about it.
fn foreign(problems: Vec<Problem>) -> Analysis {
    let file = AzdsFile {
        foreign: problems.is_empty(),
        ..AzdsFile::default()
    };
    Analysis { problems, file }
}

/// `install.set` of the base and of all configurations.
fn sets(root: &Node) -> impl Iterator<Item = &Node> {
    let configurations = root.get("configurations").map(Node::entries);
    let overlays = configurations
        .unwrap_or_default()
        .iter()
        .map(|entry| &entry.value);
    let layers = std::iter::once(root).chain(overlays);
    layers.filter_map(|layer| layer.get("install")?.get("set"))
}

/// Above the first key.
fn lenses(document: &Document<'_>) -> Vec<PlacedLens> {
    let Some(root) = document.parsed().documents.first() else {
        return Vec::new();
    };
    let file = file_of(document.source);
    let Some(first) = root.entries().first().filter(|_| !file.foreign) else {
        return Vec::new();
    };
    let missing = file.missing_files(document.around);
    // What `prep` writes where it is missing.
    let prep = missing
        .iter()
        .any(|problem| problem.severity == Severity::Error);
    let lenses = prep.then_some(Lens::Prep).into_iter();
    let lenses = lenses.chain([Lens::Up, Lens::Debug, Lens::Uris]);
    lenses.map(|lens| (first.key.range.clone(), lens)).collect()
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

    /// The Dockerfiles that the base or a configuration builds from.
    pub fn dockerfiles(&self) -> BTreeSet<String> {
        self.all_settings()
            .map(|settings| settings.dockerfile)
            .collect()
    }

    /// Folders of the charts that the base or a configuration installs.
    pub fn charts(&self) -> BTreeSet<String> {
        let charts = self.all_settings().map(|settings| settings.chart);
        charts.filter(|chart| !chart.is_empty()).collect()
    }

    fn all_settings(&self) -> impl Iterator<Item = Settings> {
        let names = self.configurations().map(Some);
        names.chain([None]).map(|name| self.settings(name))
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
mod feature_tests;
#[cfg(test)]
mod tests;
