//! What a pod is at, and whether it will ever get further by itself.

use std::fmt;
use std::time::Duration;

use azds_protocol::agent::{AGENT_FOLDER, BUILD_CONTAINER, PUSHED_TO, TAG_PREFIX};
use futures_util::future::join;
use k8s_openapi::api::core::v1::{ContainerStatus, Event, Pod};
use kube::api::{DeleteParams, ListParams, LogParams, Preconditions};
use kube::{Api, ResourceExt};

use super::client::Cluster;

/// What a pod is at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PodState {
    /// Nothing is wrong, as far as one can see: what it is at, for a person.
    Waiting(String),
    /// No node has room for it, or none fits; a cluster that adds nodes may still help.
    Unscheduled(String),
    /// The container that builds the image runs, and can be talked to.
    Building,
    /// All its containers are ready, or have done their work.
    Ready,
    /// It will not get further by itself.
    Stuck(Stuck),
}

impl fmt::Display for PodState {
    /// What a pod is at, in few words.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            PodState::Ready => f.write_str("Running"),
            PodState::Building => f.write_str("Building"),
            PodState::Waiting(what) => write!(f, "Waiting: {what}"),
            PodState::Unscheduled(why) => write!(f, "Waiting for a node: {why}"),
            PodState::Stuck(stuck) => f.write_str(&stuck.reason),
        }
    }
}

/// Why a pod will not get further by itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stuck {
    /// The container, unless it is the pod as a whole.
    pub container: Option<String>,
    /// The kubelet's name of the reason.
    pub reason: String,
    /// The kubelet's explanation.
    pub message: String,
}

impl Stuck {
    /// The container that ran and ended, so that its log tells more.
    pub fn ran(&self) -> Option<&str> {
        let reasons = ["CrashLoopBackOff", "Error", "OOMKilled"];
        let container = self.container.as_deref();
        container.filter(|_| reasons.contains(&self.reason.as_str()))
    }
}

/// Reasons to wait that only a person can end. An image that comes over a network gets a second
/// chance: `ErrImagePull` may heal, `ImagePullBackOff` comes after it.
const STUCK_REASONS: [&str; 9] = [
    "CrashLoopBackOff",
    "CreateContainerConfigError",
    "CreateContainerError",
    "ErrImageNeverPull",
    "ImageInspectError",
    "ImagePullBackOff",
    "InvalidImageName",
    "RunContainerError",
    "StartError",
];

/// Once a pod has been at the same for so long, its warnings may tell why: the kubelet gives the first of them within
/// a second or two of its cause.
pub const WARNS_AFTER: Duration = Duration::from_secs(5);

/// The time between a pod's creation and its first process.
const PREPARED: &str = "its node prepares it";

/// Whether one of the pod's containers uses an image with `tag`.
pub fn uses_tag(pod: &Pod, tag: &str) -> bool {
    let spec = pod.spec.as_ref();
    spec.is_some_and(|spec| {
        spec.containers
            .iter()
            .filter_map(|container| container.image.as_deref())
            .any(|image| has_tag(image, tag))
    })
}

/// Whether an image's name ends in `:tag`.
pub fn has_tag(image: &str, tag: &str) -> bool {
    image
        .rsplit_once(':')
        .is_some_and(|(_, its_tag)| its_tag == tag)
}

/// The registry that azds pushes the pod's image to; none if it is built on the node.
pub fn pushed_to(pod: &Pod) -> Option<&str> {
    let spec = pod.spec.as_ref()?;
    let mut containers = spec.init_containers.iter().flatten();
    let build = containers.find(|container| container.name == BUILD_CONTAINER)?;
    let mut args = build.args.iter().flatten();
    args.find(|arg| *arg == PUSHED_TO)?;
    args.next().map(String::as_str)
}

/// Whether the kubelet is to pull an image that azds built on the node, where no registry has it.
pub fn pulls_what_was_built(pod: &Pod) -> bool {
    if pushed_to(pod).is_some() {
        return false;
    }
    let mut containers = pod.spec.iter().flat_map(|spec| &spec.containers);
    containers.any(|container| {
        let image = container.image.as_deref().unwrap_or_default();
        let tag = image.rsplit_once(':').map_or("", |(_, tag)| tag);
        tag.starts_with(TAG_PREFIX) && container.image_pull_policy.as_deref() == Some("Always")
    })
}

