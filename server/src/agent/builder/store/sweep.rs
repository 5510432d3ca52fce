//! What nobody has used for long leaves the store.
//!
//! A list of files is used when it is kept or laid out, which sets its time. A content is used as
//! long as a list names it. The times of contents say nothing, since they follow the content, but
//! the time of the last change of their inode does: writing and linking set it.

use std::collections::HashSet;
use std::io::{ErrorKind, Result};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use azds_protocol::agent::Manifest;

/// How long what nobody uses is kept.
pub const KEPT: Duration = Duration::from_secs(14 * 24 * 60 * 60);
/// How long a content that no list names is kept: its list may be on the way.
const UNNAMED: Duration = Duration::from_secs(24 * 60 * 60);

/// What is in a folder; nothing if it is not there.
pub fn entries(folder: &Path) -> Result<Vec<PathBuf>> {
    match std::fs::read_dir(folder) {
        Ok(entries) => entries.map(|entry| Ok(entry?.path())).collect(),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(Vec::new()),
        Err(error) => Err(error),
    }
}

/// Removes the lists and contents of one space that are out of use at `now`. No list may be taken
/// in meanwhile.
pub fn lists_and_contents(space: &Path, now: SystemTime) -> Result<()> {
    let mut named = HashSet::new();
    for list in entries(&space.join("manifests"))? {
        let used = std::fs::metadata(&list)?.modified()?;
        if now.duration_since(used).unwrap_or_default() > KEPT {
            std::fs::remove_file(&list)?;
            continue;
        }
        // What can't be read can't be built, and goes when its time is over.
        if let Ok(manifest) = serde_json::from_slice::<Manifest>(&std::fs::read(&list)?) {
            let digests = super::blobs(&manifest).map(|(blob, _)| blob.digest.to_string());
            named.extend(digests);
        }
    }
    for content in entries(&space.join("blobs"))? {
        let name = content.file_name().and_then(|name| name.to_str());
        let is_named = name.is_some_and(|name| named.contains(name));
        if !is_named && unchanged_for(&content, now)? > UNNAMED {
            std::fs::remove_file(&content)?;
        }
    }
    Ok(())
}

/// How long the inode was not changed: its content, its mode or its links.
pub fn unchanged_for(path: &Path, now: SystemTime) -> Result<Duration> {
    let changed = u64::try_from(std::fs::symlink_metadata(path)?.ctime()).unwrap_or_default();
    let changed = UNIX_EPOCH + Duration::from_secs(changed);
    Ok(now.duration_since(changed).unwrap_or_default())
}

/// Sets the time at which a list was used to now.
pub fn touch(list: &Path) -> Result<()> {
    let file = std::fs::File::options().append(true).open(list)?;
    file.set_modified(SystemTime::now())
}

#[cfg(test)]
mod tests {
    use azds_protocol::agent::{Blob, Entry};

    use super::*;
    use crate::context;

    const HOUR: Duration = Duration::from_secs(60 * 60);

    fn names(folder: &Path) -> Vec<String> {
        let entries = entries(folder).expect("a folder");
        let names = entries.iter().filter_map(|path| path.file_name());
        let mut names: Vec<_> = names
            .map(|name| name.to_string_lossy().into_owned())
            .collect();
        names.sort();
        names
    }

    #[test]
    fn what_is_out_of_use_goes_and_what_a_list_names_stays() {
        let space = tempfile::tempdir().expect("a folder");
        let [blobs, manifests] = ["blobs", "manifests"].map(|name| {
            let folder = space.path().join(name);
            std::fs::create_dir(&folder).expect("a folder");
            folder
        });
        let blob = |text: &str| {
            let digest = context::digest_of(text.as_bytes());
            std::fs::write(blobs.join(digest.to_string()), text).expect("written");
            let size = text.len() as u64;
            Blob { digest, size }
        };
        let (dockerfile, named, _unnamed) = (blob("FROM x"), blob("a"), blob("b"));
        let manifest = Manifest {
            dockerfile: dockerfile.clone(),
            entries: vec![Entry::File {
                path: "a".to_owned(),
                blob: named.clone(),
                executable: false,
            }],
        };
        let list = serde_json::to_vec(&manifest).expect("JSON");
        std::fs::write(manifests.join("list"), list).expect("written");
        let all = names(&blobs);
        assert_eq!(all.len(), 3);

        let now = SystemTime::now();
        lists_and_contents(space.path(), now + HOUR).expect("swept");
        assert_eq!(names(&blobs), all, "a list may be on the way");

        lists_and_contents(space.path(), now + 25 * HOUR).expect("swept");
        let mut kept = [&dockerfile, &named].map(|blob| blob.digest.to_string());
        kept.sort();
        assert_eq!(names(&blobs), kept);
        assert_eq!(names(&manifests), ["list"]);

        lists_and_contents(space.path(), now + KEPT + HOUR).expect("swept");
        assert_eq!(names(&blobs), [""; 0]);
        assert_eq!(names(&manifests), [""; 0]);
    }
}
