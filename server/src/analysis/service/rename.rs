//! Renaming a key wherever it stands. Refused where it can't be known that nothing else uses it.

use std::collections::BTreeMap;

use super::complete::is_name;
use super::{DEVELOP, Service};
use crate::analysis::Edit;
use crate::analysis::answer::Renaming;
use crate::analysis::chart::reads::{Mention, Path, Step, display};
use crate::analysis::yaml::Node;

impl Service {
    /// How the key at an offset is renamed; with an empty name, whether it can be. `None` if there is
    /// no key.
    pub fn rename(&self, file: &str, at: usize, name: &str) -> Option<Renaming> {
        let key = self.key_at(file, at)?;
        let obstacle = match name {
            "" => self.cannot_be_renamed(&key.path),
            name => self.obstacle(&key.path, name),
        };
        Some(Renaming {
            range: key.range,
            edits: match obstacle {
                Some(why) => Err(why),
                None => Ok(self.edits(&key.path, name)),
            },
        })
    }

    /// Why the key can't be renamed, whatever its new name is.
    pub fn cannot_be_renamed(&self, path: &[Step]) -> Option<String> {
        let shown = display(path);
        let chart = &self.chart;
        if chart.templates.is_empty() {
            return Some("The chart's templates are not here.".to_owned());
        }
        if chart.folder.starts_with("..") {
            let why = "lies outside of this service's folder, and others may use it";
            return Some(format!("The chart {} {why}.", chart.folder));
        }
        if chart.reads.opaque || chart.reads.evaluates_values {
            return Some("The chart passes its values on to what can't be seen here.".to_owned());
        }
        if !chart.dependencies.is_empty() {
            return Some("The chart has dependencies that may read the values.".to_owned());
        }
        if path.contains(&Step::Each) {
            return Some(format!(
                "`{shown}` is in a list or a map that templates go through."
            ));
        }
        let mut under = Some(chart.reads.root());
        for step in path {
            let Some(here) = under else { break };
            if here.is_whole() {
                return Some(format!(
                    "The chart passes on what `{shown}` is in as a whole."
                ));
            }
            if here.goes_through() {
                return Some(format!("Templates go through all that `{shown}` is in."));
            }
            under = here.step(step);
        }
        let configurations = self.azds_yaml.parsed().documents.first();
        let configurations = configurations.and_then(|root| root.get("configurations"));
        let others = configurations.map(Node::entries).unwrap_or_default().iter();
        let mut others = others.filter(|entry| entry.key.text() != Some(DEVELOP));
        if others.any(|entry| entry.value.get("install").is_some()) {
            return Some("Another configuration of azds.yaml has values of its own.".to_owned());
        }
        None
    }

    fn obstacle(&self, path: &[Step], name: &str) -> Option<String> {
        if let Some(why) = self.cannot_be_renamed(path) {
            return Some(why);
        }
        if !is_name(name) {
            return Some(format!(
                "Templates can't read `{name}` with a dot: use letters, digits and _."
            ));
        }
        let mut target: Path = path[..path.len().saturating_sub(1)].to_vec();
        target.push(Step::Key(name.to_owned()));
        if !self.settings_of(&target).is_empty() || self.mentions_of(&target).next().is_some() {
            return Some(format!("There is a `{}` already.", display(&target)));
        }
        let ours: Vec<_> = self.mentions_of(path).collect();
        let both = self.chart.reads.mentions.iter().any(|mention| {
            let same_place =
                |our: &&Mention| our.template == mention.template && our.start == mention.start;
            mention.path != path && ours.iter().any(same_place)
        });
        both.then(|| "A template reads it and another value in the same place.".to_owned())
    }

    fn edits(&self, path: &[Step], name: &str) -> BTreeMap<String, Vec<Edit>> {
        let mut edits: BTreeMap<String, Vec<Edit>> = BTreeMap::new();
        let mut push = |file: &str, range: std::ops::Range<usize>| {
            edits.entry(file.to_owned()).or_default().push(Edit {
                range,
                text: name.to_owned(),
            });
        };
        for setting in self.settings_of(path) {
            let layer = &self.layers[setting.layer];
            let written = &layer.source.text()[setting.key.clone()];
            let quoted = usize::from(written.starts_with(['"', '\'']));
            push(
                &layer.path,
                setting.key.start + quoted..setting.key.end - quoted,
            );
        }
        for mention in self.mentions_of(path) {
            push(&self.chart.templates[mention.template].0, mention.range());
        }
        for edits in edits.values_mut() {
            edits.sort_by_key(|edit| edit.range.start);
            edits.dedup();
        }
        edits
    }
}
