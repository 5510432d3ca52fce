//! The files of the running container, as the host knows them.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use azds_protocol::agent::{Entry, Received};
use azds_protocol::sync::{Applied, Batch};
use bytes::Bytes;
use tokio::sync::mpsc;

use super::tree::Tree;
use crate::analysis::placements::Placements;
use crate::cluster::agent::Agent;
use crate::context;
use crate::failure::{Context, Result};

const WHAT: &str = "the files were not put into the container";
/// A batch of more bytes is sent in several.
const BATCH: u64 = 8 << 20;

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
#[derive(Debug, Default)]
pub struct Difference {
    /// Paths of the context, each with its place in the container.
    pub paths: Vec<(String, String)>,
    /// Places with files that a batch brought and that have no path any more.
    pub strays: Vec<String>,
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

/// One container, from its start until its host is gone.
pub struct Container {
    /// The way to its host.
    pub agent: Agent,
    working_dir: String,
    /// What batches made of each place: how it is, or that it is gone.
    synced: BTreeMap<String, Option<Entry>>,
    /// Places of which nobody knows how they are.
    unsure: BTreeSet<String>,
    /// Whether all files but those that change are as they should be.
    is_known: bool,
}

impl Container {
    /// Asks the host what it has.
    pub async fn ask(agent: Agent) -> Result<Container> {
        let synced = agent.synced().await?;
        let removed = synced.batch.removed.into_iter().map(|path| (path, None));
        let entries = synced.batch.entries.into_iter();
        let entries = entries.map(|entry| (entry.path().to_owned(), Some(entry)));
        Ok(Container {
            agent,
            working_dir: synced.working_dir.display().to_string(),
            synced: removed.chain(entries).collect(),
            unsure: synced.unsure.into_iter().collect(),
            is_known: false,
        })
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
        let differs = |path: &str| {
            let place = target.of(path, &self.working_dir)?;
            let there = match self.synced.get(&place) {
                Some(synced) => synced.as_ref(),
                None => base.get(path),
            };
            let same = match (there, current.get(path)) {
                _ if self.unsure.contains(&place) => false,
                (Some(there), Some(wanted)) => is_same(there, wanted),
                (None, None) => true,
                _ => false,
            };
            (!same).then(|| (path.to_owned(), place))
        };
        if self.is_known {
            return Difference {
                paths: paths.iter().filter_map(|path| differs(path)).collect(),
                strays: Vec::new(),
            };
        }
        let all: BTreeSet<&str> = base.paths().chain(current.paths()).collect();
        let places: BTreeSet<String> = all
            .iter()
            .filter_map(|path| target.of(path, &self.working_dir))
            .collect();
        let brought = self.synced.iter().filter(|(_, entry)| entry.is_some());
        let brought = brought.map(|(place, _)| place).chain(&self.unsure);
        let strays = brought.filter(|place| !places.contains(*place));
        Difference {
            strays: strays.cloned().collect(),
            paths: all.into_iter().filter_map(differs).collect(),
        }
    }

    /// What its image lacks of `current`, whatever batches brought since.
    pub fn image_lacks(&self, base: &Tree, current: &Tree, target: &Target) -> Difference {
        let image = Container {
            agent: self.agent.clone(),
            working_dir: self.working_dir.clone(),
            synced: BTreeMap::new(),
            unsure: BTreeSet::new(),
            is_known: false,
        };
        image.difference(&BTreeSet::new(), base, current, target)
    }

    /// Something went wrong: the next difference is that of all files.
    pub fn distrust(&mut self) {
        self.is_known = false;
    }

    /// Whether it is known where a file lies.
    pub fn places(&self, path: &str, target: &Target) -> bool {
        target.of(path, &self.working_dir).is_some()
    }

