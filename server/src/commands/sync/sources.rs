//! The developer's files: what they are now, and what differs from before.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use azds_protocol::agent::Entry;
use bytes::Bytes;

use super::changes::Seen;
use super::tree::Tree;
use super::{Decision, Rules, WHAT};
use crate::analysis::azds_yaml::Settings;
use crate::context::{self, Selection};
use crate::failure::{Context, Result};

/// What was found at a path, and perhaps the content by which it is compared.
type Found = (Entry, Option<Bytes>);

/// The files of a service.
pub struct Sources {
    /// Root of the build context.
    pub root: PathBuf,
    /// What a change of each asks for.
    pub rules: Rules,
    /// What the build context holds, as far as changes were told of.
    pub current: Arc<Tree>,
    dockerfile: PathBuf,
    settings: Settings,
}

/// Contents of files by their paths.
pub type Contents = HashMap<String, Bytes>;

/// What changed.
pub struct Changed {
    /// Paths of the context.
    pub paths: BTreeSet<String>,
    /// What some of these files hold: what they were compared by.
    pub contents: Contents,
    /// A file that says how the service is built or installed, and what follows.
    pub rebuild: Option<(String, Decision)>,
}

impl Sources {
    /// The files of the service in `folder`, which were `current`. Blocking.
    pub fn new(folder: &Path, settings: &Settings, current: Tree) -> Result<Sources> {
        let root = folder.join(&settings.context);
        Ok(Sources {
            root: dunce::canonicalize(&root).or_fail(WHAT, root.display().to_string())?,
            rules: Rules::new(folder, settings)?,
            current: Arc::new(current),
            dockerfile: folder.join(&settings.dockerfile),
            settings: settings.clone(),
        })
    }

    /// Compares what was seen to have changed with what was there before.
    pub async fn compare(&mut self, seen: Seen) -> Result<Changed> {
        let mut changed = Changed {
            paths: BTreeSet::new(),
            contents: Contents::new(),
            rebuild: None,
        };
        let paths = match seen {
            Seen::Paths(paths) => paths,
            Seen::Anything => [self.root.clone()].into(),
        };
        let mut below = Vec::new();
        for path in paths {
            if let Some(decision) = self.rules.of_file(&path) {
                let shown = path.strip_prefix(&self.root).unwrap_or(&path);
                changed.rebuild = Some((shown.display().to_string(), decision));
            } else {
                below.extend(context::below(&self.root, &path));
            }
        }
        if below.is_empty() {
            return Ok(changed);
        }
        let below = outermost(below);
        let found = self.read(below.clone()).await?;
        let mut gone = Vec::new();
        for path in &below {
            let known = self.current.at_or_below(path).into_iter();
            let known = known.filter(|path| !found.contains_key(*path));
            gone.extend(known.map(str::to_owned));
        }
        let current = Arc::make_mut(&mut self.current);
        gone.iter().for_each(|path| current.remove(path));
        self.put(found, &mut changed);
        // A folder is of the tree if there is nothing else in it.
        let emptied = gone.iter().flat_map(|path| context::parents(path));
        let emptied = emptied.filter(|folder| self.current.is_empty_at(folder));
        let emptied = outermost(emptied.map(str::to_owned).collect());
        changed.paths.extend(gone);
        if !emptied.is_empty() {
            let found = self.read(emptied).await?;
            self.put(found, &mut changed);
        }
        Ok(changed)
    }

    fn put(&mut self, found: BTreeMap<String, Found>, changed: &mut Changed) {
        let current = Arc::make_mut(&mut self.current);
        for (path, (entry, content)) in found {
            if current.get(&path) == Some(&entry) {
                continue;
            }
            // Nothing is above it but folders that are not empty, whatever was told of them.
            for folder in context::parents(&path) {
                if current.get(folder).is_some() {
                    current.remove(folder);
                    changed.paths.insert(folder.to_owned());
                }
            }
            current.put(entry);
            if let Some(content) = content {
                changed.contents.insert(path.clone(), content);
            }
            changed.paths.insert(path);
        }
    }

    /// What belongs to the build at or below paths, which are relative to the root, and none of which is
    /// below another.
    async fn read(&self, paths: Vec<String>) -> Result<BTreeMap<String, Found>> {
        let (root, dockerfile) = (self.root.clone(), self.dockerfile.clone());
        let (settings, current) = (self.settings.clone(), Arc::clone(&self.current));
        let reading = move || {
            let known = |path: &str| match current.get(path) {
                Some(Entry::File { blob, .. }) => Some(blob.digest),
                _ => None,
            };
            let selection = Selection {
                root: &root,
                dockerfile: &dockerfile,
                use_git_ignore: settings.use_git_ignore,
                ignore: &settings.ignore,
            };
            let found: Vec<Found> = match paths.first().is_some_and(String::is_empty) {
                true => {
                    let manifest = Arc::unwrap_or_clone(context::read(&selection)?.manifest);
                    let entries = manifest.entries.into_iter();
                    entries.map(|entry| (entry, None)).collect()
                }
                false => context::read_at(&selection, paths.iter().map(String::as_str), known)?,
            };
            let found = found.into_iter();
            Ok(found
                .map(|found| (found.0.path().to_owned(), found))
                .collect())
        };
        tokio::task::spawn_blocking(reading)
            .await
            .or_fail(WHAT, "")?
    }
}

/// The paths without those that are below others; the root, which is empty, is above all.
fn outermost(mut paths: Vec<String>) -> Vec<String> {
    // So that a folder stands before all that is in it.
    paths.sort_by(|one, other| one.split('/').cmp(other.split('/')));
    let mut outermost: Vec<String> = Vec::new();
    for path in paths {
        let is_in = |folder: &String| {
            let rest = path.strip_prefix(folder.as_str());
            folder.is_empty() || rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        if !outermost.last().is_some_and(is_in) {
            outermost.push(path);
        }
    }
    outermost
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_covers_what_is_in_it_and_nothing_else() {
        let paths = ["a/b", "a-b", "a", "a/b/c", "b/c", "b/d/e", "b/d"];
        let paths = paths.map(str::to_owned).to_vec();
        assert_eq!(outermost(paths.clone()), ["a", "a-b", "b/c", "b/d"]);
        let with_root = [paths.clone(), vec![String::new()]].concat();
        assert_eq!(outermost(with_root), [""]);
    }
}
