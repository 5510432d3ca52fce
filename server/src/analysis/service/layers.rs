//! What sets values, and which of them wins.

use std::ops::Range;
use std::sync::Arc;

use serde_json::Value as Json;

use super::Service;
use crate::analysis::Source;
use crate::analysis::chart::reads::{Path, Step};
use crate::analysis::yaml::{Node, Value};

/// Something that sets values: a file, or a part of azds.yaml.
#[derive(Debug, Clone)]
pub struct Layer {
    /// Path of the file, relative to the folder of azds.yaml.
    pub path: String,
    /// The file.
    pub source: Arc<Source>,
    /// Why its values count.
    pub origin: Origin,
}

/// Why values count, from the weakest to the strongest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// The chart's own values.yaml.
    Chart,
    /// azds.yaml names the file.
    Given,
    /// `install.set`, of a configuration or of the base.
    Set(Option<&'static str>),
}

/// A place that sets a value.
#[derive(Debug, Clone)]
pub struct Setting<'s> {
    /// Number of its layer.
    pub layer: usize,
    /// Where the key stands.
    pub key: Range<usize>,
    /// What it is set to.
    pub value: &'s Node,
    /// Whether it has an effect: nothing above it replaces it as a whole.
    pub counts: bool,
}

impl Layer {
    pub(super) fn new(path: &str, source: Arc<Source>, origin: Origin) -> Layer {
        Layer {
            path: path.to_owned(),
            source,
            origin,
        }
    }

    /// The map of its values; an empty file has none.
    pub fn root(&self) -> Option<&Node> {
        let root = self.source.parsed().documents.first()?;
        let root = match self.origin {
            Origin::Chart | Origin::Given => root,
            Origin::Set(None) => root.get("install")?.get("set")?,
            Origin::Set(Some(name)) => {
                let configuration = root.get("configurations")?.get(name)?;
                configuration.get("install")?.get("set")?
            }
        };
        matches!(root.value, Value::Mapping(_)).then_some(root)
    }

    /// How people are told of it.
    pub fn name(&self) -> String {
        match self.origin {
            Origin::Chart | Origin::Given => format!("`{}`", self.path),
            Origin::Set(None) => "`install.set` of azds.yaml".to_owned(),
            Origin::Set(Some(name)) => {
                format!("`configurations.{name}.install.set` of azds.yaml")
            }
        }
    }

    /// Places under a path: where the key stands and what is there; several where the path has an
    /// [`Step::Each`].
    fn find(&self, path: &[Step]) -> Vec<(Range<usize>, &Node)> {
        let mut found: Vec<_> = self.root().map(|root| (0..0, root)).into_iter().collect();
        for step in path {
            found = found
                .into_iter()
                .flat_map(|(_, node)| children(node, step))
                .collect();
        }
        found
    }

    /// Whether it takes a whole subtree away from the layers below: on the way to a path it has
    /// something that is no map.
    fn replaces(&self, path: &[Step]) -> bool {
        let mut node = self.root();
        for step in path {
            let (Some(here), Step::Key(key)) = (node, step) else {
                return false;
            };
            match &here.value {
                Value::Mapping(_) => node = here.get(key),
                _ => return true,
            }
        }
        node.is_some_and(|node| !matches!(node.value, Value::Mapping(_)))
    }
}

fn children<'n>(node: &'n Node, step: &Step) -> Vec<(Range<usize>, &'n Node)> {
    match step {
        Step::Key(key) => {
            let is_it = |entry: &&crate::analysis::yaml::Entry| entry.key.text() == Some(key);
            let entry = node.entries().iter().rfind(is_it);
            entry
                .map(|entry| (entry.key.range.clone(), &entry.value))
                .into_iter()
                .collect()
        }
        Step::Each => {
            let entries = node.entries().iter();
            let entries = entries.map(|entry| (entry.key.range.clone(), &entry.value));
            let items = node.items().iter().map(|item| (item.range.clone(), item));
            entries.chain(items).collect()
        }
    }
}

impl Service {
    /// The places that set a value, the weakest first.
    pub fn settings_of(&self, path: &[Step]) -> Vec<Setting<'_>> {
        let mut settings = Vec::new();
        let mut replaced = false;
        for (number, layer) in self.layers.iter().enumerate().rev() {
            let places = layer.find(path).into_iter().rev();
            settings.extend(places.map(|(key, value)| Setting {
                layer: number,
                key,
                value,
                counts: !replaced,
            }));
            replaced |= layer.replaces(path);
        }
        settings.reverse();
        settings
    }

    /// What the chart gets for a path: maps merged, everything else from the strongest. `None` if
    /// nobody sets it, or the strongest says null, which takes it away.
    pub fn effective(&self, path: &[Step]) -> Option<Json> {
        let settings = self.settings_of(path);
        let counting = settings.iter().filter(|setting| setting.counts);
        let merged = counting
            .map(|setting| setting.value.to_json())
            .reduce(merged)?;
        (!merged.is_null()).then_some(merged)
    }
}

/// As Helm merges values: maps key by key, null takes away, everything else replaces.
fn merged(below: Json, above: Json) -> Json {
    match (below, above) {
        (Json::Object(mut below), Json::Object(above)) => {
            for (key, value) in above {
                match below.remove(&key) {
                    Some(old) => below.insert(key, merged(old, value)),
                    None => below.insert(key, value),
                };
            }
            below.retain(|_, value| !value.is_null());
            Json::Object(below)
        }
        (_, above) => above,
    }
}

/// The path of the key or item at an offset, and where it stands; the innermost.
pub fn path_at(root: &Node, at: usize) -> Option<(Path, Range<usize>)> {
    let mut path = Vec::new();
    let mut found = None;
    let mut node = root;
    'down: loop {
        for entry in node.entries() {
            let on_key = entry.key.range.start <= at && at <= entry.key.range.end;
            let in_value = entry.value.range.start <= at && at <= entry.value.range.end;
            let Some(key) = entry.key.text().filter(|_| on_key || in_value) else {
                continue;
            };
            path.push(Step::Key(key.to_owned()));
            found = Some((path.clone(), entry.key.range.clone()));
            if on_key {
                return found;
            }
            node = &entry.value;
            continue 'down;
        }
        for item in node.items() {
            if item.range.start <= at && at <= item.range.end {
                path.push(Step::Each);
                node = item;
                continue 'down;
            }
        }
        return found;
    }
}
