//! Values files that lie where nobody reads them, and entries that belong elsewhere.

use std::ops::Range;

use super::problems::Found;
use super::{AZDS_YAML, Service};
use crate::analysis::chart::words::Words;
use crate::analysis::yaml::{Node, Value};
use crate::analysis::{Code, Edit, Fix, Problem, Trouble};

/// Values files for development, by the names that `install.values` has of its own.
pub const DEVELOPMENT: [&str; 2] = ["values.dev.yaml", "secrets.dev.yaml"];

impl Service {
    /// Values files for development in the chart's folder that are not used, and entries of
    /// `container.values` whose file lies beside azds.yaml.
    pub(super) fn misplaced_files(&self, found: &mut Vec<Found>) {
        for path in &self.unused_files {
            let message = format!(
                "Nobody reads `{path}`: values files are looked for beside azds.yaml. Move it there, or list it under `install.values`."
            );
            let text = self.azds_yaml.text();
            let root = self.azds_yaml.parsed().documents.first();
            let range = self.chart_range();
            let mut problem = Problem::warning(Code::UnusedValuesFile, range, message.as_str());
            if let Some(edit) = root.and_then(|root| listed(root, text, path)) {
                problem.fixes.push(Fix {
                    title: format!("Add `{path}` to `install.values`"),
                    edits: vec![edit],
                    automatic: false,
                });
            }
            found.push(Found {
                path: AZDS_YAML.to_owned(),
                problem,
            });
            found.push(Found {
                path: path.clone(),
                problem: Problem::warning(Code::UnusedValuesFile, 0..0, message),
            });
        }
        for given in self
            .given
            .iter()
            .filter(|given| given.is_there && given.path != given.entry)
        {
            found.extend(
                self.elsewhere(&given.entry, &given.path)
                    .map(|problem| Found {
                        path: AZDS_YAML.to_owned(),
                        problem,
                    }),
            );
        }
    }

    /// Helm's error, at its place; at the chart's name if that is in no template. What the schema does
    /// not allow is said where it is set.
    pub(super) fn not_rendered(&self, said: &str) -> Option<Found> {
        if said.contains("meet the specifications of the schema") {
            return None;
        }
        let words = Words::read(said);
        let of_template = words.and_then(|words| {
            let template = self.chart.template(&self.chart.file(&words.path))?;
            Some((words, template))
        });
        let (path, range, message) = match of_template {
            Some((words, template)) => {
                let (path, source) = &self.chart.templates[template];
                (path.clone(), words.range(source.text()), words.message)
            }
            None => (AZDS_YAML.to_owned(), self.chart_range(), said.to_owned()),
        };
        let message = format!(
            "Helm can't render the chart: {}",
            message.trim_end_matches('.')
        );
        Some(Found {
            path,
            problem: Problem::error(Code::HelmError, range, message),
        })
    }

    /// What is wrong with the release in the cluster, at the chart's name.
    pub(super) fn in_trouble(&self, trouble: Trouble) -> Found {
        let Trouble { severity, message } = trouble;
        let problem = Problem::warning(Code::ReleaseTrouble, self.chart_range(), message);
        Found {
            path: AZDS_YAML.to_owned(),
            problem: Problem {
                severity,
                ..problem
            },
        }
    }

    /// Where `install.chart` says which chart it is.
    fn chart_range(&self) -> Range<usize> {
        let root = self.azds_yaml.parsed().documents.first();
        let chart = root.and_then(|root| root.get("install")?.get("chart"));
        chart.map_or(0..0, |chart| chart.range.clone())
    }

