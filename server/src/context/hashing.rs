//! The digests of files, and their contents where somebody is about to send them.

use std::fs::{File, Metadata};
use std::io::{self, ErrorKind, Read as _};
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use azds_protocol::agent::{Blob, Digest};
use bytes::Bytes;

use super::selection::{Found, Kind, WHAT};
use crate::failure::{Failure, Result};

/// How much of a file is read at once, in bytes. A shorter one is short.
const PIECE: usize = 64 << 10;

/// Which contents are kept.
pub struct Keep<'a> {
    /// How many bytes of contents may still be kept.
    left: AtomicUsize,
    /// What nobody needs.
    known: &'a (dyn Fn(&str) -> Option<Digest> + Sync),
}

impl<'a> Keep<'a> {
    /// None.
    pub fn nothing() -> Keep<'a> {
        Keep::unless(0, &|_| None)
    }

    /// So many bytes of those that are not `known` by their paths and digests.
    pub fn unless(bytes: usize, known: &'a (dyn Fn(&str) -> Option<Digest> + Sync)) -> Keep<'a> {
        Keep {
            left: AtomicUsize::new(bytes),
            known,
        }
    }

    fn keeps(&self, path: &str, digest: Digest, length: usize) -> bool {
        let less = |left: usize| left.checked_sub(length);
        (self.known)(path) != Some(digest)
            && self
                .left
                .fetch_update(Ordering::Relaxed, Ordering::Relaxed, less)
                .is_ok()
    }
}

/// What was read of a file.
pub struct Hashed {
    /// Digest and length of its content.
    pub blob: Blob,
    /// Whether it may be executed.
    pub executable: bool,
    /// Its content, if that is kept.
    pub content: Option<Bytes>,
}

/// `buffer` takes one piece after the other; `path` is what `keep` knows the file by.
pub fn hash(file: &Path, path: &str, buffer: &mut Vec<u8>, keep: &Keep<'_>) -> io::Result<Hashed> {
    let mut file = File::open(file)?;
    let executable = is_executable(&file.metadata()?);
    let mut hasher = blake3::Hasher::new();
    loop {
        buffer.clear();
        let read = file.by_ref().take(PIECE as u64).read_to_end(buffer)?;
        hasher.update(buffer);
        if read < PIECE {
            break;
        }
    }
    // The length of what was hashed, not the file's: the two must never disagree.
    let blob = Blob {
        digest: Digest(hasher.finalize()),
        size: hasher.count(),
    };
    let is_kept = blob.size == buffer.len() as u64 && keep.keeps(path, blob.digest, buffer.len());
    Ok(Hashed {
        blob,
        executable,
        content: is_kept.then(|| Bytes::copy_from_slice(buffer)),
    })
}

/// Whether a file may be executed.
#[cfg(unix)]
pub fn is_executable(metadata: &Metadata) -> bool {
    use std::os::unix::fs::PermissionsExt;
    metadata.permissions().mode() & 0o100 != 0
}

/// Windows has no such mark. Of what comes from there Docker, too, says that it may be executed.
#[cfg(not(unix))]
pub fn is_executable(_: &Metadata) -> bool {
    true
}

/// Hashes the files among `found`, on all processors. `None` for what is no file, or no longer there.
pub fn hash_all(root: &Path, found: &[Found], keep: &Keep<'_>) -> Result<Vec<Option<Hashed>>> {
    let next = AtomicUsize::new(0);
    let work = || {
        let (mut done, mut buffer) = (Vec::new(), Vec::new());
        loop {
            let index = next.fetch_add(1, Ordering::Relaxed);
            let Some(found) = found.get(index) else {
                return done;
            };
            if found.kind == Kind::File {
                let file = root.join(&found.path);
                let hashed = hash(&file, &found.path, &mut buffer, keep);
                done.push((index, hashed.map_err(|error| (file, error))));
            }
        }
    };
    let workers = thread::available_parallelism()
        .map_or(1, usize::from)
        .min(8);
    let done = thread::scope(|scope| {
        let workers: Vec<_> = (0..workers).map(|_| scope.spawn(work)).collect();
        workers
            .into_iter()
            .flat_map(|worker| worker.join().expect("hashing does not panic"))
            .collect::<Vec<_>>()
    });
    let mut hashed: Vec<Option<Hashed>> = found.iter().map(|_| None).collect();
    for (index, result) in done {
        match result {
            Ok(one) => hashed[index] = Some(one),
            Err((_, error)) if error.kind() == ErrorKind::NotFound => {}
            Err((path, error)) => {
                return Err(
                    Failure::new(WHAT, path.display().to_string(), error.to_string())
                        .try_to("Give yourself the right to read it, or list it in .dockerignore."),
                );
            }
        }
    }
    Ok(hashed)
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    #[test]
    fn what_comes_in_several_reads_is_kept_as_a_whole() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let pipe = folder.path().join("pipe");
        nix::unistd::mkfifo(&pipe, nix::sys::stat::Mode::S_IRWXU).expect("a pipe");
        let to = pipe.clone();
        let writing = thread::spawn(move || {
            let mut pipe = File::options().write(true).open(to).expect("it is read");
            for part in ["ab", "c"] {
                std::io::Write::write_all(&mut pipe, part.as_bytes()).expect("written");
                thread::sleep(std::time::Duration::from_millis(50));
            }
        });
        let keep = Keep::unless(3, &|_| None);
        let hashed = hash(&pipe, "", &mut Vec::new(), &keep).expect("read");
        writing.join().expect("no panic");
        assert_eq!(hashed.content.as_deref(), Some(&b"abc"[..]));
        assert_eq!(hashed.blob, crate::context::blob_of(b"abc"));
    }
}
