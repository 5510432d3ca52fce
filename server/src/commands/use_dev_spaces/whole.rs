//! Whether all of the release of azds is still in the cluster: helm itself does not look.

use futures_util::future::try_join_all;
use kube::Api;
use kube::api::{ApiResource, DynamicObject, GroupVersionKind};

use super::{NAMESPACE, WHAT};
use crate::cluster::client::Cluster;
use crate::cluster::helm;
use crate::failure::{Context, Result};

/// The kinds of the chart's objects that are in no namespace begin so.
const CLUSTER_WIDE: [&str; 2] = ["Cluster", "MutatingWebhook"];

/// Whether no object of the release is missing.
pub async fn is_whole(cluster: &Cluster, release: &str) -> Result<bool> {
    let objects = helm::objects(release, NAMESPACE).await?;
    let are_there = try_join_all(objects.iter().map(|object| is_there(cluster, object))).await?;
    Ok(are_there.into_iter().all(|is_there| is_there))
}

async fn is_there(cluster: &Cluster, object: &DynamicObject) -> Result<bool> {
    let kind = object.types.clone().unwrap_or_default();
    let name = object.metadata.name.clone().unwrap_or_default();
    let shown = format!("{} {name}", kind.kind);
    let resource = GroupVersionKind::try_from(&kind).or_fail(WHAT, shown.as_str())?;
    let resource = ApiResource::from_gvk(&resource);
    let client = cluster.client.clone();
    let api: Api<DynamicObject> = match CLUSTER_WIDE.iter().any(|it| kind.kind.starts_with(it)) {
        true => Api::all_with(client, &resource),
        false => Api::namespaced_with(client, NAMESPACE, &resource),
    };
    let found = api.get_metadata_opt(&name).await;
    let found = found.map_err(cluster.failed(WHAT, &shown))?;
    Ok(found.is_some_and(|found| found.metadata.deletion_timestamp.is_none()))
}
