//! What differs between the systems that developers work on: files of a user alone, local sockets,
//! processes. Each system's module has the same functions.

#[cfg(unix)]
mod unix;
#[cfg(windows)]
mod windows;

use std::borrow::Cow;
use std::env::{home_dir, var_os};
use std::path::PathBuf;

#[cfg(unix)]
pub use unix::*;
#[cfg(windows)]
pub use windows::*;

/// A kind of files of a user (XDG Base Directory Specification). The variables count on every system;
/// on Windows what only this machine needs is in `%LOCALAPPDATA%` without them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Folder {
    /// What can be made again.
    Cache,
    /// What the user chose.
    Config,
    /// What was installed.
    Data,
    /// What happened.
    State,
}

impl Folder {
    /// azds's folder of this kind; `None` for a user without a home.
    pub fn path(self) -> Option<PathBuf> {
        let (variable, below_home) = match self {
            Folder::Cache => ("XDG_CACHE_HOME", ".cache"),
            Folder::Config => ("XDG_CONFIG_HOME", ".config"),
            Folder::Data => ("XDG_DATA_HOME", ".local/share"),
            Folder::State => ("XDG_STATE_HOME", ".local/state"),
        };
        let is_local = cfg!(windows) && self != Folder::Config;
        let local = || path_variable("LOCALAPPDATA").filter(|_| is_local);
        let below_home = || Some(home_dir()?.join(below_home));
        let folder = path_variable(variable).or_else(local).or_else(below_home)?;
        Some(folder.join("azds"))
    }
}

/// The path that a variable of the environment holds, if it holds one.
pub fn path_variable(name: &str) -> Option<PathBuf> {
    let value = var_os(name).filter(|value| !value.is_empty());
    value.map(PathBuf::from)
}

/// The text of a path with `/` between its parts, as it is written in files and in the cluster.
pub fn with_slashes(path: &str) -> Cow<'_, str> {
    match cfg!(windows) {
        true => Cow::Owned(path.replace('\\', "/")),
        // A letter of names.
        false => Cow::Borrowed(path),
    }
}
