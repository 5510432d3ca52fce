//! Which files batches have changed, where some of them outlive the container: in volumes.
//!
//! Only paths are recorded, each before it is changed for the first time. How a file is after its container
//! has ended nobody can say: it may have ended within a batch, and what was built from the file may be gone
//! with it. So whoever compares brings all of them again, and builds.

use std::collections::BTreeSet;
use std::fs::{File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::path::Path;

/// The record, in a file beside the volumes. A NUL ends each path.
pub struct Record {
    file: File,
    paths: BTreeSet<String>,
}

impl Record {
    /// The record at `path`, empty if it is not there.
    pub fn open(path: &Path) -> io::Result<Record> {
        let mut options = OpenOptions::new();
        let mut file = options.read(true).append(true).create(true).open(path)?;
        let mut content = Vec::new();
        file.read_to_end(&mut content)?;
        // What broke off before its end was not changed.
        let whole = content.iter().rposition(|byte| *byte == 0);
        content.truncate(whole.map_or(0, |at| at + 1));
        file.set_len(content.len() as u64)?;
        let paths = content.split(|byte| *byte == 0);
        let paths = paths.filter(|path| !path.is_empty());
        Ok(Record {
            file,
            paths: paths
                .map(|path| String::from_utf8_lossy(path).into_owned())
                .collect(),
        })
    }

    /// The paths that were recorded.
    pub fn paths(&self) -> &BTreeSet<String> {
        &self.paths
    }

    /// Records paths that are about to be changed.
    pub fn note<'p>(&mut self, paths: impl Iterator<Item = &'p str>) -> io::Result<()> {
        let new: Vec<&str> = paths.filter(|path| !self.paths.contains(*path)).collect();
        if new.is_empty() {
            return Ok(());
        }
        let mut content = new.join("\0");
        content.push('\0');
        self.file.write_all(content.as_bytes())?;
        // A node that stops may keep the volume: it must not know less than that.
        self.file.sync_data()?;
        self.paths.extend(new.into_iter().map(str::to_owned));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_found_again_but_for_one_that_broke_off() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("record");
        let mut record = Record::open(&path).expect("a record");
        record
            .note(["app/a", "app/a\nb"].into_iter())
            .expect("noted");
        record.note(["app/a"].into_iter()).expect("known");
        drop(record);
        let mut options = OpenOptions::new();
        let mut file = options.append(true).open(&path).expect("there");
        file.write_all(b"app/ha").expect("written");

        let mut record = Record::open(&path).expect("a record");
        record.note(["x"].into_iter()).expect("noted");
        drop(record);
        let record = Record::open(&path).expect("a record");
        let paths: Vec<_> = record.paths().iter().collect();
        assert_eq!(paths, ["app/a", "app/a\nb", "x"]);
        let content = std::fs::read(&path).expect("there");
        assert_eq!(content, b"app/a\0app/a\nb\0x\0", "each once");
    }
}
