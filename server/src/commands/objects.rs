//! What is in a space, by the releases that it belongs to.

use futures_util::future::try_join;
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::Pod;
use kube::api::ListParams;
use kube::{Api, ResourceExt};

use super::up::RELEASE_ANNOTATION;
use crate::cluster::client::Cluster;
use crate::cluster::pods;
use crate::failure::Result;

/// The Deployments and pods of a space.
pub struct Objects {
    deployments: Vec<Deployment>,
    pods: Vec<Pod>,
}

impl Objects {
    /// Asks the cluster; `what` did not happen if it does not answer.
    pub async fn of(cluster: &Cluster, space: &str, what: &str) -> Result<Objects> {
        let object = format!("namespace {space}");
        let found = Objects::ask(cluster, space).await;
        found.map_err(cluster.failed(what, &object))
    }

    /// Asks the cluster; gives its own error.
    pub async fn ask(cluster: &Cluster, space: &str) -> kube::Result<Objects> {
        let deployments: Api<Deployment> = Api::namespaced(cluster.client.clone(), space);
        let pods: Api<Pod> = Api::namespaced(cluster.client.clone(), space);
        let all = ListParams::default();
        let found = try_join(deployments.list(&all), pods.list(&all)).await;
        let (deployments, pods) = found?;
        Ok(Objects {
            deployments: deployments.items,
            pods: pods.items,
        })
    }

    /// One of each.
    #[cfg(test)]
    pub fn from_json(deployment: serde_json::Value, pod: serde_json::Value) -> Objects {
        Objects {
            deployments: vec![serde_json::from_value(deployment).expect("a deployment")],
            pods: vec![serde_json::from_value(pod).expect("a pod")],
        }
    }

    /// Whether a release is in the space.
    pub fn has(&self, release: &str) -> bool {
        self.deployments_of(release).next().is_some()
    }

    /// The pods of a release that are not on their way out, the newest last.
    pub fn pods_of(&self, release: &str) -> Vec<&Pod> {
        let mut pods: Vec<&Pod> = self
            .pods
            .iter()
            .filter(|pod| !pods::is_leaving(pod))
            .filter(|pod| {
                let mut its = self.deployments_of(release);
                its.any(|deployment| selects(deployment, pod))
            })
            .collect();
        pods.sort_by_key(|pod| pod.creation_timestamp());
        pods
    }

    /// The Deployments of a release.
    pub fn deployments_of(&self, release: &str) -> impl Iterator<Item = &Deployment> {
        self.deployments.iter().filter(move |deployment| {
            let its = deployment.annotations().get(RELEASE_ANNOTATION);
            its.is_some_and(|its| its == release)
        })
    }
}

fn selects(deployment: &Deployment, pod: &Pod) -> bool {
    let Some(labels) = &deployment.spec.selector.match_labels else {
        return false;
    };
    let mut labels = labels.iter();
    labels.all(|(key, value)| pod.labels().get(key) == Some(value))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_release_has_the_pods_that_its_deployment_selects() {
        let deployment = json!({
            "metadata": {"annotations": {RELEASE_ANNOTATION: "azds-1-dev-shop"}},
            "spec": {"selector": {"matchLabels": {"app": "shop"}}, "template": {}},
        });
        let pod = |name: &str, app: &str, created: &str| -> Pod {
            serde_json::from_value(json!({
                "metadata": {"name": name, "labels": {"app": app}, "creationTimestamp": created},
            }))
            .expect("a pod")
        };
        let objects = Objects {
            deployments: vec![serde_json::from_value(deployment).expect("a deployment")],
            pods: vec![
                pod("new", "shop", "2026-01-02T00:00:00Z"),
                pod("other", "other", "2026-01-02T00:00:00Z"),
                pod("old", "shop", "2026-01-01T00:00:00Z"),
            ],
        };
        let names = |release| {
            let pods = objects.pods_of(release).into_iter();
            pods.map(|pod| pod.name_any()).collect::<Vec<_>>()
        };
        assert_eq!(names("azds-1-dev-shop"), ["old", "new"]);
        assert!(objects.has("azds-1-dev-shop"));
        assert!(names("azds-2-dev-shop").is_empty() && !objects.has("azds-2-dev-shop"));
    }
}
