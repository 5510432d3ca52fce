//! What may be written at a place in azds.yaml.

use super::hover::{describe, walk};
use super::rules::USUAL;
use super::schema::{PathTo, Type};
use super::tokens;
use crate::analysis::answer::{Completion, CompletionKind};
use crate::analysis::yaml::{self, Cursor, Role, Step};
use crate::analysis::{Document, Edit};

/// Variables that charts and Dockerfiles of this format use.
const VARIABLES: [&str; 1] = ["BUILD_CONFIGURATION:-Debug"];

/// What may be written at a place.
pub(super) fn completions(document: &Document<'_>, at: usize) -> Vec<Completion> {
    let Some(cursor) = yaml::cursor(document.text(), at) else {
        return Vec::new();
    };
    let completer = Completer {
        document,
        cursor: &cursor,
        at,
    };
    if let Some(references) = completer.references() {
        return references;
    }
    let Some((_, kind)) = walk(&cursor.path) else {
        return Vec::new();
    };
    match cursor.role {
        Role::Key => completer.keys(kind),
        Role::Value => completer.values(kind, ""),
        Role::Start if kind.is_list() && cursor.path.last() != Some(&Step::Item) => {
            completer.values(kind, "- ")
        }
        Role::Start => match kind {
            Type::Map(_) | Type::Open(_) | Type::Named(_) => completer.keys(kind),
            kind => completer.values(kind, ""),
        },
    }
}

struct Completer<'a> {
    document: &'a Document<'a>,
    cursor: &'a Cursor,
    at: usize,
}

