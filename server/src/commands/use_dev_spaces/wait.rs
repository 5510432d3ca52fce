//! Waiting until what azds runs in the cluster is ready, or will never be.

use std::collections::BTreeMap;
use std::time::Duration;

use futures_util::future::try_join3;
use k8s_openapi::api::admissionregistration::v1::MutatingWebhookConfiguration;
use k8s_openapi::api::apps::v1::{DaemonSet, Deployment};
use k8s_openapi::api::core::v1::Pod;
use kube::api::ListParams;
use kube::{Api, ResourceExt};
use tokio::time::{Instant, sleep};

use crate::cluster::client::Cluster;
use crate::cluster::pods::{self, PodState};
use crate::cluster::spaces;
use crate::failure::{Failure, Result};
use crate::progress::Step;

const WHAT: &str = "azds is not ready";
const WEBHOOK: &str = "azds-initializer";
const READY: Duration = Duration::from_secs(300);
/// A node that does not answer must not keep azds in the cluster.
const CLEAN: Duration = Duration::from_secs(120);
const PAUSE: Duration = Duration::from_millis(300);

/// Waits until all of azds is ready in `namespace`, and nothing of another set-up is left.
pub async fn until_ready(cluster: &Cluster, namespace: &str, step: &Step) -> Result<()> {
    until(cluster, namespace, None, READY, step).await
}

/// Waits until the initializer has told `space` its status, and the API server whom to trust.
pub async fn until_told(
    cluster: &Cluster,
    namespace: &str,
    space: &str,
    step: &Step,
) -> Result<()> {
    until(cluster, namespace, Some(space), READY, step).await
}

/// Waits until the builders, told to clean their nodes, have done so.
pub async fn until_clean(cluster: &Cluster, namespace: &str, step: &Step) -> Result<()> {
    until(cluster, namespace, None, CLEAN, step).await
}

async fn until(
    cluster: &Cluster,
    namespace: &str,
    space: Option<&str>,
    limit: Duration,
    step: &Step,
) -> Result<()> {
    let end = Instant::now() + limit;
    let (mut seen, mut since, mut has_warned) = (String::new(), Instant::now(), false);
    loop {
        let (waits_for, pod) = match (not_ready(cluster, namespace).await?, space) {
            (Some(waits_for), _) => waits_for,
            (None, None) => return Ok(()),
            (None, Some(space)) => match spaces::status(cluster, space).await {
                Ok(_) if is_trusted(cluster).await? => return Ok(()),
                Ok(_) => (
                    "the API server does not know the webhook's certificate yet".to_owned(),
                    None,
                ),
                Err(failure) => (failure.to_string(), None),
            },
        };
        if Instant::now() > end {
            let words = pods::words_of_waiting(cluster, pod.as_ref()).await;
            let limit = limit.as_secs();
            let why = format!("after {limit} s this is not done: {waits_for}{words}");
            return Err(Failure::new(WHAT, format!("namespace {namespace}"), why)
                .try_to(format!("See: kubectl -n {namespace} get pods,events.")));
        }
        if waits_for != seen {
            step.say(&waits_for);
            (seen, since, has_warned) = (waits_for, Instant::now(), false);
        }
        if let Some(pod) = pod.filter(|_| !has_warned && since.elapsed() > pods::WARNS_AFTER) {
            has_warned = true;
            for warning in pods::warnings(cluster, &pod).await {
                step.say(format!("pod {}: {warning}", pod.name_any()));
            }
        }
        sleep(PAUSE).await;
    }
}

/// Whether the webhook would be called: the initializer writes its authority there.
async fn is_trusted(cluster: &Cluster) -> Result<bool> {
    let webhooks: Api<MutatingWebhookConfiguration> = Api::all(cluster.client.clone());
    let found = webhooks.get_opt(WEBHOOK).await;
    let found = found.map_err(cluster.failed(WHAT, &format!("webhook {WEBHOOK}")))?;
    let webhooks = found.and_then(|found| found.webhooks).unwrap_or_default();
    Ok(webhooks
        .iter()
        .any(|it| it.client_config.ca_bundle.is_some()))
}

