//! `down`: removes a service.

use azds_protocol::commands::{DownResult, ServiceArguments};
use futures_util::future::try_join;

use crate::cluster::client::Cluster;
use crate::cluster::release::remove_release;
use crate::cluster::{seeds, spaces, up_secret};
use crate::commands::confirmation::confirm;
use crate::commands::owner::{self, runtime};
use crate::commands::service::Service;
use crate::failure::{Context, Result};
use crate::progress::Progress;

const WHAT: &str = "the service was not removed";

/// Removes the service of a folder: its release, its tokens, and its tunnels, whoever owns them.
pub async fn down(arguments: &ServiceArguments, progress: &Progress) -> Result<DownResult> {
    let folder = arguments.folder.clone();
    let service = tokio::task::spawn_blocking(move || Service::find(&folder, WHAT))
        .await
        .or_fail(WHAT, "")??;
    let cluster = Cluster::from_kubeconfig().await?;
    confirm(&cluster, WHAT, progress).await?;
    let space = spaces::choose(&cluster, arguments.space.as_deref(), &service.folder)?;
    let release = service.release(&space);
    let key = runtime::key(&release, &cluster.address);
    let _lock = runtime::Lock::take(&runtime::folder()?, &key, WHAT)?;

    let _step = progress.begin(format!(
        "Removing '{}' from dev space '{space}'",
        service.name
    ));
    let had_owner = owner::end(&key).await?;
    let had_release = remove_release(&cluster, &release, &space, progress.cancellation()).await?;
    let clean = try_join(
        up_secret::clean(&cluster, &space, &release, None),
        seeds::clean(&cluster, &space, &release, None),
    );
    progress.or_cancelled(WHAT, clean).await?;
    Ok(DownResult {
        service: service.name,
        space,
        release,
        removed: had_owner || had_release,
    })
}
