//! `space select`: chooses the space of a folder.

use std::collections::BTreeSet;

use azds_protocol::commands::{ServiceArguments, SpacesResult};

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

/// Lists the spaces that a folder's service could be in.
pub async fn spaces(arguments: &ServiceArguments, progress: &Progress) -> Result<SpacesResult> {
    let cluster = Cluster::from_kubeconfig().await?;
    let chosen = spaces::choose(&cluster, arguments.space.as_deref(), &arguments.folder)?;
    let listed = progress
        .or_cancelled("the spaces are not known", async {
            Ok(spaces::list(&cluster).await)
        })
        .await?;
    let mut spaces = BTreeSet::from([chosen.clone()]);
    spaces.extend(listed);
    Ok(SpacesResult {
        chosen,
        spaces: spaces.into_iter().collect(),
    })
}
