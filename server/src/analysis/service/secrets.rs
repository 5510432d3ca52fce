//! Groups of secrets: which environment variable each becomes, and how .NET reads it.

use std::ops::Range;

use super::problems::Found;
use super::{Layer, Origin, Service};
use crate::analysis::answer::Hint;
use crate::analysis::chart::template::{Action, Kind, Template};
use crate::analysis::yaml::{Entry, Value};
use crate::analysis::{Code, Problem};

/// A secret and the environment variable that the chart makes of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SecretVariable {
    /// Where its key stands.
    pub key: Range<usize>,
    /// The group that it is in.
    pub group: String,
    /// Its key.
    pub name: String,
    /// The variable.
    pub variable: String,
}

/// How a chart puts group and key together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Form {
    between: String,
    upper: bool,
}

impl Form {
    fn variable(&self, group: &str, key: &str) -> String {
        let variable = format!("{group}{}{key}", self.between);
        match self.upper {
            true => variable.to_uppercase(),
            false => variable,
        }
    }

    /// The form that a chart's templates have; `None` if they make no variables of `secrets`.
    fn of(templates: impl Iterator<Item = (String, Template)>) -> Option<Form> {
        let mut templates = templates;
        templates.find_map(|(text, template)| in_template(&text, &template))
    }
}

impl Service {
    /// The variables that a layer's secrets become.
    pub fn variables_of(&self, layer: &Layer) -> Vec<SecretVariable> {
        let templates = self.chart.templates.iter();
        let templates =
            templates.map(|(_, source)| (source.text().to_owned(), source.template().clone()));
        let groups = layer.root().and_then(|root| root.get("secrets"));
        let Some(groups) = groups.filter(|groups| !groups.entries().is_empty()) else {
            return Vec::new();
        };
        let Some(form) = Form::of(templates) else {
            return Vec::new();
        };
        let mut variables = Vec::new();
        for group in groups.entries() {
            let Some(group_name) = group.key.text() else {
                continue;
            };
            let is_single = |entry: &&Entry| matches!(entry.value.value, Value::Scalar(_));
            for entry in group.value.entries().iter().filter(is_single) {
                let Some(name) = entry.key.text() else {
                    continue;
                };
                variables.push(SecretVariable {
                    key: entry.key.range.clone(),
                    group: group_name.to_owned(),
                    name: name.to_owned(),
                    variable: form.variable(group_name, name),
                });
            }
        }
        variables
    }

    /// The variables that secrets become, behind their keys.
    pub fn hints(&self, file: &str) -> Vec<Hint> {
        let layers = self.layers_of(file);
        let secrets = layers.flat_map(|(_, layer)| self.variables_of(layer));
        let hint = |secret: SecretVariable| Hint {
            at: secret.key.end,
            label: format!(" → {}", secret.variable),
            markdown: match self.is_dotnet {
                true => format!(
                    "The environment variable `{}`. IConfiguration reads it as `{}`, in any case.",
                    secret.variable,
                    name_in_dotnet(&secret.variable)
                ),
                false => format!("The environment variable `{}`.", secret.variable),
            },
        };
        secrets.map(hint).collect()
    }

    /// Tells in .NET projects under which name a secret is read, and under which it is not.
    pub(super) fn secret_variables(&self, found: &mut Vec<Found>) {
        if !self.is_dotnet {
            return;
        }
        for layer in self.layers.iter().filter(|it| it.origin != Origin::Chart) {
            for secret in self.variables_of(layer) {
                if secret.variable.contains("__") {
                    continue;
                }
                let SecretVariable { group, name, .. } = &secret;
                let message = format!(
                    "This becomes the variable `{}`. IConfiguration reads it as `{}`, in any case, but not as `{group}:{name}`: that would need `{group}__{name}`.",
                    secret.variable,
                    secret.variable.to_uppercase(),
                );
                let problem =
                    Problem::information(Code::SecretVariable, secret.key.clone(), message);
                found.push(Found {
                    path: layer.path.clone(),
                    problem: problem
                        .fixed_by(
                            format!("Change to `_{name}`, for `{group}:{name}`"),
                            secret.key.clone(),
                            format!("_{name}"),
                        )
                        .not_automatic(),
                });
            }
        }
    }
}

/// The key under which .NET's configuration has an environment variable.
pub(super) fn name_in_dotnet(variable: &str) -> String {
    variable.replace("__", ":").to_uppercase()
}

/// Looks for a loop over `secrets` in a loop over its groups, and for the name that is made in it.
fn in_template(text: &str, template: &Template) -> Option<Form> {
    let actions = template.actions.as_slice();
    let (at, (group, keys)) = actions.iter().enumerate().find_map(|(at, action)| {
        let (names, over) = range(action, text)?;
        let last = over.last()?;
        (last.ends_with("secrets") && names.len() == 2).then(|| (at, (names[0], names[1])))
    })?;
    let (inner, key) = actions
        .iter()
        .enumerate()
        .skip(at + 1)
        .find_map(|(at, action)| {
            let (names, over) = range(action, text)?;
            (over == [keys] && names.len() == 2).then(|| (at, names[0]))
        })?;
    // The name stands at the head of the loop's body, in an item with `name:`.
    let body = &actions[inner + 1..];
    body.iter()
        .enumerate()
        .take(8)
        .find_map(|(number, action)| {
            let words: Vec<&str> = action.tokens.iter().map(|token| token.text(text)).collect();
            let upper = |words: &[&str]| words.contains(&"upper");
            if let ["printf", format, first, second, ..] = words.as_slice()
                && (*first, *second) == (group, key)
            {
                let between = format
                    .trim_matches('"')
                    .strip_prefix("%s")?
                    .strip_suffix("%s")?;
                return Some(Form {
                    between: between.to_owned(),
                    upper: upper(&words),
                });
            }
            let next = body.get(number + 1)?;
            let first_of_next = next.tokens.first()?.text(text);
            let between = text.get(action.range.end..next.range.start)?;
            (words.first() == Some(&group)
                && first_of_next == key
                && !between.contains(['\n', ' ']))
            .then(|| Form {
                between: between.to_owned(),
                upper: upper(&words),
            })
        })
}

/// The variables of a `range`, and the words that it goes over.
fn range<'t>(action: &Action, text: &'t str) -> Option<(Vec<&'t str>, Vec<&'t str>)> {
    let (first, rest) = action.tokens.split_first()?;
    if first.text(text) != "range" {
        return None;
    }
    let assign = rest
        .iter()
        .position(|token| matches!(token.kind, Kind::Assign { .. }))?;
    let names = rest[..assign].iter().filter(|it| it.kind == Kind::Variable);
    let names = names.map(|token| token.text(text)).collect();
    let over = rest[assign + 1..].iter().map(|token| token.text(text));
    Some((names, over.collect()))
}
