//! The way from this machine to a service's pod.

use std::collections::BTreeMap;
use std::time::Duration;

use azds_protocol::agent::{HOST_PORT, TAG_PREFIX};
use futures_util::future::try_join;
use k8s_openapi::api::core::v1::Pod;
use kube::api::ListParams;
use kube::{Api, ResourceExt};
use serde::{Deserialize, Serialize};
use tokio::sync::Mutex;
use tokio::time::{Instant, sleep};

use super::agent::{Agent, Tunnel};
use super::client::{Cluster, open_port};
use super::pods::{PodState, is_leaving, state, wrapped_containers};
use super::up_secret;
use crate::failure::{Failure, Result};

/// How long a new connection waits for a pod that can take it.
const POD_TIMEOUT: Duration = Duration::from_secs(30);
const RETRY_FIRST: Duration = Duration::from_millis(50);
/// How long a pod that was seen to stay is taken to do so.
const STAYS: Duration = Duration::from_secs(1);
const RETRY_LONGEST: Duration = Duration::from_secs(2);

impl KnownPod {
    /// A pod that azds started.
    pub fn of(pod: &Pod) -> Option<KnownPod> {
        let containers = pod.spec.iter().flat_map(|spec| &spec.containers);
        let tag = containers
            .filter_map(|container| container.image.as_deref()?.rsplit_once(':'))
            .map(|(_, tag)| tag)
            .find(|tag| tag.starts_with(TAG_PREFIX))?;
        Some(KnownPod {
            name: pod.name_any(),
            tag: tag.to_owned(),
        })
    }
}

/// The way to the newest pod that certain labels select; it follows when the pod is replaced.
pub struct PodLink {
    cluster: Cluster,
    space: String,
    selector: BTreeMap<String, String>,
    current: Mutex<Option<(String, Agent)>>,
    /// Tried first, once.
    first: std::sync::Mutex<Option<KnownPod>>,
    /// When the pod was last seen to stay.
    stays: std::sync::Mutex<Option<Instant>>,
}

/// A pod that need not be looked for.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct KnownPod {
    /// Its name.
    pub name: String,
    /// The tag of its image.
    pub tag: String,
}

impl PodLink {
    /// The way to the pods with all labels of `selector`, of which `first` was there just now. Connects when
    /// it is first used.
    pub fn new(
        cluster: Cluster,
        space: String,
        selector: BTreeMap<String, String>,
        first: Option<KnownPod>,
    ) -> PodLink {
        PodLink {
            first: first.into(),
            stays: Default::default(),
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

    /// Whether there is a connection to the pod, and nobody makes another one just now.
    pub fn is_connected(&self) -> bool {
        let current = self.current.try_lock();
        current.is_ok_and(|current| {
            current
                .as_ref()
                .is_some_and(|(_, agent)| !agent.is_closed())
        })
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
        let first = self
            .first
            .lock()
            .expect("no holder of the lock panics")
            .take();
        let connected = match &first {
            // It may be gone by now.
            Some(pod) => self.connect(pod).await.ok(),
            None => None,
        };
        let connected = match connected {
            Some(connected) => connected,
            None => self.connect(&self.pick().await?).await?,
        };
        *current = Some(connected.clone());
        Ok(connected)
    }

    async fn connect(&self, pod: &KnownPod) -> Result<(String, Agent)> {
        let KnownPod { name, tag } = pod;
        let token = up_secret::token(&self.cluster, &self.space, tag);
        let io = open_port(&self.cluster, &self.space, name, HOST_PORT);
        let (token, io) = try_join(token, io).await?;
        let agent = Agent::connect(io, &token, format!("pod {name}")).await?;
        Ok((name.clone(), agent))
    }

    async fn forget(&self, pod: &str) {
        let mut current = self.current.lock().await;
        if current.as_ref().is_some_and(|(known, _)| known == pod) {
            *current = None;
        }
    }

    /// Whether the pod goes, or is gone. Asked at most once in [`STAYS`]: whoever waits for a service that starts
    /// asks for it many times.
    async fn leaves(&self, pod: &str) -> bool {
        let stays = || self.stays.lock().expect("no holder of the lock panics");
        if stays().is_some_and(|seen| seen.elapsed() < STAYS) {
            return false;
        }
        let pods: Api<Pod> = Api::namespaced(self.cluster.client.clone(), &self.space);
        let leaves = match pods.get_opt(pod).await {
            Ok(pod) => pod.is_none_or(|pod| is_leaving(&pod)),
            Err(_) => true,
        };
        *stays() = (!leaves).then(Instant::now);
        leaves
    }

    async fn pick(&self) -> Result<KnownPod> {
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
            let left = found.items.iter().filter(|pod| !is_leaving(pod));
            let why = match left.max_by_key(|pod| pod.creation_timestamp()) {
                Some(pod) => format!("pod {} is not ready ({})", pod.name_any(), state(pod)),
                None => "there is none".to_owned(),
            };
            Failure::new(what, object, why).try_to("azds list-up shows what the service waits for.")
        })
    }
}

/// The newest ready pod that azds started.
fn newest(pods: &[Pod]) -> Option<KnownPod> {
    let fit = pods.iter().filter(|pod| {
        !is_leaving(pod) && !wrapped_containers(pod).is_empty() && state(pod) == PodState::Ready
    });
    fit.max_by_key(|pod| pod.creation_timestamp())
        .and_then(KnownPod::of)
}

#[cfg(test)]
pub(super) mod tests {
    use serde_json::json;

    use super::*;

    pub fn pod(name: &str, created: &str, ready: &str) -> Pod {
        serde_json::from_value(json!({
            "metadata": {"name": name, "labels": {"app": "producer", "tier": "back"}, "creationTimestamp": created},
            "spec": {"containers": [{"name": "producer", "image": "producer:mindaro-1", "command": ["/azds/azds-agent"],
                "ports": [{"name": "http", "containerPort": 8080}]}]},
            "status": {"phase": "Running", "conditions": [{"type": "Ready", "status": ready}]},
        }))
        .expect("a pod")
    }

    #[test]
    fn the_newest_ready_pod_is_the_one() {
        let pods = [
            pod("old", "2026-01-01T00:00:00Z", "True"),
            pod("new", "2026-01-02T00:00:00Z", "True"),
            pod("starting", "2026-01-03T00:00:00Z", "False"),
        ];
        let found = newest(&pods).expect("one is ready");
        assert_eq!(
            (found.name.as_str(), found.tag.as_str()),
            ("new", "mindaro-1")
        );
        assert!(newest(&pods[2..]).is_none());
    }
}
