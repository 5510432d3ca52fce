//! Digests, the tag, and what the gate checks of a manifest that came from outside.

use std::collections::HashSet;

use azds_protocol::agent::{Blob, BuildSpec, Digest, Entry, Manifest, TAG_PREFIX};

use crate::failure::{Failure, Result};

/// Hexadecimal digits of the digest that stand in a tag.
const TAG_DIGITS: usize = 16;

/// BLAKE3 of `bytes`.
pub fn digest_of(bytes: &[u8]) -> Digest {
    Digest(blake3::hash(bytes))
}

/// Content by its digest and length.
pub fn blob_of(bytes: &[u8]) -> Blob {
    Blob {
        digest: digest_of(bytes),
        size: bytes.len() as u64,
    }
}

/// Digest of a manifest: BLAKE3 of its JSON.
pub fn manifest_digest(manifest: &Manifest) -> Digest {
    digest_of(&json(manifest))
}

/// Tag of the image that `spec` describes, in `namespace`.
///
/// The client names the image by it and the gate works it out again, so that nobody can build under
/// another namespace's tag.
pub fn tag(namespace: &str, spec: &BuildSpec) -> String {
    let mut hasher = blake3::Hasher::new();
    hasher.update(namespace.as_bytes()).update(b"\0");
    hasher.update(&json(spec));
    let hex = hasher.finalize().to_hex();
    format!("{TAG_PREFIX}{}", &hex[..TAG_DIGITS])
}

/// Whether an image's tag is one that azds gives.
pub fn is_tag(tag: &str) -> bool {
    tag.strip_prefix(TAG_PREFIX).is_some_and(|digits| {
        digits.len() == TAG_DIGITS && digits.bytes().all(|digit| digit.is_ascii_hexdigit())
    })
}

/// The one JSON form of a value: fields in the order of their declaration, maps sorted.
fn json(value: &impl serde::Serialize) -> Vec<u8> {
    serde_json::to_vec(value).expect("strings and numbers have a JSON form")
}

/// Whether `path` is fit to be an entry's: relative, parts separated by `/`, none of them empty, `.`
/// or `..`, no NUL.
pub fn check_path(path: &str) -> Result<()> {
    let why = if path.contains('\0') {
        "it has a NUL character"
    } else if path.split('/').any(str::is_empty) {
        "it is empty, absolute, or has an empty part"
    } else if path.split('/').any(|part| part == "." || part == "..") {
        "it has a part that is . or .."
    } else {
        return Ok(());
    };
    Err(Failure::new("the build context was refused", path, why))
}

/// Whether a manifest can be written to a folder as it stands: fit paths, sorted, none twice, and
/// nothing below a file or a symbolic link, which would lead out of the folder.
pub fn check_manifest(manifest: &Manifest) -> Result<()> {
    let refused = |path: &str, why| Err(Failure::new("the build context was refused", path, why));
    let mut leaves = HashSet::new();
    let mut previous = "";
    for entry in &manifest.entries {
        let path = entry.path();
        check_path(path)?;
        if path <= previous {
            return refused(path, "its entries are not sorted, or one is there twice");
        }
        // Sorted paths have every folder before what is in it, so all leaves that matter are known.
        if parents(path).any(|parent| leaves.contains(parent)) {
            return refused(path, "it lies below something that is not a folder");
        }
        if !matches!(entry, Entry::Directory { .. }) {
            leaves.insert(path);
        }
        previous = path;
    }
    Ok(())
}

/// The folders in which a path lies: `a`, `a/b` for `a/b/c`.
pub fn parents(path: &str) -> impl Iterator<Item = &str> {
    path.match_indices('/').map(|(at, _)| &path[..at])
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use azds_protocol::agent::Blob;

    use super::*;

    fn spec() -> BuildSpec {
        BuildSpec {
            release: "azds-0c712b-dev-producer".to_owned(),
            context: digest_of(b"context"),
            args: BTreeMap::from([("BUILD_CONFIGURATION".to_owned(), "Debug".to_owned())]),
            command: Vec::new(),
        }
    }

    fn manifest(entries: Vec<Entry>) -> Manifest {
        let dockerfile = Blob {
            digest: digest_of(b"FROM scratch"),
            size: 12,
        };
        Manifest {
            dockerfile,
            entries,
        }
    }

    fn folder(path: &str) -> Entry {
        Entry::Directory {
            path: path.to_owned(),
        }
    }

    fn link(path: &str) -> Entry {
        Entry::Symlink {
            path: path.to_owned(),
            target: "/etc".to_owned(),
        }
    }

    /// Client and gate may be of different builds, so the tag of a given input must not drift.
    #[test]
    fn a_tag_stays_what_it_was() {
        assert_eq!(tag("dev", &spec()), "mindaro-50a63059fd6baa62");
    }

    #[test]
    fn a_tag_differs_with_namespace_release_content_and_arguments() {
        let other_release = BuildSpec {
            release: "azds-0c712b-dev-consumer".to_owned(),
            ..spec()
        };
        let other_content = BuildSpec {
            context: digest_of(b"other"),
            ..spec()
        };
        let other_args = BuildSpec {
            args: BTreeMap::new(),
            ..spec()
        };
        let tags = HashSet::from([
            tag("dev", &spec()),
            tag("test", &spec()),
            tag("dev", &other_release),
            tag("dev", &other_content),
            tag("dev", &other_args),
        ]);
        assert_eq!(tags.len(), 5);
    }

    #[test]
    fn paths_that_could_leave_the_folder_are_refused() {
        for path in ["a", "a/b c/ñ.txt", ".a", "..a/...", "a\\b"] {
            assert_eq!(check_path(path), Ok(()), "{path:?}");
        }
        for path in ["", "/a", "a/", "a//b", ".", "..", "a/../b", "./a", "a\0b"] {
            assert!(check_path(path).is_err(), "{path:?}");
        }
    }

    #[test]
    fn manifests_that_could_write_through_a_link_are_refused() {
        let good = manifest(vec![link("a"), folder("b"), folder("b/c")]);
        assert_eq!(check_manifest(&good), Ok(()));
        for bad in [
            vec![link("a"), folder("a-b"), folder("a/b")],
            vec![link("a"), folder("a/b/c")],
            vec![folder("b"), folder("a")],
            vec![folder("a"), folder("a")],
            vec![folder("../a")],
        ] {
            assert!(check_manifest(&manifest(bad.clone())).is_err(), "{bad:?}");
        }
    }
}
