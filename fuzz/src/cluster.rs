//! Answers of an API server, and of helm, that are of the right shape and say anything.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::sync::LazyLock;

use azds::cluster::client::Cluster;
use azds::cluster::helm::{self, Release};
use azds::cluster::network_policies::{Peer, Way, that_block};
use azds::cluster::pods::{self, PodState};
use azds::cluster::rights::{self, Right};
use azds::cluster::{spaces, tunnels, up_secret};
use azds::commands::list_uris::public_addresses;
use azds::commands::up::Objects;
use hyper::{Request, Response, StatusCode};
use k8s_openapi::api::apps::v1::{Deployment, ReplicaSet};
use k8s_openapi::api::core::v1::{Namespace, Pod, Service};
use k8s_openapi::api::networking::v1::{Ingress, NetworkPolicy};
use kube::client::Body;
use kube::{Client, ResourceExt};
use serde::de::DeserializeOwned;
use serde_json::Value;
use tokio::runtime::Runtime;

use crate::change::{Choices, change};

/// An object of each kind, as a cluster has them.
static OBJECTS: LazyLock<Value> = LazyLock::new(|| {
    serde_json::from_str(include_str!("objects.json")).expect("objects.json is JSON")
});
static RUNTIME: LazyLock<Runtime> = LazyLock::new(|| {
    let mut builder = tokio::runtime::Builder::new_current_thread();
    builder.enable_all().build().expect("a runtime")
});
const TAG: &str = "mindaro-0123456789abcdef";
const RELEASE: &str = "azds-1-dev-shop";

/// Text that begins with a brace or a bracket is the answer to everything; other bytes choose what the
/// objects say.
pub fn cluster(bytes: &[u8]) {
    if matches!(bytes.first(), Some(b'{' | b'[')) {
        return RUNTIME.block_on(ask(bytes.to_vec(), StatusCode::OK));
    }
    let mut choices = Choices(bytes);
    match choices.below(3) {
        0 => judge(&mut choices),
        1 => whole(&mut choices),
        _ => {
            let (_, object) = chosen(&mut choices);
            let status = [200, 403, 404, 409, 500][choices.below(5)];
            let status = StatusCode::from_u16(status).expect("a status");
            RUNTIME.block_on(ask(object.to_string().into_bytes(), status));
        }
    }
}

/// One of the objects, with something else in it.
fn chosen(choices: &mut Choices<'_>) -> (usize, Value) {
    let objects = OBJECTS.as_object().expect("objects.json is an object");
    let at = choices.below(objects.len());
    let mut object = objects.values().nth(at).cloned().unwrap_or_default();
    change(&mut object, choices);
    (at, object)
}

fn object<T: DeserializeOwned>(name: &str, choices: &mut Choices<'_>) -> Option<T> {
    let mut object = OBJECTS[name].clone();
    change(&mut object, choices);
    serde_json::from_value(object).ok()
}

/// What is made of single objects.
fn judge(choices: &mut Choices<'_>) {
    let pods: Vec<Pod> = (0..2).filter_map(|_| object("pod", choices)).collect();
    for pod in &pods {
        pods::wrapped_containers(pod);
        pods::uses_tag(pod, TAG);
        pods::pulls_what_was_built(pod);
        if let PodState::Stuck(stuck) = pods::state(pod) {
            stuck.ran();
        }
        let services: Vec<Service> = object("service", choices).into_iter().collect();
        for route in tunnels::routes(&services, pod) {
            let mut names = services.iter().map(ResourceExt::name_any);
            assert!(names.any(|name| name == route.service));
        }
    }
    if let Some(namespace) = object::<Namespace>("namespace", choices) {
        spaces::of_namespace(&namespace);
    }
    let policies: Vec<NetworkPolicy> = object("networkPolicy", choices).into_iter().collect();
    let labels = BTreeMap::from([("app".to_owned(), "shop".to_owned())]);
    for way in [Way::In, Way::Out] {
        let peer = Peer {
            namespace: &labels,
            pod: Some(&labels),
            same_namespace: true,
        };
        that_block(&policies, way, &labels, &peer, 29172);
    }
    if let Some(ingress) = object::<Ingress>("ingress", choices) {
        public_addresses(&ingress);
    }
    if let Some(release) = object::<Release>("release", choices) {
        assert!(release.chart.starts_with(release.chart_name()));
    }
}

/// What is made of a Deployment, its ReplicaSet and its pods together.
fn whole(choices: &mut Choices<'_>) {
    let mut objects = Objects::default();
    for _ in 0..=choices.below(2) {
        if let Some(deployment) = object::<Deployment>("deployment", choices) {
            objects.deployments.put(deployment);
        }
        if let Some(replica_set) = object::<ReplicaSet>("replicaSet", choices) {
            objects.replica_sets.put(replica_set);
        }
        if let Some(pod) = object::<Pod>("pod", choices) {
            objects.deployment_of(&pod);
            objects.pods.put(pod);
        }
    }
    let _ = objects.verdict(RELEASE, TAG).to_string();
    objects.hooks(TAG);
    objects.is_building(TAG);
    objects.tag_of(RELEASE);
    assert!(objects.unbuilt(TAG).all(|pod| !pods::is_built(pod)));
}

/// Asks an API server that has one answer to everything. What it refuses or garbles is a failure.
async fn ask(answer: Vec<u8>, status: StatusCode) {
    let server = tower::service_fn(move |_: Request<Body>| {
        let mut response = Response::new(Body::from(answer.clone()));
        *response.status_mut() = status;
        async move { Ok::<_, Infallible>(response) }
    });
    let cluster = Cluster {
        client: Client::new(server, "dev"),
        address: "https://cluster".to_owned(),
        context: "test".to_owned(),
        default_namespace: "dev".to_owned(),
    };
    let _ = spaces::status(&cluster, "dev").await;
    spaces::list(&cluster).await;
    if let Ok(Some(secret)) = up_secret::find(&cluster, "dev", TAG).await {
        assert!(!secret.token.is_empty() || status.is_success());
    }
    let _ = up_secret::clean(&cluster, "dev", RELEASE, Some(TAG)).await;
    let _ = helm::repair(&cluster, RELEASE, "dev").await;
    let right = Right {
        verb: "create".to_owned(),
        group: String::new(),
        resource: "pods".to_owned(),
    };
    let _ = rights::missing(&cluster, "dev", &[right]).await;
    let _ = cluster.version().await;
    let pod: Pod = serde_json::from_value(OBJECTS["pod"].clone()).expect("a pod");
    pods::last_words(&cluster, &pod, Some("shop")).await;
    let _ = pods::delete(&cluster, &pod).await;
}