/// Whether the webhook completed the pod.
pub fn is_completed(pod: &Pod) -> bool {
    let containers = pod
        .spec
        .as_ref()
        .and_then(|spec| spec.init_containers.as_ref());
    containers.is_some_and(|containers| {
        containers
            .iter()
            .any(|container| container.name == BUILD_CONTAINER)
    })
}

/// Whether the container that builds the image has ended.
pub fn is_built(pod: &Pod) -> bool {
    let status = pod.status.as_ref();
    let mut containers = status
        .and_then(|status| status.init_container_statuses.as_ref())
        .into_iter()
        .flatten();
    containers.any(|container| {
        let state = container.state.as_ref();
        container.name == BUILD_CONTAINER && state.is_some_and(|it| it.terminated.is_some())
    })
}

/// Whether the pod is on its way out.
pub fn is_leaving(pod: &Pod) -> bool {
    pod.metadata.deletion_timestamp.is_some()
}

/// Names of the pod's containers that azds started as the host, in the order of the pod.
pub fn wrapped_containers(pod: &Pod) -> Vec<String> {
    let containers = pod.spec.iter().flat_map(|spec| &spec.containers);
    containers
        .filter(|container| {
            let command = container.command.as_deref().unwrap_or_default();
            command
                .first()
                .is_some_and(|program| program.starts_with(AGENT_FOLDER))
        })
        .map(|container| container.name.clone())
        .collect()
}

/// Judges a pod by its status.
pub fn state(pod: &Pod) -> PodState {
    let Some(status) = &pod.status else {
        return PodState::Waiting("it was created".to_owned());
    };
    match status.phase.as_deref() {
        Some("Succeeded") => return PodState::Ready,
        Some("Failed") => {
            let ended = all_statuses(pod).find_map(ended_badly);
            return PodState::Stuck(ended.unwrap_or_else(|| Stuck {
                container: None,
                reason: status.reason.clone().unwrap_or_else(|| "Failed".to_owned()),
                message: status.message.clone().unwrap_or_default(),
            }));
        }
        _ => {}
    }
    if let Some(stuck) = all_statuses(pod).find_map(stuck) {
        return PodState::Stuck(stuck);
    }
    if condition(pod, "Ready") == Some(true) {
        return PodState::Ready;
    }
    if condition(pod, "PodScheduled") == Some(false) {
        let message = status
            .conditions
            .iter()
            .flatten()
            .find(|condition| condition.type_ == "PodScheduled")
            .and_then(|condition| condition.message.clone());
        return PodState::Unscheduled(message.unwrap_or_else(|| "no node was found".to_owned()));
    }
    for init in status.init_container_statuses.iter().flatten() {
        let Some(state) = &init.state else { continue };
        if init.name == BUILD_CONTAINER && state.running.is_some() {
            return PodState::Building;
        }
        if state.running.is_some() {
            return PodState::Waiting(format!("container {} runs", init.name));
        }
    }
    let waiting = all_statuses(pod).find_map(|container| {
        let waiting = container.state.as_ref()?.waiting.as_ref()?;
        let reason = waiting.reason.as_deref()?;
        Some(match waiting.message.as_deref() {
            None if matches!(reason, "ContainerCreating" | "PodInitializing") => {
                PREPARED.to_owned()
            }
            Some(message) => format!("container {} waits: {reason}: {message}", container.name),
            None => format!("container {} waits: {reason}", container.name),
        })
    });
    let not_ready = || {
        let container = unready(pod)?;
        let probe = match container.started {
            Some(false) => "startup",
            _ => "readiness",
        };
        Some(format!(
            "container {} runs; its {probe} probe has not succeeded yet",
            container.name
        ))
    };
    PodState::Waiting(
        waiting
            .or_else(not_ready)
            .unwrap_or_else(|| PREPARED.to_owned()),
    )
}

/// The first container that is not ready.
fn unready(pod: &Pod) -> Option<&ContainerStatus> {
    let statuses = pod.status.as_ref()?.container_statuses.as_ref()?;
    statuses.iter().find(|container| !container.ready)
}

fn all_statuses(pod: &Pod) -> impl Iterator<Item = &ContainerStatus> {
    let status = pod.status.iter();
    status.flat_map(|status| {
        status
            .init_container_statuses
            .iter()
            .flatten()
            .chain(status.container_statuses.iter().flatten())
    })
}

