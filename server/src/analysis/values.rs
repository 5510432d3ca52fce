//! Values files for Helm: what is wrong with them, and the rules for values that azds.yaml shares.

use std::collections::HashSet;

use super::azds_yaml::tokens_in;
use super::yaml::{self, Node, Value};
use super::{Code, Problem};

/// What is wrong with a values file.
pub fn analyse(text: &str) -> Vec<Problem> {
    let parsed = yaml::parse(text);
    let mut problems = Vec::new();
    if let Some(error) = parsed.error {
        problems.push(error.into());
    }
    for root in &parsed.documents {
        duplicate_keys(root, &mut problems);
        secrets(root, text, &mut problems);
        tokens(root, text, &mut problems);
    }
    super::in_order(problems)
}

/// Keys that stand twice in the same map.
pub(super) fn duplicate_keys(root: &Node, problems: &mut Vec<Problem>) {
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
                problems.push(Problem::warning(Code::DuplicateKey, range, message));
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