impl Completer<'_> {
    /// The keys of a map that are not there yet.
    fn keys(&self, kind: Type) -> Vec<Completion> {
        let written = yaml::siblings(self.document.text(), self.cursor);
        let own = &self.document.text()[self.cursor.written.clone()];
        let free = |name: &str| name == own || !written.contains(&name);
        if let Type::Named(_) = kind {
            let develop = free("develop").then(|| {
                let doc = "The configuration that `azds up` uses where there is one.";
                self.key("develop", true, doc.to_owned(), "configuration")
            });
            return develop.into_iter().collect();
        }
        let keys = kind.keys().iter();
        let keys = keys.filter(|key| key.legacy.is_none() && free(key.name));
        keys.map(|key| {
            let below = key.kind.is_map() || key.kind.is_list();
            self.key(key.name, below, describe(key), key.kind.described())
        })
        .collect()
    }

    /// A key with its colon. What stands under it begins on the next line if it is a map or a list.
    fn key(&self, name: &str, below: bool, documentation: String, detail: &str) -> Completion {
        let text = match self.cursor.role {
            Role::Key => name.to_owned(),
            _ if below && !self.cursor.flow => {
                let indent = self.cursor.indent + 2;
                format!("{name}:\n{:indent$}", "")
            }
            _ => format!("{name}: "),
        };
        Completion {
            label: name.to_owned(),
            kind: CompletionKind::Key,
            detail: detail.to_owned(),
            documentation,
            edit: self.edit(text),
        }
    }

    fn values(&self, kind: Type, before: &str) -> Vec<Completion> {
        match kind {
            Type::Text(values) => self.texts(values, before),
            Type::Texts(values) => self.texts(values, before),
            Type::Bool => self.texts(&["true", "false"], before),
            Type::Path(to) => self.paths(to, before),
            Type::Paths => self.paths(PathTo::Values, before),
            Type::Globs | Type::Glob => {
                let quoted = USUAL.map(|glob| format!("\"{glob}\""));
                let quoted: Vec<&str> = quoted.iter().map(String::as_str).collect();
                self.texts(&quoted, before)
            }
            _ => Vec::new(),
        }
    }

    fn texts(&self, values: &[&str], before: &str) -> Vec<Completion> {
        let values = values.iter().map(|value| Completion {
            label: (*value).to_owned(),
            kind: CompletionKind::Value,
            detail: String::new(),
            documentation: String::new(),
            edit: self.edit(format!("{before}{value}")),
        });
        values.collect()
    }

    /// What is in the folder that the path names so far.
    fn paths(&self, to: PathTo, before: &str) -> Vec<Completion> {
        let written = &self.document.text()[self.cursor.written.start..self.at];
        let quote = written
            .chars()
            .next()
            .filter(|quote| ['"', '\''].contains(quote));
        let written = written.trim_start_matches(['"', '\'']).replace('\\', "/");
        let folder = written.rfind('/').map_or("", |at| &written[..=at]);
        let listed = match folder {
            "" => ".",
            folder => folder.trim_end_matches('/'),
        };
        let mut entries = self.document.around.entries(listed);
        if folder.is_empty() || folder.ends_with("../") {
            entries.push("../".to_owned());
        }
        let fits = |name: &str| match to {
            _ if name.ends_with('/') => !name.starts_with('.') || name == "../",
            PathTo::Values => {
                name.ends_with(".yaml") && name != "azds.yaml" && name != "Chart.yaml"
            }
            PathTo::File => name.starts_with("Dockerfile") && !name.ends_with(".dockerignore"),
            PathTo::Folder | PathTo::Chart => false,
        };
        let fitting = entries.into_iter().filter(|name| fits(name));
        fitting
            .map(|name| {
                let quote = quote.map(String::from).unwrap_or_default();
                let is_folder = name.ends_with('/');
                // A folder that is all that is wanted needs no slash; one on the way does.
                let path = match to {
                    PathTo::File | PathTo::Values => format!("{folder}{name}"),
                    PathTo::Folder | PathTo::Chart => {
                        format!("{folder}{}", name.trim_end_matches('/'))
                    }
                };
                Completion {
                    label: name,
                    kind: match is_folder {
                        true => CompletionKind::Folder,
                        false => CompletionKind::File,
                    },
                    detail: String::new(),
                    documentation: String::new(),
                    edit: self.edit(format!("{before}{quote}{path}{quote}")),
                }
            })
            .collect()
    }

    /// Tokens and variables, where one is begun: after a `$`.
    fn references(&self) -> Option<Vec<Completion>> {
        if self.cursor.role == Role::Key {
            return None;
        }
        let text = self.document.text();
        let written = &text[self.cursor.written.start..self.at];
        let dollar = written.rfind('$')?;
        let begun = &written[dollar + 1..];
        let is_name = |name: &str| name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
        let name = begun.trim_start_matches(['(', '{']);
        if begun.len() - name.len() > 1 || !is_name(name) {
            return None;
        }
        // What stands after the cursor belongs to it up to its bracket.
        let rest = &text[self.at..self.cursor.written.end];
        let after = rest.trim_start_matches(|c: char| c.is_ascii_alphanumeric() || c == '_');
        let close = if begun.starts_with('(') { ')' } else { '}' };
        let end = match after.strip_prefix(close) {
            Some(after) => self.cursor.written.end - after.len(),
            None if after.len() == rest.len() => self.at,
            None => self.cursor.written.end - after.len(),
        };
        let range = self.cursor.written.start + dollar..end;
        let completion = |label: String, documentation: &str| Completion {
            detail: String::new(),
            documentation: documentation.to_owned(),
            kind: CompletionKind::Token,
            edit: Edit {
                range: range.clone(),
                text: label.clone(),
            },
            label,
        };
        let mut all = Vec::new();
        if !begun.starts_with('{') {
            let tokens = tokens::NAMES.iter();
            all.extend(tokens.map(|name| completion(format!("$({name})"), tokens::describe(name))));
        }
        if !begun.starts_with('(') {
            let known = self.document.around.variables();
            let known = known.iter().map(String::as_str).chain(VARIABLES);
            all.extend(known.map(|name| completion(format!("${{{name}}}"), "")));
        }
        Some(all)
    }

    fn edit(&self, text: String) -> Edit {
        Edit {
            range: self.cursor.written.clone(),
            text,
        }
    }
}

impl Type {
    /// What a value is, for a person.
    pub(super) fn described(self) -> &'static str {
        match self {
            Type::Text(_) => "text",
            Type::Path(PathTo::File) => "path of a file",
            Type::Path(PathTo::Values) => "path of a values file",
            Type::Glob => "glob",
            Type::Path(PathTo::Folder) => "path of a folder",
            Type::Path(PathTo::Chart) => "path of a chart",
            Type::Bool => "`true` or `false`",
            Type::Texts(_) => "list of texts",
            Type::Globs => "list of globs",
            Type::Paths => "list of paths",
            Type::Commands => "list of commands",
            Type::TextMap => "map of texts",
            Type::Map(_) | Type::Open(_) | Type::Named(_) => "map",
            Type::Any => "value",
        }
    }
}
