//! `list-up`: the services of a space.

use azds_protocol::commands::{ServiceArguments, ServiceRow};
use futures_util::future::try_join3;
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::Pod;
use kube::api::ListParams;
use kube::{Api, ResourceExt};

use super::up::RELEASE_ANNOTATION;
use crate::cluster::client::Cluster;
use crate::cluster::helm::{self, Release};
use crate::cluster::pods;
use crate::cluster::spaces;
use crate::failure::Result;
use crate::progress::Progress;

const WHAT: &str = "the services are not known";
/// What the releases of services are called; nothing else in a space is.
const RELEASES: &str = "^azds-";

/// Lists the services that are up in a space.
pub async fn list_up(arguments: &ServiceArguments, progress: &Progress) -> Result<Vec<ServiceRow>> {
    let cluster = Cluster::from_kubeconfig().await?;
    let space = spaces::choose(&cluster, arguments.space.as_deref(), &arguments.folder)?;
    let object = format!("namespace {space}");
    let deployments: Api<Deployment> = Api::namespaced(cluster.client.clone(), &space);
    let pods: Api<Pod> = Api::namespaced(cluster.client.clone(), &space);
    let all = ListParams::default();
    let ask = try_join3(
        helm::list(&space, RELEASES),
        async {
            let found = deployments.list(&all).await;
            found.map_err(cluster.failed(WHAT, &object))
        },
        async {
            let found = pods.list(&all).await;
            found.map_err(cluster.failed(WHAT, &object))
        },
    );
    let (releases, deployments, pods) = progress.or_cancelled(WHAT, ask).await?;
    let rows = releases
        .iter()
        .map(|release| row(release, &space, &deployments.items, &pods.items));
    Ok(rows.collect())
}

fn row(release: &Release, space: &str, deployments: &[Deployment], pods: &[Pod]) -> ServiceRow {
    ServiceRow {
        name: release.chart_name().to_owned(),
        dev_space: space.to_owned(),
        kind: "Service".to_owned(),
        updated: in_utc(&release.updated),
        status: status(release, deployments, pods),
        release: release.name.clone(),
    }
}

/// helm tells the time in the zone of whoever installed the release.
fn in_utc(updated: &str) -> String {
    match updated.parse::<jiff::Timestamp>() {
        Ok(time) => time.to_string(),
        Err(_) => updated.to_owned(),
    }
}

fn status(release: &Release, deployments: &[Deployment], pods: &[Pod]) -> String {
    if release.status != "deployed" {
        return format!("Release {}", release.status);
    }
    let of_release = deployments.iter().filter(|deployment| {
        let annotation = deployment.annotations().get(RELEASE_ANNOTATION);
        annotation == Some(&release.name)
    });
    let mut newest: Option<&Pod> = None;
    for deployment in of_release {
        let Some(labels) = &deployment.spec.selector.match_labels else {
            continue;
        };
        let its = pods.iter().filter(|pod| {
            !pods::is_leaving(pod)
                && labels
                    .iter()
                    .all(|(key, value)| pod.labels().get(key) == Some(value))
        });
        newest = newest
            .into_iter()
            .chain(its)
            .max_by_key(|pod| pod.creation_timestamp());
    }
    match newest.map(pods::state) {
        None => "No pod".to_owned(),
        Some(state) => state.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_service_is_as_well_as_its_newest_pod() {
        let release = |status: &str| Release {
            name: "azds-1-dev-producer".into(),
            updated: "2026-11-23T03:51:40+02:00".into(),
            status: status.into(),
            chart: "producer-0.1.0".into(),
        };
        let deployment: Deployment = serde_json::from_value(json!({
            "metadata": {"annotations": {RELEASE_ANNOTATION: "azds-1-dev-producer"}},
            "spec": {"selector": {"matchLabels": {"app": "producer"}}, "template": {}},
        }))
        .expect("a deployment");
        let pod = |created: &str, status: serde_json::Value| -> Pod {
            serde_json::from_value(json!({
                "metadata": {"labels": {"app": "producer"}, "creationTimestamp": created},
                "status": status,
            }))
            .expect("a pod")
        };
        let pods = [
            pod("2026-01-01T00:00:00Z", json!({"phase": "Pending"})),
            pod(
                "2026-01-02T00:00:00Z",
                json!({"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]}),
            ),
        ];
        let deployments = [deployment];
        let row = row(&release("deployed"), "dev", &deployments, &pods);
        assert_eq!(
            (row.name.as_str(), row.status.as_str()),
            ("producer", "Running")
        );
        assert_eq!(row.updated, "2026-11-23T01:51:40Z");
        assert_eq!(
            status(&release("failed"), &deployments, &pods),
            "Release failed"
        );
        assert_eq!(status(&release("deployed"), &deployments, &[]), "No pod");
    }
}
