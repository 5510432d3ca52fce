//! What is left of earlier troubles, and an `up` mends itself: nobody should have to run `down` first.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use k8s_openapi::api::apps::v1::{Deployment, ReplicaSet};
use k8s_openapi::api::core::v1::Pod;
use kube::api::{DeleteParams, ObjectMeta, Patch, PatchParams, PostParams, Preconditions};
use kube::{Api, ResourceExt};
use serde_json::json;
use tokio::time::Instant;

use super::rollout::Verdict;
use crate::cluster::client::Cluster;

/// How long a ReplicaSet may take to try again once its Deployment was touched.
const TRY_AGAIN: Duration = Duration::from_secs(30);
/// Annotation by which a Deployment is touched, so that its ReplicaSet tries again at once. After
/// failures its own next try may be many minutes away.
const TOUCHED: &str = "azds.io/tried-again";

/// What was mended so far.
#[derive(Default)]
pub struct Mending {
    /// Pods that were there before this `up`, by their uid.
    old: Option<HashSet<String>>,
    /// ReplicaSets that were told to try again, by their uid, and when.
    touched: HashMap<String, Instant>,
}

impl Mending {
    /// Takes note of the pods that are there at the beginning; what comes later is no news.
    pub fn began<'a>(&mut self, pods: impl Iterator<Item = &'a Pod>) {
        self.old
            .get_or_insert_with(|| pods.filter_map(ResourceExt::uid).collect());
    }

    /// Mends what a verdict says, if that can be done: what is waited for then.
    pub async fn mend(
        &mut self,
        cluster: &Cluster,
        space: &str,
        verdict: &Verdict<'_>,
    ) -> Option<String> {
        match verdict {
            Verdict::NotCompleted(pod) | Verdict::Stuck(pod, _) => {
                self.replace(cluster, space, pod).await
            }
            Verdict::Refused(set, _) => self.try_again(cluster, space, set).await,
            _ => None,
        }
    }

    /// Deletes an old pod that has no build, or is stuck: that whose node has lost the image comes to be
    /// stuck by more than one reason. The pod that comes in its place is built, and tries at once.
    async fn replace(&mut self, cluster: &Cluster, space: &str, pod: &Pod) -> Option<String> {
        let uid = pod.uid()?;
        if !self.old.as_mut()?.remove(&uid) || pod.owner_references().is_empty() {
            return None;
        }
        let pods: Api<Pod> = Api::namespaced(cluster.client.clone(), space);
        let this_one = DeleteParams {
            preconditions: Some(Preconditions {
                uid: Some(uid),
                resource_version: None,
            }),
            ..DeleteParams::default()
        };
        // Without the right to it the verdict stands, and says what to do.
        pods.delete(&pod.name_any(), &this_one).await.ok()?;
        Some(format!(
            "pod {} of an earlier time does not get further: another takes its place",
            pod.name_any()
        ))
    }

    /// Has a ReplicaSet try again whose pods were refused, if they would not be refused now.
    async fn try_again(
        &mut self,
        cluster: &Cluster,
        space: &str,
        set: &ReplicaSet,
    ) -> Option<String> {
        let waits = format!("Kubernetes creates the pods of {} again", set.name_any());
        let uid = set.uid()?;
        if let Some(touched) = self.touched.get(&uid) {
            return (touched.elapsed() < TRY_AGAIN).then_some(waits);
        }
        let template = set.spec.template.as_ref()?;
        let pod = Pod {
            metadata: ObjectMeta {
                generate_name: Some(format!("{}-", set.name_any())),
                ..template.metadata.clone().unwrap_or_default()
            },
            spec: template.spec.clone(),
            ..Pod::default()
        };
        let dry = PostParams {
            dry_run: true,
            ..PostParams::default()
        };
        let pods: Api<Pod> = Api::namespaced(cluster.client.clone(), space);
        pods.create(&dry, &pod).await.ok()?;
        let deployment = set.owner_references().first()?.name.clone();
        let now = jiff::Timestamp::now().to_string();
        let patch = json!({"metadata": {"annotations": {TOUCHED: now}}});
        let deployments: Api<Deployment> = Api::namespaced(cluster.client.clone(), space);
        deployments
            .patch(&deployment, &PatchParams::default(), &Patch::Merge(patch))
            .await
            .ok()?;
        self.touched.insert(uid, Instant::now());
        Some(waits)
    }
}
