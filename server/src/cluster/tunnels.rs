//! Local ports that lead to a service in the cluster, all over one connection to its pod.

mod unavailable;

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use k8s_openapi::api::core::v1::{Pod, Service};
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use kube::ResourceExt;
use serde::{Deserialize, Serialize};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio::time::sleep;

use super::pod_link::PodLink;
use crate::failure::{Context, Result};

/// Pause when no connection can be taken.
const PAUSE: Duration = Duration::from_secs(2);
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
        let first = Arc::clone(link);
        tasks.spawn(async move {
            // The first who connects need not wait for it, and is told if there is none.
            if let Err(failure) = first.agent().await {
                tracing::debug!(%failure, "not connected yet");
            }
        });
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
                    sleep(PAUSE).await;
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
    let failure = match link.open(port).await {
        Ok(mut tunnel) => {
            complained.store(false, Ordering::Relaxed);
            if let Err(error) = tokio::io::copy_bidirectional(&mut local, &mut tunnel).await {
                tracing::debug!(%error, port, "connection broke");
            }
            return;
        }
        Err(failure) => failure,
    };
    match complained.swap(true, Ordering::Relaxed) {
        true => tracing::debug!(port, "{failure}"),
        false => tracing::info!(port, "{failure}"),
    }
    unavailable::answer(&mut local, &failure).await;
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::cluster::pod_link::tests::pod;

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
