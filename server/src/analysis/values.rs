//! Values files for Helm: what is wrong with them, and the rules for values that azds.yaml shares.

use std::collections::HashSet;

use super::azds_yaml::{remove_entry, tokens_in};
use super::service::in_service;
use super::yaml::{Node, Value};
use super::{Code, Document, Features, Problem};

/// What can be asked of a values file.
pub(super) const FEATURES: Features = Features {
    problems,
    hover: in_service::hover,
    completions: in_service::completions,
    definition: in_service::definition,
    references: in_service::references,
    rename: in_service::rename,
    hints: in_service::hints,
    ..Features::YAML
};

fn problems(document: &Document<'_>) -> Vec<Problem> {
    let (text, parsed) = (document.text(), document.parsed());
    let mut problems = Vec::new();
    problems.extend(parsed.error.clone().map(Problem::from));
    for root in &parsed.documents {
        duplicate_keys(root, text, &mut problems);
        secrets(root, text, &mut problems);
        tokens(root, text, &mut problems);
    }
    problems.extend(in_service::problems(document));
    problems
}

/// Keys that stand twice in the same map.
pub(super) fn duplicate_keys(root: &Node, text: &str, problems: &mut Vec<Problem>) {
    root.walk(&mut |node| {
        let mut below = HashSet::new();
        for entry in node.entries().iter().rev() {
            let Some(key) = entry.key.text() else {
                continue;
            };
            if !below.insert(key) {
                let message = format!(
                    "`{key}` stands again further down in the same map, and that one counts."
                );
                let range = entry.key.range.clone();
                let mut problem = Problem::warning(Code::DuplicateKey, range, message);
                let title = "Remove the one that does nothing";
                problem.fixes.extend(remove_entry(title, entry, text));
                problems.push(problem);
            }
        }
    });
}

/// Numbers and bools under `secrets:`, where the charts' templates call `b64enc`, which takes
/// nothing but text.
pub(super) fn secrets(values: &Node, text: &str, problems: &mut Vec<Problem>) {
    let groups = values.get("secrets").map(Node::entries).unwrap_or_default();
    for entry in groups.iter().flat_map(|group| group.value.entries()) {
        let Value::Scalar(scalar) = &entry.value.value else {
            continue;
        };
        let found = match scalar.to_json() {
            serde_json::Value::Number(_) => "a number",
            serde_json::Value::Bool(_) => "true or false",
            _ => continue,
        };
        let range = entry.value.range.clone();
        let key = entry.key.text().unwrap_or_default();
        let written = text.get(range.clone()).unwrap_or_default();
        let message = format!(
            "The secret `{key}` must be a text, but to YAML this is {found}: `b64enc` in the chart's template fails on it."
        );
        problems.push(
            Problem::warning(Code::SecretNotText, range.clone(), message).fixed_by(
                "Put it in quotes",
                range,
                format!("\"{written}\""),
            ),
        );
    }
}

fn tokens(root: &Node, text: &str, problems: &mut Vec<Problem>) {
    for (range, name) in tokens_in(root, text) {
        if super::azds_yaml::is_token(name) {
            let message = format!(
                "`$({name})` is replaced in azds.yaml only; here it stays as it is. Set this value under `install.set` of azds.yaml."
            );
            problems.push(Problem::warning(Code::TokenInValues, range, message));
        }
    }
}
