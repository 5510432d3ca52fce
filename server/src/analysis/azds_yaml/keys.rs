//! Whether keys are known and values of the right type, by the [schema](super::schema).

use std::collections::HashSet;

use super::schema::{COMMANDS, Key, LIST, ROOT, Type};
use crate::analysis::yaml::{Entry, Node, Value};
use crate::analysis::{Code, Problem, spelling};

/// Reports unknown keys, keys of 2018 and wrong types. What is null counts as left out.
pub(super) fn check(root: &Node, text: &str, problems: &mut Vec<Problem>) {
    Checker { text, problems }.value(root, ROOT, "");
}

struct Checker<'t, 'p> {
    text: &'t str,
    problems: &'p mut Vec<Problem>,
}

impl Checker<'_, '_> {
    fn value(&mut self, node: &Node, kind: Type, path: &str) {
        if node.is_null() {
            return;
        }
        match (kind, &node.value) {
            (Type::Any, _) => {}
            (Type::Text(_) | Type::Path(_) | Type::Glob, Value::Scalar(_)) => {}
            (Type::Bool, Value::Scalar(scalar)) if as_bool(&scalar.text).is_some() => {}
            (Type::Texts(_) | Type::Globs | Type::Paths, Value::Sequence(items)) => {
                self.texts(items, kind, path);
            }
            (Type::Commands, Value::Sequence(commands)) if self.is_one_command(node, commands) => {
                let written = self.text.get(node.range.clone()).unwrap_or_default();
                let list = format!("[{written}]");
                let range = node.range.clone();
                let message = format!(
                    "`{path}` must be {COMMANDS}, but this is one command, which needs brackets of its own."
                );
                self.problems.push(
                    Problem::error(Code::WrongType, range.clone(), message).fixed_by(
                        "Make it a list of commands",
                        range,
                        list,
                    ),
                );
            }
            (Type::Commands, Value::Sequence(commands)) => {
                for command in commands.iter().filter(|command| !command.is_null()) {
                    match &command.value {
                        Value::Sequence(items) => self.texts(items, kind, path),
                        _ => self.wrong_type(command, kind, path),
                    }
                }
            }
            (Type::Map(_), Value::Mapping(entries)) => self.entries(entries, kind, path),
            (Type::Named(_) | Type::TextMap, Value::Mapping(entries)) => {
                for entry in entries {
                    if let Some(name) = entry.key.text()
                        && let Some(kind) = kind.under(name)
                    {
                        self.value(&entry.value, kind, &join(path, name));
                    }
                }
            }
            (Type::Open(_), Value::Mapping(_)) => {}
            _ => self.wrong_type(node, kind, path),
        }
    }

    /// Whether a list of commands is a list of words: `[dotnet, build]`.
    fn is_one_command(&self, list: &Node, items: &[Node]) -> bool {
        let is_word = |item: &Node| item.text().is_some_and(|text| !text.contains(' '));
        let written = self.text.get(list.range.clone()).unwrap_or_default();
        written.starts_with('[') && !items.is_empty() && items.iter().all(is_word)
    }

    fn texts(&mut self, items: &[Node], kind: Type, path: &str) {
        for item in items {
            if item.text().is_none() {
                self.wrong_type(item, kind, path);
            }
        }
    }

    fn entries(&mut self, entries: &[Entry], kind: Type, path: &str) {
        let there: HashSet<&str> = entries.iter().filter_map(|it| it.key.text()).collect();
        let is_there = |name: &str| there.contains(name);
        for entry in entries {
            let Some(name) = entry.key.text() else {
                continue;
            };
            let path = join(path, name);
            let known = kind.keys().iter().find(|key| key.name == name);
            match known {
                Some(key) => {
                    self.legacy(entry, key, &path, is_there);
                    self.value(&entry.value, key.kind, &path);
                }
                None => {
                    let free = kind.keys().iter().map(|key| key.name);
                    let meant = spelling::nearest(name, free.filter(|name| !is_there(name)));
                    self.unknown(entry, name, meant);
                }
            }
        }
    }

    fn unknown(&mut self, entry: &Entry, name: &str, meant: Option<&'static str>) {
        let range = entry.key.range.clone();
        self.problems.push(match meant {
            Some(meant) => {
                let message = format!("There is no key `{name}` here. Did you mean `{meant}`?");
                let problem = Problem::error(Code::UnknownKey, range.clone(), message);
                problem.fixed_by(format!("Change to `{meant}`"), range, meant)
            }
            None => {
                let message = format!("azds has no key `{name}` here and ignores it.");
                Problem::warning(Code::UnknownKey, range, message)
            }
        });
    }

    fn legacy(&mut self, entry: &Entry, key: &Key, path: &str, is_there: impl Fn(&str) -> bool) {
        let Some(legacy) = &key.legacy else { return };
        let range = entry.key.range.clone();
        let message = format!("`{path}` is a key of 2018. {}", legacy.advice);
        let mut problem = Problem::information(Code::LegacyKey, range.clone(), message);
        if let Some(name) = legacy.renamed.filter(|name| !is_there(name)) {
            problem = problem.fixed_by(format!("Change to `{name}`"), range, name);
        }
        self.problems.push(problem);
    }

    fn wrong_type(&mut self, node: &Node, kind: Type, path: &str) {
        let found = match &node.value {
            Value::Mapping(_) => "a map",
            Value::Sequence(_) => "a list",
            Value::Scalar(_) => "a single value",
        };
        let path = if path.is_empty() { "azds.yaml" } else { path };
        let expected = kind.expected();
        let message = format!("`{path}` must be {expected}, but this is {found}.");
        let mut problem = Problem::error(Code::WrongType, node.range.clone(), message);
        let written = self.text.get(node.range.clone()).unwrap_or_default();
        if node.text().is_some() && !written.contains('\n') {
            let fix = match expected {
                LIST => Some(("Make it a list", format!("[{written}]"))),
                COMMANDS if written.contains(' ') => {
                    let words: Vec<_> = written.split_whitespace().collect();
                    Some(("Make it a command", format!("[{}]", words.join(", "))))
                }
                _ => None,
            };
            if let Some((title, text)) = fix {
                problem = problem.fixed_by(title, node.range.clone(), text);
            }
        }
        self.problems.push(problem);
    }
}

/// A bool, as YAML 1.1 writes them.
pub(super) fn as_bool(text: &str) -> Option<bool> {
    match text.to_lowercase().as_str() {
        "true" | "yes" | "on" => Some(true),
        "false" | "no" | "off" => Some(false),
        _ => None,
    }
}

fn join(path: &str, name: &str) -> String {
    match path {
        "" => name.to_owned(),
        path => format!("{path}.{name}"),
    }
}
