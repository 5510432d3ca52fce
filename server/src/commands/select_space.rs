//! `space select`: chooses the space of a folder.

use azds_protocol::commands::ServiceArguments;

use crate::cluster::client::Cluster;
use crate::cluster::spaces;
use crate::failure::{Context, Failure, Result};
use crate::progress::Progress;

/// Keeps the choice of a space for a folder; it must be set up.
pub async fn select_space(arguments: &ServiceArguments, progress: &Progress) -> Result<()> {
    let what = "the space was not chosen";
    let cluster = Cluster::from_kubeconfig().await?;
    let space = arguments.space.as_deref().ok_or_else(|| {
        Failure::new(what, "", "no space is named").try_to("Name one: --space NAME.")
    })?;
    progress
        .or_cancelled(what, spaces::status(&cluster, space))
        .await?;
    let folder = arguments
        .folder
        .canonicalize()
        .or_fail(what, arguments.folder.display().to_string())?;
    spaces::select(&folder, space)
}
