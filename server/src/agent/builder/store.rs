//! The contexts that were sent, by content: `SPACE/manifests/DIGEST` and `SPACE/blobs/DIGEST`.
//!
//! Each space has a store of its own, so that nobody learns from what is missing what another
//! space has.

mod sweep;

use std::collections::{BTreeMap, HashSet};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, RwLock};
use std::time::SystemTime;

use azds_protocol::agent::{Blob, BuildSpec, Digest, Entry, FRAME, Manifest, Missing, Received};
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWriteExt as _};
use tokio::sync::OwnedMutexGuard;
use tokio_util::io::StreamReader;

use super::super::files;
use crate::context;
use crate::failure::{Context, Failure, Result};

const NOT_SWEPT: &str = "the builder's store was not swept";
const NOT_KEPT: &str = "the builder did not keep the build context";

/// The store of one node.
pub struct Store {
    folder: PathBuf,
    /// One build of a release at a time lays its context out.
    in_use: Mutex<BTreeMap<PathBuf, Arc<tokio::sync::Mutex<()>>>>,
    /// Held for writing by a sweep, and for reading from the moment when somebody is told what the
    /// store lacks until what it does not lack is named by a list.
    sweep: Arc<RwLock<()>>,
}

/// A context as folders, for as long as this value lives.
pub struct LaidOut {
    /// Folder of the context.
    pub context: PathBuf,
    /// Folder with the file `Dockerfile`.
    pub dockerfile: PathBuf,
    _in_use: OwnedMutexGuard<()>,
}

/// Whether a context could be laid out.
pub enum Layout {
    /// It is there.
    Ready(LaidOut),
    /// Some of it must be sent first. Nothing is named if the list of files is not known either.
    Missing(Missing),
}

impl Store {
    /// The store in `folder`.
    pub fn new(folder: PathBuf) -> Store {
        Store {
            folder,
            in_use: Mutex::default(),
            sweep: Arc::default(),
        }
    }

    /// How many bytes its disk has left.
    pub fn room(&self) -> Result<u64> {
        let found = nix::sys::statvfs::statvfs(&self.folder);
        let found = found.or_fail(NOT_KEPT, self.folder.display().to_string())?;
        Ok(found.blocks_available() * found.fragment_size())
    }

    /// Removes what nobody has used for long.
    pub async fn sweep(&self) -> Result<()> {
        let folder = self.folder.clone();
        let object = folder.display().to_string();
        let spaces = blocking(move || sweep::entries(&folder).or_fail(NOT_SWEPT, object)).await?;
        for space in spaces {
            let contexts = space.join("contexts");
            let object = space.display().to_string();
            let lock = Arc::clone(&self.sweep);
            let releases = blocking(move || {
                let _alone = lock.write().expect("no holder of the lock panics");
                sweep::lists_and_contents(&space, SystemTime::now())
                    .and_then(|()| sweep::entries(&contexts))
                    .or_fail(NOT_SWEPT, object)
            });
            for folder in releases.await? {
                let in_use = self.use_alone(&folder).await;
                let object = folder.display().to_string();
                let swept = move || {
                    let _in_use = in_use;
                    match sweep::unchanged_for(&folder, SystemTime::now())? > sweep::KEPT {
                        true => std::fs::remove_dir_all(&folder),
                        false => Ok(()),
                    }
                };
                blocking(move || swept().or_fail(NOT_SWEPT, object)).await?;
            }
        }
        Ok(())
    }

    async fn use_alone(&self, folder: &Path) -> OwnedMutexGuard<()> {
        let in_use = {
            let mut all = self.in_use.lock().expect("no holder of the lock panics");
            Arc::clone(all.entry(folder.to_owned()).or_default())
        };
        in_use.lock_owned().await
    }

