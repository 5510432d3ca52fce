//! One batch on its way into the container's files.
//!
//! A file is replaced by renaming, so that no reader sees half of it. That gives it another inode,
//! and who watches the old one (`node --watch` does) would never hear of it again: such a file is
//! written in place, in one piece.

use std::collections::{HashMap, HashSet};
use std::fs::{self, File, OpenOptions, Permissions};
use std::io::{self, ErrorKind, Read, Write as _};
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use azds_protocol::agent::{Blob, Entry};

use super::{WHAT, shown};
use crate::agent::files;
use crate::failure::{Failure, Result};

/// Contents that lie beside their places; what was not put there is removed in the end.
pub struct Place {
    root: PathBuf,
    taken_in: HashMap<String, PathBuf>,
    watched: Option<Vec<u64>>,
    /// What the batch removes.
    removed: HashSet<String>,
    /// The folder of the file that was taken in last, which the next one often shares, and where that
    /// one's content lies until then.
    beside: (PathBuf, PathBuf),
    buffer: Vec<u8>,
}

impl Place {
    /// Nothing taken in yet, of a batch that removes these paths.
    pub fn new(root: &Path, removed: &[String]) -> Place {
        Place {
            root: root.to_owned(),
            taken_in: HashMap::new(),
            watched: None,
            removed: removed.iter().cloned().collect(),
            beside: Default::default(),
            buffer: vec![0; 64 << 10],
        }
    }

    /// Takes one content in, which must be that of `blob`.
    pub fn take_in(
        &mut self,
        path: &str,
        blob: &Blob,
        executable: bool,
        content: &mut impl Read,
    ) -> Result<()> {
        let refused = |error: io::Error| super::refused(path, &error);
        let at = self.root.join(path);
        let folder = at.parent().unwrap_or(&self.root);
        if self.beside.0 != folder {
            self.beside = (folder.to_owned(), self.nearest(folder));
        }
        let partial = self.beside.1.join(format!(".azds-{}", files::unique()));
        self.taken_in.insert(path.to_owned(), partial.clone());
        let mut file = File::create(&partial).map_err(refused)?;
        let mut hasher = blake3::Hasher::new();
        let mut size = 0;
        loop {
            let read = content.read(&mut self.buffer).map_err(refused)?;
            if read == 0 {
                break;
            }
            size += read as u64;
            hasher.update(&self.buffer[..read]);
            file.write_all(&self.buffer[..read]).map_err(refused)?;
        }
        if size != blob.size || hasher.finalize() != blob.digest.0 {
            let why = "it arrived changed or cut short";
            return Err(Failure::new(WHAT, shown(path), why));
        }
        let mode = Permissions::from_mode(if executable { 0o755 } else { 0o644 });
        file.set_permissions(mode).map_err(refused)
    }

    /// The folder, or the nearest above it that is there and stays: what is below one that goes would go
    /// with it, and a link may lead anywhere.
    fn nearest(&self, folder: &Path) -> PathBuf {
        let mut here = self.root.clone();
        let mut path = PathBuf::new();
        for part in folder.strip_prefix(&self.root).unwrap_or(folder) {
            path.push(part);
            let goes = path
                .to_str()
                .is_some_and(|path| self.removed.contains(path));
            let next = here.join(part);
            if goes || !next.is_dir() {
                break;
            }
            here = next;
        }
        here
    }

    /// Makes one entry what it says.
    pub fn put(&mut self, entry: &Entry) -> io::Result<()> {
        let at = self.root.join(entry.path());
        match entry {
            Entry::File { path, .. } => {
                let Some(partial) = self.taken_in.remove(path) else {
                    return Err(io::Error::other("its content was not sent"));
                };
                let put = self.put_file(&partial, &at);
                if put.is_err() {
                    // It is of no use any more; the reason is what matters.
                    let _ = fs::remove_file(&partial);
                }
                put
            }
            Entry::Symlink { target, .. } => {
                if let Some(folder) = at.parent() {
                    make_folder(folder)?;
                }
                clear(&at)?;
                std::os::unix::fs::symlink(target, &at)
            }
            Entry::Directory { .. } => {
                // A link to a folder would do for one.
                if at.is_symlink() {
                    fs::remove_file(&at)?;
                }
                make_folder(&at)
            }
        }
    }

