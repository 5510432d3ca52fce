//! Tokens `$(name)` and variables `$NAME`, `${NAME}`, `${NAME:-default}` in the texts of azds.yaml.

use std::ops::Range;

use serde_json::Value as Json;

use super::settings::{ContainerSettings, Settings, ValuesFile};
use crate::analysis::yaml::Node;
use crate::analysis::{Code, Problem, spelling};

/// What the tokens of azds.yaml stand for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tokens {
    /// `$(tag)`: tag of the image that is built.
    pub tag: String,
    /// `$(spacePrefix)`: `NAME.s.` in a child space, else empty.
    pub space_prefix: String,
    /// `$(rootSpacePrefix)`: `NAME.` of the root space.
    pub root_space_prefix: String,
    /// `$(hostSuffix)`: what all public host names end in, with its leading dot.
    pub host_suffix: String,
}

/// What can stand between `$(` and `)`.
pub(super) const NAMES: [&str; 4] = ["tag", "spacePrefix", "rootSpacePrefix", "hostSuffix"];

/// What a token stands for, in Markdown.
pub(super) fn describe(name: &str) -> &'static str {
    match name {
        "tag" => {
            "Tag of the image that is built: `mindaro-` and 16 digits that follow from what is built."
        }
        "spacePrefix" => "`NAME.s.` in a child space (`azds.io/parent-space`), else empty.",
        "rootSpacePrefix" => "Name of the root space and a dot, such as `default.`.",
        "hostSuffix" => {
            "What all public host names end in, with its leading dot: `.localhost`, or what the cluster was \
             set up with (`azds use-dev-spaces --host-suffix`)."
        }
        _ => "azds has no such token.",
    }
}

impl Tokens {
    fn get(&self, name: &str) -> Option<&str> {
        match name {
            "tag" => Some(&self.tag),
            "spacePrefix" => Some(&self.space_prefix),
            "rootSpacePrefix" => Some(&self.root_space_prefix),
            "hostSuffix" => Some(&self.host_suffix),
            _ => None,
        }
    }
}

impl Settings {
    /// Replaces tokens and variables in all texts; keys, numbers and bools stay as they are. What
    /// stands for a token or a variable is never searched for others. Unknown tokens, variables
    /// that are not set and have no default, and `${secret.…}` stay as they are written: they may
    /// be meant for Kubernetes or for a shell in the container.
    pub fn expand(self, tokens: &Tokens, variable: impl Fn(&str) -> Option<String>) -> Settings {
        let text = |text: String| expand(&text, tokens, &variable);
        let texts = |texts: Vec<String>| -> Vec<String> { texts.into_iter().map(text).collect() };
        let container = self.container;
        Settings {
            context: text(self.context),
            dockerfile: text(self.dockerfile),
            use_git_ignore: self.use_git_ignore,
            ignore: texts(self.ignore),
            args: self
                .args
                .into_iter()
                .map(|(name, value)| (name, text(value)))
                .collect(),
            secrets: self
                .secrets
                .into_iter()
                .map(|(name, value)| (name, text(value)))
                .collect(),
            chart: text(self.chart),
            values: self
                .values
                .into_iter()
                .map(|file| ValuesFile {
                    path: text(file.path),
                    ..file
                })
                .collect(),
            container_values: texts(self.container_values),
            set: expand_json(self.set, &text),
            container: ContainerSettings {
                sync: texts(container.sync),
                sync_target: container.sync_target.map(text),
                command: texts(container.command),
                processes_to_kill: texts(container.processes_to_kill),
                build_commands: container.build_commands.into_iter().map(texts).collect(),
            },
        }
    }
}

fn expand_json(value: Json, text: &impl Fn(String) -> String) -> Json {
    match value {
        Json::String(string) => Json::String(text(string)),
        Json::Array(values) => values
            .into_iter()
            .map(|value| expand_json(value, text))
            .collect(),
        Json::Object(entries) => entries
            .into_iter()
            .map(|(key, value)| (key, expand_json(value, text)))
            .collect(),
        other => other,
    }
}

