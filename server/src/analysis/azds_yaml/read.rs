//! From the tree to [`AzdsFile`]: which keys there are and what stands under them.
//!
//! A key is known where it is asked for here; there is no other list of keys.

use std::collections::BTreeMap;

use super::AzdsFile;
use super::layer::{Layer, Spanned};
use crate::analysis::yaml::{Entry, Node, Value};
use crate::analysis::{Code, Problem, spelling, values};

/// Reads the root of an azds.yaml.
pub(super) fn file(root: &Node, text: &str, problems: &mut Vec<Problem>) -> AzdsFile {
    let mut file = AzdsFile::default();
    let reader = &mut Reader { text, problems };
    let Some(mut fields) = reader.fields(root, "") else {
        return file;
    };
    fields.take("kind");
    fields.take("apiVersion");
    file.base = layer(&mut fields);
    if let Some(configurations) = fields.mapping("configurations") {
        for entry in configurations {
            let Some(name) = entry.key.text() else {
                continue;
            };
            let mut overlay = Layer::default();
            let path = format!("configurations.{name}");
            if !entry.value.is_null()
                && let Some(mut fields) = fields.reader.fields(&entry.value, &path)
            {
                overlay = layer(&mut fields);
                fields.end();
            }
            file.configurations.push((name.to_owned(), overlay));
        }
    }
    fields.end();
    file
}

