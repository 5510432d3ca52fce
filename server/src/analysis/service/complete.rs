//! Keys that may be written: in values files, in `install.set`, and in templates.

use std::collections::BTreeMap;
use std::ops::Range;

use super::hover::{is_secret, kind_of};
use super::{AZDS_YAML, Origin, Service};
use crate::analysis::Edit;
use crate::analysis::answer::{Completion, CompletionKind};
use crate::analysis::chart::reads::{Path, Reads, Step};
use crate::analysis::chart::scan;
use crate::analysis::chart::template::Template;
use crate::analysis::yaml::Value;

/// What stands at the cursor while a template is looked at, so that there is a name to find.
const CURSOR: &str = "azdsCursor";

/// A key that may be written, and what is known of it.
#[derive(Default)]
struct Candidate {
    detail: String,
    is_map: bool,
}

impl Service {
    /// The keys that may be written at an offset.
    pub fn completions(&self, file: &str, at: usize) -> Vec<Completion> {
        if self.chart.template(file).is_some() {
            return self.in_template(file, at);
        }
        self.in_values(file, at)
    }

    fn in_values(&self, file: &str, at: usize) -> Vec<Completion> {
        let Some((_, layer)) = self.layers_of(file).next() else {
            return Vec::new();
        };
        let text = layer.source.text();
        let Some(line) = Line::at(text, at) else {
            return Vec::new();
        };
        let mut path = line.path(text);
        if file == AZDS_YAML {
            let Some(below) = below_set(&path) else {
                return Vec::new();
            };
            path = below;
        }
        let taken = self.settings_of(&path);
        let taken: Vec<&str> = taken
            .iter()
            .filter(|setting| self.layers[setting.layer].path == file)
            .flat_map(|setting| setting.value.entries())
            .filter(|entry| !line.range.contains(&entry.key.range.start))
            .filter_map(|entry| entry.key.text())
            .collect();
        // What is being typed is no key yet.
        let typed = (file, line.range.clone());
        let candidates = self
            .candidates(&self.chart.reads, &path, Some(typed))
            .into_iter();
        let free = candidates.filter(|(key, _)| !taken.contains(&key.as_str()));
        let indent = " ".repeat(line.indent + 2);
        free.map(|(key, candidate)| {
            let text = match (candidate.is_map, line.has_colon) {
                (_, true) => key.clone(),
                (true, false) => format!("{key}:\n{indent}"),
                (false, false) => format!("{key}: "),
            };
            self.completion(&path, key, candidate, line.range.clone(), text)
        })
        .collect()
    }

    fn in_template(&self, file: &str, at: usize) -> Vec<Completion> {
        let Some(number) = self.chart.template(file) else {
            return Vec::new();
        };
        let text = self.chart.templates[number].1.text();
        let Some((before, after)) = text.split_at_checked(at) else {
            return Vec::new();
        };
        let marked = format!("{before}{CURSOR}{after}");
        let template = Template::read(&marked);
        let mut sources: Vec<(&str, &Template)> = self
            .chart
            .templates
            .iter()
            .map(|(_, source)| (source.text(), source.template()))
            .collect();
        sources[number] = (&marked, &template);
        let reads = scan(&sources);
        let Some(mention) = reads
            .mentions
            .iter()
            .find(|mention| mention.template == number && mention.start <= at && at < mention.end)
        else {
            return Vec::new();
        };
        let range = mention.start..mention.end - CURSOR.len();
        let parent = &mention.path[..mention.path.len() - 1];
        let is_quoted = before[..range.start.min(at)].ends_with(['"', '`']);
        let candidates = self.candidates(&reads, parent, None).into_iter();
        candidates
            .filter(|(key, _)| is_quoted || is_name(key))
            .map(|(key, candidate)| {
                let text = key.clone();
                self.completion(parent, key, candidate, range.clone(), text)
            })
            .collect()
    }

