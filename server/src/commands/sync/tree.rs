//! What a build context holds, by path.

use std::collections::BTreeMap;
use std::sync::Arc;

use azds_protocol::agent::{Entry, Manifest};

/// A manifest and what has changed since: of 50,000 files only the few that change are held twice.
#[derive(Clone)]
pub struct Tree {
    /// Its entries are sorted by path, as in every manifest.
    manifest: Arc<Manifest>,
    /// `None` for what is gone.
    changed: BTreeMap<String, Option<Entry>>,
}

impl Tree {
    /// What a manifest has.
    pub fn of(manifest: Arc<Manifest>) -> Tree {
        Tree {
            manifest,
            changed: BTreeMap::new(),
        }
    }

    /// What is at a path.
    pub fn get(&self, path: &str) -> Option<&Entry> {
        match self.changed.get(path) {
            Some(changed) => changed.as_ref(),
            None => self.before(path),
        }
    }

    /// Puts an entry at its path.
    pub fn put(&mut self, entry: Entry) {
        self.changed.insert(entry.path().to_owned(), Some(entry));
    }

    /// Takes away what is at a path.
    pub fn remove(&mut self, path: &str) {
        self.changed.insert(path.to_owned(), None);
    }

    /// All paths, in no order.
    pub fn paths(&self) -> impl Iterator<Item = &str> {
        self.between("", None)
    }

    /// The paths that are this one or below it, in no order; all of them for the empty one.
    pub fn at_or_below(&self, path: &str) -> Vec<&str> {
        if path.is_empty() {
            return self.paths().collect();
        }
        let itself = self.get(path).map(Entry::path);
        // '0' is the character after '/'.
        let (from, to) = (format!("{path}/"), format!("{path}0"));
        itself
            .into_iter()
            .chain(self.between(&from, Some(&to)))
            .collect()
    }

    /// Whether there is nothing at a path, and nothing below it.
    pub fn is_empty_at(&self, path: &str) -> bool {
        self.get(path).is_none() && !self.has_below(path)
    }

    /// Whether there is something below a path.
    pub fn has_below(&self, path: &str) -> bool {
        let (from, to) = (format!("{path}/"), format!("{path}0"));
        self.between(&from, Some(&to)).next().is_some()
    }

    /// The paths from one on, before another.
    fn between(&self, from: &str, to: Option<&str>) -> impl Iterator<Item = &str> {
        let entries = &self.manifest.entries;
        let at = |path: &str| entries.partition_point(|entry| entry.path() < path);
        let before = &entries[at(from)..to.map_or(entries.len(), at)];
        let left = before.iter().map(Entry::path);
        let left = left.filter(|path| !self.changed.contains_key(*path));
        let changed = match to {
            Some(to) => self.changed.range(from.to_owned()..to.to_owned()),
            None => self.changed.range(from.to_owned()..),
        };
        let there = changed.filter(|(_, entry)| entry.is_some());
        left.chain(there.map(|(path, _)| path.as_str()))
    }

    fn before(&self, path: &str) -> Option<&Entry> {
        let entries = &self.manifest.entries;
        let at = entries.binary_search_by(|entry| entry.path().cmp(path));
        at.ok().map(|at| &entries[at])
    }
}

#[cfg(test)]
pub mod tests {
    use azds_protocol::agent::Blob;

    use super::*;
    use crate::context;

    /// A tree of these entries.
    pub fn tree(entries: impl IntoIterator<Item = Entry>) -> Tree {
        let mut entries: Vec<Entry> = entries.into_iter().collect();
        entries.sort_by(|one, other| one.path().cmp(other.path()));
        let dockerfile: Blob = context::blob_of(b"");
        Tree::of(Arc::new(Manifest {
            dockerfile,
            entries,
        }))
    }

    #[test]
    fn what_is_at_a_path_and_below_it() {
        let folder = |path: &str| Entry::Directory {
            path: path.to_owned(),
        };
        let paths = ["a", "a/b", "a/b/c", "a-b", "b/c", "b/d", "b/d/e"];
        let mut tree = tree(paths.map(folder));
        let below = |tree: &Tree, path: &str| {
            let mut below: Vec<String> = tree
                .at_or_below(path)
                .into_iter()
                .map(str::to_owned)
                .collect();
            below.sort();
            below
        };
        assert_eq!(below(&tree, "a"), ["a", "a/b", "a/b/c"]);
        assert_eq!(below(&tree, "b"), ["b/c", "b/d", "b/d/e"]);
        assert_eq!(below(&tree, "c"), [""; 0]);
        assert_eq!(below(&tree, "").len(), paths.len());

        tree.remove("a/b");
        tree.put(folder("a/z"));
        tree.put(folder("b/d"));
        assert_eq!(below(&tree, "a"), ["a", "a/b/c", "a/z"]);
        assert_eq!(below(&tree, "b"), ["b/c", "b/d", "b/d/e"]);
        assert_eq!(tree.get("a/b"), None);
        assert_eq!(tree.get("a/z"), Some(&folder("a/z")));
        assert_eq!(tree.get("a-b"), Some(&folder("a-b")));
        assert_eq!(tree.get("a-c"), None);
        assert_eq!(tree.paths().count(), paths.len());
    }
}
