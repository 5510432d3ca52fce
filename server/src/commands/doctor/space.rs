//! The layers of the cluster: space, rights, webhook, and what the initializer sees of the rest.

use std::collections::BTreeMap;

use azds_protocol::agent::{GATE_PORT, SpaceStatus, TAG_PREFIX};
use azds_protocol::commands::Check;
use k8s_openapi::api::core::v1::Pod;
use k8s_openapi::api::networking::v1::NetworkPolicy;
use kube::Api;
use kube::api::{ListParams, PostParams};
use serde_json::json;

use super::{Report, WHAT};
use crate::cluster::client::Cluster;
use crate::cluster::network_policies::{NAMESPACE_LABEL, Peer, Way, that_block};
use crate::cluster::{pods, rights, spaces};
use crate::commands::use_dev_spaces::developer_rights;
use crate::failure::{Failure, Result};

/// What a check says that its reader lacks the right for.
const ADMINISTRATOR: &str = "needs an administrator, or the right to";

/// Looks at a space of the cluster.
pub async fn look(report: &mut Report, cluster: &Cluster, space: &str) {
    let status = spaces::status(cluster, space).await;
    let status = report.note("space", status, |it| {
        format!("{space}, set up by azds {}", it.version)
    });
    let rights = async { rights::require(cluster, space, &developer_rights()?).await };
    report.note("rights", rights.await, |()| format!("enough in {space}"));
    let Some(status) = status else { return };
    let webhook = webhook(cluster, space).await;
    let answers = webhook.failure.is_none();
    report.0.push(webhook);
    report.0.extend(of_initializer(status, answers));
    report.0.push(policies(cluster, space).await);
}

/// What the initializer says it has seen. It says nothing new once it is away.
fn of_initializer(status: SpaceStatus, answers: bool) -> Vec<Check> {
    let mut checks = status.checks;
    if checks.is_empty() {
        let why = "the initializer has not looked yet; it does so every 10 s";
        checks.push(Check::unknown("builder", why));
    }
    if !answers {
        for check in &mut checks {
            let last = check.found.take();
            if check.failure.is_none() {
                let last = last.unwrap_or_default();
                check.unknown = Some(format!(
                    "{ADMINISTRATOR} look at namespace azds: the initializer does not answer now; the last that it said was: {last}"
                ));
            }
        }
    }
    checks
}

/// Has the API server take a pod as an `up` makes them, and keep it not.
async fn webhook(cluster: &Cluster, space: &str) -> Check {
    let pods: Api<Pod> = Api::namespaced(cluster.client.clone(), space);
    let dry = PostParams {
        dry_run: true,
        ..PostParams::default()
    };
    let name = "webhook";
    match pods.create(&dry, &example()).await {
        Ok(pod) => Check::of(name, completed(&pod, space)),
        Err(kube::Error::Api(status))
            if status.code == 403 && status.message.contains("cannot create resource \"pods\"") =>
        {
            Check::unknown(name, format!("{ADMINISTRATOR} create pods in {space}"))
        }
        Err(kube::Error::Api(status)) if status.code == 403 => {
            let failure = Failure::new(WHAT, format!("namespace {space}"), status.message.clone());
            let remedy = match status.message.contains("exceeded quota") {
                true => {
                    "Remove what you no longer need (azds list-up --all, azds down), or ask for more quota."
                }
                false => {
                    "Have an administrator of the cluster look at what forbids such a pod in this namespace."
                }
            };
            Check::of(name, Err(failure.try_to(remedy)))
        }
        Err(error) => {
            let failed = cluster.failed(WHAT, "the webhook of azds");
            Check::of(name, Err(failed(error)))
        }
    }
}

/// A pod that fits into every space.
fn example() -> Pod {
    let pod = json!({
        "metadata": {"generateName": "azds-doctor-"},
        "spec": {
            "securityContext": {"runAsNonRoot": true, "runAsUser": 65532, "seccompProfile": {"type": "RuntimeDefault"}},
            "automountServiceAccountToken": false,
            "containers": [{
                "name": "doctor",
                "image": format!("azds-doctor:{TAG_PREFIX}doctor"),
                "imagePullPolicy": "Never",
                "resources": {"requests": {"cpu": "1m", "memory": "1Mi"}, "limits": {"cpu": "1m", "memory": "1Mi"}},
                "securityContext": {"allowPrivilegeEscalation": false, "capabilities": {"drop": ["ALL"]}},
            }],
        },
    });
    serde_json::from_value(pod).expect("the pod above is one")
}

