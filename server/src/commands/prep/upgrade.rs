//! `prep --upgrade`: an azds.yaml of version 1.0 becomes one of 1.1.

use std::fs;
use std::io::Write;
use std::path::Path;

use azds_protocol::commands::PrepResult;

use super::write::write_new;
use crate::analysis::Severity;
use crate::analysis::azds_yaml::{analyse, upgrade};
use crate::commands::service::{CONFIG_FILE, Service};
use crate::failure::{Context, Failure, Result};

const WHAT: &str = "azds.yaml was not upgraded";

/// Writes azds.yaml anew, and what it was into a file beside it.
pub(super) fn upgrade_file(folder: &Path, dry_run: bool) -> Result<PrepResult> {
    let path = folder.join(CONFIG_FILE);
    let object = path.display().to_string();
    let before = fs::read_to_string(&path)
        .or_fail(WHAT, &object)
        .map_err(|failure| failure.try_to("Run it in the folder where azds.yaml is."))?;
    let wrong = analyse(&before).problems.into_iter();
    if let Some(wrong) = wrong.into_iter().find(|it| it.severity == Severity::Error) {
        return Err(Failure::new(WHAT, object, wrong.message)
            .try_to("Run azds check, correct the errors, then run it again."));
    }
    let after = upgrade(&before);
    let mut written = Vec::new();
    if let Some(after) = &after {
        if dry_run {
            written.push(backup_names().next().unwrap_or_default());
        } else {
            written.push(keep(folder, &before)?);
            replace(&path, after).or_fail(WHAT, &object)?;
        }
        written.push(CONFIG_FILE.to_owned());
    }
    let of_folder = || {
        folder
            .file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned()
    };
    Ok(PrepResult {
        folder: folder.to_owned(),
        // The chart need not be there yet.
        service: Service::find(folder, WHAT).map_or_else(|_| of_folder(), |service| service.name),
        language: None,
        kept: if after.is_none() {
            vec![CONFIG_FILE.to_owned()]
        } else {
            Vec::new()
        },
        written,
        warnings: Vec::new(),
    })
}

fn backup_names() -> impl Iterator<Item = String> {
    let more = (2..100).map(|number| format!("{CONFIG_FILE}.bak{number}"));
    std::iter::once(format!("{CONFIG_FILE}.bak")).chain(more)
}

/// Writes the text under a name that is free.
fn keep(folder: &Path, text: &str) -> Result<String> {
    for name in backup_names() {
        if write_new(folder, &name, text)? {
            return Ok(name);
        }
    }
    let why = "there are a hundred copies of it already";
    Err(Failure::new(WHAT, folder.display().to_string(), why).try_to("Remove old ones."))
}

fn replace(path: &Path, text: &str) -> std::io::Result<()> {
    let folder = path.parent().expect("a file is in a folder");
    let mut file = tempfile::Builder::new()
        .prefix(".azds-prep-")
        .permissions(fs::metadata(path)?.permissions())
        .tempfile_in(folder)?;
    file.write_all(text.as_bytes())?;
    file.persist(path)?;
    Ok(())
}
