//! What is known of a value: what it is in the end, who sets it, and who wins.

use serde_json::Value as Json;

use super::secrets::name_in_dotnet;
use super::{Origin, Service};
use crate::analysis::answer::{Hover, Place};
use crate::analysis::chart::reads::{Step, display};
use crate::analysis::yaml::Node;

/// Longer values are cut off.
const MOST_LETTERS: usize = 80;

impl Service {
    /// What is known of the key at an offset.
    pub fn hover(&self, file: &str, at: usize) -> Option<Hover> {
        let key = self.key_at(file, at)?;
        let name = display(&key.path);
        let mut lines = vec![format!("**`{name}`**")];
        lines.extend(
            self.documentation(&key.path)
                .map(|text| format!("\n{text}")),
        );
        let effective = match self.effective(&key.path) {
            Some(_) if is_secret(&key.path) => "\nThe chart gets a secret.".to_owned(),
            Some(value) => format!("\nThe chart gets `{}`", short(&value)),
            None if key.path.contains(&Step::Each) => String::new(),
            None => "\nNobody sets it.".to_owned(),
        };
        lines.push(effective);
        for setting in self.settings_of(&key.path).iter().rev() {
            let layer = &self.layers[setting.layer];
            let line = line_of(layer.source.text(), setting.key.start);
            let value = match is_secret(&key.path) {
                true => String::new(),
                false => format!(": `{}`", short(&setting.value.to_json())),
            };
            let effect = match setting.counts {
                true => "",
                false => ", without effect",
            };
            lines.push(format!("- {}, line {line}{value}{effect}", layer.name()));
        }
        let variable = self.layers_of(file).find_map(|(_, layer)| {
            let variables = self.variables_of(layer);
            let here = variables.into_iter().find(|it| it.key == key.range)?;
            Some(here.variable)
        });
        if let Some(variable) = variable {
            lines.push(format!(
                "\nIt becomes the environment variable `{variable}`."
            ));
            if self.is_dotnet {
                let name = name_in_dotnet(&variable);
                lines.push(format!("IConfiguration reads it as `{name}`, in any case."));
            }
        }
        let mut readers: Vec<&str> = Vec::new();
        for mention in self.mentions_of(&key.path) {
            let path = self.chart.templates[mention.template].0.as_str();
            if !readers.contains(&path) {
                readers.push(path);
            }
        }
        if !readers.is_empty() {
            let readers: Vec<_> = readers.iter().map(|path| format!("`{path}`")).collect();
            lines.push(format!("\nRead in {}", readers.join(", ")));
        }
        Some(Hover {
            range: key.range,
            markdown: lines.join("\n"),
        })
    }

    /// The comment above a key in the chart's values.yaml.
    pub(super) fn documentation(&self, path: &[Step]) -> Option<String> {
        let settings = self.settings_of(path);
        let of_chart = |layer: usize| self.layers[layer].origin == Origin::Chart;
        let setting = settings.iter().find(|it| of_chart(it.layer))?;
        let text = self.layers[setting.layer].source.text();
        let line = text[..setting.key.start].rfind('\n').map_or(0, |at| at + 1);
        let above = text[..line].lines().rev();
        let mut comment: Vec<&str> = above
            .map_while(|line| line.trim_start().strip_prefix('#'))
            .map(|line| line.trim_start_matches(['#', ' ']))
            .collect();
        comment.reverse();
        let comment = comment.join("\n");
        (!comment.trim().is_empty()).then(|| comment.trim().to_owned())
    }

    /// Where a value comes from: from a template, the places that set it, the strongest first; from
    /// one of those, the chart's own values.yaml; from there, the templates.
    pub fn definition(&self, file: &str, at: usize) -> Vec<Place> {
        let Some(key) = self.key_at(file, at) else {
            return Vec::new();
        };
        let settings: Vec<Place> = self.places_of(&key.path).collect();
        if self.chart.template(file).is_some() {
            return settings;
        }
        let own = self.chart.file("values.yaml");
        let of_chart: Vec<Place> = settings
            .into_iter()
            .filter(|place| place.path == own && file != own)
            .collect();
        match of_chart.is_empty() {
            false => of_chart,
            true => self.readers_of(&key.path).collect(),
        }
    }

    /// All places that set or read the value of the key at an offset.
    pub fn references(&self, file: &str, at: usize) -> Vec<Place> {
        let Some(key) = self.key_at(file, at) else {
            return Vec::new();
        };
        let mut places: Vec<Place> = self.places_of(&key.path).collect();
        places.extend(self.readers_of(&key.path));
        places.dedup();
        places
    }

    fn places_of(&self, path: &[Step]) -> impl Iterator<Item = Place> {
        let settings = self.settings_of(path).into_iter().rev();
        settings.map(|setting| Place {
            path: self.layers[setting.layer].path.clone(),
            range: setting.key,
        })
    }

    fn readers_of<'s>(&'s self, path: &'s [Step]) -> impl Iterator<Item = Place> + 's {
        self.mentions_of(path).map(|mention| Place {
            path: self.chart.templates[mention.template].0.clone(),
            range: mention.range(),
        })
    }
}

/// Whether a value must not be shown.
pub(super) fn is_secret(path: &[Step]) -> bool {
    path.first() == Some(&Step::Key("secrets".to_owned()))
}

/// A value on one line.
pub(super) fn short(value: &Json) -> String {
    let text = match value {
        Json::String(text) => text.replace('\n', " "),
        Json::Object(entries) if entries.is_empty() => "{}".to_owned(),
        value => value.to_string(),
    };
    let text = text.replace('`', "'");
    match text.char_indices().nth(MOST_LETTERS) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None if text.is_empty() => "\"\"".to_owned(),
        None => text,
    }
}

fn line_of(text: &str, at: usize) -> usize {
    text[..at.min(text.len())].matches('\n').count() + 1
}

/// What a value is, for a list of keys.
pub(super) fn kind_of(node: &Node) -> String {
    match node.to_json() {
        Json::Object(_) => String::new(),
        value => short(&value),
    }
}