fn layer(fields: &mut Fields<'_, '_, '_>) -> Layer {
    let mut layer = Layer::default();
    if let Some(mut build) = fields.section("build") {
        layer.context = build.text("context");
        layer.dockerfile = build.text("dockerfile");
        layer.use_git_ignore = build.bool("useGitIgnore");
        layer.ignore = build.texts("ignore").map(plain);
        layer.args = build.args();
        build.end();
    }
    if let Some(mut install) = fields.section("install") {
        layer.chart = install.text("chart");
        layer.values = install.texts("values");
        if install.mapping("set").is_some()
            && let Some(set) = install.take("set")
        {
            values::secrets(set, install.reader.text, install.reader.problems);
            layer.set = Some(set.to_json());
        }
        install.end();
    }
    if let Some(mut container) = fields.section("container") {
        layer.sync = container.texts("sync").map(plain);
        layer.sync_target = container.text("syncTarget").map(|target| target.text);
        layer.command = container.texts("command").map(plain);
        layer.container_values = container.texts("values");
        container.legacy(
            "values",
            "List the file under `install.values` instead; both work.",
        );
        container.legacy("imports", "It has no effect: azds brings debuggers itself.");
        container.legacy(
            "disableProbes",
            "It has no effect: probes wait for a debugger anyway.",
        );
        container.legacy("refresh", "It is called `iterate` now; both work.");
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

/// What all [`Fields`] of a file share.
struct Reader<'t, 'p> {
    text: &'t str,
    problems: &'p mut Vec<Problem>,
}

/// The entries of a map, which are taken by their keys. What is null counts as left out.
struct Fields<'r, 't, 'p> {
    reader: &'r mut Reader<'t, 'p>,
    path: String,
    entries: &'r [Entry],
    known: Vec<&'static str>,
}

impl<'t, 'p> Reader<'t, 'p> {
    fn fields<'r>(&'r mut self, node: &'r Node, path: &str) -> Option<Fields<'r, 't, 'p>> {
        let Value::Mapping(entries) = &node.value else {
            let path = if path.is_empty() { "azds.yaml" } else { path };
            self.wrong_type(node, path, "a map");
            return None;
        };
        Some(Fields {
            reader: self,
            path: path.to_owned(),
            entries,
            known: Vec::new(),
        })
    }

    fn text(&mut self, node: &Node, path: &str, expected: &str) -> Option<Spanned> {
        let Some(text) = node.text() else {
            self.wrong_type(node, path, expected);
            return None;
        };
        let written = self.text.get(node.range.clone()).unwrap_or_default();
        Some(Spanned {
            text: text.to_owned(),
            range: node.range.clone(),
            quoted: written.ends_with(['"', '\'']),
        })
    }

    fn texts(&mut self, node: &Node, path: &str, expected: &str) -> Option<Vec<Spanned>> {
        let Value::Sequence(items) = &node.value else {
            self.wrong_type(node, path, expected);
            return None;
        };
        let items = items.iter().filter(|item| !item.is_null());
        Some(
            items
                .filter_map(|item| self.text(item, path, expected))
                .collect(),
        )
    }

    fn wrong_type(&mut self, node: &Node, path: &str, expected: &str) {
        let found = match &node.value {
            Value::Mapping(_) => "a map",
            Value::Sequence(_) => "a list",
            Value::Scalar(_) => "a single value",
        };
        let message = format!("`{path}` must be {expected}, but this is {found}.");
        let mut problem = Problem::error(Code::WrongType, node.range.clone(), message);
        let written = self.text.get(node.range.clone()).unwrap_or_default();
        if expected == LIST && node.text().is_some() && !written.contains('\n') {
            let list = format!("[{written}]");
            problem = problem.fixed_by("Make it a list", node.range.clone(), list);
        }
        self.problems.push(problem);
    }
}

const LIST: &str = "a list of texts";
const COMMANDS: &str = "a list of commands, each of them a list of texts";

impl<'r, 't, 'p> Fields<'r, 't, 'p> {
    fn take(&mut self, key: &'static str) -> Option<&'r Node> {
        self.known.push(key);
        let entry = self.entry(key)?;
        Some(&entry.value).filter(|value| !value.is_null())
    }

    fn entry(&self, key: &str) -> Option<&'r Entry> {
        let is_it = |entry: &&Entry| entry.key.text() == Some(key);
        self.entries.iter().rfind(is_it)
    }

    fn mapping(&mut self, key: &'static str) -> Option<&'r [Entry]> {
        let node = self.take(key)?;
        if let Value::Mapping(entries) = &node.value {
            return Some(entries);
        }
        let path = self.path_of(key);
        self.reader.wrong_type(node, &path, "a map");
        None
    }

    fn section(&mut self, key: &'static str) -> Option<Fields<'_, 't, 'p>> {
        let node = self.take(key)?;
        let path = self.path_of(key);
        self.reader.fields(node, &path)
    }

    fn text(&mut self, key: &'static str) -> Option<Spanned> {
        let node = self.take(key)?;
        let path = self.path_of(key);
        self.reader.text(node, &path, "a text")
    }

    fn bool(&mut self, key: &'static str) -> Option<bool> {
        let node = self.take(key)?;
        match node.text().map(str::to_lowercase).as_deref() {
            Some("true" | "yes" | "on") => Some(true),
            Some("false" | "no" | "off") => Some(false),
            _ => {
                let path = self.path_of(key);
                self.reader.wrong_type(node, &path, "true or false");
                None
            }
        }
    }

    fn texts(&mut self, key: &'static str) -> Option<Vec<Spanned>> {
        let node = self.take(key)?;
        let path = self.path_of(key);
        self.reader.texts(node, &path, LIST)
    }

    fn commands(&mut self, key: &'static str) -> Option<Vec<Vec<String>>> {
        let node = self.take(key)?;
        let path = self.path_of(key);
        let Value::Sequence(commands) = &node.value else {
            self.reader.wrong_type(node, &path, COMMANDS);
            return None;
        };
        let commands = commands
            .iter()
            .filter_map(|command| self.reader.texts(command, &path, COMMANDS))
            .map(plain);
        Some(commands.collect())
    }

    fn args(&mut self) -> BTreeMap<String, String> {
        let mut args = BTreeMap::new();
        for entry in self.mapping("args").unwrap_or_default() {
            let Some(name) = entry.key.text().filter(|_| !entry.value.is_null()) else {
                continue;
            };
            let path = self.path_of(&format!("args.{name}"));
            if let Some(value) = self.reader.text(&entry.value, &path, "a text") {
                args.insert(name.to_owned(), value.text);
            }
        }
        args
    }

    /// Names a key of 2018, if it is there.
    fn legacy(&mut self, key: &'static str, advice: &str) {
        self.known.push(key);
        let Some(entry) = self.entry(key) else {
            return;
        };
        let range = entry.key.range.clone();
        let message = format!("`{}` is a key of 2018. {advice}", self.path_of(key));
        let mut problem = Problem::information(Code::LegacyKey, range.clone(), message);
        if key == "refresh" && self.entry("iterate").is_none() {
            problem = problem.fixed_by("Change to `iterate`", range, "iterate");
        }
        self.reader.problems.push(problem);
    }

    fn path_of(&self, key: &str) -> String {
        if self.path.is_empty() {
            key.to_owned()
        } else {
            format!("{}.{key}", self.path)
        }
    }

    /// Reports the keys that nobody took.
    fn end(self) {
        for entry in self.entries {
            let Some(key) = entry.key.text() else {
                continue;
            };
            if self.known.contains(&key) {
                continue;
            }
            let range = entry.key.range.clone();
            let free = |known: &&str| self.entry(known).is_none();
            let meant = spelling::nearest(key, self.known.iter().copied().filter(free));
            self.reader.problems.push(match meant {
                Some(meant) => {
                    let message = format!("There is no key `{key}` here. Did you mean `{meant}`?");
                    Problem::error(Code::UnknownKey, range.clone(), message).fixed_by(
                        format!("Change to `{meant}`"),
                        range,
                        meant,
                    )
                }
                None => {
                    let message = format!("azds has no key `{key}` here and ignores it.");
                    Problem::warning(Code::UnknownKey, range, message)
                }
            });
        }
    }
}
