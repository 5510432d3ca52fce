//! Puts the developer's files into the running container.

mod place;
mod record;

use std::collections::BTreeSet;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use azds_protocol::agent::Entry;
use azds_protocol::sync::{Applied, Batch, Synced};
use bytes::Bytes;
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use tokio::io::{AsyncBufRead, AsyncBufReadExt as _, AsyncReadExt as _};
use tokio::sync::mpsc;
use tokio_util::io::StreamReader;

use crate::context::{self, Places, remove_place};
use crate::failure::{Context, Failure, Result};
use place::Place;
use record::Record;

const WHAT: &str = "the files were not put into the container";
/// The longest list of a batch that is read: some 400,000 files.
const BATCH: u32 = 64 << 20;
/// How many pieces of a batch may wait to be written.
const PIECES: usize = 64;

/// The files of the container.
pub struct Files {
    root: PathBuf,
    known: Arc<Mutex<Known>>,
    /// Held by one batch at a time, to its end: that of a developer whose connection broke is written on.
    /// There is a record if some files outlive the container.
    turn: Arc<tokio::sync::Mutex<Option<Record>>>,
}

/// What is known of the files.
#[derive(Default)]
struct Known {
    /// What batches made of each path: how it is, or that it is gone.
    synced: Places,
    /// What batches changed in a container before this one.
    unsure: BTreeSet<String>,
}

impl Known {
    fn removed(&mut self, path: &str) {
        self.unsure.remove(path);
        remove_place(&mut self.synced, path);
    }

    fn put(&mut self, entry: Entry) {
        self.unsure.remove(entry.path());
        self.synced.insert(entry.path().to_owned(), Some(entry));
    }
}

impl Files {
    /// The files below `root`, as its image has them.
    pub fn new(root: impl Into<PathBuf>) -> Files {
        Files {
            root: root.into(),
            known: Arc::default(),
            turn: Arc::default(),
        }
    }

    /// The files below `root`, some of which outlive the container; what was changed is recorded at `record`.
    pub fn lasting(root: impl Into<PathBuf>, record: &Path) -> Result<Files> {
        let object = record.display().to_string();
        let record = Record::open(record).or_fail("the container's files are not known", object)?;
        let known = Known {
            synced: Places::new(),
            unsure: record.paths().clone(),
        };
        Ok(Files {
            root: root.into(),
            known: Arc::new(Mutex::new(known)),
            turn: Arc::new(tokio::sync::Mutex::new(Some(record))),
        })
    }

    /// What batches have changed, when the last one has ended.
    pub async fn synced(&self) -> Synced {
        let _turn = self.turn.lock().await;
        let known = self.known.lock().expect("no holder of the lock panics");
        let mut batch = Batch::default();
        for (path, entry) in &known.synced {
            match entry {
                Some(entry) => batch.entries.push(entry.clone()),
                None => batch.removed.push(path.clone()),
            }
        }
        Synced {
            working_dir: std::env::current_dir().unwrap_or_default(),
            batch,
            unsure: known.unsure.iter().cloned().collect(),
        }
    }

    /// Applies the batch of a request.
    pub async fn apply(&self, body: Incoming) -> Result<Applied> {
        let stream = body.into_data_stream();
        let stream = futures_util::TryStreamExt::map_err(stream, std::io::Error::other);
        self.read(std::pin::pin!(StreamReader::new(stream))).await
    }