    /// Keeps a list of files, and says which contents are missing.
    pub async fn keep(&self, space: &str, manifest: Manifest) -> Result<Missing> {
        context::check_manifest(&manifest)?;
        let space = self.folder.join(space);
        let lock = Arc::clone(&self.sweep);
        blocking(move || {
            let _no_sweep = lock.read().expect("no holder of the lock panics");
            let digest = context::manifest_digest(&manifest);
            let text = serde_json::to_vec(&manifest).expect("our own types have string keys only");
            let at = space.join("manifests").join(digest.to_string());
            files::write_whole(&at, &text).or_fail(NOT_KEPT, at.display().to_string())?;
            Ok(missing(&space, &manifest))
        })
        .await
    }

    /// Takes the contents of a `PUT /v1/files`.
    pub async fn receive(&self, space: &str, body: Incoming) -> Result<Received> {
        let stream = body.into_data_stream();
        let stream = futures_util::TryStreamExt::map_err(stream, std::io::Error::other);
        self.read(space, StreamReader::new(stream)).await
    }

    /// Takes contents in their frames.
    pub async fn read(&self, space: &str, frames: impl AsyncRead) -> Result<Received> {
        let blobs = self.folder.join(space).join("blobs");
        tokio::fs::create_dir_all(&blobs)
            .await
            .or_fail(NOT_KEPT, blobs.display().to_string())?;
        let mut reader = std::pin::pin!(frames);
        let mut received = Received::default();
        loop {
            let mut head = [0; FRAME];
            match reader.read(&mut head).await.or_fail(NOT_KEPT, "")? {
                0 => return Ok(received),
                read => reader
                    .read_exact(&mut head[read..])
                    .await
                    .or_fail(NOT_KEPT, "")?,
            };
            let (digest, size) = split(&head);
            let mut content = reader.as_mut().take(size);
            take(&blobs, &digest, size, &mut content).await?;
            received.files += 1;
            received.bytes += size;
        }
    }

    /// Lays a context out as folders.
    pub async fn lay_out(&self, space: &str, spec: &BuildSpec) -> Result<Layout> {
        let space = self.folder.join(space);
        let at = space.join("manifests").join(spec.context.to_string());
        let Ok(text) = tokio::fs::read(&at).await else {
            return Ok(Layout::Missing(Missing::default()));
        };
        let manifest: Manifest =
            serde_json::from_slice(&text).or_fail(NOT_KEPT, at.display().to_string())?;
        // BuildKit knows a context by its folder, and takes only what changed in it since the last
        // build: so a release keeps its folder.
        let release = blake3::hash(spec.release.as_bytes()).to_hex();
        let folder = space.join("contexts").join(&release[..16]);
        let in_use = self.use_alone(&folder).await;
        blocking(move || {
            sweep::touch(&at).or_fail(NOT_KEPT, at.display().to_string())?;
            let missing = missing(&space, &manifest);
            if !missing.blobs.is_empty() {
                return Ok(Layout::Missing(missing));
            }
            let laid_out = LaidOut {
                context: folder.join("context"),
                dockerfile: folder.join("dockerfile"),
                _in_use: in_use,
            };
            lay_out(&space.join("blobs"), &manifest, &laid_out)
                .or_fail(NOT_KEPT, folder.display().to_string())?;
            Ok(Layout::Ready(laid_out))
        })
        .await
    }
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T> + Send + 'static,
) -> Result<T> {
    tokio::task::spawn_blocking(work)
        .await
        .map_err(|error| Failure::ours(NOT_KEPT, "", error.to_string()))?
}

/// The contents that a manifest names, the Dockerfile's first, and whether each is executable.
fn blobs(manifest: &Manifest) -> impl Iterator<Item = (&Blob, bool)> {
    let entries = manifest.entries.iter().filter_map(|entry| match entry {
        Entry::File {
            blob, executable, ..
        } => Some((blob, *executable)),
        Entry::Symlink { .. } | Entry::Directory { .. } => None,
    });
    std::iter::once((&manifest.dockerfile, false)).chain(entries)
}

fn missing(space: &Path, manifest: &Manifest) -> Missing {
    let folder = space.join("blobs");
    let wanted: HashSet<Digest> = blobs(manifest).map(|(blob, _)| blob.digest).collect();
    let lacking = wanted
        .into_iter()
        .filter(|digest| !folder.join(digest.to_string()).exists());
    Missing {
        blobs: lacking.collect(),
    }
}

