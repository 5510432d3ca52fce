//! `azds debugger install|list`: the debuggers on this machine, which sessions send to pods.

mod fetch;

use std::path::{Path, PathBuf};

use serde::Serialize;

use fetch::{download, go, pip};

use super::debug::runtimes::addition;
use crate::failure::{Action, Context, Failure, Result};
use crate::progress::Progress;
use crate::system::{Folder, path_variable};

const WHAT: &str = "the debugger was not installed";
/// Folder of a netcoredbg that counts as installed.
const NETCOREDBG: &str = "AZDS_NETCOREDBG";

/// A debugger that azds knows how to get and how to recognise.
struct Debugger {
    /// What people say to `azds debugger`.
    name: &'static str,
    version: &'static str,
    /// A file that is in each copy of it.
    mark: &'static str,
    source: Source,
}

enum Source {
    /// A release's archive, by the architecture of the pods.
    Archive(&'static [(&'static str, &'static str)]),
    /// A program for the user's own Go.
    Go(&'static str),
    /// A package for the user's own pip.
    Pip(&'static str),
}

const DEBUGGERS: [Debugger; 3] = [
    Debugger {
        name: "dotnet",
        version: "3.1.2-1054",
        mark: "netcoredbg",
        source: Source::Archive(&[
            (
                "x86_64",
                "https://github.com/Samsung/netcoredbg/releases/download/3.1.2-1054/netcoredbg-linux-amd64.tar.gz",
            ),
            (
                "aarch64",
                "https://github.com/Samsung/netcoredbg/releases/download/3.1.2-1054/netcoredbg-linux-arm64.tar.gz",
            ),
        ]),
    },
    Debugger {
        name: "go",
        version: "1.27.2",
        mark: "dlv",
        source: Source::Go("github.com/go-delve/delve/cmd/dlv"),
    },
    Debugger {
        name: "python",
        version: "1.8.22",
        mark: "debugpy/__main__.py",
        source: Source::Pip("debugpy"),
    },
];

/// A debugger on this machine.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Installed {
    /// Runtime that it is for: `dotnet`, `go`, `python`.
    pub name: String,
    /// Its version, fit for a file name.
    pub version: String,
    /// Where it is.
    pub folder: PathBuf,
}

impl Installed {
    /// Name under which pods have it, with what azds adds to it.
    pub fn stored_as(&self) -> String {
        format!(
            "{}-{}{}",
            self.name,
            self.version,
            mark_of_addition(&self.name)
        )
    }

    /// Its folder, with what azds adds to it, as a tar below a folder. Blocking.
    pub fn archive(&self, below: &str) -> std::io::Result<Vec<u8>> {
        let mut archive = tar::Builder::new(Vec::new());
        archive.append_dir_all(below, &self.folder)?;
        if let Some((path, text)) = addition(&self.name) {
            let mut header = tar::Header::new_gnu();
            header.set_size(text.len() as u64);
            header.set_mode(0o644);
            let path = Path::new(below).join(path);
            archive.append_data(&mut header, path, text.as_bytes())?;
        }
        archive.into_inner()
    }
}

/// Whether a debugger that a pod has under this name is one for a runtime, as this azds starts it.
pub fn fits(stored: &str, runtime: &str) -> bool {
    let version = stored
        .strip_prefix(runtime)
        .and_then(|rest| rest.strip_prefix('-'));
    version.is_some() && stored.ends_with(&mark_of_addition(runtime))
}

/// Tells one addition from another.
fn mark_of_addition(runtime: &str) -> String {
    let hash = |(_, text): (_, &str)| blake3::hash(text.as_bytes()).to_hex();
    let mark = addition(runtime)
        .map(hash)
        .map(|hash| format!("-{}", &hash[..8]));
    mark.unwrap_or_default()
}

/// Where debuggers are installed: `azds/debuggers` in the user's data folder.
pub fn folder() -> Result<PathBuf> {
    let data = Folder::Data.path().ok_or_else(|| {
        Failure::new("the debuggers were not found", "HOME", "it is not set")
            .try_to("Set XDG_DATA_HOME to the folder for data of programs.")
    })?;
    Ok(data.join("debuggers"))
}

/// What is installed, by name and version.
pub fn list(debuggers: &Path) -> Vec<Installed> {
    let mut found = Vec::new();
    for debugger in &DEBUGGERS {
        let versions = std::fs::read_dir(debuggers.join(debugger.name));
        for entry in versions.into_iter().flatten().flatten() {
            let folder = entry.path();
            if let (true, Ok(version)) = (has(debugger, &folder), entry.file_name().into_string()) {
                found.push(Installed {
                    name: debugger.name.to_owned(),
                    version,
                    folder,
                });
            }
        }
    }
    found.extend(from_environment());
    found.sort_by(|a, b| (&a.name, &a.version).cmp(&(&b.name, &b.version)));
    found
}

/// The debugger for a runtime: the one of the environment, else the version that azds was made for,
/// else the last that is installed.
pub fn installed(debuggers: &Path, name: &str) -> Result<Installed> {
    let of_environment = from_environment().filter(|installed| installed.name == name);
    let all = || {
        list(debuggers)
            .into_iter()
            .filter(|installed| installed.name == name)
    };
    let preferred = || {
        let known = DEBUGGERS.iter().find(|debugger| debugger.name == name)?;
        all().find(|installed| installed.version == known.version)
    };
    of_environment
        .or_else(preferred)
        .or_else(|| all().next_back())
        .ok_or_else(|| {
            Failure::new(
                "the debugger was not started",
                name,
                "no debugger for this runtime is installed on this machine",
            )
            .try_to(format!("Run `azds debugger install {name}`."))
            .offer(Action::InstallDebugger {
                runtime: name.into(),
            })
        })
}

/// The debugger of a runtime in a folder, or the one that is installed.
pub fn in_folder_or_installed(name: &str, from: Option<PathBuf>) -> Result<Installed> {
    let Some(from) = from else {
        return installed(&folder()?, name);
    };
    let debugger = known(name)?;
    check(debugger, &from)?;
    Ok(installed_at(debugger, from))
}

fn from_environment() -> Option<Installed> {
    let folder = path_variable(NETCOREDBG)?;
    let [dotnet, ..] = &DEBUGGERS;
    let program = std::fs::metadata(folder.join(dotnet.mark)).ok()?;
    // Another one in the same folder must not be taken for one that a pod has already.
    let version = format!("custom-{:x}-{}", program.len(), modified(&program));
    Some(Installed {
        name: dotnet.name.to_owned(),
        version,
        folder,
    })
}

fn modified(file: &std::fs::Metadata) -> u64 {
    let since = file
        .modified()
        .ok()
        .and_then(|time| time.duration_since(std::time::SystemTime::UNIX_EPOCH).ok());
    since.unwrap_or_default().as_secs()
}

fn has(debugger: &Debugger, folder: &Path) -> bool {
    folder.join(debugger.mark).is_file()
}

/// What is to be installed, from where.
pub struct Install<'a> {
    /// `dotnet`, `go` or `python`.
    pub name: &'a str,
    /// A folder or an address, instead of where azds would get it.
    pub from: Option<&'a str>,
    /// SHA-256 that the downloaded archive must have.
    pub sha256: Option<&'a str>,
}

/// Where a debugger is taken from.
enum Origin<'a> {
    Folder(&'a Path),
    Archive(&'a str),
    Go(&'a str),
    Pip(&'a str),
}

impl<'a> Origin<'a> {
    fn of(install: &Install<'a>, usual: &Source) -> Result<Origin<'a>> {
        Ok(match (install.from, usual) {
            (Some(from), _) if from.contains("://") => Origin::Archive(from),
            (Some(from), _) => Origin::Folder(Path::new(from)),
            (None, Source::Go(package)) => Origin::Go(package),
            (None, Source::Pip(package)) => Origin::Pip(package),
            (None, Source::Archive(addresses)) => {
                let architecture = std::env::consts::ARCH;
                let address = addresses.iter().find(|(name, _)| *name == architecture);
                let none = "there is no release for this architecture";
                let (_, address) = address.ok_or_else(|| {
                    Failure::new(WHAT, architecture, none).try_to("Give one with --from.")
                })?;
                Origin::Archive(address)
            }
        })
    }
}

/// Installs a debugger. `trust` is asked about the checksum of an archive that was never seen before
/// and that nobody gave one for.
pub async fn install(
    debuggers: &Path,
    install: Install<'_>,
    trust: impl FnOnce(&str) -> bool,
    progress: &Progress,
) -> Result<Installed> {
    let debugger = known(install.name)?;
    let parent = debuggers.join(debugger.name);
    let target = parent.join(debugger.version);
    let object = target.display().to_string();
    if has(debugger, &target) && install.from.is_none() {
        return Ok(installed_at(debugger, target));
    }
    std::fs::create_dir_all(&parent).or_fail(WHAT, &object)?;
    // In the same folder, so that it can be moved; it goes away with whatever fails.
    let unfinished = tempfile::Builder::new()
        .prefix(".installing-")
        .tempdir_in(&parent)
        .or_fail(WHAT, &object)?;
    let to = unfinished.path();
    let content = match Origin::of(&install, &debugger.source)? {
        Origin::Folder(from) => {
            check(debugger, from)?;
            let content = to.join("content");
            copy(from, &content).or_fail(WHAT, from.display().to_string())?;
            content
        }
        Origin::Archive(address) => {
            download(debugger, address, &install, &target, to, trust, progress).await?
        }
        Origin::Go(package) => go(package, debugger.version, to, progress).await?,
        Origin::Pip(package) => pip(package, debugger.version, to, progress).await?,
    };
    check(debugger, &content)?;
    if target.exists() {
        std::fs::remove_dir_all(&target).or_fail(WHAT, &object)?;
    }
    std::fs::rename(&content, &target).or_fail(WHAT, &object)?;
    Ok(installed_at(debugger, target))
}

fn known(name: &str) -> Result<&'static Debugger> {
    let known = DEBUGGERS.iter().find(|debugger| debugger.name == name);
    known.ok_or_else(|| {
        Failure::new(WHAT, name, "azds knows no debugger of this name")
            .try_to("Use `dotnet`, `go` or `python`. Node and Java need none.")
    })
}

fn installed_at(debugger: &Debugger, folder: PathBuf) -> Installed {
    Installed {
        name: debugger.name.to_owned(),
        version: debugger.version.to_owned(),
        folder,
    }
}

fn check(debugger: &Debugger, folder: &Path) -> Result<()> {
    if has(debugger, folder) {
        return Ok(());
    }
    let why = format!("it has no file {}", debugger.mark);
    Err(Failure::new(WHAT, folder.display().to_string(), why)
        .try_to("Give the folder, or the archive of the folder, that holds this file."))
}

fn copy(from: &Path, to: &Path) -> std::io::Result<()> {
    std::fs::create_dir(to)?;
    for entry in std::fs::read_dir(from)? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy(&entry.path(), &target)?;
        } else {
            std::fs::copy(entry.path(), &target)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
