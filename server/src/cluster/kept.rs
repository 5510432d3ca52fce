//! What azds keeps for the user from one command to the next: small maps in its own configuration.

use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::path::PathBuf;

use crate::failure::{Context, Result};
use crate::system::Folder;

/// Reads the map in a file of azds' configuration; one that is not there is empty. `what` is not
/// known if it cannot be read.
pub fn read(file: &str, what: &str) -> Result<BTreeMap<String, String>> {
    let path = path(file);
    let object = path.display().to_string();
    match std::fs::read(&path) {
        Ok(text) => serde_json::from_slice(&text)
            .or_fail(what, object)
            .map_err(|failure| failure.try_to("Correct or delete the file.")),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(BTreeMap::new()),
        Err(error) => Err(error).or_fail(what, object),
    }
}

/// Writes it.
pub fn write(file: &str, map: &BTreeMap<String, String>, what: &str) -> Result<()> {
    let path = path(file);
    let object = path.display().to_string();
    let text = serde_json::to_string_pretty(map).or_fail(what, object.as_str())?;
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder).or_fail(what, object.as_str())?;
    }
    std::fs::write(&path, text).or_fail(what, object)
}

fn path(file: &str) -> PathBuf {
    Folder::Config.path().unwrap_or_default().join(file)
}
