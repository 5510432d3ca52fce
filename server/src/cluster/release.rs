//! The removal of a Helm release, to the end of its pods.

use std::time::Duration;

use kube::Api;
use kube::api::{ApiResource, DynamicObject, GroupVersionKind, PartialObjectMeta};
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

use super::client::Cluster;
use super::helm;
use crate::failure::{Context, Failure, Result};

const WHAT: &str = "the release was not removed";
/// What has pods, which are gone before it is, as helm is told.
const WORKLOADS: [&str; 6] = [
    "DaemonSet",
    "Deployment",
    "Job",
    "Pod",
    "ReplicaSet",
    "StatefulSet",
];
/// How long pods may take to end.
const END: Duration = Duration::from_secs(90);
const LOOK: Duration = Duration::from_millis(100);

/// Removes a release and waits until its workloads are gone; false if there was none. Helm itself waits in
/// one way in version 3 and in another in version 4, which gives up at once where something ends slowly.
pub async fn remove_release(
    cluster: &Cluster,
    release: &str,
    namespace: &str,
    cancellation: &CancellationToken,
) -> Result<bool> {
    // One that is not there has none, as helm says next.
    let objects = helm::objects(release, namespace).await.unwrap_or_default();
    let had_release = helm::uninstall(release, namespace, cancellation).await?;
    let end = Instant::now() + END;
    for object in objects.iter().filter(|object| is_workload(object)) {
        while is_there(cluster, object, namespace).await? {
            if Instant::now() > end {
                let why = format!("it is still there after {} seconds", END.as_secs());
                return Err(Failure::new(WHAT, shown(object), why).try_to(format!(
                    "See what keeps it: kubectl -n {namespace} get pods."
                )));
            }
            tokio::select! {
                () = sleep(LOOK) => {}
                () = cancellation.cancelled() => {
                    return Err(Failure::new(WHAT, shown(object), "you cancelled; it is being removed"));
                }
            }
        }
    }
    Ok(had_release)
}

fn is_workload(object: &DynamicObject) -> bool {
    let kind = object.types.as_ref().map(|types| types.kind.as_str());
    kind.is_some_and(|kind| WORKLOADS.contains(&kind))
}

/// Whether an object is there, as far as it may be looked at.
async fn is_there(cluster: &Cluster, object: &DynamicObject, namespace: &str) -> Result<bool> {
    let namespace = object.metadata.namespace.as_deref().unwrap_or(namespace);
    match find(cluster, object, Some(namespace), WHAT).await? {
        Err(kube::Error::Api(status)) if status.code == 403 => Ok(false),
        found => Ok(found
            .map_err(cluster.failed(WHAT, &shown(object)))?
            .is_some()),
    }
}

/// Looks for an object of a release, in a namespace or beside all; `what` is what is not done if it is of no kind.
pub async fn find(
    cluster: &Cluster,
    object: &DynamicObject,
    namespace: Option<&str>,
    what: &str,
) -> Result<kube::Result<Option<PartialObjectMeta<DynamicObject>>>> {
    let kind = object.types.clone().unwrap_or_default();
    let kind = GroupVersionKind::try_from(&kind).or_fail(what, shown(object))?;
    let resource = ApiResource::from_gvk(&kind);
    let client = cluster.client.clone();
    let api: Api<DynamicObject> = match namespace {
        Some(namespace) => Api::namespaced_with(client, namespace, &resource),
        None => Api::all_with(client, &resource),
    };
    let name = object.metadata.name.as_deref().unwrap_or_default();
    Ok(api.get_metadata_opt(name).await)
}

/// An object as messages name it.
pub fn shown(object: &DynamicObject) -> String {
    let kind = object.types.as_ref().map_or("", |types| &types.kind);
    let name = object.metadata.name.as_deref().unwrap_or_default();
    format!("{kind} {name}")
}
