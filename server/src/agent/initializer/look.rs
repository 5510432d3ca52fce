//! What the initializer sees of the other parts of azds, for those who may not look themselves.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use azds_protocol::agent::{GATE_PORT, GATE_SERVER_NAME, SPACE_LABEL, SpaceStatus};
use azds_protocol::commands::Check;
use futures_util::future::{join_all, try_join};
use hyper::Method;
use k8s_openapi::api::core::v1::Pod;
use k8s_openapi::api::networking::v1::NetworkPolicy;
use kube::api::ListParams;
use kube::{Api, Client, ResourceExt as _};
use tokio::net::TcpStream;
use tokio::sync::{Mutex, watch};
use tokio::time::Instant;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::pki_types::ServerName;

use super::certificates::Pair;
use super::store::Store;
use crate::agent::tls;
use crate::cluster::agent::{Agent, empty};
use crate::cluster::network_policies::{NAMESPACE_LABEL, Peer, Way, that_block};
use crate::cluster::pods::{self, PodState};
use crate::failure::{Context, Failure, Result, chain};

/// How often it looks; more often while something is wrong, so that its end is seen soon.
const PAUSE: Duration = Duration::from_secs(10);
const PAUSE_IN_TROUBLE: Duration = Duration::from_secs(2);
/// So long a gate may have an old certificate after it was replaced.
const TAKEN: Duration = Duration::from_secs(30);
/// How long a gate may take to answer.
const ANSWER: Duration = Duration::from_secs(5);
const BUILDER: &str = "azds-builder";
const PREPULL: &str = "azds-image-prepull";
const BUILDS: &str = "no image is built on the node";

/// Whoever looks.
pub struct Looker {
    /// The objects of the set-up.
    pub store: Store,
    /// The authority of the certificates.
    pub authority: Pair,
    /// The API server.
    pub client: Client,
    /// Namespace of the set-up.
    pub namespace: String,
    /// Registry that images are pushed to, unless they are built into the nodes' stores.
    pub builds_to: Option<String>,
    /// When the gates' certificate was replaced last because one of them was not accepted.
    pub replaced: Mutex<Option<Instant>>,
}

impl Looker {
    /// Keeps the checks of `status` up to date, until the end of the process.
    pub async fn look(&self, status: &watch::Sender<SpaceStatus>) {
        loop {
            let checks = self.checks().await;
            let pause = match checks.iter().any(|check| check.failure.is_some()) {
                true => PAUSE_IN_TROUBLE,
                false => PAUSE,
            };
            status.send_if_modified(|status| {
                let differ = status.checks != checks;
                status.checks = checks;
                differ
            });
            tokio::time::sleep(pause).await;
        }
    }

    async fn checks(&self) -> Vec<Check> {
        let webhook = self.store.trust_webhook(&self.authority.certificate).await;
        let webhook = webhook.map(|()| "the API server trusts its certificate".to_owned());
        let webhook = webhook.map_err(|failure| {
            failure.try_to("Have an administrator run: azds use-dev-spaces, which brings it back.")
        });
        let mut checks = vec![Check::of("webhook configuration", webhook)];
        let pods: Api<Pod> = Api::namespaced(self.client.clone(), &self.namespace);
        let policies: Api<NetworkPolicy> = Api::namespaced(self.client.clone(), &self.namespace);
        let all = ListParams::default();
        let found = try_join(pods.list(&all), policies.list(&all)).await;
        let (mut pods, policies) = match found {
            Ok((pods, policies)) => (pods.items, policies.items),
            Err(error) => {
                let object = format!("namespace {}", self.namespace);
                let failure = Failure::new("the builders are not known", object, chain(&error));
                checks.push(Check::of("builder", Err(failure)));
                return checks;
            }
        };
        pods.retain(|pod| !pods::is_leaving(pod));
        pods.sort_by_key(|pod| node(pod).to_owned());
        let of = |app: &'static str| {
            let its = move |pod: &&Pod| pod.labels().get("app").is_some_and(|its| its == app);
            pods.iter().filter(its)
        };
        if of(BUILDER).next().is_none() {
            let why = "no node has a pod of it";
            let failure = Failure::new(BUILDS, BUILDER, why);
            checks.push(Check::of("builder", Err(set_up(failure))));
        }
        let builders = of(BUILDER).map(|pod| async move {
            let name = format!("builder on {}", node(pod));
            Check::of(name, self.builder(pod).await)
        });
        checks.extend(join_all(builders).await);
        let prepulls = of(PREPULL);
        checks.extend(
            prepulls.map(|pod| Check::of(format!("prepull on {}", node(pod)), prepull(pod))),
        );
        checks.push(Check::of(
            "network policies of azds",
            open_to_spaces(&policies),
        ));
        checks
    }

    async fn builder(&self, pod: &Pod) -> Result<String> {
        let object = format!("pod {} in namespace {}", pod.name_any(), self.namespace);
        is_ready(pod, BUILDS, &object)?;
        match tokio::time::timeout(ANSWER, self.ask_gate(pod, &object)).await {
            Ok(Ok(())) => Ok(match &self.builds_to {
                None => "BuildKit and the gate before it answer".to_owned(),
                Some(registry) => format!(
                    "BuildKit and the gate before it answer; it pushes images to {registry}, where all nodes pull them"
                ),
            }),
            Ok(Err(failure)) => Err(failure),
            Err(_) => {
                let why = format!("the gate did not answer within {} s", ANSWER.as_secs());
                Err(set_up(Failure::new(BUILDS, object, why)))
            }
        }
    }

    async fn ask_gate(&self, pod: &Pod, object: &str) -> Result<()> {
        let address = pod.status.as_ref().and_then(|it| it.pod_ip.as_deref());
        let address: IpAddr = address
            .unwrap_or_default()
            .parse()
            .or_fail(BUILDS, object)?;
        let stream = TcpStream::connect(SocketAddr::new(address, GATE_PORT)).await;
        let stream = stream.or_fail(BUILDS, object).map_err(set_up)?;
        let connector = TlsConnector::from(tls::client(&self.authority.certificate)?);
        let name = ServerName::try_from(GATE_SERVER_NAME).expect("a constant that is a name");
        let stream = match connector.connect(name, stream).await {
            Ok(stream) => stream,
            Err(error) => {
                // Nobody can build until it has another one, whatever the Secret says of its age.
                self.replace_certificate().await?;
                let why = format!("its certificate is not accepted: {}", chain(&error));
                return Err(Failure::new(BUILDS, object, why).try_to(
                    "It has got a new one just now: wait a minute, and run azds up again.",
                ));
            }
        };
        let gate = Agent::connect(stream, "", object).await?;
        gate.request(Method::GET, "/v1/health", empty()).await?;
        Ok(())
    }
}

