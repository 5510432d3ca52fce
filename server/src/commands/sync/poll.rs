//! Looking at files again and again, where the system does not tell of their changes. (notify's own
//! polling knows whole seconds only, and so misses the second of two saves.)

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use notify::{Event, EventKind};
use tokio::sync::mpsc::UnboundedSender;

use crate::context;

/// What shows that a file or folder was changed: its time, length, and whether it may be executed.
type Look = (Option<SystemTime>, u64, bool);

/// Tells of what changes below folders, in a thread that ends when nobody listens any more.
pub fn begin(folders: &[&Path], every: Duration, events: UnboundedSender<notify::Result<Event>>) {
    let folders: Vec<PathBuf> = folders.iter().map(|folder| folder.to_path_buf()).collect();
    let mut known = look(&folders);
    std::thread::spawn(move || {
        while !events.is_closed() {
            std::thread::sleep(every);
            let now = look(&folders);
            let other = |path: &&PathBuf| known.get(*path) != now.get(*path);
            let changed = known.keys().chain(now.keys()).filter(other);
            let mut event = Event::new(EventKind::Any);
            event.paths.extend(changed.cloned());
            if !event.paths.is_empty() {
                // Nobody listens any more: seen at the loop's head.
                let _ = events.send(Ok(event));
            }
            known = now;
        }
    });
}

fn look(folders: &[PathBuf]) -> BTreeMap<PathBuf, Look> {
    let mut found = BTreeMap::new();
    let mut folders = folders.to_vec();
    while let Some(folder) = folders.pop() {
        // One that went away meanwhile has nothing in it.
        for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
            let Ok(metadata) = entry.metadata() else {
                continue;
            };
            if metadata.is_dir() && entry.file_name() != ".git" {
                folders.push(entry.path());
            }
            found.insert(entry.path(), as_seen(&metadata));
        }
    }
    found
}

fn as_seen(metadata: &fs::Metadata) -> Look {
    (
        metadata.modified().ok(),
        metadata.len(),
        context::is_executable(metadata),
    )
}