    /// Keys below a path: those that templates read, and those that somebody sets, but not in `except`.
    fn candidates(
        &self,
        reads: &Reads,
        path: &[Step],
        except: Option<(&str, Range<usize>)>,
    ) -> BTreeMap<String, Candidate> {
        let mut candidates: BTreeMap<String, Candidate> = BTreeMap::new();
        let root = Some(reads.root());
        let read = path.iter().fold(root, |under, step| under?.step(step));
        if let Some(read) = read {
            for key in read.keys().into_iter().filter(|key| !key.contains(CURSOR)) {
                let candidate = candidates.entry(key.to_owned()).or_default();
                candidate.is_map = read.has_more(key);
            }
        }
        for setting in self.settings_of(path) {
            let layer = &self.layers[setting.layer];
            let is_own = layer.origin == Origin::Chart;
            let is_typed = |at: usize| {
                let here = except.as_ref();
                here.is_some_and(|(file, range)| layer.path == *file && range.contains(&at))
            };
            for entry in setting.value.entries() {
                if is_typed(entry.key.range.start) {
                    continue;
                }
                let Some(key) = entry.key.text() else {
                    continue;
                };
                let candidate = candidates.entry(key.to_owned()).or_default();
                candidate.is_map |= matches!(entry.value.value, Value::Mapping(_));
                if is_own && !is_secret(path) {
                    candidate.detail = kind_of(&entry.value);
                }
            }
        }
        candidates
    }

    fn completion(
        &self,
        parent: &[Step],
        key: String,
        candidate: Candidate,
        range: Range<usize>,
        text: String,
    ) -> Completion {
        let mut path = parent.to_vec();
        path.push(Step::Key(key.clone()));
        Completion {
            label: key,
            kind: CompletionKind::Key,
            detail: candidate.detail,
            documentation: self.documentation(&path).unwrap_or_default(),
            edit: Edit { range, text },
        }
    }
}

/// The line of a values file that a key is typed on.
struct Line {
    indent: usize,
    /// The key as far as it is there.
    range: Range<usize>,
    has_colon: bool,
}

impl Line {
    /// `None` where no key can be typed: after a colon, in a comment.
    fn at(text: &str, at: usize) -> Option<Line> {
        let before = text.get(..at)?;
        let start = before.rfind('\n').map_or(0, |end| end + 1);
        let typed = before[start..].trim_start_matches(' ');
        let indent = before.len() - start - typed.len();
        let is_key = |c: char| {
            !matches!(
                c,
                ':' | '#' | '{' | '[' | '"' | '\'' | '-' | '&' | '*' | '\t'
            )
        };
        if !typed.chars().all(is_key) && !is_name(&typed.replace('-', "_")) {
            return None;
        }
        let after = &text[at..];
        let word = after.find(|c: char| !c.is_alphanumeric() && c != '_' && c != '-');
        let end = at + word.unwrap_or(after.len());
        Some(Line {
            indent,
            range: start + indent..end,
            has_colon: text[end..].starts_with(':'),
        })
    }

    /// The keys that it stands under, by their indentation: what is half typed is often no YAML.
    fn path(&self, text: &str) -> Path {
        let mut path = Vec::new();
        let mut indent = self.indent;
        for line in text[..self.range.start].lines().rev() {
            let content = line.trim_start_matches(' ');
            let here = line.len() - content.len();
            if here >= indent || content.is_empty() || content.starts_with('#') {
                continue;
            }
            let (item, content) = match content.strip_prefix("- ") {
                Some(content) => (true, content.trim_start()),
                None => (false, content),
            };
            if let Some((key, _)) = content.split_once(':') {
                let key = key.trim_matches(['"', '\'']);
                // The key of an item's first line stands beside what follows, not above it.
                let key_indent = line.len() - content.len();
                if key_indent < indent {
                    path.push(Step::Key(key.to_owned()));
                }
            }
            if item {
                path.push(Step::Each);
            }
            indent = here;
            if indent == 0 {
                break;
            }
        }
        path.reverse();
        path
    }
}

/// The path below `install.set`, where one of azds.yaml lies there.
fn below_set(path: &[Step]) -> Option<Path> {
    let keys: Vec<&str> = path
        .iter()
        .map_while(|step| match step {
            Step::Key(key) => Some(key.as_str()),
            Step::Each => None,
        })
        .collect();
    let length = match keys.as_slice() {
        ["install", "set", ..] => 2,
        ["configurations", _, "install", "set", ..] => 4,
        _ => return None,
    };
    Some(path[length..].to_vec())
}

/// Whether Go can take it as the name of a field.
pub(super) fn is_name(text: &str) -> bool {
    text.starts_with(|c: char| c.is_alphabetic() || c == '_')
        && text.chars().all(|c| c.is_alphanumeric() || c == '_')
}
