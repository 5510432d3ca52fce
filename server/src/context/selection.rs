//! The walk through the context's folder.

use std::collections::HashMap;
use std::fs::{self, FileType};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use ignore::Match;
use ignore::gitignore::{Gitignore, GitignoreBuilder};

use super::dockerignore::{DockerIgnore, Verdict};
use crate::failure::{Context, Failure, Result};
use crate::system::with_slashes;

/// Which files belong to a build.
#[derive(Debug, Clone, Copy)]
pub struct Selection<'a> {
    /// Folder of the build context.
    pub root: &'a Path,
    /// The Dockerfile, which need not be in the context.
    pub dockerfile: &'a Path,
    /// Whether what Git ignores is left out.
    pub use_git_ignore: bool,
    /// `build.ignore` of azds.yaml: globs in the dialect of .gitignore, from the context's root. They
    /// win over the ignore files: a glob leaves out, a glob with `!` brings back.
    pub ignore: &'a [String],
}

/// Something that belongs to the build.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Found {
    /// Relative to the context's root, with `/`.
    pub path: String,
    pub kind: Kind,
}

#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    File,
    Symlink { target: String },
    EmptyFolder,
}

/// What did not happen, if the walk or the hashing fails.
pub(super) const WHAT: &str = "the build context could not be read";

/// Everything that belongs to the build, sorted by path.
pub(super) fn walk(selection: &Selection) -> Result<Vec<Found>> {
    let mut walk = Walk::new(selection, usize::MAX)?;
    walk.folder(selection.root, "", &State::default())?;
    walk.found.sort_unstable();
    Ok(walk.found)
}

/// What belongs to the build at these paths, or below them, sorted by path. Nothing of one that is not
/// there. None of them is to be below another.
pub(super) fn walk_at<'a>(
    selection: &Selection,
    paths: impl IntoIterator<Item = &'a str>,
) -> Result<Vec<Found>> {
    let mut walk = Walk::new(selection, usize::MAX)?;
    let above = walk.git.as_ref().map_or(0, Vec::len);
    let mut known = HashMap::new();
    for path in paths {
        walk.at(selection.root, path, &mut known)?;
        if let Some(git) = &mut walk.git {
            git.truncate(above);
        }
    }
    walk.found.sort_unstable();
    Ok(walk.found)
}

/// Paths of the files that belong to the build, sorted, without reading them. `None` if more than `most`
/// entries of folders would have to be looked at. Blocking.
pub fn files(selection: &Selection, most: usize) -> Result<Option<Vec<String>>> {
    let mut walk = Walk::new(selection, most)?;
    walk.folder(selection.root, "", &State::default())?;
    if walk.left == 0 {
        return Ok(None);
    }
    let files = walk
        .found
        .into_iter()
        .filter(|found| found.kind == Kind::File);
    let mut paths: Vec<String> = files.map(|found| found.path).collect();
    paths.sort_unstable();
    Ok(Some(paths))
}

struct Walk {
    /// Entries that may still be looked at; the walk ends at 0.
    left: usize,
    docker: DockerIgnore,
    overrides: Gitignore,
    /// The .gitignore files of the folders on the way, outermost first.
    git: Option<Vec<Arc<Gitignore>>>,
    found: Vec<Found>,
}

/// What the rules say of a folder, as far as it holds for what is in it too.
#[derive(Default)]
struct State {
    docker: Verdict,
    git: bool,
    /// Left out (`true`) or brought back (`false`) by `build.ignore`.
    overridden: Option<bool>,
}

impl State {
    fn hidden(&self) -> bool {
        self.overridden.unwrap_or(self.docker.excluded || self.git)
    }
}

impl Walk {
    fn new(selection: &Selection, most: usize) -> Result<Walk> {
        let git = selection.use_git_ignore;
        Ok(Walk {
            left: most,
            docker: docker_ignore(selection)?,
            overrides: overrides(selection)?,
            git: git.then(|| git_ignores_above(selection.root)).transpose()?,
            found: Vec::new(),
        })
    }