    /// Applies a batch in its form. Takes all contents in beside their places first, so that a connection
    /// that breaks changes nothing. Another thread writes, while this one reads on.
    pub async fn read(&self, mut from: impl AsyncBufRead + Unpin) -> Result<Applied> {
        let mut turn = Arc::clone(&self.turn).lock_owned().await;
        let length = from.read_u32().await.or_fail(WHAT, "")?;
        if length > BATCH {
            let why = format!("the list of files is longer than {BATCH} bytes");
            return Err(Failure::new(WHAT, "", why));
        }
        let mut json = vec![0; length as usize];
        from.read_exact(&mut json).await.or_fail(WHAT, "")?;
        let batch: Batch = serde_json::from_slice(&json).or_fail(WHAT, "")?;
        let removed = batch.removed.iter().map(String::as_str);
        let paths = batch.entries.iter().map(Entry::path).chain(removed);
        let folders = batch.folders.iter().map(String::as_str);
        for path in paths.clone().chain(folders) {
            context::check_path(path)?;
        }
        if let Some(record) = &mut *turn {
            record.note(paths).or_fail(WHAT, "the record of them")?;
        }
        let (pieces, received) = mpsc::channel(PIECES);
        let place = Place::new(&self.root, &batch.removed);
        let known = Arc::clone(&self.known);
        let writing = tokio::task::spawn_blocking(move || {
            let written = write(batch, place, Contents::new(received), &known);
            drop(turn);
            written
        });
        let sent = async {
            loop {
                let piece = Bytes::copy_from_slice(from.fill_buf().await.or_fail(WHAT, "")?);
                from.consume(piece.len());
                // Who writes has enough, or has failed and says why.
                if piece.is_empty() || pieces.send(piece).await.is_err() {
                    return Ok(());
                }
            }
        };
        let sent: Result<()> = sent.await;
        drop(pieces);
        // What broke off is cut short for who writes; why it did is the better reason.
        let written = writing.await.or_fail(WHAT, "")?;
        sent.and(written)
    }
}

/// The contents of a batch, as they come.
struct Contents {
    pieces: mpsc::Receiver<Bytes>,
    piece: Bytes,
}

impl Contents {
    fn new(pieces: mpsc::Receiver<Bytes>) -> Contents {
        Contents {
            pieces,
            piece: Bytes::new(),
        }
    }
}

impl Read for Contents {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        if self.piece.is_empty() {
            self.piece = self.pieces.blocking_recv().unwrap_or_default();
        }
        let length = self.piece.len().min(buffer.len());
        buffer[..length].copy_from_slice(&self.piece.split_to(length));
        Ok(length)
    }
}

fn write(
    batch: Batch,
    mut place: Place,
    mut contents: impl Read,
    known: &Mutex<Known>,
) -> Result<Applied> {
    let lock = || known.lock().expect("no holder of the lock panics");
    let mut applied = Applied {
        removed: batch.removed.len() as u64,
        ..Applied::default()
    };
    for entry in &batch.entries {
        if let Entry::File {
            path,
            blob,
            executable,
        } = entry
        {
            let mut content = (&mut contents).take(blob.size);
            place.take_in(path, blob, *executable, &mut content)?;
            applied.files += 1;
            applied.bytes += blob.size;
        }
    }
    // In this order a file may become a folder, and a folder a file.
    for path in &batch.removed {
        place.remove(path).or_fail(WHAT, shown(path))?;
        lock().removed(path);
    }
    // What is in a folder goes before it does.
    let mut folders = batch.folders;
    folders.sort_unstable_by(|one, other| other.cmp(one));
    for path in folders {
        place.tidy(&path);
        lock().synced.insert(path, None);
    }
    for entry in batch.entries {
        place
            .put(&entry)
            .map_err(|error| refused(entry.path(), &error))?;
        lock().put(entry);
    }
    Ok(applied)
}

fn shown(path: &str) -> String {
    Path::new("/").join(path).display().to_string()
}

fn refused(path: &str, error: &std::io::Error) -> Failure {
    let failure = Failure::new(WHAT, shown(path), error.to_string());
    match error.kind() {
        std::io::ErrorKind::PermissionDenied | std::io::ErrorKind::ReadOnlyFilesystem => {
            failure.try_to(
                "Let the user of the container own the folder, for instance with COPY --chown in the Dockerfile; or let azds up build the image again.",
            )
        }
        _ => failure,
    }
}

#[cfg(test)]
mod tests;
