//! What follows from an azds.yaml for one configuration.

use std::collections::BTreeMap;

use serde_json::Value as Json;

/// What an azds.yaml asks for, with defaults filled in. Paths have `/` and are relative to the
/// folder of azds.yaml, all of them.
#[derive(Debug, Clone, PartialEq)]
pub struct Settings {
    /// `build.context`: root of the build context and of the sync.
    pub context: String,
    /// `build.dockerfile`.
    pub dockerfile: String,
    /// `build.useGitIgnore`: whether .gitignore keeps files out, too.
    pub use_git_ignore: bool,
    /// `build.ignore`: patterns in the form of .gitignore that are applied after it.
    pub ignore: Vec<String>,
    /// `build.args`: Docker build arguments.
    pub args: BTreeMap<String, String>,
    /// `build.secrets`: what `RUN --mount=type=secret,id=ID` finds.
    pub secrets: BTreeMap<String, String>,
    /// `install.chart`; empty if the file names none.
    pub chart: String,
    /// `install.values`, later ones winning.
    pub values: Vec<ValuesFile>,
    /// `container.values`, the name of 2018 for values files; they win over [`Settings::values`].
    pub container_values: Vec<String>,
    /// `install.set`: values that win over all files, with the types that YAML gives them.
    pub set: Json,
    /// `container`: how the running container is kept up to date.
    pub container: ContainerSettings,
}

/// An entry of `install.values`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ValuesFile {
    /// Where it is.
    pub path: String,
    /// Whether it may be missing: the entry ends in `?`.
    pub optional: bool,
}

/// How the running container is kept up to date without building its image again.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ContainerSettings {
    /// `sync`: globs of the files that are copied into the running container as they are.
    pub sync: Vec<String>,
    /// `syncTarget`: the folder in the container, where it is not to be worked out from the image.
    pub sync_target: Option<String>,
    /// `command`: what starts the service instead of the image's own; empty for the image's own.
    pub command: Vec<String>,
    /// `iterate.processesToKill`: names of the processes to end after a sync of sources.
    pub processes_to_kill: Vec<String>,
    /// `iterate.buildCommands`: what runs in the container before the service starts again.
    pub build_commands: Vec<Vec<String>>,
}

impl ValuesFile {
    pub(super) fn parse(entry: &str) -> ValuesFile {
        let (path, optional) = match entry.strip_suffix('?') {
            Some(path) => (path, true),
            None => (entry, false),
        };
        ValuesFile {
            path: path.to_owned(),
            optional,
        }
    }
}