impl Looker {
    /// Replaces the gates' certificate, unless that was done just now and they have yet to take it.
    async fn replace_certificate(&self) -> Result<()> {
        let mut replaced = self.replaced.lock().await;
        if replaced.is_none_or(|at| at.elapsed() > TAKEN) {
            self.store.replace_gate_certificate(&self.authority).await?;
            *replaced = Some(Instant::now());
        }
        Ok(())
    }
}

fn node(pod: &Pod) -> &str {
    let spec = pod.spec.as_ref();
    let node = spec.and_then(|spec| spec.node_name.as_deref());
    node.unwrap_or("no node")
}

fn set_up(failure: Failure) -> Failure {
    failure.try_to("Have an administrator look: kubectl -n azds get pods,events.")
}

fn is_ready(pod: &Pod, what: &str, object: &str) -> Result<()> {
    let why = match pods::state(pod) {
        PodState::Ready => return Ok(()),
        PodState::Building => "it is starting".to_owned(),
        PodState::Waiting(why) | PodState::Unscheduled(why) => why,
        PodState::Stuck(stuck) => format!(
            "container {} waits with {} ({})",
            stuck.container.unwrap_or_default(),
            stuck.reason,
            stuck.message
        ),
    };
    Err(set_up(Failure::new(what, object, why)))
}

/// Images that are still being pulled are nothing wrong: `up` only waits longer.
fn prepull(pod: &Pod) -> Result<String> {
    let object = format!("pod {}", pod.name_any());
    match pods::state(pod) {
        PodState::Waiting(at) => Ok(format!("images are still being pulled: {at}")),
        _ => is_ready(pod, "an image is not pulled ahead", &object)
            .map(|()| "the images are on the node".to_owned()),
    }
}

/// Whether pods of spaces reach the gate, as far as the policies of azds' namespace say.
fn open_to_spaces(policies: &[NetworkPolicy]) -> Result<String> {
    let label = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    let space = BTreeMap::from([label(SPACE_LABEL, "true"), label(NAMESPACE_LABEL, "")]);
    let builder = BTreeMap::from([label("app", BUILDER)]);
    let peer = Peer {
        namespace: &space,
        pod: None,
        same_namespace: false,
    };
    let blocking = that_block(policies, Way::In, &builder, &peer, GATE_PORT);
    match blocking.is_empty() {
        true => Ok("none keeps pods of spaces from the builder".to_owned()),
        false => Err(Failure::new(
            "pods of spaces do not reach the builder",
            format!("NetworkPolicy {}", blocking.join(", ")),
            format!("it lets no namespace with label {SPACE_LABEL}=true in to port {GATE_PORT} of {BUILDER}"),
        )
        .try_to("Have an administrator add a rule for them.")),
    }
}