    fn put_file(&mut self, partial: &Path, at: &Path) -> io::Result<()> {
        match at.symlink_metadata() {
            Ok(there) if there.is_file() && self.is_watched(there.ino()) => {
                write_in_place(partial, at)?;
                fs::remove_file(partial)
            }
            Ok(there) if there.is_dir() => {
                fs::remove_dir_all(at)?;
                fs::rename(partial, at)
            }
            _ => match (fs::rename(partial, at), at.parent()) {
                (Err(error), Some(folder)) if is_absent(&error) => {
                    make_folder(folder)?;
                    fs::rename(partial, at)
                }
                (renamed, _) => renamed,
            },
        }
    }

    /// Whether a process watches this inode itself, not only its folder.
    fn is_watched(&mut self, inode: u64) -> bool {
        self.watched.get_or_insert_with(watched).contains(&inode)
    }

    /// Removes a file, a link, or a folder with all that is in it.
    pub fn remove(&self, path: &str) -> io::Result<()> {
        clear(&self.root.join(path))
    }

    /// Removes a folder that is empty. Neither one in which the service runs, nor what is mounted.
    pub fn tidy(&self, folder: &str) {
        let here = std::env::current_dir().unwrap_or_default();
        let folder = self.root.join(folder);
        if !here.starts_with(&folder) {
            // It fails for a folder that is not empty.
            let _ = fs::remove_dir(folder);
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        for partial in self.taken_in.values() {
            // A batch that failed has a reason of its own.
            let _ = fs::remove_file(partial);
        }
    }
}

/// Makes a folder and those above it; what is no folder and stands in the way goes.
fn make_folder(folder: &Path) -> io::Result<()> {
    match fs::create_dir_all(folder) {
        Err(error)
            if matches!(
                error.kind(),
                ErrorKind::AlreadyExists | ErrorKind::NotADirectory
            ) =>
        {
            let mut there = folder
                .ancestors()
                .filter(|it| it.symlink_metadata().is_ok());
            if let Some(in_the_way) = there.next().filter(|it| !it.is_dir()) {
                fs::remove_file(in_the_way)?;
            }
            fs::create_dir_all(folder)
        }
        made => made,
    }
}

fn clear(at: &Path) -> io::Result<()> {
    match at.symlink_metadata() {
        Ok(there) if there.is_dir() => fs::remove_dir_all(at),
        Ok(_) => fs::remove_file(at),
        Err(error) if is_absent(&error) => Ok(()),
        Err(error) => Err(error),
    }
}

/// Whether there is nothing at a path: its folder may be missing, too, or be a file.
fn is_absent(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory)
}

fn write_in_place(partial: &Path, at: &Path) -> io::Result<()> {
    let mut content = Vec::new();
    File::open(partial)?.read_to_end(&mut content)?;
    let mut file = OpenOptions::new().write(true).open(at)?;
    file.write_all(&content)?;
    file.set_len(content.len() as u64)?;
    file.set_permissions(fs::metadata(partial)?.permissions())
}

/// The inodes that processes of this container watch, by what the kernel tells of their inotify
/// descriptors (proc(5), `/proc/PID/fdinfo`).
fn watched() -> Vec<u64> {
    let entries = |path: PathBuf| fs::read_dir(path).into_iter().flatten().flatten();
    let mut inodes = Vec::new();
    for process in entries("/proc".into()) {
        // Processes of others can't be looked into, and neither could their files be written.
        for descriptor in entries(process.path().join("fd")) {
            let is_inotify = fs::read_link(descriptor.path())
                .is_ok_and(|target| target.as_os_str() == "anon_inode:inotify");
            if !is_inotify {
                continue;
            }
            let info = process.path().join("fdinfo").join(descriptor.file_name());
            let info = fs::read_to_string(info).unwrap_or_default();
            let watches = info.lines().filter(|line| line.starts_with("inotify "));
            inodes.extend(watches.filter_map(|line| {
                let inode = line.split(' ').find_map(|word| word.strip_prefix("ino:"))?;
                u64::from_str_radix(inode, 16).ok()
            }));
        }
    }
    inodes
}
