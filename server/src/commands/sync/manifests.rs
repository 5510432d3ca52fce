//! What images were built from, as far as this machine knows it: in the user's cache folder, by
//! digest. Without it a changed service is built again.

use std::fs;
use std::path::{Path, PathBuf};

use azds_protocol::agent::{Digest, Manifest};

use crate::context::{BuildContext, manifest_digest};
use crate::system::Folder;

/// How many are kept; the oldest go first.
const KEPT: usize = 64;

/// The folder; `None` for a user without one.
pub fn folder() -> Option<PathBuf> {
    Some(Folder::Cache.path()?.join("contexts"))
}

/// Keeps what an image is built from. Blocking.
pub fn keep(folder: &Path, context: &BuildContext) {
    let path = path(folder, &context.digest());
    if path.exists() {
        return;
    }
    let kept = fs::create_dir_all(folder).and_then(|()| {
        let mut file = tempfile::NamedTempFile::new_in(folder)?;
        serde_json::to_writer(&mut file, &*context.manifest)?;
        file.persist(&path)?;
        sweep(folder)
    });
    if let Err(error) = kept {
        tracing::debug!(path = %path.display(), %error, "not kept");
    }
}

fn sweep(folder: &Path) -> std::io::Result<()> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        files.push((entry.metadata()?.modified()?, entry.path()));
    }
    files.sort();
    let old = files.len().saturating_sub(KEPT);
    files[..old]
        .iter()
        .try_for_each(|(_, path)| fs::remove_file(path))
}

/// What the image was built from whose context has this digest. Blocking.
pub fn find(folder: &Path, digest: &Digest) -> Option<Manifest> {
    let text = fs::read(path(folder, digest)).ok()?;
    let manifest = serde_json::from_slice(&text).ok()?;
    (manifest_digest(&manifest) == *digest).then_some(manifest)
}

fn path(folder: &Path, digest: &Digest) -> PathBuf {
    folder.join(format!("{digest}.json"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::context::{self, Selection};

    #[test]
    fn what_was_kept_is_found_and_what_was_changed_is_not() {
        let folder = tempfile::tempdir().expect("a folder");
        let source = folder.path().join("source");
        fs::create_dir(&source).expect("made");
        fs::write(source.join("Dockerfile"), "FROM x\n").expect("written");
        let context = context::read(&Selection {
            root: &source,
            dockerfile: &source.join("Dockerfile"),
            use_git_ignore: false,
            ignore: &[],
        })
        .expect("a context");
        let kept = folder.path().join("kept");
        assert_eq!(find(&kept, &context.digest()), None);
        keep(&kept, &context);
        assert_eq!(
            find(&kept, &context.digest()).as_ref(),
            Some(&*context.manifest)
        );
        let file = path(&kept, &context.digest());
        let text = fs::read_to_string(&file).expect("there");
        fs::write(&file, text.replace("\"size\":7", "\"size\":8")).expect("written");
        assert_eq!(find(&kept, &context.digest()), None);
    }

    #[test]
    fn the_oldest_go() {
        let folder = tempfile::tempdir().expect("a folder");
        for number in 0..KEPT + 2 {
            let path = folder.path().join(number.to_string());
            let file = fs::File::create(path).expect("made");
            let age = std::time::Duration::from_secs(1000 - number as u64);
            let then = std::time::SystemTime::now() - age;
            file.set_modified(then).expect("set");
        }
        sweep(folder.path()).expect("swept");
        assert_eq!(fs::read_dir(folder.path()).expect("a folder").count(), KEPT);
        assert!(!folder.path().join("1").exists());
    }
}
