//! The file by which probes know that a debugger may hold the service.

use std::path::PathBuf;

/// The file, which is there while this lives.
pub struct Held(PathBuf);

impl Held {
    /// Writes the file.
    pub fn new(file: PathBuf) -> Held {
        // Without it a probe may fail at a breakpoint, but a session is possible.
        if let Err(error) = std::fs::write(&file, "") {
            tracing::warn!(%error, "probes do not know of the debugger");
        }
        Held(file)
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}
