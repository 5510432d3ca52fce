//! One batch on its way into the container's files.
//!
//! A file is replaced by renaming, so that no reader sees half of it. That gives it another inode,
//! and who watches the old one (`node --watch` does) would never hear of it again: such a file is
//! written in place, in one piece.

use std::collections::HashMap;
use std::fs::{self, File, OpenOptions, Permissions};
use std::io::{self, ErrorKind, Read as _, Write as _};
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use azds_protocol::agent::{Digest, Entry};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWriteExt as _};

use super::{WHAT, shown};
use crate::agent::files;
use crate::failure::{Context, Failure, Result};

/// Contents that lie beside their places; what was not put there is removed in the end.
pub struct Place {
    root: PathBuf,
    taken_in: HashMap<String, PathBuf>,
    watched: Option<Vec<u64>>,
}

impl Place {
    /// Nothing taken in yet.
    pub fn new(root: &Path) -> Place {
        Place {
            root: root.to_owned(),
            taken_in: HashMap::new(),
            watched: None,
        }
    }

    /// Takes one content in, which must be that of `digest`.
    pub async fn take_in(
        &mut self,
        path: &str,
        digest: &Digest,
        executable: bool,
        content: &mut (impl AsyncRead + Unpin),
    ) -> Result<()> {
        let at = self.root.join(path);
        let folder = at.parent().unwrap_or(&self.root).to_owned();
        make_folder(&folder).map_err(|error| super::refused(path, &error))?;
        let partial = folder.join(format!(".azds-{}", files::unique()));
        self.taken_in.insert(path.to_owned(), partial.clone());
        let file = tokio::fs::File::create(&partial).await;
        let mut file = file.map_err(|error| super::refused(path, &error))?;
        let mut hasher = blake3::Hasher::new();
        let mut buffer = vec![0; 64 << 10];
        loop {
            let read = content.read(&mut buffer).await.or_fail(WHAT, shown(path))?;
            if read == 0 {
                break;
            }
            hasher.update(&buffer[..read]);
            let written = file.write_all(&buffer[..read]).await;
            written.map_err(|error| super::refused(path, &error))?;
        }
        file.flush().await.or_fail(WHAT, shown(path))?;
        if hasher.finalize().to_hex().as_str() != digest.as_str() {
            let why = "it arrived changed or cut short";
            return Err(Failure::new(WHAT, shown(path), why));
        }
        let mode = Permissions::from_mode(if executable { 0o755 } else { 0o644 });
        fs::set_permissions(&partial, mode).or_fail(WHAT, shown(path))
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
            Entry::Directory { .. } => make_folder(&at),
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
            _ => fs::rename(partial, at),
        }
    }

    /// Whether a process watches this inode itself, not only its folder.
    fn is_watched(&mut self, inode: u64) -> bool {
        self.watched.get_or_insert_with(watched).contains(&inode)
    }

    /// Removes a file, a link, or a folder with all that is in it.
    pub fn remove(&mut self, path: &str) -> io::Result<()> {
        clear(&self.root.join(path))
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
        Err(error) if error.kind() == ErrorKind::AlreadyExists => {
            fs::remove_file(folder)?;
            fs::create_dir_all(folder)
        }
        made => made,
    }
}

fn clear(at: &Path) -> io::Result<()> {
    match at.symlink_metadata() {
        Ok(there) if there.is_dir() => fs::remove_dir_all(at),
        Ok(_) => fs::remove_file(at),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error),
    }
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
