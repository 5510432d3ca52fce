//! From a save to the file in the container, and to the new answer, by an `azds up` that stays.

mod bulk;
mod edits;
mod idle;

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use crate::service::Service;
use crate::statistics::Row;

/// How long anything may take that is waited for.
const PATIENCE: Duration = Duration::from_secs(120);
const LOOK: Duration = Duration::from_millis(1);

/// All rows of the loop.
pub fn rows(service: &Service) -> Vec<Row> {
    let mut rows = Vec::new();
    rows.extend(edits::rows(service));
    rows.extend(bulk::rows(service));
    rows.extend(idle::rows(service));
    rows
}

/// Replaces a text that is in a file of a service once.
fn replace(folder: &Path, file: &str, from: &str, to: &str) {
    let path = folder.join(file);
    let text = fs::read_to_string(&path).expect("a file of the service");
    assert_eq!(text.matches(from).count(), 1, "{from:?} in {file}:\n{text}");
    fs::write(path, text.replace(from, to)).expect("it can be written");
}

/// Looks until it holds; the time that it took.
fn until(what: &str, mut holds: impl FnMut() -> bool) -> Duration {
    let begun = Instant::now();
    while !holds() {
        assert!(begun.elapsed() < PATIENCE, "waited too long for {what}");
        std::thread::sleep(LOOK);
    }
    begun.elapsed()
}
