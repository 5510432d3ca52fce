//! The files of a container, as the host knows them, and what has to change.

use std::collections::BTreeSet;

use azds_protocol::agent::Entry;
use azds_protocol::sync::{Batch, Synced};

use super::tree::Tree;
use crate::analysis::placements::Placements;
use crate::context::{self, Places, remove_place};

/// Where the files of the context lie in the container.
pub enum Target {
    /// `container.syncTarget`.
    Folder(String),
    /// Where the Dockerfile puts them.
    Dockerfile(Placements),
}

impl Target {
    /// The place of a file, absolute without its first `/`, if it is known.
    pub fn of(&self, path: &str, working_dir: &str) -> Option<String> {
        match self {
            Target::Folder(folder) => Some(format!("{}/{path}", folder.trim_matches('/'))),
            Target::Dockerfile(placements) => placements.target(path, working_dir),
        }
    }
}

/// What a container has otherwise.
#[derive(Debug, Default, PartialEq)]
pub struct Difference {
    /// Paths of the context, each with its place in the container.
    pub paths: Vec<(String, String)>,
    /// Places with files that a batch brought and that have no path any more.
    pub strays: Vec<String>,
    /// Places of folders that the developer has no more.
    pub folders: Vec<String>,
}

impl Difference {
    /// Takes out the links that lead out of the build context, each with what it says: there is nothing
    /// of the developer's in the container where they lead.
    pub fn without_links_outside(&mut self, current: &Tree) -> Vec<(String, String)> {
        let outside = self.paths.extract_if(.., |(path, _)| {
            matches!(current.get(path), Some(Entry::Symlink { target, .. }) if leads_outside(path, target))
        });
        let paths: Vec<_> = outside.map(|(path, _)| path).collect();
        let target = |path: String| match current.get(&path) {
            Some(Entry::Symlink { target, .. }) => Some((path, target.clone())),
            _ => None,
        };
        paths.into_iter().filter_map(target).collect()
    }
}

/// What a container has.
pub struct There {
    working_dir: String,
    /// What batches made of each place: how it is, or that it is gone.
    synced: Places,
    /// Places of which nobody knows how they are.
    unsure: BTreeSet<String>,
    /// Whether all files but those that change are as they should be.
    is_known: bool,
}

impl There {
    /// As its host tells.
    pub fn told(synced: Synced) -> There {
        let removed = synced.batch.removed.into_iter().map(|path| (path, None));
        let entries = synced.batch.entries.into_iter();
        let entries = entries.map(|entry| (entry.path().to_owned(), Some(entry)));
        There {
            working_dir: synced.working_dir.display().to_string(),
            synced: removed.chain(entries).collect(),
            unsure: synced.unsure.into_iter().collect(),
            is_known: false,
        }
    }

    /// What has to change so that the container has `current`, at these paths, or everywhere in a
    /// container that was just asked; its image has `base`.
    pub fn difference(
        &self,
        paths: &BTreeSet<String>,
        base: &Tree,
        current: &Tree,
        target: &Target,
    ) -> Difference {
        let mut difference = Difference::default();
        let looked_at: BTreeSet<&str> = match self.is_known {
            true => paths.iter().map(String::as_str).collect(),
            false => base.paths().chain(current.paths()).collect(),
        };
        let mut emptied = BTreeSet::new();
        for path in &looked_at {
            let Some(place) = target.of(path, &self.working_dir) else {
                continue;
            };
            let there = match self.synced.get(&place) {
                Some(synced) => synced.as_ref(),
                None => base.get(path),
            };
            let is_sure = !self.unsure.contains(&place);
            match (there, current.get(path)) {
                (None, None) if is_sure => {}
                (Some(there), Some(wanted)) if is_sure && is_same(there, wanted) => {}
                // What the service wrote there stays, or what the developer put there meanwhile.
                (Some(Entry::Directory { .. }), None) => {
                    emptied.extend(context::parents(path).chain([*path]));
                }
                (_, None) => {
                    emptied.extend(context::parents(path));
                    difference.paths.push(((*path).to_owned(), place));
                }
                (_, Some(_)) => difference.paths.push(((*path).to_owned(), place)),
            }
        }
        let emptied = emptied.into_iter().filter(|it| current.is_empty_at(it));
        let emptied = emptied.filter_map(|folder| target.of(folder, &self.working_dir));
        difference.folders.extend(emptied);
        if !self.is_known {
            let places = |paths: &mut dyn Iterator<Item = &str>| -> BTreeSet<String> {
                let places = paths.filter_map(|path| target.of(path, &self.working_dir));
                places.collect()
            };
            let looked_at = places(&mut looked_at.iter().copied());
            let wanted = places(&mut current.paths());
            self.add_strays(&looked_at, &wanted, &mut difference);
        }
        difference
    }

