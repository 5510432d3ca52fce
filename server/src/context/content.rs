//! The content of a build context: what is in it, its digests, and where the bytes are.

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use azds_protocol::agent::{Digest, Entry, Manifest};
use bytes::Bytes;

use super::hashing::{Hashed, Keep, hash, hash_all};
use super::manifest::manifest_digest;
use super::selection::{Found, Kind, Selection, WHAT, walk, walk_at};
use crate::failure::{Context, Failure, Result};

/// So many bytes of contents [`read_at`] keeps: who sends them need not read them again.
const KEPT: usize = 64 << 20;

/// The content of a build context as it was when it was read.
#[derive(Debug)]
pub struct BuildContext {
    /// What is in it.
    pub manifest: Arc<Manifest>,
    digest: Digest,
    /// A file that had the content, and its length.
    sources: HashMap<Digest, (PathBuf, u64)>,
}

/// Reads what belongs to a build. Blocking.
pub fn read(selection: &Selection) -> Result<BuildContext> {
    let nothing = Keep::nothing();
    let dockerfile = hash(selection.dockerfile, "", &mut Vec::new(), &nothing)
        .map_err(|error| no_dockerfile(selection, &error))?;
    if !selection.root.is_dir() {
        return Err(Failure::new(
            WHAT,
            selection.root.display().to_string(),
            "there is no such folder",
        )
        .try_to("Correct build.context in azds.yaml; it is relative to the folder of azds.yaml."));
    }
    // Rules of .gitignore files above the context are matched against whole paths.
    let root =
        dunce::canonicalize(selection.root).or_fail(WHAT, selection.root.display().to_string())?;
    let found = walk(&Selection {
        root: &root,
        ..*selection
    })?;
    let entries = entries(&root, found, &nothing)?;
    let entries: Vec<Entry> = entries.into_iter().map(|(entry, _)| entry).collect();

    let mut sources = HashMap::new();
    let path = selection.dockerfile.to_owned();
    sources.insert(dockerfile.blob.digest, (path, dockerfile.blob.size));
    for entry in &entries {
        if let Entry::File { path, blob, .. } = entry {
            let source = (root.join(path), blob.size);
            sources.entry(blob.digest).or_insert(source);
        }
    }
    let manifest = Manifest {
        dockerfile: dockerfile.blob,
        entries,
    };
    Ok(BuildContext {
        digest: manifest_digest(&manifest),
        manifest: Arc::new(manifest),
        sources,
    })
}

/// Reads what belongs to the build at these paths, which are relative to the context's root, or below
/// them. None of them is to be below another. With short files that differ from those of the `known` digests come
/// their contents, as far as they are no more than [`KEPT`] bytes together. Blocking.
pub fn read_at<'a>(
    selection: &Selection,
    paths: impl IntoIterator<Item = &'a str>,
    known: impl Fn(&str) -> Option<Digest> + Sync,
) -> Result<Vec<(Entry, Option<Bytes>)>> {
    let keep = Keep::unless(KEPT, &known);
    entries(selection.root, walk_at(selection, paths)?, &keep)
}

fn entries(root: &Path, found: Vec<Found>, keep: &Keep<'_>) -> Result<Vec<(Entry, Option<Bytes>)>> {
    let hashed = hash_all(root, &found, keep)?;
    let entry = |(Found { path, kind }, hashed): (_, Option<Hashed>)| match (kind, hashed) {
        (Kind::Symlink { target }, _) => Some((Entry::Symlink { path, target }, None)),
        (Kind::EmptyFolder, _) => Some((Entry::Directory { path }, None)),
        (Kind::File, Some(hashed)) => {
            let entry = Entry::File {
                path,
                blob: hashed.blob,
                executable: hashed.executable,
            };
            Some((entry, hashed.content))
        }
        // It went away since its folder was listed: as if it had gone before.
        (Kind::File, None) => None,
    };
    Ok(found.into_iter().zip(hashed).filter_map(entry).collect())
}

impl BuildContext {
    /// Digest of the manifest.
    pub fn digest(&self) -> Digest {
        self.digest
    }

    /// Opens the content with this digest, and says how long it was when it was read.
    ///
    /// The file may have changed since: whoever sends it hashes what is sent, and fails with
    /// [`BuildContext::changed`] if length or digest differ.
    pub fn open(&self, blob: &Digest) -> Result<(File, u64)> {
        let (path, size) = self.source(blob)?;
        let file = File::open(path).map_err(|_| self.changed(blob))?;
        Ok((file, *size))
    }

    /// The failure of a file that is no longer what it was when it was read.
    pub fn changed(&self, blob: &Digest) -> Failure {
        match self.source(blob) {
            Ok((path, _)) => Failure::new(
                "the files were not sent",
                path.display().to_string(),
                "it changed while it was being sent",
            )
            .try_to("Run up again. A file that changes all the time, as a log does, belongs in .dockerignore."),
            Err(unknown) => unknown,
        }
    }

    fn source(&self, blob: &Digest) -> Result<&(PathBuf, u64)> {
        self.sources.get(blob).ok_or_else(|| {
            Failure::new(
                "the files were not sent",
                blob.to_string(),
                "the builder asked for content that is not part of this build",
            )
        })
    }

    /// How many files there are, the Dockerfile included.
    pub fn files(&self) -> u64 {
        self.lengths().count() as u64
    }

    /// How long the files are together, the Dockerfile included.
    pub fn bytes(&self) -> u64 {
        self.lengths().sum()
    }

