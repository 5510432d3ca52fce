//! `azds-agent seed`: the init container that fills volumes with what its image has in their place.
//!
//! It runs as the user of the service, who then owns what is in them.

use std::fs::{self, File, FileTimes, Permissions};
use std::io::{self, ErrorKind};
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, lchown, symlink};
use std::path::{Path, PathBuf};

use crate::failure::{Context, Result};

/// Where the volumes are mounted, each in a folder that its number names.
pub const VOLUMES: &str = "/azds-seeds";

/// Fills the volumes from these folders, in this order.
pub fn seed(folders: &[PathBuf]) -> Result<()> {
    for (number, folder) in folders.iter().enumerate() {
        let volume = Path::new(VOLUMES).join(number.to_string());
        copy_all(folder, &volume).or_fail(
            "the volume was not filled from the image",
            folder.display().to_string(),
        )?;
    }
    Ok(())
}

/// Copies what is in a folder, which need not be there. What may not be read is left out: in the folder
/// itself the service could not read it either.
fn copy_all(from: &Path, to: &Path) -> io::Result<()> {
    let entries = match fs::read_dir(from) {
        Ok(entries) => entries,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
        Err(error) => return leave_out(from, error),
    };
    for entry in entries {
        let entry = entry?;
        let from = entry.path();
        match from.symlink_metadata() {
            Ok(metadata) => copy(&from, &to.join(entry.file_name()), &metadata)?,
            Err(error) => leave_out(&from, error)?,
        }
    }
    Ok(())
}

fn copy(from: &Path, to: &Path, metadata: &fs::Metadata) -> io::Result<()> {
    // The kubelet may seed a volume a second time, after its node was started again.
    match to.symlink_metadata() {
        Ok(there) if there.is_dir() && metadata.is_dir() => {}
        Ok(there) if there.is_dir() => fs::remove_dir_all(to)?,
        Ok(_) => fs::remove_file(to)?,
        Err(_) => {}
    }
    if metadata.is_symlink() {
        symlink(fs::read_link(from)?, to)?;
    } else if metadata.is_dir() {
        fs::create_dir_all(to)?;
        copy_all(from, to)?;
        // Its new owner is who syncs into it.
        fs::set_permissions(to, Permissions::from_mode(metadata.mode() & 0o1777 | 0o700))?;
    } else if !metadata.is_file() {
        return leave_out(from, "it is neither file, folder nor link");
    } else if let Err(error) = File::open(from) {
        return leave_out(from, error);
    } else {
        fs::copy(from, to)?;
        fs::set_permissions(to, Permissions::from_mode(metadata.mode() & 0o777 | 0o400))?;
        // Python takes compiled modules only with the times of their sources.
        let times = FileTimes::new().set_modified(metadata.modified()?);
        File::open(to)?.set_times(times)?;
    }
    // Only root may; it then finds everything as in the image.
    let _ = lchown(to, Some(metadata.uid()), Some(metadata.gid()));
    Ok(())
}

fn leave_out(path: &Path, why: impl std::fmt::Display) -> io::Result<()> {
    tracing::warn!(path = %path.display(), %why, "left out");
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::os::unix::net::UnixListener;
    use std::time::{Duration, SystemTime};

    use super::*;

    fn mode(path: &Path) -> u32 {
        fs::symlink_metadata(path).expect("there").mode() & 0o7777
    }

    #[test]
    fn a_folder_is_copied_with_modes_times_and_links_and_again_over_what_changed() {
        let folder = tempfile::tempdir().expect("a folder");
        let (from, to) = (folder.path().join("from"), folder.path().join("to"));
        fs::create_dir_all(from.join("bin/empty")).expect("a folder");
        fs::create_dir(&to).expect("a volume");
        fs::write(from.join("bin/run"), "text").expect("a file");
        let executable = Permissions::from_mode(0o555);
        fs::set_permissions(from.join("bin/run"), executable.clone()).expect("ours");
        fs::set_permissions(from.join("bin"), executable).expect("ours");
        let written = SystemTime::UNIX_EPOCH + Duration::from_secs(1_700_000_000);
        let times = FileTimes::new().set_modified(written);
        let file = File::open(from.join("bin/run")).expect("a file");
        file.set_times(times).expect("ours");
        symlink("bin/run", from.join("run")).expect("a link");
        symlink("/nowhere", from.join("broken")).expect("a link");

        copy_all(&from, &to).expect("copied");
        let is_as_in_the_image = || {
            assert_eq!(
                fs::read_to_string(to.join("bin/run")).expect("there"),
                "text"
            );
            assert_eq!(mode(&to.join("bin/run")), 0o555);
            assert_eq!(mode(&to.join("bin")), 0o755, "its owner may write");
            let copied = fs::metadata(to.join("bin/run")).expect("there");
            assert_eq!(copied.modified().expect("a time"), written);
            let link = |name: &str| fs::read_link(to.join(name)).expect("a link");
            assert_eq!(link("run"), Path::new("bin/run"));
            assert_eq!(link("broken"), Path::new("/nowhere"));
            assert!(to.join("bin/empty").is_dir());
        };
        is_as_in_the_image();

        // Of what was synced nothing may be written through, or stand in the way.
        let outside = folder.path().join("outside");
        fs::write(&outside, "untouched").expect("a file");
        fs::remove_file(to.join("bin/run")).expect("removed");
        symlink(&outside, to.join("bin/run")).expect("a link");
        fs::remove_file(to.join("run")).expect("removed");
        fs::create_dir_all(to.join("run/x")).expect("a folder");
        fs::remove_dir(to.join("bin/empty")).expect("removed");
        fs::write(to.join("bin/empty"), "a file").expect("a file");
        copy_all(&from, &to).expect("copied again");
        is_as_in_the_image();
        assert_eq!(fs::read_to_string(outside).expect("there"), "untouched");
    }

    #[test]
    fn what_can_not_be_copied_is_left_out_and_a_volume_that_can_not_be_written_fails() {
        let folder = tempfile::tempdir().expect("a folder");
        let (from, to) = (folder.path().join("from"), folder.path().join("to"));
        copy_all(&from, &to).expect("the image has no such folder");
        fs::create_dir(&from).expect("a folder");
        let _socket = UnixListener::bind(from.join("socket")).expect("a socket");
        copy_all(&from, &to).expect("nothing to copy");
        fs::write(from.join("file"), "").expect("a file");
        copy_all(&from, &to).expect_err("there is no volume");
    }
}