    /// Adds what batches brought to places that were not looked at, with the folders that it was in; but for
    /// what is around a place with something that is wanted.
    fn add_strays(
        &self,
        looked_at: &BTreeSet<String>,
        wanted: &BTreeSet<String>,
        difference: &mut Difference,
    ) {
        let is_free = |place: &str| {
            let below = format!("{place}/");
            let next = wanted.range(below.clone()..).next();
            !wanted.contains(place) && !next.is_some_and(|next| next.starts_with(&below))
        };
        let mut folders = BTreeSet::new();
        let brought = self.synced.iter().filter(|(_, entry)| entry.is_some());
        let brought = brought.map(|(place, _)| place).chain(&self.unsure);
        for place in brought.filter(|place| !looked_at.contains(*place)) {
            folders.extend(context::parents(place).filter(|folder| is_free(folder)));
            match self.synced.get(place) {
                Some(Some(Entry::Directory { .. })) if is_free(place) => _ = folders.insert(place),
                Some(Some(Entry::Directory { .. })) => {}
                // Where it is in the way of what is wanted, too.
                Some(Some(_)) => difference.strays.push(place.clone()),
                // It may be a folder.
                _ if is_free(place) => difference.strays.push(place.clone()),
                _ => {}
            }
        }
        let folders = folders.into_iter().map(str::to_owned);
        difference.folders.extend(folders);
    }

    /// What its image lacks of `current`, whatever batches brought since.
    pub fn image_lacks(&self, base: &Tree, current: &Tree, target: &Target) -> Difference {
        let image = There {
            working_dir: self.working_dir.clone(),
            synced: Places::new(),
            unsure: BTreeSet::new(),
            is_known: false,
        };
        image.difference(&BTreeSet::new(), base, current, target)
    }

    /// Everything was brought: the next difference is that of what changes.
    pub fn trust(&mut self) {
        self.is_known = true;
    }

    /// Whether it is known where a file lies.
    pub fn places(&self, path: &str, target: &Target) -> bool {
        target.of(path, &self.working_dir).is_some()
    }

    /// Takes note of a batch that was brought.
    pub fn take(&mut self, batch: Batch) {
        for place in batch.removed {
            self.unsure.remove(&place);
            remove_place(&mut self.synced, &place);
        }
        for folder in batch.folders {
            self.synced.insert(folder, None);
        }
        for entry in batch.entries {
            self.unsure.remove(entry.path());
            self.synced.insert(entry.path().to_owned(), Some(entry));
        }
    }
}

/// Whether a link at a path leads out of the tree that the path is relative to.
fn leads_outside(path: &str, target: &str) -> bool {
    if target.starts_with('/') {
        return true;
    }
    let mut depth = path.matches('/').count();
    for part in target.split('/') {
        match (part, depth) {
            ("" | ".", _) => {}
            ("..", 0) => return true,
            ("..", _) => depth -= 1,
            _ => depth += 1,
        }
    }
    false
}

/// Whether two entries are alike but for where they are.
fn is_same(one: &Entry, other: &Entry) -> bool {
    match (one, other) {
        (
            Entry::File {
                blob, executable, ..
            },
            Entry::File {
                blob: other,
                executable: other_executable,
                ..
            },
        ) => blob == other && executable == other_executable,
        (Entry::Symlink { target, .. }, Entry::Symlink { target: other, .. }) => target == other,
        (Entry::Directory { .. }, Entry::Directory { .. }) => true,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::super::tree::tests::tree;
    use super::*;

    #[test]
    fn links_stay_in_the_tree() {
        for (path, target, outside) in [
            ("a", "b", false),
            ("a/b", "../c", false),
            ("a/b", "./d/../../e", false),
            ("a", "../b", true),
            ("a/b", "../../c", true),
            ("a/b", "c/../../../d", true),
            ("a", "/etc/passwd", true),
        ] {
            assert_eq!(leads_outside(path, target), outside, "{path} -> {target}");
        }
        let link = |path: &str, target: &str| {
            let (path, target) = (path.to_owned(), target.to_owned());
            Entry::Symlink { path, target }
        };
        let current = tree([link("in", "x"), link("out", "/etc")]);
        let paths = ["in", "out", "gone"].map(|path| (path.to_owned(), format!("app/{path}")));
        let mut difference = Difference {
            paths: paths.to_vec(),
            ..Difference::default()
        };
        let refused = difference.without_links_outside(&current);
        assert_eq!(refused, [("out".to_owned(), "/etc".to_owned())]);
        let left: Vec<_> = difference.paths.iter().map(|(path, _)| path).collect();
        assert_eq!(left, ["in", "gone"]);
    }
}
