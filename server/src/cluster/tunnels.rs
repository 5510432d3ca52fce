//! Local ports that lead to a service in the cluster, all over one connection to its pod.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use azds_protocol::agent::{HOST_PORT, TAG_PREFIX};
use k8s_openapi::api::core::v1::{Pod, Service};
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use kube::api::ListParams;
use kube::{Api, ResourceExt};
use serde::{Deserialize, Serialize};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Mutex;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};

use super::agent::{Agent, Tunnel};
use super::client::{Cluster, open_port};
use super::pods::{PodState, is_leaving, state, wrapped_containers};
use super::up_secret;
use crate::failure::{Context, Failure, Result};

/// How long a new connection waits for a pod that can take it.
const POD_TIMEOUT: Duration = Duration::from_secs(30);
const RETRY_FIRST: Duration = Duration::from_millis(50);
const RETRY_LONGEST: Duration = Duration::from_secs(2);
/// Local ports are taken from here, so that a service has the same one in every run. Below the
/// NodePorts and the range of ephemeral ports.
const LOCAL_PORTS: std::ops::Range<u16> = 20000..30000;

/// A port of a service, and where in the pod it leads.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Route {
    /// The Kubernetes Service, or the pod's service where none has the port.
    pub service: String,
    /// The Kubernetes Service's port.
    pub port: u16,
    /// Its name, if it has one.
    pub name: Option<String>,
    /// Port of the pod.
    pub target: u16,
    /// Local port that was asked for.
    pub local: Option<u16>,
}

/// The TCP ports of the Services that lead to `pod`.
pub fn routes(services: &[Service], pod: &Pod) -> Vec<Route> {
    let mut routes = Vec::new();
    for service in services.iter().filter(|service| selects(service, pod)) {
        let ports = service
            .spec
            .iter()
            .flat_map(|spec| spec.ports.iter().flatten());
        for port in ports {
            let is_tcp = port.protocol.as_deref().is_none_or(|it| it == "TCP");
            let target = match &port.target_port {
                None => u16::try_from(port.port).ok(),
                Some(IntOrString::Int(number)) => u16::try_from(*number).ok(),
                Some(IntOrString::String(name)) => container_port(pod, name),
            };
            if let (true, Some(target), Ok(number)) = (is_tcp, target, u16::try_from(port.port)) {
                routes.push(Route {
                    service: service.name_any(),
                    port: number,
                    name: port.name.clone(),
                    target,
                    local: None,
                });
            }
        }
    }
    routes
}

fn selects(service: &Service, pod: &Pod) -> bool {
    let selector = service
        .spec
        .as_ref()
        .and_then(|spec| spec.selector.as_ref());
    selector.is_some_and(|selector| {
        !selector.is_empty()
            && selector
                .iter()
                .all(|(key, value)| pod.labels().get(key) == Some(value))
    })
}

fn container_port(pod: &Pod, name: &str) -> Option<u16> {
    let containers = pod.spec.iter().flat_map(|spec| &spec.containers);
    let port = containers
        .flat_map(|container| container.ports.iter().flatten())
        .find(|port| port.name.as_deref() == Some(name))?;
    u16::try_from(port.container_port).ok()
}

/// The way to the newest pod that certain labels select; it follows when the pod is replaced.
pub struct PodLink {
    cluster: Cluster,
    space: String,
    selector: BTreeMap<String, String>,
    current: Mutex<Option<(String, Agent)>>,
}

impl PodLink {
    /// The way to the pods with all labels of `selector`. Connects when it is first used.
    pub fn new(cluster: Cluster, space: String, selector: BTreeMap<String, String>) -> PodLink {
        PodLink {
            cluster,
            space,
            selector,
            current: Mutex::new(None),
        }
    }

    /// Looks for the pod anew at the next use.
    pub async fn follow(&self) {
        *self.current.lock().await = None;
    }

    /// Opens a connection to a loopback port of the pod.
    pub async fn open(&self, port: u16) -> Result<Tunnel> {
        let end = Instant::now() + POD_TIMEOUT;
        let mut pause = RETRY_FIRST;
        loop {
            let failure = match self.agent().await {
                Err(failure) => failure,
                Ok((pod, agent)) => match agent.open(&format!("127.0.0.1:{port}")).await {
                    Ok(tunnel) => return Ok(tunnel),
                    // The service itself does not listen: that is for its caller to see, unless
                    // the pod only stopped listening because it goes.
                    Err(failure) if !agent.is_closed() && !self.leaves(&pod).await => {
                        return Err(failure);
                    }
                    Err(failure) => {
                        self.forget(&pod).await;
                        failure
                    }
                },
            };
            if Instant::now() + pause > end {
                return Err(failure);
            }
            sleep(pause).await;
            pause = (pause * 2).min(RETRY_LONGEST);
        }
    }