fn split(head: &[u8; FRAME]) -> (blake3::Hash, u64) {
    let (digest, size) = head.split_at(32);
    let digest = <[u8; 32]>::try_from(digest).expect("split at 32");
    let size = <[u8; 8]>::try_from(size).expect("a frame's head has 40 bytes");
    (digest.into(), u64::from_be_bytes(size))
}

/// Takes one content, whole or not at all.
async fn take(
    blobs: &Path,
    digest: &blake3::Hash,
    size: u64,
    content: &mut (impl tokio::io::AsyncRead + Unpin),
) -> Result<()> {
    let name = digest.to_hex();
    let object = name.to_string();
    let partial = blobs.join(format!("{name}.{}", files::unique()));
    let mut file = tokio::fs::File::create(&partial)
        .await
        .or_fail(NOT_KEPT, &object)?;
    let mut hasher = blake3::Hasher::new();
    let mut buffer = vec![0; 256 << 10];
    let mut taken = 0;
    let result = async {
        loop {
            let read = content.read(&mut buffer).await.or_fail(NOT_KEPT, &object)?;
            if read == 0 {
                break;
            }
            hasher.update(&buffer[..read]);
            file.write_all(&buffer[..read])
                .await
                .or_fail(NOT_KEPT, &object)?;
            taken += read as u64;
        }
        file.flush().await.or_fail(NOT_KEPT, &object)?;
        if taken != size || hasher.finalize() != *digest {
            return Err(
                Failure::new(NOT_KEPT, &object, "it arrived changed or cut short")
                    .try_to("Run up again."),
            );
        }
        Ok(())
    }
    .await;
    if result.is_err() {
        let _ = tokio::fs::remove_file(&partial).await;
        return result;
    }
    let digest = *digest;
    let at = blobs.join(&*name);
    blocking(move || {
        files::set_content(&partial, &digest, false).or_fail(NOT_KEPT, &object)?;
        std::fs::rename(&partial, at).or_fail(NOT_KEPT, &object)
    })
    .await
}

/// Makes the folders say what the manifest says. Files are hard links into the store.
fn lay_out(blobs: &Path, manifest: &Manifest, to: &LaidOut) -> std::io::Result<()> {
    for folder in [&to.context, &to.dockerfile] {
        match std::fs::remove_dir_all(folder) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error),
            _ => std::fs::create_dir_all(folder)?,
        }
    }
    std::fs::hard_link(
        blobs.join(manifest.dockerfile.digest.to_string()),
        to.dockerfile.join("Dockerfile"),
    )?;
    // What is ignored was left out already, by the same rules and by `build.ignore`, which only
    // azds knows. This file stands before the context's own .dockerignore, so BuildKit leaves
    // out nothing more. An empty one would not count as one for every frontend.
    std::fs::write(to.dockerfile.join("Dockerfile.dockerignore"), "# nothing\n")?;
    let mut made = HashSet::new();
    for entry in &manifest.entries {
        let path = to.context.join(entry.path());
        let folder = path.parent().expect("an entry lies below the context");
        if made.insert(folder.to_owned()) {
            std::fs::create_dir_all(folder)?;
        }
        match entry {
            Entry::File {
                blob,
                executable: false,
                ..
            } => {
                std::fs::hard_link(blobs.join(blob.digest.to_string()), path)?;
            }
            Entry::File {
                blob,
                executable: true,
                ..
            } => {
                // Mode belongs to the inode, so an executable file is one of its own.
                let from = blobs.join(blob.digest.to_string());
                std::fs::copy(&from, &path)?;
                files::set_content(&path, &blob.digest.0, true)?;
            }
            Entry::Symlink { target, .. } => std::os::unix::fs::symlink(target, path)?,
            Entry::Directory { .. } => std::fs::create_dir_all(path)?,
        }
    }
    Ok(())
}
