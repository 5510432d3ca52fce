//! Writing a file whole, or not at all, and never over another.

use std::fs;
use std::io::{ErrorKind, Write};
use std::path::Path;

use super::WHAT;
use crate::failure::{Context, Failure, Result};

/// Writes a file below `root` and the folders that it is in. Says whether it did: `false` if there was
/// something of that name. `root` is without links, and `path` without `..`.
pub(super) fn write_new(root: &Path, path: &str, text: &str) -> Result<bool> {
    let path = &root.join(path);
    let object = path.display().to_string();
    let folder = path.parent().expect("files are written into a folder");
    // A project that came from elsewhere may have a link in the place of a folder.
    let there = folder.ancestors().find(|it| it.symlink_metadata().is_ok());
    let there = dunce::canonicalize(there.unwrap_or(root));
    if !there.or_fail(WHAT, &object)?.starts_with(root) {
        let why = "a link in its path leads out of the folder of the service";
        return Err(Failure::new(WHAT, object, why)
            .try_to("Remove the link, or run azds prep where it leads."));
    }
    fs::create_dir_all(folder).or_fail(WHAT, &object)?;
    let mut options = tempfile::Builder::new();
    options.prefix(".azds-prep-");
    // Less what the umask takes, as for any file that a program makes.
    #[cfg(unix)]
    options.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
    let mut file = options.tempfile_in(folder).or_fail(WHAT, &object)?;
    file.write_all(text.as_bytes()).or_fail(WHAT, &object)?;
    match file.persist_noclobber(path) {
        Ok(_) => Ok(true),
        Err(refused) if refused.error.kind() == ErrorKind::AlreadyExists => Ok(false),
        Err(refused) => Err(refused.error).or_fail(WHAT, &object),
    }
}