    /// Length of each file. The Dockerfile counts once, whether it is in the context or not.
    fn lengths(&self) -> impl Iterator<Item = u64> {
        let dockerfile = &self.manifest.dockerfile;
        let blobs = self
            .manifest
            .entries
            .iter()
            .filter_map(|entry| match entry {
                Entry::File { blob, .. } => Some(blob),
                Entry::Symlink { .. } | Entry::Directory { .. } => None,
            });
        let outside = !blobs.clone().any(|blob| blob == dockerfile);
        blobs
            .chain(outside.then_some(dockerfile))
            .map(|blob| blob.size)
    }
}

fn no_dockerfile(selection: &Selection, error: &io::Error) -> Failure {
    let object = selection.dockerfile.display().to_string();
    if error.kind() == ErrorKind::NotFound {
        Failure::new("the image cannot be built", object, "there is no such Dockerfile").try_to(
            "Run azds prep, or correct build.dockerfile in azds.yaml; it is relative to the folder of azds.yaml.",
        )
    } else {
        Failure::new("the image cannot be built", object, error.to_string())
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::context::digest_of;

    fn service() -> tempfile::TempDir {
        let folder = tempfile::tempdir().expect("a temporary folder");
        fs::create_dir(folder.path().join("src")).expect("a folder");
        for (path, text) in [
            ("Dockerfile", "FROM scratch"),
            ("src/price.cs", "EUR"),
            ("src-old", "x"),
            ("empty", ""),
        ] {
            fs::write(folder.path().join(path), text).expect("a file");
        }
        folder
    }

    fn read_all(root: &Path) -> BuildContext {
        read(&Selection {
            root,
            dockerfile: &root.join("Dockerfile"),
            use_git_ignore: false,
            ignore: &[],
        })
        .expect("a readable tree")
    }

    #[test]
    fn what_is_known_is_not_kept() {
        let folder = service();
        let selection = Selection {
            root: folder.path(),
            dockerfile: &folder.path().join("Dockerfile"),
            use_git_ignore: false,
            ignore: &[],
        };
        let digest = |text: &str| crate::context::blob_of(text.as_bytes()).digest;
        let known = |path: &str| match path {
            "src/price.cs" => Some(digest("EUR")),
            "src-old" => Some(digest("y")),
            _ => None,
        };
        let found = read_at(&selection, ["src", "src-old", "empty"], known).expect("readable");
        let kept = found.iter().filter(|(_, content)| content.is_some());
        let kept: Vec<&str> = kept.map(|(entry, _)| entry.path()).collect();
        assert_eq!(kept, ["empty", "src-old"]);
    }

    #[test]
    fn entries_are_sorted_and_counted() {
        let folder = service();
        let context = read_all(folder.path());
        let paths: Vec<&str> = context.manifest.entries.iter().map(Entry::path).collect();
        assert_eq!(paths, ["Dockerfile", "empty", "src-old", "src/price.cs"]);
        assert_eq!((context.files(), context.bytes()), (4, 16));
        assert_eq!(super::super::check_manifest(&context.manifest), Ok(()));
        assert_eq!(context.digest(), manifest_digest(&context.manifest));

        fs::write(folder.path().join(".dockerignore"), "*\n!src").expect("a file");
        let context = read_all(folder.path());
        assert_eq!((context.files(), context.bytes()), (2, 15));
    }

    /// Fixed file times make BuildKit miss exactly this change; the digest is what it goes by here.
    #[test]
    fn an_edit_of_the_same_length_is_another_context() {
        let folder = service();
        let before = read_all(folder.path()).digest();
        assert_eq!(read_all(folder.path()).digest(), before);
        fs::write(folder.path().join("src/price.cs"), "USD").expect("a file");
        assert_ne!(read_all(folder.path()).digest(), before);
    }

    #[cfg(unix)]
    #[test]
    fn the_executable_bit_counts() {
        use std::os::unix::fs::PermissionsExt;

        let folder = service();
        let before = read_all(folder.path()).digest();
        let path = folder.path().join("src-old");
        fs::set_permissions(path, fs::Permissions::from_mode(0o755)).expect("our file");
        assert_ne!(read_all(folder.path()).digest(), before);
    }

    #[test]
    fn content_is_found_by_its_digest_and_its_change_by_hashing_again() {
        let folder = service();
        let context = read_all(folder.path());
        let blob = digest_of(b"EUR");
        let (file, size) = context.open(&blob).expect("it is there");
        assert_eq!(
            (io::read_to_string(file).expect("text"), size),
            ("EUR".to_owned(), 3)
        );

        let path = folder.path().join("src/price.cs");
        fs::write(&path, "USD").expect("a file");
        let (mut file, _) = context.open(&blob).expect("it is there");
        let mut now = Vec::new();
        io::Read::read_to_end(&mut file, &mut now).expect("readable");
        drop(file);
        assert_ne!(digest_of(&now), blob);
        assert!(context.changed(&blob).object.ends_with("price.cs"));

        fs::remove_file(&path).expect("it is there");
        assert!(context.open(&blob).is_err());
        assert!(context.open(&digest_of(b"something else")).is_err());
    }

    #[test]
    fn a_dockerfile_that_is_not_there_is_named() {
        let folder = service();
        let failure = read(&Selection {
            root: folder.path(),
            dockerfile: &folder.path().join("Dockerfile.develop"),
            use_git_ignore: false,
            ignore: &[],
        });
        let failure = failure.expect_err("there is none");
        assert!(failure.object.ends_with("Dockerfile.develop"), "{failure}");
        assert!(failure.remedy.contains("azds prep"), "{failure}");
    }
}
