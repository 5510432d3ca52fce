//! What is known of a place in azds.yaml.

use std::ops::Range;

use super::rules::preview;
use super::schema::{Key, PathTo, ROOT, Type};
use super::tokens::{self, Reference};
use crate::analysis::answer::Hover;
use crate::analysis::yaml::{self, Step};
use crate::analysis::{Document, Surroundings};

/// Longer values are not shown.
const SHOWN: usize = 60;

/// What is known of a place: of a key its meaning, of a value what it comes to.
pub(super) fn hover(document: &Document<'_>, at: usize) -> Option<Hover> {
    let spot = yaml::spot(document.parsed(), at)?;
    if !spot.is_key && spot.node.text().is_some() {
        let mut references = tokens::references_in(document.text(), spot.node.range.clone());
        if let Some((range, reference)) =
            references.find(|(range, _)| range.start <= at && at < range.end)
        {
            let under_secrets = spot.path.contains(&Step::Key("secrets".to_owned()));
            return Some(reference_hover(
                document.around,
                reference,
                range,
                under_secrets,
            ));
        }
    }
    if !spot.is_key && spot.node.text().is_none() {
        return None;
    }
    let (key, kind) = walk(&spot.path)?;
    let key = key?;
    let mut markdown = String::new();
    if !spot.is_key {
        markdown = match kind {
            Type::Path(to) => path_hover(document.around, spot.node.text()?, to),
            Type::Glob => glob_hover(document, spot.node.text()?, &spot.path),
            // A value of a map that has no key of ours over it.
            _ if !spot.path.ends_with(&[Step::Key(key.name.to_owned())])
                && !spot.path.ends_with(&[Step::Item]) =>
            {
                return None;
            }
            _ => None,
        }
        .map_or_else(String::new, |it| format!("{it}\n\n---\n\n"));
    }
    markdown.push_str(&describe(key));
    Some(Hover {
        range: spot.node.range.clone(),
        markdown,
    })
}

fn path_hover(around: &dyn Surroundings, path: &str, to: PathTo) -> Option<String> {
    let path = path.replace('\\', "/");
    let name = path.strip_suffix('?').unwrap_or(&path);
    if name.contains('$') {
        return None;
    }
    let there = match to {
        PathTo::File | PathTo::Values => around.is_file(name),
        PathTo::Folder => around.is_folder(name),
        PathTo::Chart => around.is_file(name) || around.is_folder(name),
    };
    Some(match (there, path.ends_with('?')) {
        (true, _) => format!("`{name}` is there."),
        (false, true) => format!("`{name}` is not there, and need not be."),
        (false, false) => format!("`{name}` is not there, seen from the folder of azds.yaml."),
    })
}

fn glob_hover(document: &Document<'_>, glob: &str, path: &[Step]) -> Option<String> {
    if !path.contains(&Step::Key("sync".to_owned())) {
        return None;
    }
    let root = document.parsed().documents.first()?;
    let file = super::read::file(root, document.text());
    let configuration = match path {
        [Step::Key(configurations), Step::Key(name), ..] if configurations == "configurations" => {
            Some(name.as_str())
        }
        _ => None,
    };
    preview(&file, glob, configuration, document.around)
}

/// The key that a path ends in, or that its items are of, and the type of what is there. `None` where
/// the schema knows nothing.
pub(super) fn walk(path: &[Step]) -> Option<(Option<&'static Key>, Type)> {
    let mut kind = ROOT;
    let mut key = None;
    for step in path {
        match step {
            Step::Key(name) => {
                let own = kind.keys().iter().find(|key| key.name == name);
                // The names under `configurations` and `args` are the user's.
                key = own.or(key.filter(|_| matches!(kind, Type::Named(_) | Type::TextMap)));
                kind = kind.under(name)?;
            }
            Step::Item => kind = kind.item().unwrap_or(Type::Any),
        }
    }
    Some((key, kind))
}

/// What a key is for, in Markdown.
pub(super) fn describe(key: &Key) -> String {
    let mut markdown = format!("**{}**: {}", key.name, key.kind.described());
    if !key.default.is_empty() {
        markdown.push_str(&format!("; default: {}", key.default));
    }
    markdown.push_str("\n\n");
    markdown.push_str(key.doc);
    if let Some(legacy) = &key.legacy {
        markdown.push_str("\n\nA key of 2018. ");
        markdown.push_str(legacy.advice);
    }
    markdown
}

fn reference_hover(
    around: &dyn Surroundings,
    reference: Reference<'_>,
    range: Range<usize>,
    secret: bool,
) -> Hover {
    let markdown = match reference {
        Reference::Token(name) => {
            let mut markdown = format!("**$({name})**\n\n{}", tokens::describe(name));
            if name == "rootSpacePrefix"
                && let Some(space) = around.space()
            {
                markdown.push_str(&format!("\n\nHere: `{space}.`"));
            }
            markdown
        }
        Reference::Variable { name, default } => {
            let value = match around.variable(name).filter(|value| !value.is_empty()) {
                Some(value) => shown(name, &value, secret),
                None => match default {
                    Some("") => "Not set, so that it is empty.".to_owned(),
                    Some(default) => format!("Not set, so that it is `{default}`."),
                    None => {
                        "Not set, and there is no default: it stays as it is written.".to_owned()
                    }
                },
            };
            format!(
                "**{name}**\n\n{value}\n\nVariables come from the environment of azds, else from `.env` \
                 beside azds.yaml."
            )
        }
    };
    Hover { range, markdown }
}

/// A value, unless it may be a secret.
fn shown(name: &str, value: &str, secret: bool) -> String {
    let name = name.to_ascii_uppercase();
    let telling = [
        "SECRET",
        "PASS",
        "PWD",
        "TOKEN",
        "KEY",
        "CREDENTIAL",
        "AUTH",
        "CONN",
        "SAS",
    ];
    let plain = |c: char| c.is_ascii_alphanumeric() || " ._-/:,".contains(c);
    // A long run of letters and digits is more like a key than a setting.
    let run = value
        .split(|c: char| !c.is_ascii_alphanumeric())
        .map(str::len)
        .max();
    let harmless = !secret
        && !telling.iter().any(|word| name.contains(word))
        && value.chars().all(plain)
        && value.len() <= SHOWN
        && run.unwrap_or_default() < 20;
    match harmless {
        true => format!("Set to `{value}`."),
        false => format!("Set, {} characters.", value.chars().count()),
    }
}
