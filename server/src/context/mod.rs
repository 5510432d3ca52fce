//! Which files belong to a build, their digests, and the tag that follows from them.
//!
//! Blocking: whoever has an async runtime calls [`read`] in `spawn_blocking`.

mod content;
mod dockerignore;
mod hashing;
mod manifest;
mod places;
mod selection;

use std::path::Path;

use crate::system::with_slashes;
pub use content::{BuildContext, read, read_at};
pub use hashing::is_executable;
pub use manifest::{
    blob_of, check_manifest, check_path, digest_of, is_tag, manifest_digest, parents, tag,
};
pub use places::{Places, remove_place};
pub use selection::{Selection, files};

/// What a path is called below `root`, with `/` on every system; `None` if it is not below it, or has no
/// name in Unicode.
pub fn below(root: &Path, path: &Path) -> Option<String> {
    let below = path.strip_prefix(root).ok()?.to_str()?;
    Some(with_slashes(below).into_owned())
}
