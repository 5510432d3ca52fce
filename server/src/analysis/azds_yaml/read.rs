//! From the tree to [`AzdsFile`]. What is of a wrong type is left out; [`super::keys`] reports it.

use std::collections::BTreeMap;

use super::AzdsFile;
use super::keys::as_bool;
use super::layer::{Layer, Spanned};
use crate::analysis::yaml::{Node, Value};

/// Reads the root of an azds.yaml.
pub(super) fn file(root: &Node, text: &str) -> AzdsFile {
    let reader = Reader { text };
    let configurations = root.get("configurations").map(Node::entries);
    let named = configurations.unwrap_or_default().iter();
    let named = named.filter_map(|entry| Some((entry.key.text()?, &entry.value)));
    AzdsFile {
        foreign: false,
        base: reader.layer(root),
        configurations: named
            .map(|(name, overlay)| (name.to_owned(), reader.layer(overlay)))
            .collect(),
    }
}

struct Reader<'t> {
    text: &'t str,
}

impl Reader<'_> {
    fn layer(&self, node: &Node) -> Layer {
        let mut layer = Layer::default();
        if let Some(build) = node.get("build") {
            layer.context = self.text(build, "context");
            layer.dockerfile = self.text(build, "dockerfile");
            layer.use_git_ignore = build
                .get("useGitIgnore")
                .and_then(Node::text)
                .and_then(as_bool);
            layer.ignore = self.texts(build, "ignore").map(plain);
            layer.args = text_map(build, "args");
            layer.secrets = text_map(build, "secrets");
        }
        if let Some(install) = node.get("install") {
            layer.chart = self.text(install, "chart");
            layer.values = self.texts(install, "values");
            let set = install.get("set");
            let set = set.filter(|set| matches!(set.value, Value::Mapping(_)));
            layer.set = set.map(Node::to_json);
        }
        if let Some(container) = node.get("container") {
            layer.sync = self.texts(container, "sync");
            layer.sync_target = self.text(container, "syncTarget").map(|target| target.text);
            layer.command = self.texts(container, "command").map(plain);
            layer.container_values = self.texts(container, "values");
            for name in ["refresh", "iterate"] {
                if let Some(iterate) = container.get(name).filter(|it| !it.is_null()) {
                    layer.processes_to_kill = self.texts(iterate, "processesToKill");
                    layer.build_commands = self.commands(iterate, "buildCommands");
                }
            }
        }
        layer
    }

    fn text(&self, map: &Node, key: &str) -> Option<Spanned> {
        self.spanned(map.get(key)?)
    }

    fn spanned(&self, node: &Node) -> Option<Spanned> {
        if node.is_null() {
            return None;
        }
        let written = self.text.get(node.range.clone()).unwrap_or_default();
        Some(Spanned {
            text: node.text()?.to_owned(),
            range: node.range.clone(),
            quoted: written.ends_with(['"', '\'']),
        })
    }

    fn texts(&self, map: &Node, key: &str) -> Option<Vec<Spanned>> {
        self.items(map.get(key)?)
    }

    fn items(&self, node: &Node) -> Option<Vec<Spanned>> {
        let Value::Sequence(items) = &node.value else {
            return None;
        };
        Some(items.iter().filter_map(|item| self.spanned(item)).collect())
    }

    fn commands(&self, map: &Node, key: &str) -> Option<Vec<Vec<String>>> {
        let Value::Sequence(commands) = &map.get(key)?.value else {
            return None;
        };
        let commands = commands.iter().filter_map(|command| self.items(command));
        Some(commands.map(plain).collect())
    }
}

fn text_map(build: &Node, key: &str) -> BTreeMap<String, String> {
    let entries = build.get(key).map(Node::entries).unwrap_or_default();
    let given = entries.iter().filter(|entry| !entry.value.is_null());
    let texts = given.filter_map(|entry| Some((entry.key.text()?, entry.value.text()?)));
    texts
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect()
}

fn plain(texts: Vec<Spanned>) -> Vec<String> {
    texts.into_iter().map(|spanned| spanned.text).collect()
}