    /// Goes down to `path` as [`Walk::folder`] would, but passes over everything else. `known` keeps
    /// the .gitignore files of the folders on the way.
    fn at(
        &mut self,
        root: &Path,
        path: &str,
        known: &mut HashMap<PathBuf, Arc<Gitignore>>,
    ) -> Result<()> {
        let mut state = State::default();
        let (mut folder, mut relative) = (root.to_owned(), String::new());
        let mut parts = path.split('/').peekable();
        while let Some(part) = parts.next() {
            if part == ".git" {
                return Ok(());
            }
            if let Some(git) = &mut self.git {
                let its = match known.get(&folder) {
                    Some(its) => Arc::clone(its),
                    None => {
                        let its = Arc::new(git_ignore(&folder));
                        known.insert(folder.clone(), Arc::clone(&its));
                        its
                    }
                };
                git.push(its);
            }
            folder.push(part);
            if !relative.is_empty() {
                relative.push('/');
            }
            relative.push_str(part);
            let kind = match folder.symlink_metadata() {
                Ok(found) => found.file_type(),
                // Also where a folder became a file meanwhile.
                Err(error)
                    if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) =>
                {
                    return Ok(());
                }
                Err(error) => return Err(error).or_fail(WHAT, folder.display().to_string()),
            };
            if parts.peek().is_none() {
                return self.entry(&folder, relative, kind, &state);
            }
            if !kind.is_dir() {
                return Ok(());
            }
            state = self.state(&folder, &relative, true, &state);
            if state.hidden() && !self.may_bring_back_in(&relative, &state) {
                return Ok(());
            }
        }
        Ok(())
    }

    fn folder(&mut self, folder: &Path, relative: &str, state: &State) -> Result<()> {
        let listed =
            fs::read_dir(folder).and_then(|entries| entries.collect::<Result<Vec<_>, _>>());
        let entries = match listed {
            // It went away since its parent was listed: as if it had gone before.
            Err(error) if error.kind() == ErrorKind::NotFound && !relative.is_empty() => {
                return Ok(());
            }
            listed => listed.or_fail(WHAT, folder.display().to_string())?,
        };
        if let Some(git) = &mut self.git {
            git.push(Arc::new(git_ignore(folder)));
        }
        let before = self.found.len();
        for entry in entries {
            if self.left == 0 {
                break;
            }
            self.left -= 1;
            let path = entry.path();
            let Ok(name) = entry.file_name().into_string() else {
                return Err(Failure::new(
                    WHAT,
                    path.display().to_string(),
                    "its name is not UTF-8",
                )
                .try_to("Rename it, or list its folder in .dockerignore."));
            };
            if name == ".git" {
                continue;
            }
            let relative = match relative {
                "" => name,
                relative => format!("{relative}/{name}"),
            };
            match entry.file_type() {
                Ok(kind) => self.entry(&path, relative, kind, state)?,
                Err(error) if error.kind() == ErrorKind::NotFound => {}
                Err(error) => return Err(error).or_fail(WHAT, path.display().to_string()),
            }
        }
        if self.found.len() == before && !relative.is_empty() && !state.hidden() {
            self.push(relative.to_owned(), Kind::EmptyFolder);
        }
        if let Some(git) = &mut self.git {
            git.pop();
        }
        Ok(())
    }

    fn entry(
        &mut self,
        path: &Path,
        relative: String,
        kind: FileType,
        parent: &State,
    ) -> Result<()> {
        let state = self.state(path, &relative, kind.is_dir(), parent);
        if kind.is_dir() {
            if !state.hidden() || self.may_bring_back_in(&relative, &state) {
                self.folder(path, &relative, &state)?;
            }
            return Ok(());
        }
        if state.hidden() {
            return Ok(());
        }
        if kind.is_file() {
            self.push(relative, Kind::File);
        } else if kind.is_symlink() {
            let target = fs::read_link(path).or_fail(WHAT, path.display().to_string())?;
            let Ok(target) = target.into_os_string().into_string() else {
                return Err(Failure::new(
                    WHAT,
                    path.display().to_string(),
                    "the link's text is not UTF-8",
                ));
            };
            let target = with_slashes(&target).into_owned();
            self.push(relative, Kind::Symlink { target });
        }
        // Sockets, pipes and devices have no content that could be sent; Docker passes over them too.
        Ok(())
    }

    fn push(&mut self, path: String, kind: Kind) {
        self.found.push(Found { path, kind });
    }

    fn state(&self, path: &Path, relative: &str, is_folder: bool, parent: &State) -> State {
        State {
            docker: self.docker.verdict(relative, &parent.docker),
            git: parent.git || self.git_ignores(path, is_folder),
            overridden: match self.overrides.matched(relative, is_folder) {
                Match::Ignore(_) => Some(true),
                Match::Whitelist(_) => Some(false),
                Match::None => parent.overridden,
            },
        }
    }

    fn git_ignores(&self, path: &Path, is_folder: bool) -> bool {
        let verdicts = self.git.iter().flatten().rev();
        verdicts
            .map(|git| git.matched(path, is_folder))
            .find(|verdict| !verdict.is_none())
            .is_some_and(|verdict| verdict.is_ignore())
    }

    /// Whether something in a hidden folder may belong to the build all the same.
    fn may_bring_back_in(&self, relative: &str, state: &State) -> bool {
        self.overrides.num_whitelists() > 0
            || (state.overridden.is_none() && !state.git && self.docker.may_reinclude_in(relative))
    }
}

