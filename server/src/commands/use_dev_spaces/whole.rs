//! Whether all of the release of azds is still in the cluster: helm itself does not look.

use futures_util::future::try_join_all;
use kube::api::DynamicObject;

use super::{NAMESPACE, WHAT};
use crate::cluster::client::Cluster;
use crate::cluster::helm;
use crate::cluster::release::{find, shown};
use crate::failure::Result;

/// The kinds of the chart's objects that are in no namespace begin so.
const CLUSTER_WIDE: [&str; 2] = ["Cluster", "MutatingWebhook"];

/// Whether no object of the release is missing.
pub async fn is_whole(cluster: &Cluster, release: &str) -> Result<bool> {
    let objects = helm::objects(release, NAMESPACE).await?;
    let are_there = try_join_all(objects.iter().map(|object| is_there(cluster, object))).await?;
    Ok(are_there.into_iter().all(|is_there| is_there))
}

async fn is_there(cluster: &Cluster, object: &DynamicObject) -> Result<bool> {
    let kind = object.types.as_ref().map_or("", |types| &types.kind);
    let is_cluster_wide = CLUSTER_WIDE.iter().any(|it| kind.starts_with(it));
    let namespace = (!is_cluster_wide).then_some(NAMESPACE);
    let found = find(cluster, object, namespace, WHAT).await?;
    let found = found.map_err(cluster.failed(WHAT, &shown(object)))?;
    Ok(found.is_some_and(|found| found.metadata.deletion_timestamp.is_none()))
}