fn expand(text: &str, tokens: &Tokens, variable: &impl Fn(&str) -> Option<String>) -> String {
    let mut expanded = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('$') {
        expanded.push_str(&rest[..at]);
        let reference = Reference::at_start(&rest[at..]);
        let (value, length) = match &reference {
            Some((Reference::Token(name), length)) => {
                (tokens.get(name).map(str::to_owned), *length)
            }
            Some((Reference::Variable { name, default }, length)) => {
                let set = variable(name);
                let value = match default {
                    Some(default) => set
                        .filter(|value| !value.is_empty())
                        .or_else(|| Some((*default).to_owned())),
                    None => set,
                };
                (value, *length)
            }
            None => (None, 1),
        };
        let written = &rest[at..at + length];
        expanded.push_str(value.as_deref().unwrap_or(written));
        rest = &rest[at + length..];
    }
    expanded.push_str(rest);
    expanded
}

/// Something in a text that stands for something else.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reference<'a> {
    /// `$(name)`.
    Token(&'a str),
    /// `$NAME`, `${NAME}` or `${NAME:-default}`.
    Variable {
        name: &'a str,
        default: Option<&'a str>,
    },
}

impl<'a> Reference<'a> {
    /// The reference that `text`, which begins with `$`, begins with, and its length.
    pub fn at_start(text: &'a str) -> Option<(Reference<'a>, usize)> {
        let after = text.strip_prefix('$')?;
        if let Some(inside) = after.strip_prefix('(') {
            let name = &inside[..inside.find(')')?];
            return is_name(name).then(|| (Reference::Token(name), name.len() + 3));
        }
        if let Some(inside) = after.strip_prefix('{') {
            let inside = &inside[..closing_brace(inside)?];
            let (name, default) = match inside.split_once(":-") {
                Some((name, default)) => (name, Some(default)),
                None => (inside, None),
            };
            let reference = Reference::Variable { name, default };
            return is_name(name).then_some((reference, inside.len() + 3));
        }
        let end = after
            .find(|c: char| !c.is_ascii_alphanumeric() && c != '_')
            .unwrap_or(after.len());
        let name = &after[..end];
        let reference = Reference::Variable {
            name,
            default: None,
        };
        is_name(name).then_some((reference, 1 + end))
    }
}

/// Whether azds has a token of this name.
pub(crate) fn is_token(name: &str) -> bool {
    NAMES.contains(&name)
}

/// All references in a part of the text and where they stand. They are looked for in the text itself,
/// since escapes make offsets into a value differ from those into the text.
pub(super) fn references_in(
    text: &str,
    range: Range<usize>,
) -> impl Iterator<Item = (Range<usize>, Reference<'_>)> {
    let start = range.start;
    let written = text.get(range).unwrap_or_default();
    written.match_indices('$').filter_map(move |(at, _)| {
        let (reference, length) = Reference::at_start(&written[at..])?;
        Some((start + at..start + at + length, reference))
    })
}

/// All `$(name)` in the values under a node: where they stand, and the name.
pub(crate) fn tokens_in<'t>(root: &Node, text: &'t str) -> Vec<(Range<usize>, &'t str)> {
    let mut tokens = Vec::new();
    root.walk(&mut |node| {
        if node.text().is_none() {
            return;
        }
        for (range, reference) in references_in(text, node.range.clone()) {
            if let Reference::Token(name) = reference {
                tokens.push((range, name));
            }
        }
    });
    tokens
}

/// Reports tokens that azds does not have, but not those in capitals: Kubernetes itself replaces
/// `$(POD_IP)` in a container's arguments.
pub(super) fn unknown(root: &Node, text: &str, problems: &mut Vec<Problem>) {
    for (range, name) in tokens_in(root, text) {
        if is_token(name) || !name.contains(|c: char| c.is_ascii_lowercase()) {
            continue;
        }
        let meant = match name {
            // Its name before the product was called Dev Spaces.
            "domainSuffix" => Some("hostSuffix"),
            _ => spelling::nearest(name, NAMES),
        };
        problems.push(match meant {
            Some(meant) => {
                let message = format!("There is no token `$({name})`. Did you mean `$({meant})`?");
                Problem::error(Code::UnknownToken, range.clone(), message).fixed_by(
                    format!("Change to `$({meant})`"),
                    range,
                    format!("$({meant})"),
                )
            }
            None => {
                let all = NAMES.map(|name| format!("`$({name})`")).join(", ");
                let message = format!("azds leaves `$({name})` as it is. It replaces {all}.");
                Problem::warning(Code::UnknownToken, range, message)
            }
        });
    }
}

fn is_name(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

/// Offset of the brace that closes one that was opened before `text`.
fn closing_brace(text: &str) -> Option<usize> {
    let mut depth = 0;
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            b'{' => depth += 1,
            b'}' if depth == 0 => return Some(at),
            b'}' => depth -= 1,
            _ => {}
        }
    }
    None
}
