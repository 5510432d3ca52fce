//! What the Secret of an `up` keeps of the changes that were brought to its container: containers that
//! begin later begin with it.

use std::path::Path;

use azds_protocol::agent::Entry;
use azds_protocol::sync::Kept;

use super::container::batches;
use super::order;
use super::sources::Contents;
use super::there::Difference;
use super::tree::Tree;
use crate::analysis::azds_yaml::Settings;
use crate::cluster::agent::in_form;
use crate::failure::{Context, Failure, Result};

const WHAT: &str = "the changes were not kept for pods that begin later";
/// A Secret has room for 1 MiB, in which this stands in base64 beside the rest.
const MOST: u64 = 512 << 10;

/// Whether the contents of a difference are few enough to be kept.
pub fn fits(difference: &Difference, current: &Tree) -> bool {
    let paths = difference.paths.iter();
    let sizes = paths.filter_map(|(path, _)| match current.get(path)? {
        Entry::File { blob, .. } => Some(blob.size),
        Entry::Symlink { .. } | Entry::Directory { .. } => None,
    });
    sizes.sum::<u64>() <= MOST
}

/// What the Secret keeps of what an image lacks; nothing for nothing.
pub fn changes(
    root: &Path,
    difference: Difference,
    current: &Tree,
    settings: &Settings,
) -> Result<Vec<u8>> {
    if !fits(&difference, current) {
        let why = format!("they are more than the {MOST} bytes that a Secret has room for");
        return Err(Failure::new(WHAT, root.display().to_string(), why)
            .try_to("Run azds up to build the image from them."));
    }
    // All of it is less than what one batch may hold.
    let mut batches = batches(root, difference, current, Contents::new());
    let Some((batch, contents)) = batches.next().transpose()? else {
        return Ok(Vec::new());
    };
    let iterate = order(settings);
    let form = in_form(&Kept { iterate, batch }, contents);
    let pieces: Vec<_> = form.or_fail(WHAT, "the list of files")?.collect();
    Ok(pieces.concat())
}
