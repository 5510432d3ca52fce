//! What does not fit together between the values and the templates that read them.

use std::collections::BTreeSet;

use serde_json::Value as Json;

use super::{Layer, Origin, Service};
use crate::analysis::chart::reads::{Path, Read, Step, Under, display};
use crate::analysis::yaml::{Node, Value};
use crate::analysis::{Code, Problem, spelling};

/// A problem and the file that it is in.
#[derive(Debug, Clone, PartialEq)]
pub struct Found {
    /// Path of the file, relative to the folder of azds.yaml.
    pub path: String,
    /// What is wrong.
    pub problem: Problem,
}

impl Service {
    /// All that is wrong with how the service's files fit together. What is wrong with one of them
    /// alone is told by [`super::super::azds_yaml`] and [`super::super::values`].
    pub fn problems(&self) -> Vec<Found> {
        let mut found = Vec::new();
        self.unread(&mut found);
        self.unset(&mut found);
        self.types(&mut found);
        self.secret_variables(&mut found);
        self.schema(&mut found);
        self.misplaced_files(&mut found);
        found
    }

    /// Keys that no template reads. Nothing is said where a template may read more than is seen here.
    fn unread(&self, found: &mut Vec<Found>) {
        let chart = &self.chart;
        if chart.templates.is_empty() || chart.reads.opaque || !chart.dependencies.is_empty() {
            return;
        }
        for layer in &self.layers {
            let Some(root) = layer.root() else { continue };
            let mut walk = Unread {
                layer,
                found,
                path: Vec::new(),
            };
            walk.under(root, &chart.reads.root());
        }
    }

    /// Values that are read and that nobody sets, where the template is sure to be reached.
    fn unset(&self, found: &mut Vec<Found>) {
        // A values file that is not there may be what sets them; that it is missing is said elsewhere.
        if self.given.iter().any(|given| !given.is_there) {
            return;
        }
        let mut told: BTreeSet<(usize, &[Step])> = BTreeSet::new();
        for read in &self.chart.reads.reads {
            let path = read.path.as_slice();
            if path.is_empty()
                || path.contains(&Step::Each)
                || path.first() == Some(&Step::Key("global".to_owned()))
                || self.is_of_dependency(path)
                || self.chart.reads.is_optional(path)
                || !self.is_reached(read)
                || self.is_set(path)
                || !told.insert((read.template, path))
            {
                continue;
            }
            let parent = path[..path.len() - 1].iter().enumerate();
            let missing_parent = parent
                .map(|(at, _)| &path[..=at])
                .find(|parent| !self.is_set(parent));
            let name = display(path);
            let problem = match missing_parent {
                Some(parent) => Problem::warning(
                    Code::UnsetValue,
                    self.place_of(read),
                    format!(
                        "Nobody sets `{}`, so Helm fails here: it has no `{name}`. Set it in {}.",
                        display(parent),
                        self.chart.file("values.yaml"),
                    ),
                ),
                None => Problem::information(
                    Code::UnsetValue,
                    self.place_of(read),
                    format!(
                        "The chart reads `{name}`, and no values file and no `install.set` sets it."
                    ),
                ),
            };
            found.push(Found {
                path: self.chart.templates[read.template].0.clone(),
                problem,
            });
        }
    }

    /// Where the last name of what is read stands, else the whole expression.
    fn place_of(&self, read: &Read) -> std::ops::Range<usize> {
        let reads = &self.chart.reads;
        let inside = |at: usize| read.range.start <= at && at < read.range.end;
        let mention = reads.mentions.iter().find(|mention| {
            mention.template == read.template && inside(mention.start) && mention.path == read.path
        });
        mention.map_or(read.range.clone(), |mention| mention.range())
    }

    /// Whether a path belongs to a chart that this one depends on: that has values of its own.
    fn is_of_dependency(&self, path: &[Step]) -> bool {
        let Some(Step::Key(first)) = path.first() else {
            return false;
        };
        self.chart.dependencies.contains(first)
    }

    fn is_set(&self, path: &[Step]) -> bool {
        self.effective(path).is_some()
    }

    /// Whether what must hold for something to be read is sure to hold.
    fn is_reached(&self, read: &Read) -> bool {
        let holds = |path: &Path| {
            !path.contains(&Step::Each) && self.effective(path).is_some_and(|value| is_true(&value))
        };
        !read.when.more && read.when.set.iter().all(holds)
    }

    /// Values that are of another type than the chart's own, and numbers that were meant as text.
    fn types(&self, found: &mut Vec<Found>) {
        let chart = self.layers.iter().find(|it| it.origin == Origin::Chart);
        let chart = chart.and_then(Layer::root);
        for layer in &self.layers {
            let Some(root) = layer.root() else { continue };
            let mut tell = |problem| {
                found.push(Found {
                    path: layer.path.clone(),
                    problem,
                });
            };
            numbers(root, layer.source.text(), &mut tell);
            if let Some(chart) = chart.filter(|_| layer.origin != Origin::Chart) {
                let file = self.chart.file("values.yaml");
                compare(root, chart, layer.source.text(), &file, &mut tell);
            }
        }
    }
}

/// What templates take for true.
pub(super) fn is_true(value: &Json) -> bool {
    match value {
        Json::Null => false,
        Json::Bool(it) => *it,
        Json::Number(number) => number.as_f64() != Some(0.0),
        Json::String(text) => !text.is_empty(),
        Json::Array(items) => !items.is_empty(),
        Json::Object(entries) => !entries.is_empty(),
    }
}

