//! What a chart's templates read of the values.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

/// A step down into the values.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Step {
    /// To what stands under this key.
    Key(String),
    /// To each item of a list, or each value of a map: what `range` gives.
    Each,
}

/// Steps from the root of the values.
pub type Path = Vec<Step>;

/// A path as templates write it: `ingress.hosts.*`.
pub fn display(path: &[Step]) -> String {
    let steps = path.iter().map(|step| match step {
        Step::Key(key) => key.as_str(),
        Step::Each => "*",
    });
    steps.collect::<Vec<_>>().join(".")
}

/// A name of a key in a template.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Mention {
    /// Number of the template.
    pub template: usize,
    /// Where the name stands, without a dot or quotes.
    pub start: usize,
    /// Where it ends.
    pub end: usize,
    /// The path that ends with this key.
    pub path: Path,
}

impl Mention {
    /// Where the name stands.
    pub fn range(&self) -> Range<usize> {
        self.start..self.end
    }
}

/// A value that a template takes and does something with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Read {
    /// Number of the template.
    pub template: usize,
    /// Where the expression stands.
    pub range: Range<usize>,
    /// What is read, with everything under it.
    pub path: Path,
    /// What must hold for it to be read, as far as it is understood.
    pub when: When,
}

/// What must hold for a part of a template to be reached.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct When {
    /// Values that must be there and not be false, zero or empty.
    pub set: Vec<Path>,
    /// Whether something must hold that is not understood.
    pub more: bool,
}

/// What templates read, together.
#[derive(Debug, Clone, Default)]
pub struct Reads {
    /// Every name of a key, in the order of the templates.
    pub mentions: BTreeSet<Mention>,
    /// Every value that is used, in the order of the templates.
    pub reads: Vec<Read>,
    /// Values that a template can do without: it tests them, or has a default.
    pub optional: BTreeSet<Path>,
    /// Whether templates read what is not to be seen here: then every key may be read.
    pub opaque: bool,
    /// Whether the texts in values are templates themselves.
    pub evaluates_values: bool,
    tree: Tree,
}

/// The paths that are read, as a tree.
#[derive(Debug, Clone, Default)]
struct Tree {
    keys: BTreeMap<String, Tree>,
    each: Option<Box<Tree>>,
    /// Whether everything under it is read.
    whole: bool,
}

impl Reads {
    /// Notes that a path is looked at; `whole` if everything under it is.
    pub(super) fn note(&mut self, path: &[Step], whole: bool) {
        let mut tree = &mut self.tree;
        for step in path {
            tree = match step {
                Step::Key(key) => tree.keys.entry(key.clone()).or_default(),
                Step::Each => tree.each.get_or_insert_default(),
            };
        }
        tree.whole |= whole;
    }

    /// What is read at the root of the values.
    pub fn root(&self) -> Under<'_> {
        Under {
            trees: vec![&self.tree],
        }
    }

    /// Whether a template can do without a value: it, or what it stands under, is tested somewhere.
    pub fn is_optional(&self, path: &[Step]) -> bool {
        (1..=path.len()).any(|length| self.optional.contains(&path[..length]))
    }
}

/// What is read under one path of the values.
#[derive(Debug, Clone)]
pub struct Under<'r> {
    trees: Vec<&'r Tree>,
}

impl<'r> Under<'r> {
    /// Whether everything here is read.
    pub fn is_whole(&self) -> bool {
        self.trees.iter().any(|tree| tree.whole)
    }

    /// Whether templates go through all that is here, whatever its key.
    pub fn goes_through(&self) -> bool {
        self.trees.iter().any(|tree| tree.each.is_some())
    }

    /// What is read one step further down; `None` if nothing of it is.
    pub fn step(&self, step: &Step) -> Option<Under<'r>> {
        let mut trees = Vec::new();
        for tree in &self.trees {
            match step {
                Step::Key(key) => trees.extend(tree.keys.get(key)),
                // An item of a list can be taken by its number, too.
                Step::Each => trees.extend(tree.keys.values()),
            }
            trees.extend(tree.each.as_deref());
        }
        (!trees.is_empty()).then_some(Under { trees })
    }

    /// The keys that are read here.
    pub fn keys(&self) -> BTreeSet<&'r str> {
        let keys = self.trees.iter().flat_map(|tree| tree.keys.keys());
        keys.map(String::as_str).collect()
    }

    /// Whether something is read under a key.
    pub fn has_more(&self, key: &str) -> bool {
        self.trees
            .iter()
            .filter_map(|tree| tree.keys.get(key))
            .any(|tree| !tree.keys.is_empty())
    }
}
