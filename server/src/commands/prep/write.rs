//! Writing a file whole, or not at all, and never over another.

use std::fs::{self, Permissions};
use std::io::{ErrorKind, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use super::WHAT;
use crate::failure::{Context, Result};

/// Writes a file and the folders that it is in. Says whether it did: `false` if there was something
/// of that name.
pub(super) fn write_new(path: &Path, text: &str) -> Result<bool> {
    let object = path.display().to_string();
    let folder = path.parent().expect("files are written into a folder");
    fs::create_dir_all(folder).or_fail(WHAT, &object)?;
    let mut file = tempfile::Builder::new()
        .prefix(".azds-prep-")
        // Less what the umask takes, as for any file that a program makes.
        .permissions(Permissions::from_mode(0o666))
        .tempfile_in(folder)
        .or_fail(WHAT, &object)?;
    file.write_all(text.as_bytes()).or_fail(WHAT, &object)?;
    match file.persist_noclobber(path) {
        Ok(_) => Ok(true),
        Err(refused) if refused.error.kind() == ErrorKind::AlreadyExists => Ok(false),
        Err(refused) => Err(refused.error).or_fail(WHAT, &object),
    }
}