    /// Brings the container up to date with the files below `root`, and counts what was sent. A file
    /// that changed since it was looked at is sent as it is now, and one that went away is left to the
    /// change that tells of it.
    pub async fn bring(
        &mut self,
        root: &Path,
        difference: Difference,
        current: &Tree,
    ) -> Result<Received> {
        let batches = batches(root, difference, current);
        // One batch is read while the one before is sent.
        let (sender, mut read) = mpsc::channel(1);
        let reading = move || {
            for batch in batches {
                // Whoever sends has failed, and says why.
                if sender.blocking_send(batch).is_err() {
                    return;
                }
            }
        };
        tokio::task::spawn_blocking(reading);
        let mut received = Received::default();
        while let Some(batch) = read.recv().await {
            let (batch, contents) = batch?;
            let applied = self.send(batch, contents).await?;
            received.files += applied.files;
            received.bytes += applied.bytes;
        }
        self.is_known = true;
        Ok(received)
    }

    async fn send(&mut self, batch: Batch, contents: Vec<Bytes>) -> Result<Applied> {
        let applied = self.agent.sync(&batch, contents).await?;
        for place in batch.removed {
            let below = format!("{place}/");
            self.synced.retain(|other, _| !other.starts_with(&below));
            self.unsure.remove(&place);
            self.synced.insert(place, None);
        }
        for entry in batch.entries {
            self.unsure.remove(entry.path());
            self.synced.insert(entry.path().to_owned(), Some(entry));
        }
        Ok(applied)
    }
}

/// A difference as batches with their contents, read from the files below `root`; none for none. What is
/// removed is in the first. Blocking.
pub fn batches(
    root: &Path,
    difference: Difference,
    current: &Tree,
) -> impl Iterator<Item = Result<(Batch, Vec<Bytes>)>> + Send + use<> {
    let root = root.to_owned();
    let mut removed = difference.strays;
    let mut wanted = Vec::new();
    for (path, place) in difference.paths {
        match current.get(&path) {
            Some(entry) => wanted.push((path, place, entry.clone())),
            None => removed.push(place),
        }
    }
    let mut wanted = wanted.into_iter();
    std::iter::from_fn(move || {
        let mut batch = Batch {
            removed: std::mem::take(&mut removed),
            ..Batch::default()
        };
        let (mut contents, mut bytes) = (Vec::new(), 0);
        while bytes <= BATCH
            && let Some((path, place, entry)) = wanted.next()
        {
            match placed(&root, &path, place, &entry) {
                Ok(None) => {}
                Ok(Some((entry, content))) => {
                    bytes += content.as_ref().map_or(0, |content| content.len() as u64);
                    contents.extend(content);
                    batch.entries.push(entry);
                }
                Err(failure) => return Some(Err(failure)),
            }
        }
        (batch != Batch::default()).then_some(Ok((batch, contents)))
    })
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

/// An entry at its place in the container, and a file's content; `None` if it is not there any more.
fn placed(
    root: &Path,
    path: &str,
    place: String,
    entry: &Entry,
) -> Result<Option<(Entry, Option<Bytes>)>> {
    Ok(Some(match entry {
        Entry::Directory { .. } => (Entry::Directory { path: place }, None),
        Entry::Symlink { target, .. } => {
            let target = target.clone();
            (
                Entry::Symlink {
                    path: place,
                    target,
                },
                None,
            )
        }
        Entry::File { executable, .. } => {
            let file = root.join(path);
            let content = match std::fs::read(&file) {
                Ok(content) => Bytes::from(content),
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
                Err(error) => return Err(error).or_fail(WHAT, file.display().to_string()),
            };
            let entry = Entry::File {
                path: place,
                blob: context::blob_of(&content),
                executable: *executable,
            };
            (entry, Some(content))
        }
    }))
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
            strays: Vec::new(),
        };
        let refused = difference.without_links_outside(&current);
        assert_eq!(refused, [("out".to_owned(), "/etc".to_owned())]);
        let left: Vec<_> = difference.paths.iter().map(|(path, _)| path).collect();
        assert_eq!(left, ["in", "gone"]);
    }
}
