//! Puts the agent's binary where containers of other images find it.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use crate::failure::{Context, Result};

/// Copies this binary to `to`, whole or not at all.
pub fn install(to: &Path) -> Result<()> {
    let what = "the agent was not put in place";
    let object = to.display().to_string();
    let from = std::env::current_exe().or_fail(what, &object)?;
    let partial = to.with_extension("partial");
    std::fs::copy(from, &partial).or_fail(what, &object)?;
    let everybody = std::fs::Permissions::from_mode(0o755);
    std::fs::set_permissions(&partial, everybody).or_fail(what, &object)?;
    std::fs::rename(&partial, to).or_fail(what, &object)
}
