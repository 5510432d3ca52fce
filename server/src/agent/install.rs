//! Puts what images of azds have where containers of other images find it.

use std::fs::{self, File, FileTimes, Permissions};
use std::io;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use azds_protocol::agent::DEBUGGERS_IN_IMAGE;

use crate::failure::{Context, Result};

/// Copies this binary to `to`, whole or not at all.
pub fn install(to: &Path) -> Result<()> {
    let what = "the agent was not put in place";
    let object = to.display().to_string();
    let from = std::env::current_exe().or_fail(what, &object)?;
    let partial = to.with_extension("partial");
    fs::copy(from, &partial).or_fail(what, &object)?;
    let everybody = Permissions::from_mode(0o755);
    fs::set_permissions(&partial, everybody).or_fail(what, &object)?;
    fs::rename(&partial, to).or_fail(what, &object)
}

/// Copies the debuggers of this image into the folder `to`, each whole or not at all.
pub fn debuggers(to: &Path) -> Result<()> {
    copy_all(Path::new(DEBUGGERS_IN_IMAGE), to).or_fail(
        "the debugger was not put in place",
        to.display().to_string(),
    )
}

fn copy_all(from: &Path, to: &Path) -> io::Result<()> {
    fs::create_dir_all(to)?;
    // The host, another user, adds those that developers send. One that is not ours is open already.
    let _ = fs::set_permissions(to, Permissions::from_mode(0o777));
    for debugger in fs::read_dir(from)? {
        let debugger = debugger?;
        let mut partial = std::ffi::OsString::from(".copying-");
        partial.push(debugger.file_name());
        let partial = to.join(partial);
        copy(&debugger.path(), &partial)?;
        fs::rename(&partial, to.join(debugger.file_name()))?;
    }
    Ok(())
}

/// A folder with its files' modes and times: Python takes compiled modules only with the times of their
/// sources.
fn copy(from: &Path, to: &Path) -> io::Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let to = to.join(entry.file_name());
        let metadata = entry.metadata()?;
        if metadata.is_dir() {
            copy(&entry.path(), &to)?;
        } else {
            fs::copy(entry.path(), &to)?;
            let times = FileTimes::new().set_modified(metadata.modified()?);
            File::open(&to)?.set_times(times)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, SystemTime};

    use super::*;

    #[test]
    fn debuggers_are_copied_with_modes_and_times() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let (from, to) = (folder.path().join("from"), folder.path().join("to"));
        let program = from.join("go-1/bin/dlv");
        fs::create_dir_all(from.join("go-1/bin")).expect("a folder");
        fs::write(&program, "text").expect("a file");
        fs::set_permissions(&program, Permissions::from_mode(0o755)).expect("ours");
        let written = SystemTime::UNIX_EPOCH + Duration::from_secs(1_700_000_000);
        let times = FileTimes::new().set_modified(written);
        let file = File::open(&program).expect("a file");
        file.set_times(times).expect("ours");

        copy_all(&from, &to).expect("copied");
        let copied = fs::metadata(to.join("go-1/bin/dlv")).expect("there");
        assert_eq!(copied.permissions().mode() & 0o777, 0o755);
        assert_eq!(copied.modified().expect("a time"), written);
        assert_eq!(
            fs::metadata(&to).expect("there").permissions().mode() & 0o777,
            0o777
        );
        assert_eq!(
            fs::read_dir(&to).expect("there").count(),
            1,
            "nothing left over"
        );
    }
}
