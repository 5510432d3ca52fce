//! What is left of earlier troubles, and an `up` mends itself: nobody should have to run `down` first.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use k8s_openapi::api::apps::v1::{Deployment, ReplicaSet};
use k8s_openapi::api::core::v1::Pod;
use kube::api::{ObjectMeta, Patch, PatchParams, PostParams};
use kube::{Api, ResourceExt};
use serde_json::json;
use tokio::time::{Instant, sleep};

use super::rollout::Verdict;
use crate::cluster::client::Cluster;
use crate::cluster::pods;

/// How long a ReplicaSet may take to try again once its Deployment was touched.
const TRY_AGAIN: Duration = Duration::from_secs(30);
/// Annotation by which a Deployment is touched, so that its ReplicaSet tries again at once. After
/// failures its own next try may be many minutes away.
const TOUCHED: &str = "azds.io/tried-again";

/// How many pods of this `up` may begin without their build: a webhook that just came back is called a
/// moment after its pod is ready.
const MOST_UNCOMPLETED: usize = 5;
const PAUSE: Duration = Duration::from_secs(1);

/// What was mended so far.
#[derive(Default)]
pub struct Mending {
    /// Pods of this `up` that began without their build and were deleted, by their uid.
    uncompleted: HashSet<String>,
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
            Verdict::NotCompleted(pod) => match self.replace_old(cluster, pod).await {
                None => self.replace_new(cluster, pod).await,
                replaced => replaced,
            },
            Verdict::Stuck(pod, _) => self.replace_old(cluster, pod).await,
            Verdict::Refused(set, _) => self.try_again(cluster, space, set).await,
            _ => None,
        }
    }

    /// Deletes an old pod that has no build, or is stuck: that whose node has lost the image comes to be
    /// stuck by more than one reason. The pod that comes in its place is built, and tries at once.
    async fn replace_old(&mut self, cluster: &Cluster, pod: &Pod) -> Option<String> {
        if !self.old.as_mut()?.remove(&pod.uid()?) {
            return None;
        }
        replace(cluster, pod).await?;
        Some(format!(
            "pod {} of an earlier time does not get further: another takes its place",
            pod.name_any()
        ))
    }

    /// Deletes a pod of this `up` that began without its build, while the webhook may be coming back.
    async fn replace_new(&mut self, cluster: &Cluster, pod: &Pod) -> Option<String> {
        let uid = pod.uid()?;
        // Its end may be told of later than it is judged again.
        if !self.uncompleted.contains(&uid) {
            if self.uncompleted.len() == MOST_UNCOMPLETED {
                return None;
            }
            sleep(PAUSE).await;
            replace(cluster, pod).await?;
            self.uncompleted.insert(uid);
        }
        Some(format!(
            "pod {} began without its build: another takes its place",
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

/// Deletes a pod that another will take the place of. Without the right to it the verdict stands, and
/// says what to do.
async fn replace(cluster: &Cluster, pod: &Pod) -> Option<()> {
    if pod.owner_references().is_empty() {
        return None;
    }
    pods::delete(cluster, pod).await.ok()
}