fn completed(pod: &Pod, space: &str) -> Result<String> {
    if !pods::is_completed(pod) {
        let why = "it did not complete a pod that was made to see whether it does: azds-initializer does not run, is too slow, or does not get the API server's call";
        return Err(Failure::new(WHAT, "the webhook of azds", why).try_to(
            "Have an administrator look: kubectl -n azds get pods,events; azds use-dev-spaces brings back what is missing.",
        ));
    }
    if pods::pulls_what_was_built(pod) {
        let why = "it makes the kubelet pull every image (admission plugin AlwaysPullImages), and no registry has those that azds builds on the node";
        return Err(Failure::new(WHAT, "the cluster", why)
            .try_to("Have an administrator turn the admission plugin AlwaysPullImages off."));
    }
    Ok(format!("it completes the pods of {space}"))
}

/// Whether pods of the space reach the builder, as far as the policies of the space say.
async fn policies(cluster: &Cluster, space: &str) -> Check {
    let name = "network policies";
    let policies: Api<NetworkPolicy> = Api::namespaced(cluster.client.clone(), space);
    let found = match policies.list(&ListParams::default()).await {
        Ok(found) => found.items,
        Err(kube::Error::Api(status)) if status.code == 403 => {
            let right = "list networkpolicies.networking.k8s.io in";
            return Check::unknown(name, format!("{ADMINISTRATOR} {right} {space}"));
        }
        Err(error) => {
            let failed = cluster.failed("the network policies are not known", space);
            return Check::of(name, Err(failed(error)));
        }
    };
    let label = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    let azds = BTreeMap::from([label(NAMESPACE_LABEL, "azds")]);
    let builder = BTreeMap::from([label("app", "azds-builder")]);
    let peer = Peer {
        namespace: &azds,
        pod: Some(&builder),
        same_namespace: space == "azds",
    };
    // Without labels: the policies for all pods of the space, which hold a new service's, too.
    let blocking = that_block(&found, Way::Out, &BTreeMap::new(), &peer, GATE_PORT);
    Check::of(name, match blocking.is_empty() {
        true => Ok(format!("none keeps the pods of {space} from the builder")),
        false => Err(Failure::new(
            "pods of this space do not reach the builder",
            format!("NetworkPolicy {} in namespace {space}", blocking.join(", ")),
            format!("it lets no pod out to port {GATE_PORT} of namespace azds"),
        )
        .try_to(format!(
            "Add a rule: egress: [{{to: [{{namespaceSelector: {{matchLabels: {{{NAMESPACE_LABEL}: azds}}}}}}], ports: [{{port: {GATE_PORT}}}]}}]."
        ))),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn status(checks: Vec<Check>) -> SpaceStatus {
        SpaceStatus {
            parents: Vec::new(),
            version: String::new(),
            protocol: 0,
            host_suffix: String::new(),
            ingress_class: String::new(),
            checks,
        }
    }

    #[test]
    fn what_an_initializer_said_that_is_away_is_not_taken_for_true() {
        let fine = Check::of("builder on a", Ok("it answers".to_owned()));
        assert_eq!(
            of_initializer(status(vec![fine.clone()]), true),
            std::slice::from_ref(&fine)
        );
        let [told] = &of_initializer(status(vec![fine]), false)[..] else {
            panic!("one check")
        };
        assert!(told.found.is_none() && told.failure.is_none());
        let unknown = told.unknown.as_deref().unwrap_or_default();
        assert!(unknown.contains("administrator") && unknown.contains("it answers"));
        assert!(
            of_initializer(status(Vec::new()), true)[0]
                .unknown
                .is_some()
        );
    }

    #[test]
    fn a_pod_that_was_not_completed_and_one_that_is_always_pulled() {
        let mut pod = example();
        let failure = completed(&pod, "dev").expect_err("nobody completed it");
        assert!(failure.why.contains("azds-initializer"));
        let spec = pod.spec.as_mut().expect("a spec");
        let mut build = spec.containers[0].clone();
        build.name = azds_protocol::agent::BUILD_CONTAINER.to_owned();
        spec.init_containers = Some(vec![build]);
        assert!(completed(&pod, "dev").is_ok());
        let spec = pod.spec.as_mut().expect("a spec");
        spec.containers[0].image_pull_policy = Some("Always".to_owned());
        let failure = completed(&pod, "dev").expect_err("no registry has it");
        assert!(failure.why.contains("AlwaysPullImages"));
    }
}
