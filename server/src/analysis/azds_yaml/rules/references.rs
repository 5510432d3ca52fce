//! Tokens and variables that are not closed, and variables that are not set.

use super::Subject;
use crate::analysis::azds_yaml::schema::{self, Type};
use crate::analysis::azds_yaml::sets;
use crate::analysis::azds_yaml::tokens::{NAMES, Reference, references_in};
use crate::analysis::yaml::Node;
use crate::analysis::{Code, Problem, Surroundings};

/// Reports what is begun like a reference and is none.
pub(super) fn check(subject: &Subject<'_>, problems: &mut Vec<Problem>) {
    subject.root.walk(&mut |node| {
        if node.text().is_some() {
            open_tokens(node, subject.text, problems);
        }
    });
    for node in texts_of_azds(subject.root) {
        variables(node, subject.text, problems);
    }
}

/// Reports variables without a default that are not set.
pub(super) fn check_variables(
    subject: &Subject<'_>,
    around: &dyn Surroundings,
    problems: &mut Vec<Problem>,
) {
    for node in texts_of_azds(subject.root) {
        for (range, reference) in references_in(subject.text, node.range.clone()) {
            let Reference::Variable {
                name,
                default: None,
            } = reference
            else {
                continue;
            };
            if around.variable(name).is_some() {
                continue;
            }
            let written = &subject.text[range.clone()];
            let message = format!(
                "`{name}` is neither in the environment nor in `.env` beside azds.yaml, so that \
                 `{written}` stays as it is written."
            );
            let mut problem = Problem::warning(Code::VariableNotSet, range.clone(), message)
                .fixed_by("Give it an empty default", range, format!("${{{name}:-}}"));
            problem
                .fixes
                .iter_mut()
                .for_each(|fix| fix.automatic = false);
            problems.push(problem);
        }
    }
}

/// Texts in which nobody but azds replaces variables: others may be meant for a shell in the container.
fn texts_of_azds(root: &Node) -> Vec<&Node> {
    let mut texts = Vec::new();
    schema::visit(root, &mut |key, kind, node| {
        let is_ours = matches!(kind, Type::Path(_)) || ["args", "secrets"].contains(&key.name);
        if is_ours && node.text().is_some() {
            texts.push(node);
        }
    });
    for set in sets(root) {
        if let Some(secrets) = set.get("secrets") {
            secrets.walk(&mut |node| {
                if node.text().is_some() {
                    texts.push(node);
                }
            });
        }
    }
    texts
}

/// `$(tag` without its bracket.
fn open_tokens(node: &Node, text: &str, problems: &mut Vec<Problem>) {
    let start = node.range.start;
    let written = text.get(node.range.clone()).unwrap_or_default();
    for (at, _) in written.match_indices("$(") {
        let name = name_at(&written[at + 2..]);
        let end = at + 2 + name.len();
        if NAMES.contains(&name) && !written[end..].starts_with(')') {
            let range = start + at..start + end;
            let message = format!("`$({name})` lacks its closing bracket and is not replaced.");
            let problem = Problem::warning(Code::BadReference, range.clone(), message);
            problems.push(problem.fixed_by("Close it", range.end..range.end, ")"));
        }
    }
}

/// `${NAME` without its brace, and `${NAME:default}`.
fn variables(node: &Node, text: &str, problems: &mut Vec<Problem>) {
    let start = node.range.start;
    let written = text.get(node.range.clone()).unwrap_or_default();
    for (at, _) in written.match_indices("${") {
        let name = name_at(&written[at + 2..]);
        if name.is_empty() || Reference::at_start(&written[at..]).is_some() {
            continue;
        }
        let end = at + 2 + name.len();
        let rest = &written[end..];
        let range = start + at..start + end;
        let problem =
            |message: String| Problem::warning(Code::BadReference, range.clone(), message);
        if let Some(close) = rest.find('}') {
            let default = rest[..close].trim_start_matches([':', '-', '=']);
            if rest.starts_with([':', '-', '=']) {
                let whole = start + at..start + end + close + 1;
                let now = format!("${{{name}:-{default}}}");
                let message = format!("A default is written `{now}`; this is not replaced.");
                let problem = Problem::warning(Code::BadReference, whole.clone(), message);
                problems.push(problem.fixed_by(format!("Change to `{now}`"), whole, now));
            }
        } else {
            let message = format!("`${{{name}` lacks its closing brace and is not replaced.");
            let at_end = start + written.trim_end_matches(['"', '\'']).len();
            problems.push(problem(message).fixed_by("Close it", at_end..at_end, "}"));
        }
    }
}

fn name_at(text: &str) -> &str {
    let end = text.find(|c: char| !c.is_ascii_alphanumeric() && c != '_');
    &text[..end.unwrap_or(text.len())]
}
