//! What stands at a place of a parsed text.

use std::ops::Range;

use super::cursor::Step;
use super::{Node, Parsed, Value};

/// What stands at a place.
#[derive(Debug, Clone, PartialEq)]
pub struct Spot<'n> {
    /// What leads there: for a key, with the key itself.
    pub path: Vec<Step>,
    /// The key, or the innermost value.
    pub node: &'n Node,
    /// Whether it is a key.
    pub is_key: bool,
}

/// What stands at an offset; `None` outside of all documents.
pub fn spot(parsed: &Parsed, at: usize) -> Option<Spot<'_>> {
    let mut path = Vec::new();
    let mut node = parsed.documents.iter().find(|root| holds(root, at))?;
    loop {
        match &node.value {
            Value::Scalar(_) => break,
            Value::Sequence(items) => match items.iter().find(|item| holds(item, at)) {
                Some(item) => {
                    path.push(Step::Item);
                    node = item;
                }
                None => break,
            },
            Value::Mapping(entries) => {
                let mut here = entries.iter();
                let Some(entry) =
                    here.find(|entry| holds(&entry.key, at) || holds(&entry.value, at))
                else {
                    break;
                };
                path.push(Step::Key(entry.key.text().unwrap_or_default().to_owned()));
                if holds(&entry.key, at) {
                    return Some(Spot {
                        path,
                        node: &entry.key,
                        is_key: true,
                    });
                }
                node = &entry.value;
            }
        }
    }
    Some(Spot {
        path,
        node,
        is_key: false,
    })
}

/// Ranges of all that a place is in, from the innermost to the document.
pub fn selections(text: &str, parsed: &Parsed, at: usize) -> Vec<Range<usize>> {
    let mut ranges = Vec::new();
    ranges.push(0..text.len());
    let mut node = parsed.documents.iter().find(|root| holds(root, at));
    while let Some(outer) = node {
        ranges.push(outer.range.clone());
        node = match &outer.value {
            Value::Scalar(_) => None,
            Value::Sequence(items) => items.iter().find(|item| holds(item, at)),
            Value::Mapping(entries) => {
                let here = entries
                    .iter()
                    .find(|entry| entry.key.range.start <= at && at <= end_of(entry));
                here.map(|entry| {
                    ranges.push(entry.key.range.start..end_of(entry));
                    if holds(&entry.key, at) {
                        &entry.key
                    } else {
                        &entry.value
                    }
                })
            }
        };
    }
    // A copy made by an alias stands somewhere else; what is not inside its outer is left out.
    let mut nested: Vec<Range<usize>> = Vec::new();
    for range in ranges {
        let outer = nested.last();
        if outer.is_none_or(|outer| outer.start <= range.start && range.end <= outer.end) {
            nested.push(range);
        }
    }
    nested.dedup();
    nested.reverse();
    nested.retain(|range| range.start <= at && at <= range.end);
    nested
}

fn end_of(entry: &super::Entry) -> usize {
    entry.value.range.end.max(entry.key.range.end)
}

fn holds(node: &Node, at: usize) -> bool {
    node.range.start <= at && at <= node.range.end
}
