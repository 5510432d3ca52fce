//! A release that a helm left behind which was ended in the middle of its work: Helm refuses to touch it.

use k8s_openapi::api::core::v1::Secret;
use kube::api::{DeleteParams, ListParams, Preconditions};
use kube::core::PartialObjectMeta;
use kube::{Api, ResourceExt};

use crate::cluster::client::Cluster;
use crate::failure::Result;

/// Takes the newest revision of a release away if it still waits for the helm that made it, and says
/// what was done. Helm goes on from the revision before, and adopts what the lost one has made. Only
/// whoever holds the service's lock may call this: then no other azds is at work on it.
pub async fn repair(cluster: &Cluster, release: &str, namespace: &str) -> Result<Option<String>> {
    let what = "the release is not known";
    let object = format!("release {release}");
    let secrets: Api<Secret> = Api::namespaced(cluster.client.clone(), namespace);
    let of_release = ListParams::default().labels(&format!("owner=helm,name={release}"));
    let found = secrets.list_metadata(&of_release).await;
    let found = found.map_err(cluster.failed(what, &object))?;
    let Some((secret, status)) = stuck(&found.items) else {
        return Ok(None);
    };
    let only_this = DeleteParams {
        preconditions: Some(Preconditions {
            uid: secret.uid(),
            resource_version: secret.resource_version(),
        }),
        ..DeleteParams::default()
    };
    let deleted = secrets.delete(&secret.name_any(), &only_this).await;
    deleted.map_err(cluster.failed("the release was not repaired", &object))?;
    Ok(Some(format!(
        "Release {release} was left {status} by a helm that was ended. That revision was taken away, and the release is installed again."
    )))
}

/// The newest revision, and its status, if it is pending.
fn stuck(revisions: &[PartialObjectMeta<Secret>]) -> Option<(&PartialObjectMeta<Secret>, &str)> {
    let version = |secret: &PartialObjectMeta<Secret>| -> Option<u32> {
        secret.labels().get("version")?.parse().ok()
    };
    let newest = revisions.iter().max_by_key(|secret| version(secret))?;
    let status = newest.labels().get("status")?;
    status
        .starts_with("pending-")
        .then_some((newest, status.as_str()))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn only_the_newest_revision_can_be_stuck() {
        let revision = |version: u32, status: &str| -> PartialObjectMeta<Secret> {
            let labels = json!({"version": version.to_string(), "status": status});
            let name = format!("sh.helm.release.v1.shop.v{version}");
            serde_json::from_value(json!({"metadata": {"name": name, "labels": labels}}))
                .expect("metadata")
        };
        let old = revision(9, "pending-upgrade");
        let new = revision(10, "deployed");
        assert!(stuck(&[old.clone(), new.clone()]).is_none());
        let newest = revision(11, "pending-rollback");
        let revisions = [new, newest, old];
        let (found, status) = stuck(&revisions).expect("one is");
        assert!(found.name_any().ends_with(".v11"));
        assert_eq!(status, "pending-rollback");
        assert!(stuck(&[]).is_none());
    }
}
