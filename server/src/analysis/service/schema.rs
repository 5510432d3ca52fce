//! values.schema.json, as far as it can be told without a doubt.
//!
//! Helm checks the merged values against it. Here it is said beside the key that is wrong, for these
//! keywords: `type`, `enum`, `const`, `required`, `properties`, `additionalProperties: false`, `items`,
//! `minimum`, `maximum`, `minLength`, `maxLength`, `minItems`, `maxItems` and `$ref` within the file.
//! The others are left to Helm, so that nothing is said that it would not say.

use serde_json::Value as Json;

use super::problems::Found;
use super::{Origin, Service};
use crate::analysis::chart::reads::{Path, Step, display};
use crate::analysis::{Code, Problem};

/// References are followed so far: they may go round in a circle.
const MOST_DEPTH: usize = 32;

impl Service {
    /// What the schema does not allow, each at the place that sets it.
    pub(super) fn schema(&self, found: &mut Vec<Found>) {
        let Some(source) = &self.chart.schema else {
            return;
        };
        // What is wrong with the schema itself is Helm's to say.
        let Ok(schema) = serde_json::from_str::<Json>(source.text()) else {
            return;
        };
        let values = self
            .effective(&[])
            .unwrap_or_else(|| Json::Object(Default::default()));
        let mut check = Check {
            whole: &schema,
            wrong: Vec::new(),
        };
        check.value(&schema, &values, &mut Vec::new(), 0);
        for (path, message) in check.wrong {
            found.extend(self.at(&path).map(|(path, range)| Found {
                path,
                problem: Problem::error(Code::SchemaViolation, range, message),
            }));
        }
    }

    /// The place that decides about a path, or about the nearest above it that somebody sets.
    fn at(&self, path: &[Step]) -> Option<(String, std::ops::Range<usize>)> {
        (1..=path.len())
            .rev()
            .find_map(|length| {
                let settings = self.settings_of(&path[..length]);
                let winner = settings.iter().rfind(|setting| setting.counts)?;
                let layer = &self.layers[winner.layer];
                let range = match length == path.len() && winner.value.text().is_some() {
                    true => winner.value.range.clone(),
                    false => winner.key.clone(),
                };
                Some((layer.path.clone(), range))
            })
            .or_else(|| {
                let chart = self.layers.iter().find(|it| it.origin == Origin::Chart)?;
                Some((chart.path.clone(), 0..0))
            })
    }
}

struct Check<'s> {
    whole: &'s Json,
    wrong: Vec<(Path, String)>,
}

impl Check<'_> {
    fn value(&mut self, schema: &Json, value: &Json, path: &mut Path, depth: usize) {
        let Json::Object(keywords) = schema else {
            if schema == &Json::Bool(false) {
                self.tell(path, "may not be set".to_owned());
            }
            return;
        };
        // Whether a null is still there when Helm checks depends on its version.
        if depth > MOST_DEPTH || value.is_null() {
            return;
        }
        if let Some(Json::String(reference)) = keywords.get("$ref") {
            let target = reference
                .strip_prefix('#')
                .and_then(|at| self.whole.pointer(at));
            if let Some(target) = target {
                self.value(target, value, path, depth + 1);
            }
        }
        if let Some(expected) = keywords.get("type") {
            let names: Vec<&str> = match expected {
                Json::String(name) => vec![name],
                Json::Array(names) => names.iter().filter_map(Json::as_str).collect(),
                _ => Vec::new(),
            };
            if !names.is_empty() && !names.iter().any(|name| is_type(value, name)) {
                let expected = names.join(" or ");
                self.tell(
                    path,
                    format!("must be of type {expected}, but is {}", type_of(value)),
                );
                return;
            }
        }
        if let Some(Json::Array(allowed)) = keywords.get("enum")
            && !allowed.contains(value)
        {
            let all: Vec<String> = allowed.iter().map(Json::to_string).collect();
            self.tell(path, format!("must be one of {}", all.join(", ")));
        }
        if let Some(only) = keywords.get("const").filter(|only| *only != value) {
            self.tell(path, format!("must be {only}"));
        }
        self.size(keywords, value, path);
        match value {
            Json::Object(entries) => self.object(keywords, entries, path, depth),
            Json::Array(items) => {
                if let Some(schema @ Json::Object(_)) = keywords.get("items") {
                    path.push(Step::Each);
                    items
                        .iter()
                        .for_each(|item| self.value(schema, item, path, depth + 1));
                    path.pop();
                }
            }
            _ => {}
        }
    }

    fn object(
        &mut self,
        keywords: &serde_json::Map<String, Json>,
        entries: &serde_json::Map<String, Json>,
        path: &mut Path,
        depth: usize,
    ) {
        if let Some(Json::Array(required)) = keywords.get("required") {
            for name in required.iter().filter_map(Json::as_str) {
                if !entries.contains_key(name) {
                    self.tell(path, format!("must have `{name}`"));
                }
            }
        }
        let properties = keywords.get("properties").and_then(Json::as_object);
        let closed = keywords.get("additionalProperties") == Some(&Json::Bool(false))
            && !keywords.contains_key("patternProperties");
        for (name, value) in entries {
            path.push(Step::Key(name.clone()));
            match properties.and_then(|properties| properties.get(name)) {
                Some(schema) => self.value(schema, value, path, depth + 1),
                // Helm itself puts these there, or gives them to another chart.
                None if name == "global" && path.len() == 1 => {}
                None if closed => self.tell(path, "is not known here".to_owned()),
                None => {}
            }
            path.pop();
        }
    }

    fn size(&mut self, keywords: &serde_json::Map<String, Json>, value: &Json, path: &Path) {
        let (size, least, most, what) = match value {
            Json::Number(number) => (number.as_f64(), "minimum", "maximum", ""),
            Json::String(text) => {
                let length = text.chars().count() as f64;
                (Some(length), "minLength", "maxLength", " letters")
            }
            Json::Array(items) => (Some(items.len() as f64), "minItems", "maxItems", " items"),
            _ => return,
        };
        let limit = |name| keywords.get(name).and_then(Json::as_f64);
        if let (Some(size), Some(least)) = (size, limit(least))
            && size < least
        {
            self.tell(path, format!("must be at least {least}{what}"));
        }
        if let (Some(size), Some(most)) = (size, limit(most))
            && size > most
        {
            self.tell(path, format!("must be at most {most}{what}"));
        }
    }

    fn tell(&mut self, path: &[Step], rule: String) {
        let name = match path {
            [] => "the values".to_owned(),
            path => format!("`{}`", display(path)),
        };
        let message = format!("By the chart's values.schema.json, {name} {rule}.");
        self.wrong.push((path.to_vec(), message));
    }
}

fn is_type(value: &Json, name: &str) -> bool {
    match name {
        "integer" => value.as_f64().is_some_and(|number| number.fract() == 0.0),
        "number" => value.is_number(),
        "string" => value.is_string(),
        "boolean" => value.is_boolean(),
        "array" => value.is_array(),
        "object" => value.is_object(),
        "null" => value.is_null(),
        // Not a type of any draft: Helm refuses the schema.
        _ => true,
    }
}

fn type_of(value: &Json) -> &'static str {
    match value {
        Json::Null => "null",
        Json::Bool(_) => "boolean",
        Json::Number(_) => "number",
        Json::String(_) => "string",
        Json::Array(_) => "array",
        Json::Object(_) => "object",
    }
}
