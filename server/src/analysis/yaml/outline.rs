//! The outline of a text, and what can be folded in it.

use super::{Node, Parsed, Value};
use crate::analysis::answer::{Fold, Symbol, SymbolKind};

/// So much of a value is shown in the outline.
const SHOWN: usize = 60;

/// The keys and items of all documents.
pub fn symbols(parsed: &Parsed) -> Vec<Symbol> {
    match parsed.documents.as_slice() {
        [only] => children(only),
        many => many.iter().flat_map(children).collect(),
    }
}

fn children(node: &Node) -> Vec<Symbol> {
    match &node.value {
        Value::Scalar(_) => Vec::new(),
        Value::Sequence(items) => {
            let named = items.iter().enumerate();
            named
                .map(|(at, item)| {
                    let name = match &item.value {
                        Value::Scalar(scalar) => shortened(&scalar.text),
                        _ => format!("[{at}]"),
                    };
                    Symbol {
                        selection: item.range.clone(),
                        range: item.range.clone(),
                        kind: kind(item),
                        name,
                        detail: String::new(),
                        children: children(item),
                    }
                })
                .collect()
        }
        Value::Mapping(entries) => entries
            .iter()
            .filter(|entry| inside(node, &entry.key))
            .map(|entry| Symbol {
                name: entry.key.text().unwrap_or("?").to_owned(),
                detail: entry.value.text().map(shortened).unwrap_or_default(),
                kind: kind(&entry.value),
                range: match inside(node, &entry.value) {
                    true => entry.key.range.start..entry.value.range.end.max(entry.key.range.end),
                    false => entry.key.range.clone(),
                },
                selection: entry.key.range.clone(),
                children: match inside(node, &entry.value) {
                    true => children(&entry.value),
                    false => Vec::new(),
                },
            })
            .collect(),
    }
}

/// Whether it stands where it belongs: what an alias or a merge key brings stands elsewhere.
fn inside(outer: &Node, inner: &Node) -> bool {
    outer.range.start <= inner.range.start && inner.range.end <= outer.range.end
}

fn kind(node: &Node) -> SymbolKind {
    match &node.value {
        Value::Scalar(_) => SymbolKind::Value,
        Value::Sequence(_) => SymbolKind::List,
        Value::Mapping(_) => SymbolKind::Map,
    }
}

fn shortened(text: &str) -> String {
    let line = text.lines().next().unwrap_or_default();
    match line.char_indices().nth(SHOWN) {
        Some((at, _)) => format!("{}…", &line[..at]),
        None if line.is_empty() => "\"\"".to_owned(),
        None => line.to_owned(),
    }
}

/// Values of more than one line under their keys, and comments of more than one line.
pub fn folds(text: &str, parsed: &Parsed) -> Vec<Fold> {
    let mut folds = Vec::new();
    for root in &parsed.documents {
        values(root, text, &mut folds);
    }
    comments(text, &mut folds);
    folds.sort_by_key(|fold| (fold.range.start, fold.range.end));
    folds
}

fn values(node: &Node, text: &str, folds: &mut Vec<Fold>) {
    let mut fold = |start: usize, inner: &Node| {
        let end = inner.range.end;
        let lines = text.get(start..end).unwrap_or_default().trim_end();
        if lines.contains('\n') {
            folds.push(Fold {
                range: start..start + lines.len(),
                comment: false,
            });
        }
    };
    match &node.value {
        Value::Scalar(_) => {}
        Value::Sequence(items) => {
            for item in items.iter().filter(|item| inside(node, item)) {
                fold(item.range.start, item);
            }
            for item in items.iter().filter(|item| inside(node, item)) {
                values(item, text, folds);
            }
        }
        Value::Mapping(entries) => {
            let own = || {
                let here = entries.iter().filter(|entry| inside(node, &entry.key));
                here.filter(|entry| inside(node, &entry.value))
            };
            for entry in own() {
                fold(entry.key.range.start, &entry.value);
            }
            for entry in own() {
                values(&entry.value, text, folds);
            }
        }
    }
}

fn comments(text: &str, folds: &mut Vec<Fold>) {
    let mut start = 0;
    let mut run: Option<(std::ops::Range<usize>, usize)> = None;
    for line in text.split_inclusive('\n').chain([""]) {
        let end = start + line.trim_end().len();
        if line.trim_start().starts_with('#') {
            let (range, lines) = run.get_or_insert((start..end, 0));
            range.end = end;
            *lines += 1;
        } else if let Some((range, lines)) = run.take()
            && lines > 1
        {
            folds.push(Fold {
                range,
                comment: true,
            });
        }
        start += line.len();
    }
}
