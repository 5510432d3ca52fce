//! Image layers as plain tars.

use std::fs::{self, File};
use std::io::{BufWriter, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use anyhow::{Context, Result, bail};
use tar::EntryType;

use crate::image::{TIME, header};
use crate::shell::{command, output, run};

/// A layer that is being written.
pub struct Layer(tar::Builder<BufWriter<File>>);

impl Layer {
    /// An empty one.
    pub fn create(file: &Path) -> Result<Self> {
        Ok(Self(tar::Builder::new(BufWriter::new(File::create(file)?))))
    }

    /// Adds a folder; those above it are made by whoever unpacks.
    pub fn folder(&mut self, path: &str, mode: u32) -> Result<()> {
        Ok(self.0.append_data(
            &mut header(EntryType::Directory, mode, 0),
            path,
            std::io::empty(),
        )?)
    }

    /// Adds a file with this content.
    pub fn file(&mut self, path: &str, mode: u32, content: &[u8]) -> Result<()> {
        Ok(self.0.append_data(
            &mut header(EntryType::Regular, mode, content.len() as u64),
            path,
            content,
        )?)
    }

    /// Adds a program of this machine.
    pub fn program(&mut self, path: &str, from: &Path) -> Result<()> {
        let content = fs::read(from).with_context(|| format!("cannot read {}", from.display()))?;
        self.file(path, 0o755, &content)
    }

    /// Adds a program of this machine that has these capabilities (bits of the lower 32) whoever starts it.
    pub fn capable_program(&mut self, path: &str, from: &Path, capabilities: u32) -> Result<()> {
        // struct vfs_cap_data of linux/capability.h: revision 2, effective.
        let words = [0x0200_0001, capabilities, 0, 0, 0];
        let value: Vec<u8> = words
            .iter()
            .flat_map(|word: &u32| word.to_le_bytes())
            .collect();
        let attribute = ("SCHILY.xattr.security.capability", value.as_slice());
        self.0.append_pax_extensions([attribute])?;
        self.program(path, from)
    }

    /// Adds a symbolic link.
    pub fn link(&mut self, path: &str, target: &str) -> Result<()> {
        Ok(self
            .0
            .append_link(&mut header(EntryType::Symlink, 0o777, 0), path, target)?)
    }

    /// Adds those entries of another tar to which `place` gives a path. Owners and modes stay, times do not.
    pub fn merge(
        &mut self,
        mut tar: impl Read,
        place: impl Fn(&str) -> Option<String>,
    ) -> Result<()> {
        let mut archive = tar::Archive::new(&mut tar);
        for entry in archive.entries()? {
            let mut entry = entry?;
            let path = String::from_utf8(entry.path_bytes().into_owned())?;
            let path = path.trim_start_matches("./").trim_end_matches('/');
            let Some(path) = place(path).filter(|path| !path.is_empty()) else {
                continue;
            };
            let mut header = entry.header().clone();
            header.set_mtime(TIME);
            match entry.link_name()? {
                Some(mut target) => {
                    if header.entry_type() == EntryType::Link {
                        let named = target.to_string_lossy().trim_start_matches("./").to_owned();
                        let Some(placed) = place(&named) else {
                            bail!("{path} links to {named}, which is left out")
                        };
                        target = PathBuf::from(placed).into();
                    }
                    self.0.append_link(&mut header, path, target)?;
                }
                None => self.0.append_data(&mut header, path, &mut entry)?,
            }
        }
        // What follows the end mark: a program that writes it must not find its pipe closed.
        std::io::copy(&mut tar, &mut std::io::sink())?;
        Ok(())
    }

    /// Ends the file.
    pub fn finish(self) -> Result<()> {
        Ok(self.0.into_inner()?.flush()?)
    }
}

/// A program whose stdout is read as a tar; its end is judged by [`Piped::finish`].
pub struct Piped(Child);

impl Piped {
    /// Starts it.
    pub fn start(command: &mut Command) -> Result<Self> {
        Ok(Self(
            command
                .stdout(Stdio::piped())
                .spawn()
                .with_context(|| format!("{command:?} does not start"))?,
        ))
    }

    /// What it writes.
    pub fn stdout(&mut self) -> Result<impl Read> {
        self.0.stdout.take().context("stdout was taken before")
    }

    /// Waits for its end.
    pub fn finish(mut self) -> Result<()> {
        let status = self.0.wait()?;
        if !status.success() {
            bail!("it ended with {status}");
        }
        Ok(())
    }
}

/// A root file system of this machine's Debian release: the essential packages and these (with commas between).
pub fn debian(packages: &str, to: &Path) -> Result<()> {
    let mut bootstrap = command(
        "mmdebstrap --quiet --variant=minbase --aptopt=APT::Install-Recommends=false",
        &[],
    );
    for option in [
        "Acquire::Check-Valid-Until \"false\"",
        "Acquire::Check-Date \"false\"",
        "Acquire::Languages \"none\"",
    ] {
        bootstrap.arg(format!("--aptopt={option}"));
    }
    for left_out in [
        "/usr/share/doc/*",
        "/usr/share/man/*",
        "/usr/share/locale/*",
        "/usr/share/info/*",
    ] {
        bootstrap.arg(format!("--dpkgopt=path-exclude={left_out}"));
    }
    // Not in the image: which mirror this machine uses.
    bootstrap.arg(
        "--customize-hook=rm -f \"$1\"/etc/apt/sources.list \"$1\"/etc/apt/apt.conf.d/99mmdebstrap",
    );
    if !packages.is_empty() {
        bootstrap.arg(format!("--include={packages}"));
    }
    bootstrap.arg(codename()?).arg(to);
    for line in apt_sources(|release| Some(release.to_owned()))? {
        bootstrap.arg(line);
    }
    run(bootstrap.env("SOURCE_DATE_EPOCH", TIME.to_string()))
}

/// Downloads packages of a Debian release, which need not be the machine's own, into `folder` and gives their files.
pub fn debian_packages(release: &str, packages: &[&str], folder: &Path) -> Result<Vec<PathBuf>> {
    let list = folder.join("sources.list");
    let own = codename()?;
    let sources = apt_sources(|suite| (suite == own).then(|| release.to_owned()))?;
    fs::write(&list, sources.join("\n") + "\n")?;
    let apt = |arguments: &[&str]| {
        let mut apt = command(
            "apt-get -q -o Dir::Etc::SourceParts=/dev/null -o APT::Sandbox::User=root",
            &[],
        );
        apt.args([
            "-o",
            "Acquire::Check-Valid-Until=false",
            "-o",
            "Acquire::Languages=none",
        ]);
        for (setting, path) in [
            ("Dir::Etc::SourceList", "sources.list"),
            ("Dir::State::Lists", "lists"),
            ("Dir::Cache", "cache"),
        ] {
            apt.arg("-o")
                .arg(format!("{setting}={}", folder.join(path).display()));
        }
        run(apt.args(arguments).current_dir(folder))
    };
    fs::create_dir_all(folder.join("lists/partial"))?;
    fs::create_dir_all(folder.join("cache/archives/partial"))?;
    apt(&["update"])?;
    apt(&[&["download"], packages].concat())?;
    let files = fs::read_dir(folder)?.flatten().map(|entry| entry.path());
    let mut files: Vec<_> = files
        .filter(|file| file.extension().is_some_and(|extension| extension == "deb"))
        .collect();
    files.sort();
    if files.len() != packages.len() {
        bail!(
            "apt-get download {} left {} packages",
            packages.join(" "),
            files.len()
        );
    }
    Ok(files)
}

/// The name of this machine's Debian release.
pub fn codename() -> Result<String> {
    let release = fs::read_to_string("/etc/os-release")?;
    let codename = release
        .lines()
        .find_map(|line| line.strip_prefix("VERSION_CODENAME="));
    Ok(codename
        .context("/etc/os-release names no VERSION_CODENAME")?
        .to_owned())
}

/// The machine's own package sources as lines of a sources.list, with `release` in place of each one's name.
fn apt_sources(release: impl Fn(&str) -> Option<String>) -> Result<Vec<String>> {
    let own = codename()?;
    let format = "$(REPO_URI) $(RELEASE) $(COMPONENT)";
    let targets = output(&mut command(
        "apt-get indextargets --format",
        &[format, "Created-By: Packages"],
    ))?;
    let mut lines = Vec::new();
    for target in targets.lines() {
        let mut words = target.split_whitespace();
        let (Some(uri), Some(suite), Some("main")) = (words.next(), words.next(), words.next())
        else {
            continue;
        };
        let Some(release) = suite.starts_with(&own).then(|| release(suite)).flatten() else {
            continue;
        };
        let line = format!(
            "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] {uri} {release} main"
        );
        if !lines.contains(&line) {
            lines.push(line);
        }
    }
    if lines.is_empty() {
        bail!(
            "apt-get indextargets names no Debian mirror of {own}; run apt-get update and try again"
        );
    }
    Ok(lines)
}