    /// The pod and the connection to it that is there, or a new one; whoever comes meanwhile waits
    /// for the same.
    pub async fn agent(&self) -> Result<(String, Agent)> {
        let mut current = self.current.lock().await;
        if let Some((pod, agent)) = &*current
            && !agent.is_closed()
        {
            return Ok((pod.clone(), agent.clone()));
        }
        *current = None;
        let (pod, tag) = self.pick().await?;
        let token = up_secret::token(&self.cluster, &self.space, &tag).await?;
        let io = open_port(&self.cluster, &self.space, &pod, HOST_PORT).await?;
        let agent = Agent::connect(io, &token, format!("pod {pod}")).await?;
        *current = Some((pod.clone(), agent.clone()));
        Ok((pod, agent))
    }

    async fn forget(&self, pod: &str) {
        let mut current = self.current.lock().await;
        if current.as_ref().is_some_and(|(known, _)| known == pod) {
            *current = None;
        }
    }

    async fn leaves(&self, pod: &str) -> bool {
        let pods: Api<Pod> = Api::namespaced(self.cluster.client.clone(), &self.space);
        match pods.get_opt(pod).await {
            Ok(pod) => pod.is_none_or(|pod| is_leaving(&pod)),
            Err(_) => true,
        }
    }

    async fn pick(&self) -> Result<(String, String)> {
        let what = "there is no connection to the service";
        let pods: Api<Pod> = Api::namespaced(self.cluster.client.clone(), &self.space);
        let selector: Vec<String> = self
            .selector
            .iter()
            .map(|(key, value)| format!("{key}={value}"))
            .collect();
        let selector = selector.join(",");
        let object = format!("pods with {selector} in namespace {}", self.space);
        let found = pods
            .list(&ListParams::default().labels(&selector))
            .await
            .map_err(self.cluster.failed(what, &object))?;
        newest(&found.items).ok_or_else(|| {
            Failure::new(what, object, "none of them is ready")
                .try_to("azds list-up shows what the service waits for.")
        })
    }
}

/// Name and image tag of the newest ready pod that azds started.
fn newest(pods: &[Pod]) -> Option<(String, String)> {
    let fit = pods.iter().filter(|pod| {
        !is_leaving(pod) && !wrapped_containers(pod).is_empty() && state(pod) == PodState::Ready
    });
    let pod = fit.max_by_key(|pod| pod.creation_timestamp())?;
    let containers = pod.spec.iter().flat_map(|spec| &spec.containers);
    let tag = containers
        .filter_map(|container| container.image.as_deref()?.rsplit_once(':'))
        .map(|(_, tag)| tag)
        .find(|tag| tag.starts_with(TAG_PREFIX))?;
    Some((pod.name_any(), tag.to_owned()))
}

/// Local ports that are open; they close when this is dropped.
pub struct Tunnels {
    /// The ports, each with its local one.
    pub open: Vec<(Route, u16)>,
    _tasks: JoinSet<()>,
}

impl Tunnels {
    /// Opens a local port for each route.
    pub async fn open(link: &Arc<PodLink>, routes: &[Route], release: &str) -> Result<Tunnels> {
        let mut open = Vec::new();
        let mut tasks = JoinSet::new();
        for route in routes {
            let listener = match route.local {
                Some(local) => bind(local).await?,
                None => bind_usual(release, route).await?,
            };
            let object = "a local port";
            let local = listener
                .local_addr()
                .or_fail("the tunnel was not opened", object)?
                .port();
            open.push((route.clone(), local));
            // Some programs ask for localhost in IPv6 only. A machine without it can't have them.
            if let Ok(sixth) = TcpListener::bind((Ipv6Addr::LOCALHOST, local)).await {
                tasks.spawn(serve(sixth, Arc::clone(link), route.target));
            }
            tasks.spawn(serve(listener, Arc::clone(link), route.target));
        }
        Ok(Tunnels {
            open,
            _tasks: tasks,
        })
    }
}

/// Takes a local port that was asked for, or says that it is not to be had.
pub async fn bind(local: u16) -> Result<TcpListener> {
    TcpListener::bind(SocketAddr::from((Ipv4Addr::LOCALHOST, local)))
        .await
        .or_fail(
            "the tunnel was not opened",
            format!("port {local} of this machine"),
        )
        .map_err(|failure| {
            failure.try_to("Give another local port with --port LOCAL:REMOTE, or end what uses it.")
        })
}

