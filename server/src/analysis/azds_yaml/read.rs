//! From the tree to [`AzdsFile`]: which keys there are and what stands under them.
//!
//! A key is known where it is asked for here; there is no other list of keys.

use std::collections::BTreeMap;

use super::AzdsFile;
use super::layer::{Layer, Spanned};
use crate::analysis::Problem;
use crate::analysis::yaml::{Entry, Node, Value};

/// Reads the root of an azds.yaml.
pub(super) fn file(root: &Node, problems: &mut Vec<Problem>) -> AzdsFile {
    let mut file = AzdsFile::default();
    let Some(mut fields) = Fields::of(root, "azds.yaml", problems) else {
        return file;
    };
    fields.any("kind");
    fields.any("apiVersion");
    file.base = layer(&mut fields);
    if let Some(configurations) = fields.any("configurations") {
        if let Some(configurations) = fields.mapping("configurations", configurations) {
            for entry in configurations {
                let name = entry.key.text().unwrap_or_default().to_owned();
                let path = format!("configurations.{name}");
                if entry.value.is_null() {
                    file.configurations.push((name, Layer::default()));
                } else if let Some(mut fields) = Fields::of(&entry.value, &path, fields.problems) {
                    let overlay = layer(&mut fields);
                    fields.end();
                    file.configurations.push((name, overlay));
                }
            }
        }
    }
    fields.end();
    file
}

fn layer(fields: &mut Fields<'_, '_>) -> Layer {
    let mut layer = Layer::default();
    if let Some(mut build) = fields.section("build") {
        layer.context = build.text("context");
        layer.dockerfile = build.text("dockerfile");
        layer.use_git_ignore = build.bool("useGitIgnore");
        layer.ignore = build.texts("ignore").map(plain);
        layer.args = build.args("args");
        build.end();
    }
    if let Some(mut install) = fields.section("install") {
        layer.chart = install.text("chart");
        layer.values = install.texts("values");
        if let Some(set) = install.any("set") {
            layer.set = install.mapping("set", set).map(|_| set.to_json());
        }
        install.end();
    }
    if let Some(mut container) = fields.section("container") {
        layer.sync = container.texts("sync").map(plain);
        layer.sync_target = container.text("syncTarget").map(|target| target.text);
        layer.command = container.texts("command").map(plain);
        layer.container_values = container.texts("values");
        container.any("imports");
        container.any("disableProbes");
        for name in ["refresh", "iterate"] {
            if let Some(mut iterate) = container.section(name) {
                layer.processes_to_kill = iterate.texts("processesToKill").map(plain);
                layer.build_commands = iterate.commands("buildCommands");
                iterate.end();
            }
        }
        container.end();
    }
    layer
}

fn plain(texts: Vec<Spanned>) -> Vec<String> {
    texts.into_iter().map(|spanned| spanned.text).collect()
}

/// The entries of a map, which are taken out by their keys. What is null counts as left out.
struct Fields<'n, 'p> {
    path: String,
    entries: &'n [Entry],
    known: Vec<&'static str>,
    problems: &'p mut Vec<Problem>,
}

impl<'n, 'p> Fields<'n, 'p> {
    fn of(node: &'n Node, path: &str, problems: &'p mut Vec<Problem>) -> Option<Fields<'n, 'p>> {
        let Value::Mapping(entries) = &node.value else {
            problems.push(wrong_type(node, path, "a map"));
            return None;
        };
        Some(Fields {
            path: path.to_owned(),
            entries,
            known: Vec::new(),
            problems,
        })
    }