/// What is not ready, and the pod that it is because of, if one is known.
async fn not_ready(cluster: &Cluster, namespace: &str) -> Result<Option<(String, Option<Pod>)>> {
    let object = format!("namespace {namespace}");
    let all = ListParams::default();
    let client = || cluster.client.clone();
    let deployments: Api<Deployment> = Api::namespaced(client(), namespace);
    let daemon_sets: Api<DaemonSet> = Api::namespaced(client(), namespace);
    let pods: Api<Pod> = Api::namespaced(client(), namespace);
    let asked = try_join3(
        deployments.list(&all),
        daemon_sets.list(&all),
        pods.list(&all),
    );
    let (deployments, mut daemon_sets, mut pods) =
        asked.await.map_err(cluster.failed(WHAT, &object))?;
    // Pulling images ahead may take long, or fail for one that nobody needs: nothing waits for it.
    let ahead = |labels: &BTreeMap<String, String>| {
        labels
            .get("app")
            .is_some_and(|app| app == "azds-image-prepull")
    };
    // It and its successor would both tell spaces their status, and the older one could be the last.
    let leaving = pods.iter().find(|pod| {
        let app = pod.labels().get("app");
        pods::is_leaving(pod) && app.is_some_and(|app| app == "azds-initializer")
    });
    let leaving = leaving.map(|pod| format!("pod {} is leaving", pod.name_any()));
    daemon_sets
        .items
        .retain(|it| it.name_any() != "azds-image-prepull");
    pods.items
        .retain(|pod| !pods::is_leaving(pod) && !ahead(pod.labels()));
    for pod in &pods.items {
        if let PodState::Stuck(stuck) = pods::state(pod) {
            let name = pod.name_any();
            let words = pods::last_words(cluster, pod, stuck.ran()).await;
            let container = stuck.container.as_deref().unwrap_or_default();
            let why = format!(
                "container {container} waits with {} ({}){words}",
                stuck.reason, stuck.message
            );
            let remedy = match stuck.reason.as_str() {
                "ErrImageNeverPull" => {
                    "Bring the image to every node (azds images save FILE; ctr -n k8s.io images import FILE), or use --registry."
                }
                _ => "Correct the values of the set-up (--values) and run it again.",
            };
            return Err(Failure::new(WHAT, format!("pod {name}"), why).try_to(remedy));
        }
    }
    let waiting = pods.iter().find_map(|pod| match pods::state(pod) {
        PodState::Waiting(at) | PodState::Unscheduled(at) => {
            Some((format!("pod {}: {at}", pod.name_any()), Some(pod.clone())))
        }
        _ => None,
    });
    // As `kubectl rollout status` asks: a pod of before is available, too.
    let deployment = deployments.iter().find(|it| {
        let Some(status) = &it.status else {
            return true;
        };
        let updated = status.updated_replicas.unwrap_or(0);
        status.observed_generation < it.metadata.generation
            || updated < it.spec.replicas.unwrap_or(1)
            || status.replicas.unwrap_or(0) > updated
            || status.available_replicas.unwrap_or(0) < updated
    });
    let daemon_set = daemon_sets.iter().find(|it| match &it.status {
        None => true,
        Some(status) => {
            status.observed_generation < it.metadata.generation
                || status.updated_number_scheduled.unwrap_or(0) < status.desired_number_scheduled
                || status.number_ready < status.desired_number_scheduled
        }
    });
    let named = deployment
        .map(|it| format!("deployment {} is not ready", it.name_any()))
        .or_else(|| daemon_set.map(|it| format!("daemon set {} is not ready", it.name_any())));
    let named = named.map(|named| waiting.unwrap_or((named, None)));
    Ok(named.or(leaving.map(|leaving| (leaving, None))))
}