/// A walk through what one layer sets, beside what is read of it.
struct Unread<'u> {
    layer: &'u Layer,
    found: &'u mut Vec<Found>,
    path: Vec<&'u str>,
}

impl<'u> Unread<'u> {
    fn under(&mut self, node: &'u Node, read: &Under<'_>) {
        if read.is_whole() {
            return;
        }
        for entry in node.entries() {
            let Some(key) = entry.key.text() else {
                continue;
            };
            self.path.push(key);
            match read.step(&Step::Key(key.to_owned())) {
                Some(below) => self.under(&entry.value, &below),
                None if self.path == ["global"] => {}
                None => self.tell(node, key, entry.key.range.clone(), read),
            }
            self.path.pop();
        }
        let each = read.step(&Step::Each);
        for item in node.items() {
            if let Some(each) = &each {
                self.under(item, each);
            }
        }
    }

    fn tell(&mut self, map: &Node, key: &str, range: std::ops::Range<usize>, read: &Under<'_>) {
        let path = self.path.join(".");
        let free = read.keys().into_iter().filter(|key| map.get(key).is_none());
        let meant = spelling::nearest(key, free);
        let mut message = format!("No template of the chart reads `{path}`.");
        if let Some(meant) = meant {
            message.push_str(&format!(" Did you mean `{meant}`?"));
        }
        let mut problem = match self.layer.origin {
            Origin::Chart => Problem::information(Code::UnreadValue, range.clone(), message),
            _ => Problem::warning(Code::UnreadValue, range.clone(), message),
        };
        if let Some(meant) = meant {
            problem = problem.fixed_by(format!("Change to `{meant}`"), range, meant);
        }
        self.found.push(Found {
            path: self.layer.path.clone(),
            problem,
        });
    }
}

/// Types that differ from those of the chart's values.yaml so that templates do something else.
fn compare(node: &Node, chart: &Node, text: &str, file: &str, tell: &mut impl FnMut(Problem)) {
    for entry in node.entries() {
        let Some(key) = entry.key.text() else {
            continue;
        };
        let Some(default) = chart.get(key) else {
            continue;
        };
        let (value, range) = (&entry.value, entry.value.range.clone());
        let is = |node: &Node| match (&node.value, node.to_json()) {
            (_, json) if !is_true(&json) && !json.is_boolean() => None,
            (Value::Mapping(_), _) => Some("a map"),
            (Value::Sequence(_), _) => Some("a list"),
            (Value::Scalar(_), _) => Some("a single value"),
        };
        if let (Value::Mapping(_), Value::Mapping(_)) = (&value.value, &default.value) {
            compare(value, default, text, file, tell);
            continue;
        }
        if let (Some(here), Some(there)) = (is(value), is(default))
            && here != there
        {
            let message = format!(
                "`{key}` is {here} here and {there} in {file}, whose templates expect that."
            );
            tell(Problem::warning(Code::TypeLost, range, message));
            continue;
        }
        let said = text.get(range.clone()).unwrap_or_default();
        if let (Json::Bool(_), Json::String(word)) = (default.to_json(), value.to_json())
            && ["true", "false"].contains(&word.to_lowercase().as_str())
        {
            let message = format!(
                "{said} is a text, and templates take every text for true. The chart has true or false here."
            );
            let problem = Problem::warning(Code::TypeLost, range.clone(), message);
            tell(problem.fixed_by("Take the quotes away", range, word));
        }
    }
}

/// Versions and tags that YAML reads as numbers, which are written differently: `1.10` is 1.1.
fn numbers(node: &Node, text: &str, tell: &mut impl FnMut(Problem)) {
    for item in node.items() {
        numbers(item, text, tell);
    }
    for entry in node.entries() {
        numbers(&entry.value, text, tell);
        let (Some(key), Json::Number(number)) = (entry.key.text(), entry.value.to_json()) else {
            continue;
        };
        let key = key.to_lowercase();
        if key != "tag" && !key.ends_with("version") {
            continue;
        }
        let range = entry.value.range.clone();
        let written = text.get(range.clone()).unwrap_or_default();
        let shown = as_helm_writes(&number);
        if shown != written {
            let message = format!(
                "To YAML `{written}` is a number, and templates write it as `{shown}`. Put it in quotes to keep it."
            );
            let problem = Problem::warning(Code::TypeLost, range.clone(), message);
            tell(problem.fixed_by("Put it in quotes", range, format!("\"{written}\"")));
        }
    }
}

/// A number of a values file as a template writes it. Helm has them all as 64-bit floats, and Go
/// writes those with an exponent from a million on and below a ten-thousandth.
fn as_helm_writes(number: &serde_json::Number) -> String {
    let value = number.as_f64().unwrap_or_default();
    let size = value.abs();
    if size == 0.0 || (1e-4..1e6).contains(&size) {
        return value.to_string();
    }
    let text = format!("{value:e}");
    match text.split_once('e') {
        Some((digits, exponent)) => {
            let (sign, exponent) = match exponent.strip_prefix('-') {
                Some(exponent) => ('-', exponent),
                None => ('+', exponent),
            };
            format!("{digits}e{sign}{exponent:0>2}")
        }
        None => text,
    }
}
