//! What a person should know before much is sent for the first time.

use std::collections::{BTreeMap, HashSet};

use azds_protocol::agent::{Digest, Entry, Manifest};

/// Up to here it goes without saying.
const FILES: u64 = 5_000;
const BYTES: u64 = 50_000_000;
/// How many folders are named at most.
const NAMED: usize = 3;

/// How much is in a folder.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Weight {
    files: u64,
    bytes: u64,
}

impl Weight {
    fn add(&mut self, bytes: u64) {
        self.files += 1;
        self.bytes += bytes;
    }

    /// Comparable, whether it is many files or long ones.
    fn value(self) -> u64 {
        self.files * (BYTES / FILES) + self.bytes
    }

    fn shown(self) -> String {
        format!("{} files, {} MB", self.files, self.bytes / 1_000_000)
    }
}

/// Says that much of a context will be sent, and where most of it lies.
pub fn of_missing(manifest: &Manifest, missing: &[Digest]) -> Option<String> {
    let missing: HashSet<&Digest> = missing.iter().collect();
    let mut total = Weight::default();
    let mut folders: BTreeMap<&str, Weight> = BTreeMap::new();
    for entry in &manifest.entries {
        if let Entry::File { path, blob, .. } = entry
            && missing.contains(&blob.digest)
        {
            total.add(blob.size);
            for (at, _) in path.match_indices('/') {
                folders.entry(&path[..at]).or_default().add(blob.size);
            }
        }
    }
    if total.files <= FILES && total.bytes <= BYTES {
        return None;
    }
    let biggest = biggest(&folders, total);
    let named = biggest
        .iter()
        .map(|(path, weight)| format!("{path} ({})", weight.shown()));
    let named: Vec<_> = named.collect();
    let most = match biggest.first() {
        Some((first, _)) => format!(
            " Most of it lies in {}. What the service does not need stays here with a line in .dockerignore, for instance: {first}",
            named.join(", ")
        ),
        None => String::new(),
    };
    Some(format!(
        "{} are sent to the cluster for the first time.{most}",
        total.shown()
    ))
}

/// The folders with a good part of all of it, each as deep as most of it lies, the biggest first.
fn biggest<'a>(folders: &BTreeMap<&'a str, Weight>, total: Weight) -> Vec<(&'a str, Weight)> {
    let is_in = |path: &str, folder: &str| {
        path.strip_prefix(folder)
            .is_some_and(|rest| rest.starts_with('/'))
    };
    let mut heavy: Vec<(&str, Weight)> = folders
        .iter()
        .map(|(path, weight)| (*path, *weight))
        .filter(|(_, weight)| weight.value() * 10 >= total.value())
        .collect();
    heavy.sort_by_key(|(path, weight)| (std::cmp::Reverse(weight.value()), path.len()));
    let mut named: Vec<(&str, Weight)> = Vec::new();
    for (path, weight) in &heavy {
        // One folder below it has nearly all of it: that one is meant.
        let goes_deeper = heavy
            .iter()
            .any(|(below, its)| is_in(below, path) && its.value() * 5 >= weight.value() * 4);
        let is_named = named.iter().any(|(above, _)| is_in(path, above));
        if !goes_deeper && !is_named {
            named.push((path, *weight));
        }
    }
    named.truncate(NAMED);
    named
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::context::blob_of;

    fn manifest(folders: &[(&str, u64, u64)]) -> (Manifest, Vec<Digest>) {
        let mut entries = Vec::new();
        let mut missing = Vec::new();
        for (folder, files, size) in folders {
            for number in 0..*files {
                let path = format!("{folder}/{}/{number}", number % 7);
                let mut blob = blob_of(path.as_bytes());
                blob.size = *size;
                missing.push(blob.digest);
                entries.push(Entry::File {
                    path,
                    blob,
                    executable: false,
                });
            }
        }
        let dockerfile = blob_of(b"");
        let manifest = Manifest {
            dockerfile,
            entries,
        };
        (manifest, missing)
    }

    #[test]
    fn much_is_said_before_it_is_sent_with_the_line_that_leaves_it_out() {
        let (small, missing) = manifest(&[("src", 100, 1000)]);
        assert_eq!(of_missing(&small, &missing), None);
        let (large, missing) = manifest(&[
            ("src", 100, 1000),
            ("web/node_modules", 4_800, 2_000),
            ("data", 200, 300_000),
        ]);
        assert_eq!(
            of_missing(&large, &missing).expect("much"),
            "5100 files, 69 MB are sent to the cluster for the first time. Most of it lies in data (200 files, 60 MB), web/node_modules (4800 files, 9 MB). What the service does not need stays here with a line in .dockerignore, for instance: data"
        );
        assert_eq!(of_missing(&large, &missing[..4_000]), None, "known before");
    }
}