    fn any(&mut self, key: &'static str) -> Option<&'n Node> {
        self.known.push(key);
        self.entries
            .iter()
            .find(|entry| entry.key.text() == Some(key))
            .map(|entry| &entry.value)
            .filter(|value| !value.is_null())
    }

    fn mapping(&mut self, key: &str, node: &'n Node) -> Option<&'n [Entry]> {
        match &node.value {
            Value::Mapping(entries) => Some(entries),
            _ => {
                self.problems
                    .push(wrong_type(node, &self.path_of(key), "a map"));
                None
            }
        }
    }

    fn section(&mut self, key: &'static str) -> Option<Fields<'n, '_>> {
        let node = self.any(key)?;
        let path = self.path_of(key);
        Fields::of(node, &path, self.problems)
    }

    fn text(&mut self, key: &'static str) -> Option<Spanned> {
        let node = self.any(key)?;
        self.scalar(key, node, "a text")
    }

    fn bool(&mut self, key: &'static str) -> Option<bool> {
        let node = self.any(key)?;
        let value = node.to_json().as_bool();
        if value.is_none() {
            self.problems
                .push(wrong_type(node, &self.path_of(key), "true or false"));
        }
        value
    }

    fn texts(&mut self, key: &'static str) -> Option<Vec<Spanned>> {
        let node = self.any(key)?;
        self.list(key, node, "a list of texts")
    }

    fn commands(&mut self, key: &'static str) -> Option<Vec<Vec<String>>> {
        let node = self.any(key)?;
        let expected = "a list of commands, each a list of texts";
        let Value::Sequence(commands) = &node.value else {
            self.problems
                .push(wrong_type(node, &self.path_of(key), expected));
            return None;
        };
        let commands = commands
            .iter()
            .filter_map(|command| self.list(key, command, expected))
            .map(plain)
            .collect();
        Some(commands)
    }

    fn args(&mut self, key: &'static str) -> BTreeMap<String, String> {
        let Some(node) = self.any(key) else {
            return BTreeMap::new();
        };
        let Some(entries) = self.mapping(key, node) else {
            return BTreeMap::new();
        };
        let mut args = BTreeMap::new();
        for entry in entries {
            let Some(name) = entry.key.text() else {
                continue;
            };
            let path = format!("{key}.{name}");
            if let Some(value) = self.scalar(&path, &entry.value, "a text") {
                args.insert(name.to_owned(), value.text);
            }
        }
        args
    }

    fn list(&mut self, key: &str, node: &Node, expected: &str) -> Option<Vec<Spanned>> {
        let Value::Sequence(items) = &node.value else {
            self.problems
                .push(wrong_type(node, &self.path_of(key), expected));
            return None;
        };
        let texts = items
            .iter()
            .filter(|item| !item.is_null())
            .filter_map(|item| self.scalar(key, item, expected))
            .collect();
        Some(texts)
    }

    fn scalar(&mut self, key: &str, node: &Node, expected: &str) -> Option<Spanned> {
        match node.text() {
            Some(text) => Some(Spanned {
                text: text.to_owned(),
                range: node.range.clone(),
            }),
            None => {
                self.problems
                    .push(wrong_type(node, &self.path_of(key), expected));
                None
            }
        }
    }

    fn path_of(&self, key: &str) -> String {
        if self.path == "azds.yaml" {
            key.to_owned()
        } else {
            format!("{}.{key}", self.path)
        }
    }

    /// Reports the keys that nobody asked for.
    fn end(self) {
        for entry in self.entries {
            let Some(key) = entry.key.text() else {
                continue;
            };
            if !self.known.contains(&key) {
                let message = format!("azds does not know the key `{key}` here and ignores it.");
                let range = entry.key.range.clone();
                self.problems
                    .push(Problem::warning("unknown-key", range, message));
            }
        }
    }
}

fn wrong_type(node: &Node, path: &str, expected: &str) -> Problem {
    let found = match &node.value {
        Value::Mapping(_) => "a map",
        Value::Sequence(_) => "a list",
        Value::Scalar(_) => "a single value",
    };
    let message = format!("`{path}` must be {expected}, but this is {found}.");
    Problem::error("wrong-type", node.range.clone(), message)
}