    fn elsewhere(&self, entry: &str, name: &str) -> Option<Problem> {
        let root = self.azds_yaml.parsed().documents.first()?;
        let text = self.azds_yaml.text();
        let base = root.get("container").into_iter();
        let configurations = root
            .get("configurations")
            .map(Node::entries)
            .unwrap_or_default();
        let overlays = configurations
            .iter()
            .filter_map(|entry| entry.value.get("container"));
        let lists = base
            .chain(overlays)
            .filter_map(|container| container.get("values"));
        let is_it = |item: &&Node| {
            item.text()
                .is_some_and(|text| text.replace('\\', "/") == entry)
        };
        let (list, item) = lists
            .filter_map(|list| Some((list, list.items().iter().find(is_it)?)))
            .next()?;
        let range = item.range.clone();
        let message = format!(
            "There is no file `{entry}`, seen from the folder of azds.yaml; azds takes `{name}`, which lies beside azds.yaml."
        );
        let mut problem = Problem::warning(Code::ValuesFileElsewhere, range.clone(), message);
        if let Some(removal) = removed(list, &range, text) {
            let is_listed = self.settings.values.iter().any(|file| file.path == name);
            let (title, more) = match is_listed {
                true => (
                    "Remove it: `install.values` has the file already".to_owned(),
                    None,
                ),
                false => (
                    format!("Move `{name}` to `install.values`"),
                    listed(root, text, name),
                ),
            };
            if is_listed || more.is_some() {
                let mut edits: Vec<Edit> = more.into_iter().chain([removal]).collect();
                edits.sort_by_key(|edit| edit.range.start);
                problem.fixes.push(Fix {
                    title,
                    edits,
                    automatic: false,
                });
            }
        }
        Some(problem.fixed_by(format!("Change to `{name}`"), range, name))
    }
}

/// The edit that puts an entry at the end of `install.values`.
fn listed(root: &Node, text: &str, entry: &str) -> Option<Edit> {
    let install = root.get("install")?;
    if let Some(values) = install
        .get("values")
        .filter(|values| !values.items().is_empty())
    {
        let last = values.items().last()?;
        let is_flow = text[values.range.clone()].starts_with('[');
        let end = last.range.end;
        return Some(match is_flow {
            true => insertion(end, format!(", {entry}")),
            false => insertion(
                end,
                format!("\n{}- {entry}", indent_of_item(text, last.range.start)),
            ),
        });
    }
    if install.get("values").is_some() {
        return None;
    }
    // Without a list there are two entries; one that is written has to say them.
    let chart = install
        .entries()
        .iter()
        .find(|it| it.key.text() == Some("chart"))?;
    let line = text[..chart.key.range.start]
        .rfind('\n')
        .map_or(0, |at| at + 1);
    let indent = &text[line..chart.key.range.start];
    if !indent.chars().all(|c| c == ' ') {
        return None;
    }
    let mut lines = format!("\n{indent}values:");
    for file in DEVELOPMENT
        .map(|name| format!("{name}?"))
        .iter()
        .map(String::as_str)
        .chain([entry])
    {
        // An entry without its ? must be there, and this one is.
        if file.trim_end_matches('?') != entry || file == entry {
            lines.push_str(&format!("\n{indent}  - {file}"));
        }
    }
    Some(insertion(chart.value.range.end, lines))
}

/// The edit that takes an item out of a list, and the list's key with its last item.
fn removed(list: &Node, item: &Range<usize>, text: &str) -> Option<Edit> {
    let Value::Sequence(items) = &list.value else {
        return None;
    };
    let at = items.iter().position(|node| node.range == *item)?;
    let is_flow = text[list.range.clone()].starts_with('[');
    let range = match (is_flow, items.len()) {
        (true, 1) => item.clone(),
        (true, _) if at == 0 => item.start..items[1].range.start,
        (true, _) => items[at - 1].range.end..item.end,
        // An empty block list would be null, which is as good as none.
        (false, _) => {
            let start = text[..item.start].rfind('\n').map_or(0, |at| at + 1);
            let end = text[item.end..]
                .find('\n')
                .map_or(text.len(), |at| item.end + at + 1);
            start..end
        }
    };
    Some(Edit {
        range,
        text: String::new(),
    })
}

fn insertion(at: usize, text: String) -> Edit {
    Edit {
        range: at..at,
        text,
    }
}

/// What stands before the dash of an item.
fn indent_of_item(text: &str, item: usize) -> &str {
    let line = text[..item].rfind('\n').map_or(0, |at| at + 1);
    let content = text[line..item].trim_start_matches(' ');
    &text[line..item - content.len()]
}
