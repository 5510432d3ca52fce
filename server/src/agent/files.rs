//! Files of the agents: written whole, and with times that follow their content.

use std::fs::{File, FileTimes, Permissions};
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, UNIX_EPOCH};

/// A name that no other file of this process has.
pub fn unique() -> String {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    format!(
        "{}-{}",
        std::process::id(),
        NEXT.fetch_add(1, Ordering::Relaxed)
    )
}

/// Writes a file, and the folder for it, so that no reader sees half of it.
pub fn write_whole(path: &Path, content: &[u8]) -> std::io::Result<()> {
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder)?;
    }
    let partial = path.with_extension(unique());
    let mut file = File::create(&partial)?;
    file.write_all(content)?;
    std::fs::rename(&partial, path)
}

/// Gives a file its mode, and a time that follows its content.
///
/// BuildKit takes a file of the same size and time for unchanged, and builds the old one. So the
/// time is neither a constant nor now, but 30 bits of the digest, in seconds, from 1995 on.
pub fn set_content(path: &Path, digest: &blake3::Hash, executable: bool) -> std::io::Result<()> {
    let bits = u32::from_be_bytes([0, 1, 2, 3].map(|at| digest.as_bytes()[at])) >> 2;
    let time = UNIX_EPOCH + Duration::from_secs(25 * 365 * 86_400 + u64::from(bits));
    let file = File::options().write(true).open(path)?;
    file.set_times(FileTimes::new().set_modified(time))?;
    let mode = if executable { 0o755 } else { 0o644 };
    file.set_permissions(Permissions::from_mode(mode))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_content_of_the_same_size_has_another_time() {
        let folder = tempfile::tempdir().expect("a folder");
        let time = |content: &[u8]| {
            let path = folder.path().join("file");
            write_whole(&path, content).expect("written");
            set_content(&path, &blake3::hash(content), false).expect("set");
            std::fs::metadata(&path)
                .and_then(|file| file.modified())
                .expect("a time")
        };
        assert_ne!(time(b"EUR"), time(b"USD"));
        assert_eq!(time(b"EUR"), time(b"EUR"));
    }
}
