//! What the expressions of a template stand for, as far as the values are concerned.

use std::ops::Range;
use std::sync::Arc;

use super::reads::{Path, Step};

/// What an expression may stand for: one of these.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Val {
    pub may_be: Vec<Abstract>,
    /// Where it stands.
    pub range: Range<usize>,
}

/// One thing that an expression may stand for.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Abstract {
    /// What a template is called with: `.Values`, `.Release` and the rest.
    Root,
    /// Something that has nothing to do with values, such as `.Release`.
    Other,
    /// A part of the values.
    Values(Path),
    /// A text that is written out.
    Text(String, Range<usize>),
    /// `dict "key" value …`
    Dict(Arc<Vec<(String, Val)>>),
    /// `list value …`
    List(Arc<Vec<Val>>),
}

impl Val {
    pub fn new(may_be: Abstract, range: Range<usize>) -> Val {
        Val {
            may_be: vec![may_be],
            range,
        }
    }

    /// Something that is not understood.
    pub fn unknown(range: Range<usize>) -> Val {
        Val {
            may_be: Vec::new(),
            range,
        }
    }

    pub fn text(&self) -> Option<(&str, Range<usize>)> {
        match self.may_be.as_slice() {
            [Abstract::Text(text, range)] => Some((text, range.clone())),
            _ => None,
        }
    }

    pub fn paths(&self) -> impl Iterator<Item = &Path> {
        self.may_be.iter().filter_map(|it| match it {
            Abstract::Values(path) => Some(path),
            _ => None,
        })
    }

    pub fn is_root(&self) -> bool {
        self.may_be.contains(&Abstract::Root)
    }

    /// One that may be either.
    pub fn or(mut self, other: Val) -> Val {
        for it in other.may_be {
            if !self.may_be.contains(&it) {
                self.may_be.push(it);
            }
        }
        self.range.end = self.range.end.max(other.range.end);
        self
    }

    /// What `range` gives one after the other.
    pub fn each(&self) -> Val {
        let mut each = Val::unknown(self.range.clone());
        for it in &self.may_be {
            match it {
                Abstract::Values(path) => {
                    each.may_be.push(Abstract::Values(below(path, Step::Each)))
                }
                Abstract::List(items) => {
                    for item in items.iter() {
                        each = each.or(item.clone());
                    }
                }
                Abstract::Dict(entries) => {
                    for (_, value) in entries.iter() {
                        each = each.or(value.clone());
                    }
                }
                Abstract::Root | Abstract::Other | Abstract::Text(..) => {}
            }
        }
        each.range = self.range.clone();
        each
    }
}

/// The path one step further down.
pub(super) fn below(path: &[Step], step: Step) -> Path {
    let mut below = path.to_vec();
    below.push(step);
    below
}
