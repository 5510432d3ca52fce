//! The part of azds.yaml that its base and each of its configurations have alike.

use std::collections::BTreeMap;
use std::ops::Range;

use serde_json::Value as Json;

use super::settings::{ContainerSettings, Settings, ValuesFile};

/// A text and where it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Spanned {
    pub text: String,
    pub range: Range<usize>,
    /// Whether the last character of the range is a quotation mark.
    pub quoted: bool,
}

/// What a base or a configuration says. `None` is what it does not say.
#[derive(Debug, Clone, Default)]
pub(super) struct Layer {
    pub context: Option<Spanned>,
    pub dockerfile: Option<Spanned>,
    pub use_git_ignore: Option<bool>,
    pub ignore: Option<Vec<String>>,
    pub args: BTreeMap<String, String>,
    pub secrets: BTreeMap<String, String>,
    pub chart: Option<Spanned>,
    pub values: Option<Vec<Spanned>>,
    pub set: Option<Json>,
    pub container_values: Option<Vec<Spanned>>,
    pub sync: Option<Vec<Spanned>>,
    pub sync_target: Option<String>,
    pub command: Option<Vec<String>>,
    pub processes_to_kill: Option<Vec<Spanned>>,
    pub build_commands: Option<Vec<Vec<String>>>,
}

impl Layer {
    /// Lays `top` over this: maps are merged, everything else is replaced.
    pub fn overlaid_by(mut self, top: Layer) -> Layer {
        self.args.extend(top.args);
        self.secrets.extend(top.secrets);
        Layer {
            context: top.context.or(self.context),
            dockerfile: top.dockerfile.or(self.dockerfile),
            use_git_ignore: top.use_git_ignore.or(self.use_git_ignore),
            ignore: top.ignore.or(self.ignore),
            args: self.args,
            secrets: self.secrets,
            chart: top.chart.or(self.chart),
            values: top.values.or(self.values),
            set: match (self.set, top.set) {
                (Some(below), Some(above)) => Some(merged(below, above)),
                (below, above) => above.or(below),
            },
            container_values: top.container_values.or(self.container_values),
            sync: top.sync.or(self.sync),
            sync_target: top.sync_target.or(self.sync_target),
            command: top.command.or(self.command),
            processes_to_kill: top.processes_to_kill.or(self.processes_to_kill),
            build_commands: top.build_commands.or(self.build_commands),
        }
    }

    /// What follows from the layer, with the defaults for what it does not say.
    pub fn settings(self) -> Settings {
        let path = |text: &str| text.replace('\\', "/");
        let one = |path_of: Option<Spanned>, default: &str| {
            path_of.map_or_else(|| default.to_owned(), |spanned| path(&spanned.text))
        };
        let texts = |texts: Option<Vec<Spanned>>| -> Vec<String> {
            let texts = texts.unwrap_or_default().into_iter();
            texts.map(|spanned| spanned.text).collect()
        };
        let values = match self.values {
            Some(values) => values
                .iter()
                .map(|spanned| ValuesFile::parse(&path(&spanned.text)))
                .collect(),
            None => ["values.dev.yaml?", "secrets.dev.yaml?"]
                .map(ValuesFile::parse)
                .into(),
        };
        Settings {
            context: one(self.context, "."),
            dockerfile: one(self.dockerfile, "Dockerfile"),
            use_git_ignore: self.use_git_ignore.unwrap_or_default(),
            ignore: self.ignore.unwrap_or_default(),
            args: self.args,
            secrets: self.secrets,
            chart: one(self.chart, ""),
            values,
            container_values: self
                .container_values
                .unwrap_or_default()
                .iter()
                .map(|spanned| path(&spanned.text))
                .collect(),
            set: self.set.unwrap_or_else(|| Json::Object(Default::default())),
            container: ContainerSettings {
                sync: texts(self.sync),
                sync_target: self.sync_target,
                command: self.command.unwrap_or_default(),
                processes_to_kill: texts(self.processes_to_kill),
                build_commands: self.build_commands.unwrap_or_default(),
            },
        }
    }
}

/// As Helm merges values: maps key by key, everything else replaced.
fn merged(below: Json, above: Json) -> Json {
    match (below, above) {
        (Json::Object(mut below), Json::Object(above)) => {
            for (key, value) in above {
                let value = match below.remove(&key) {
                    Some(old) => merged(old, value),
                    None => value,
                };
                below.insert(key, value);
            }
            Json::Object(below)
        }
        (_, above) => above,
    }
}