fn stuck(container: &ContainerStatus) -> Option<Stuck> {
    let waiting = container.state.as_ref()?.waiting.as_ref()?;
    let reason = waiting.reason.as_deref()?;
    let message = waiting.message.clone().unwrap_or_default();
    // Right after a Secret was made the kubelet may not know it yet; it asks again.
    if !STUCK_REASONS.contains(&reason) || message.starts_with("failed to sync") {
        return None;
    }
    Some(Stuck {
        container: Some(container.name.clone()),
        reason: reason.to_owned(),
        message,
    })
}

fn ended_badly(container: &ContainerStatus) -> Option<Stuck> {
    let ended = container.state.as_ref()?.terminated.as_ref()?;
    if ended.exit_code == 0 {
        return None;
    }
    let message = ended.message.clone().unwrap_or_default();
    Some(Stuck {
        container: Some(container.name.clone()),
        reason: ended.reason.clone().unwrap_or_else(|| "Error".to_owned()),
        message: format!("it ended with exit code {}. {message}", ended.exit_code),
    })
}

fn condition(pod: &Pod, kind: &str) -> Option<bool> {
    let conditions = pod.status.as_ref()?.conditions.as_ref()?;
    let condition = conditions
        .iter()
        .find(|condition| condition.type_ == kind)?;
    Some(condition.status == "True")
}

/// Deletes this pod, and none that has its name by now. One that is gone already is no error.
pub async fn delete(cluster: &Cluster, pod: &Pod) -> kube::Result<()> {
    let space = pod.namespace().unwrap_or_default();
    let pods: Api<Pod> = Api::namespaced(cluster.client.clone(), &space);
    let this_one = DeleteParams {
        preconditions: Some(Preconditions {
            uid: pod.uid(),
            resource_version: None,
        }),
        ..DeleteParams::default()
    };
    match pods.delete(&pod.name_any(), &this_one).await {
        Err(kube::Error::Api(status)) if matches!(status.code, 404 | 409) => Ok(()),
        deleted => deleted.map(drop),
    }
}

/// The last lines of the log of a container that has run, and of the pod's warnings: what a person would look for.
pub async fn last_words(cluster: &Cluster, pod: &Pod, container: Option<&str>) -> String {
    let log = async {
        match container {
            Some(container) => log(cluster, pod, container).await,
            None => Vec::new(),
        }
    };
    let (log, events) = join(log, warnings(cluster, pod)).await;
    let mut words = String::new();
    for (title, lines) in [("Its last output:", log), ("Events:", events)] {
        if !lines.is_empty() {
            words.push_str(&format!("\n{title}\n  {}", lines.join("\n  ")));
        }
    }
    words
}

/// The same of a pod that is waited for, if it is known which one that is.
pub async fn words_of_waiting(cluster: &Cluster, pod: Option<&Pod>) -> String {
    let Some(pod) = pod else {
        return String::new();
    };
    let container = unready(pod).map(|container| container.name.as_str());
    last_words(cluster, pod, container).await
}

async fn log(cluster: &Cluster, pod: &Pod, container: &str) -> Vec<String> {
    let space = pod.namespace().unwrap_or_default();
    let pods: Api<Pod> = Api::namespaced(cluster.client.clone(), &space);
    let parameters = |previous| LogParams {
        container: Some(container.to_owned()),
        tail_lines: Some(15),
        previous,
        ..LogParams::default()
    };
    for previous in [true, false] {
        if let Ok(text) = pods.logs(&pod.name_any(), &parameters(previous)).await
            && !text.trim().is_empty()
        {
            return text.trim_end().lines().map(str::to_owned).collect();
        }
    }
    Vec::new()
}

/// What a pod warns of, the newest last: a volume that is not there, a probe that fails.
pub async fn warnings(cluster: &Cluster, pod: &Pod) -> Vec<String> {
    let space = pod.namespace().unwrap_or_default();
    let events: Api<Event> = Api::namespaced(cluster.client.clone(), &space);
    let of_pod = ListParams::default().fields(&format!(
        "involvedObject.kind=Pod,involvedObject.name={},type=Warning",
        pod.name_any()
    ));
    // What is told is told without its events if they may not be read.
    let Ok(events) = events.list(&of_pod).await else {
        return Vec::new();
    };
    let mut lines: Vec<String> = events
        .into_iter()
        .map(|event| {
            format!(
                "{}: {}",
                event.reason.unwrap_or_default(),
                event.message.unwrap_or_default().trim()
            )
        })
        .collect();
    lines.dedup();
    lines.split_off(lines.len().saturating_sub(5))
}

#[cfg(test)]
mod tests;
