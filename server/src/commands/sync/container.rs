//! The running container, and how files are brought to it.

use std::path::Path;

use azds_protocol::agent::{Entry, Received};
use azds_protocol::sync::{Applied, Batch};
use bytes::Bytes;
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use tokio::sync::mpsc;

use super::sources::Contents;
use super::there::{Difference, There};
use super::tree::Tree;
use crate::cluster::agent::Agent;
use crate::context;
use crate::failure::{Context, Failure, Result};

const WHAT: &str = "the files were not put into the container";
/// A batch of more bytes is sent in several.
const BATCH: u64 = 4 << 20;
/// While the host puts the files of one in their places, the next is on its way.
const AT_ONCE: usize = 2;

/// One container, from its start until its host is gone.
pub struct Container {
    /// The way to its host.
    pub agent: Agent,
    /// What it has.
    pub there: There,
}

impl Container {
    /// Asks the host what it has.
    pub async fn ask(agent: Agent) -> Result<Container> {
        let synced = agent.synced().await?;
        Ok(Container {
            agent,
            there: There::told(synced),
        })
    }

    /// Brings the container up to date with the files below `root`, and counts what was sent. `contents` has
    /// what `current` says of some of them. Any other that changed since it was looked at is sent as it is now,
    /// and one that went away is left to the change that tells of it.
    pub async fn bring(
        &mut self,
        root: &Path,
        difference: Difference,
        current: &Tree,
        contents: Contents,
    ) -> Result<Received> {
        let batches = batches(root, difference, current, contents);
        // One batch is read while the one before is sent.
        let (sender, mut read) = mpsc::channel(1);
        let reading = move || {
            for batch in batches {
                // Whoever sends has failed, and says why.
                if sender.blocking_send(batch).is_err() {
                    return;
                }
            }
        };
        tokio::task::spawn_blocking(reading);
        let agent = &self.agent;
        let send = |batch: Result<(Batch, Vec<Bytes>)>| async {
            let (batch, contents) = batch?;
            let applied = agent.sync(&batch, contents).await?;
            Ok::<_, Failure>((batch, applied))
        };
        let mut received = Received::default();
        let mut note = |(batch, applied): (Batch, Applied)| {
            received.files += applied.files;
            received.bytes += applied.bytes;
            self.there.take(batch);
        };
        // The first one takes away what is in the way of the others.
        if let Some(first) = read.recv().await {
            note(send(first).await?);
        }
        let rest = stream::poll_fn(|context| read.poll_recv(context));
        let mut sent = rest.map(send).buffered(AT_ONCE);
        while let Some(sent) = sent.try_next().await? {
            note(sent);
        }
        self.there.trust();
        Ok(received)
    }
}

/// A difference as batches with their contents, read from the files below `root`; none for none. What is
/// removed is in the first. Blocking.
pub fn batches(
    root: &Path,
    difference: Difference,
    current: &Tree,
    mut read: Contents,
) -> impl Iterator<Item = Result<(Batch, Vec<Bytes>)>> + Send + use<> {
    let root = root.to_owned();
    let (mut removed, mut folders) = (difference.strays, difference.folders);
    let mut wanted = Vec::new();
    for (path, place) in difference.paths {
        match current.get(&path) {
            Some(entry) => wanted.push((path, place, entry.clone())),
            None => removed.push(place),
        }
    }
    let mut wanted = wanted.into_iter();
    std::iter::from_fn(move || {
        let mut batch = Batch {
            removed: std::mem::take(&mut removed),
            folders: std::mem::take(&mut folders),
            ..Batch::default()
        };
        let (mut contents, mut bytes) = (Vec::new(), 0);
        while bytes <= BATCH
            && let Some((path, place, entry)) = wanted.next()
        {
            match placed(&root, &path, place, entry, read.remove(&path)) {
                Ok(None) => {}
                Ok(Some((entry, content))) => {
                    bytes += content.as_ref().map_or(0, |content| content.len() as u64);
                    contents.extend(content);
                    batch.entries.push(entry);
                }
                Err(failure) => return Some(Err(failure)),
            }
        }
        (batch != Batch::default()).then_some(Ok((batch, contents)))
    })
}

/// An entry at its place in the container, and a file's content; `None` if it is not there any more.
fn placed(
    root: &Path,
    path: &str,
    place: String,
    entry: Entry,
    content: Option<Bytes>,
) -> Result<Option<(Entry, Option<Bytes>)>> {
    let placed = match entry {
        Entry::Directory { .. } => (Entry::Directory { path: place }, None),
        Entry::Symlink { target, .. } => {
            let path = place;
            (Entry::Symlink { path, target }, None)
        }
        Entry::File {
            blob, executable, ..
        } => {
            let (blob, content) = match content {
                Some(content) => (blob, content),
                None => {
                    let file = root.join(path);
                    let content = match std::fs::read(&file) {
                        Ok(content) => Bytes::from(content),
                        Err(error) if is_gone(&error) => return Ok(None),
                        Err(error) => return Err(error).or_fail(WHAT, file.display().to_string()),
                    };
                    (context::blob_of(&content), content)
                }
            };
            let entry = Entry::File {
                path: place,
                blob,
                executable,
            };
            (entry, Some(content))
        }
    };
    Ok(Some(placed))
}

/// Whether there is no file at a path any more, or something else in its place.
fn is_gone(error: &std::io::Error) -> bool {
    use std::io::ErrorKind::{IsADirectory, NotADirectory, NotFound};
    matches!(error.kind(), IsADirectory | NotADirectory | NotFound)
}