/// `<Dockerfile>.dockerignore` if there is one, else `.dockerignore`, else nothing.
fn docker_ignore(selection: &Selection) -> Result<DockerIgnore> {
    let mut own = selection.dockerfile.as_os_str().to_owned();
    own.push(".dockerignore");
    for path in [PathBuf::from(own), selection.root.join(".dockerignore")] {
        let text = match fs::read(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == ErrorKind::NotFound => continue,
            Err(error) => return Err(error).or_fail(WHAT, path.display().to_string()),
        };
        return DockerIgnore::parse(&String::from_utf8_lossy(&text)).map_err(|bad| {
            Failure::new(
                WHAT,
                format!("{}, line {}", path.display(), bad.line),
                format!("{:?} is not a pattern", bad.text),
            )
            .try_to("Close every [, and write \\ before a character that stands for itself.")
        });
    }
    Ok(DockerIgnore::default())
}

fn overrides(selection: &Selection) -> Result<Gitignore> {
    let mut builder = GitignoreBuilder::new("");
    for glob in selection.ignore {
        let refused = |error: ignore::Error| {
            Failure::new(WHAT, "build.ignore in azds.yaml", error.to_string())
                .try_to("Correct the glob; it is written like a line of .gitignore.")
        };
        builder.add_line(None, glob).map_err(refused)?;
    }
    builder.build().or_fail(WHAT, "build.ignore in azds.yaml")
}

/// The .gitignore files from the repository's root down to the folder above `root`.
///
/// The user's global ignore file has no say, so that the same sources build the same image for
/// everybody.
fn git_ignores_above(root: &Path) -> Result<Vec<Arc<Gitignore>>> {
    let real = dunce::canonicalize(root).or_fail(WHAT, root.display().to_string())?;
    let Some(repository) = real.ancestors().find(|folder| folder.join(".git").exists()) else {
        return Ok(Vec::new());
    };
    let mut above: Vec<_> = real
        .ancestors()
        .skip(1)
        .take_while(|folder| folder.starts_with(repository))
        .map(|folder| Arc::new(git_ignore(folder)))
        .collect();
    above.reverse();
    Ok(above)
}

/// The .gitignore of `folder`. Lines that are no globs have no effect, as in Git.
fn git_ignore(folder: &Path) -> Gitignore {
    let path = folder.join(".gitignore");
    if !path.is_file() {
        return Gitignore::empty();
    }
    let (git, error) = Gitignore::new(&path);
    if let Some(error) = error {
        tracing::warn!(%error, "a line of {} has no effect", path.display());
    }
    git
}

#[cfg(test)]
mod tests;
