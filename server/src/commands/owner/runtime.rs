//! The user's runtime folder: locks of services, and the sockets by which owners are found.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read, Seek, Write};
use std::path::{Path, PathBuf};

use crate::failure::{Context, Failure, Result};
use crate::system::{create_private_folder, is_private_folder, private, runtime_folder};

const WHAT: &str = "azds has no place for what it runs";

/// The folder, which belongs to the user alone.
pub fn folder() -> Result<PathBuf> {
    let path = runtime_folder();
    own(&path)?;
    Ok(path)
}

fn own(path: &Path) -> Result<()> {
    let object = path.display().to_string();
    create_private_folder(path).or_fail(WHAT, object.as_str())?;
    let found = path.symlink_metadata().or_fail(WHAT, object.as_str())?;
    // Anybody can make a folder under the temporary one, and wait there for our sockets.
    match is_private_folder(&found) {
        true => Ok(()),
        false => Err(
            Failure::new(WHAT, object, "it does not belong to you alone")
                .try_to("Remove it, or set XDG_RUNTIME_DIR to a folder of yours with mode 0700."),
        ),
    }
}

/// What stands for one service of one cluster in the names of files.
pub fn key(release: &str, cluster_address: &str) -> String {
    let cluster = blake3::hash(cluster_address.as_bytes()).to_hex();
    format!("{release}-{}", &cluster[..6])
}

/// Held while a service is brought up or down. The system lets go of it when the process ends,
/// however it ends.
pub struct Lock {
    _file: File,
}

impl Lock {
    /// Takes the service's lock, or says which process has it.
    pub fn take(folder: &Path, key: &str, what: &str) -> Result<Lock> {
        let path = folder.join(format!("{key}.lock"));
        let object = path.display().to_string();
        let mut options = OpenOptions::new();
        options.create(true).truncate(false).read(true).write(true);
        let file = private(&mut options).open(&path);
        let mut file = file.or_fail(what, object.as_str())?;
        match file.try_lock() {
            Ok(()) => {
                // For the message below only.
                let written = file
                    .set_len(0)
                    .and_then(|()| file.rewind())
                    .and_then(|()| write!(file, "{}", std::process::id()));
                written.or_fail(what, object)?;
                Ok(Lock { _file: file })
            }
            Err(TryLockError::WouldBlock) => {
                let mut pid = String::new();
                // Empty for a moment while the other writes it, and not to be read on Windows.
                let _ = file.read_to_string(&mut pid);
                if pid.is_empty() {
                    pid.push('?');
                }
                Err(Failure::new(
                    what,
                    object,
                    format!("azds works on this service already (process {pid})"),
                )
                .try_to("Wait until it is done, or end it."))
            }
            Err(TryLockError::Error(error)) => Err(error).or_fail(what, object),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_service_is_worked_on_by_one_at_a_time() {
        let folder = tempfile::tempdir().expect("a folder");
        let key = key("azds-1-dev-producer", "https://127.0.0.1:6443/");
        let lock = Lock::take(folder.path(), &key, "up").expect("free");
        let failure = Lock::take(folder.path(), &key, "up").err().expect("taken");
        assert!(
            failure.why.contains(&std::process::id().to_string()),
            "{failure}"
        );
        drop(lock);
        assert!(Lock::take(folder.path(), &key, "up").is_ok());
    }

    #[cfg(unix)]
    #[test]
    fn a_folder_that_others_can_enter_is_refused() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("azds");
        std::fs::create_dir(&path).expect("a folder");
        std::fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o755))
            .expect("a mode");
        assert!(own(&path).is_err());
        assert!(own(&folder.path().join("new")).is_ok());
    }
}
