//! Faults of the service's own objects.

use std::time::Duration;

use azds_tests::until;
use k8s_openapi::api::core::v1::{Pod, ResourceQuota};
use k8s_openapi::api::networking::v1::NetworkPolicy;
use kube::ResourceExt;
use kube::api::{Api, DeleteParams, ListParams};
use serde_json::json;

use crate::stage::{Seen, Stage, told};

impl Stage {
    fn pods(&self) -> Api<Pod> {
        Api::namespaced(self.client.clone(), &self.space.namespace.name)
    }

    /// The one pod of the service.
    pub async fn pod(&self) -> Pod {
        let pods = self
            .pods()
            .list(&ListParams::default())
            .await
            .expect("pods");
        let mut staying = pods
            .items
            .into_iter()
            .filter(|it| it.metadata.deletion_timestamp.is_none());
        staying.next().expect("a pod")
    }

    /// The container of the service on the node, and how often it was started.
    async fn container(&self) -> (String, i32) {
        let status = self.pod().await.status.expect("a status");
        let container = status.container_statuses.expect("a container").remove(0);
        let id = container.container_id.expect("it runs");
        (
            id.trim_start_matches("containerd://").to_owned(),
            container.restart_count,
        )
    }

    fn kill(&self, container: &str) {
        let killed = self.ctr(&["tasks", "kill", "--signal", "SIGKILL", container]);
        assert!(killed.status.success(), "{}", killed.stderr);
    }
}

pub async fn pod_deleted(stage: &Stage) -> Seen {
    let uri = stage.up();
    let name = stage.pod().await.name_any();
    let deleted = stage.pods().delete(&name, &DeleteParams::default()).await;
    deleted.expect("an administrator may");
    until("another pod", || async {
        match stage.pods().get_opt(&name).await {
            Ok(None) => Ok(()),
            other => Err(format!("{other:?}")),
        }
    })
    .await;
    stage.answers(&uri, "EUR").await;
    Seen {
        outcome: "the tunnel leads to the new pod, at the same address".to_owned(),
        doctor: stage.doctor_is_content().await,
    }
}

pub async fn container_killed(stage: &Stage) -> Seen {
    let uri = stage.up();
    let (container, _) = stage.container().await;
    stage.kill(&container);
    until("the container to be started again", || async {
        match stage.container().await {
            (_, 0) => Err("it was not".to_owned()),
            _ => Ok(()),
        }
    })
    .await;
    stage.answers(&uri, "EUR").await;
    Seen {
        outcome: "the tunnel leads to the new container, at the same address".to_owned(),
        doctor: stage.doctor_is_content().await,
    }
}

pub async fn image_collected(stage: &Stage) -> Seen {
    let up = stage.service().azds("up", &["-d"]).json();
    let image = up["image"].as_str().expect("an image");
    let (container, _) = stage.container().await;
    let removed = stage.ctr(&[
        "images",
        "remove",
        "--sync",
        &format!("docker.io/library/{image}"),
    ]);
    assert!(removed.status.success(), "{}", removed.stderr);
    stage.kill(&container);
    let doctor = stage.doctor_says("pods", "ErrImageNeverPull").await;
    // `azds up` mends it, without `azds down` before it.
    Seen {
        outcome: "azds up replaces the pod and has its image built again".to_owned(),
        doctor,
    }
}

pub async fn quota_exceeded(stage: &Stage) -> Seen {
    let quota = json!({"metadata": {"name": "none"}, "spec": {"hard": {"pods": "0"}}});
    stage.space.namespace.create::<ResourceQuota>(quota).await;
    let quotas =
        Api::<ResourceQuota>::namespaced(stage.client.clone(), &stage.space.namespace.name);
    until("the quota to count", || async {
        match quotas.get("none").await {
            Ok(quota) if quota.status.as_ref().is_some_and(|it| it.hard.is_some()) => Ok(()),
            other => Err(format!("{other:?}")),
        }
    })
    .await;
    let failure = stage.service().azds("up", &["-d"]).failure();
    let outcome = told(&failure);
    assert!(outcome.contains("exceeded quota: none"), "{outcome}");
    let doctor = stage.doctor_says("webhook", "exceeded quota: none").await;
    let lifted = quotas.delete("none", &DeleteParams::default()).await;
    lifted.expect("an administrator may");
    Seen { outcome, doctor }
}

pub async fn network_policy(stage: &Stage) -> Seen {
    // The network of the cluster heeds no policies: the object is what doctor reads.
    let closed = json!({"metadata": {"name": "closed"}, "spec": {"podSelector": {}, "policyTypes": ["Egress"]}});
    stage.space.namespace.create::<NetworkPolicy>(closed).await;
    let doctor = stage
        .doctor_says("network policies", "NetworkPolicy closed")
        .await;
    let policies =
        Api::<NetworkPolicy>::namespaced(stage.client.clone(), &stage.space.namespace.name);
    let lifted = policies.delete("closed", &DeleteParams::default()).await;
    lifted.expect("an administrator may");
    tokio::time::sleep(Duration::from_millis(100)).await;
    Seen {
        outcome: "seen by doctor as an object; the cluster's network does not enforce it"
            .to_owned(),
        doctor,
    }
}