async fn bind_usual(release: &str, route: &Route) -> Result<TcpListener> {
    let name = format!("{release} {} {}", route.service, route.port);
    let hash = blake3::hash(name.as_bytes());
    let [first, second, ..] = hash.as_bytes();
    let usual = u16::from_be_bytes([*first, *second]) % LOCAL_PORTS.len() as u16;
    for further in 0..20 {
        let port = LOCAL_PORTS.start + (usual + further) % LOCAL_PORTS.len() as u16;
        if let Ok(listener) = bind(port).await {
            return Ok(listener);
        }
    }
    bind(0).await
}

async fn serve(listener: TcpListener, link: Arc<PodLink>, port: u16) {
    let complained = Arc::new(AtomicBool::new(false));
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((connection, _)) => drop(connections.spawn(carry(connection, Arc::clone(&link), port, Arc::clone(&complained)))),
                // Out of file descriptors: wait until some are free again.
                Err(error) => {
                    tracing::warn!(%error, "no connection taken");
                    sleep(RETRY_LONGEST).await;
                }
            },
            Some(_) = connections.join_next() => {}
        }
    }
}

/// Carries one connection. `complained` is whether somebody was told that it does not work: who asks
/// again and again while a service starts is told once.
async fn carry(mut local: TcpStream, link: Arc<PodLink>, port: u16, complained: Arc<AtomicBool>) {
    // Small messages go at once; a socket that refuses the option works all the same.
    let _ = local.set_nodelay(true);
    match link.open(port).await {
        Ok(mut tunnel) => {
            complained.store(false, Ordering::Relaxed);
            if let Err(error) = tokio::io::copy_bidirectional(&mut local, &mut tunnel).await {
                tracing::debug!(%error, port, "connection broke");
            }
        }
        Err(failure) if complained.swap(true, Ordering::Relaxed) => {
            tracing::debug!(port, "{failure}");
        }
        Err(failure) => tracing::warn!(port, "{failure}"),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn pod(name: &str, created: &str, ready: &str) -> Pod {
        serde_json::from_value(json!({
            "metadata": {"name": name, "labels": {"app": "producer", "tier": "back"}, "creationTimestamp": created},
            "spec": {"containers": [{"name": "producer", "image": "producer:mindaro-1", "command": ["/azds/azds-agent"],
                "ports": [{"name": "http", "containerPort": 8080}]}]},
            "status": {"phase": "Running", "conditions": [{"type": "Ready", "status": ready}]},
        }))
        .expect("a pod")
    }

    fn service(name: &str, selector: serde_json::Value, ports: serde_json::Value) -> Service {
        serde_json::from_value(
            json!({"metadata": {"name": name}, "spec": {"selector": selector, "ports": ports}}),
        )
        .expect("a service")
    }

    #[test]
    fn the_ports_of_all_services_that_lead_to_the_pod() {
        let services = [
            service(
                "producer",
                json!({"app": "producer"}),
                json!([{"name": "http", "port": 80, "targetPort": "http"}]),
            ),
            service(
                "metrics",
                json!({"tier": "back"}),
                json!([{"port": 9090}, {"port": 53, "protocol": "UDP"}]),
            ),
            service("other", json!({"app": "other"}), json!([{"port": 80}])),
            service("external", json!({}), json!([{"port": 80}])),
        ];
        let routes = routes(&services, &pod("p", "2026-01-01T00:00:00Z", "True"));
        let found: Vec<_> = routes
            .iter()
            .map(|route| (route.service.as_str(), route.port, route.target))
            .collect();
        assert_eq!(found, [("producer", 80, 8080), ("metrics", 9090, 9090)]);
    }

    #[test]
    fn the_newest_ready_pod_is_the_one() {
        let pods = [
            pod("old", "2026-01-01T00:00:00Z", "True"),
            pod("new", "2026-01-02T00:00:00Z", "True"),
            pod("starting", "2026-01-03T00:00:00Z", "False"),
        ];
        let expected = Some(("new".to_owned(), "mindaro-1".to_owned()));
        assert_eq!(newest(&pods), expected);
        assert_eq!(newest(&pods[2..]), None);
    }

    #[tokio::test]
    async fn a_taken_port_is_said_and_a_usual_one_is_passed_over() {
        let route = Route {
            service: "producer".into(),
            port: 80,
            name: None,
            target: 80,
            local: None,
        };
        let first = bind_usual("azds-1-dev-producer", &route)
            .await
            .expect("a port");
        let usual = first.local_addr().expect("an address").port();
        let second = bind_usual("azds-1-dev-producer", &route)
            .await
            .expect("a port");
        assert_ne!(usual, second.local_addr().expect("an address").port());
        let failure = bind(usual).await.expect_err("taken");
        assert_eq!(failure.object, format!("port {usual} of this machine"));
        drop(first);
        let again = bind_usual("azds-1-dev-producer", &route)
            .await
            .expect("a port");
        assert_eq!(again.local_addr().expect("an address").port(), usual);
    }
}
