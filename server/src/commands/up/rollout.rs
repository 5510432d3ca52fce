//! What the API server says of an `up`'s objects, and what follows from it.

use std::collections::{BTreeMap, BTreeSet};

use azds_protocol::agent::TAG_PREFIX;
use k8s_openapi::api::apps::v1::{Deployment, ReplicaSet};
use k8s_openapi::api::core::v1::Pod;
use kube::ResourceExt;
use kube::runtime::watcher::Event;

use crate::cluster::pods::{self, PodState, Stuck};

/// Annotation by which Helm marks what belongs to a release.
pub const RELEASE_ANNOTATION: &str = "meta.helm.sh/release-name";
/// Annotation by which a Deployment and its newest ReplicaSet know each other.
const REVISION_ANNOTATION: &str = "deployment.kubernetes.io/revision";

/// Objects of one kind, by their uid, as a watch tells of them.
pub struct Watched<K> {
    objects: BTreeMap<String, K>,
    /// What was listed since the watch began anew; what is not among it at the end has gone.
    fresh: Option<BTreeMap<String, K>>,
}

impl<K> Default for Watched<K> {
    fn default() -> Self {
        Watched {
            objects: BTreeMap::new(),
            fresh: None,
        }
    }
}

impl<K: ResourceExt> Watched<K> {
    /// Takes in an event of the watch.
    pub fn take(&mut self, event: Event<K>) {
        match event {
            Event::Init => self.fresh = Some(BTreeMap::new()),
            Event::InitApply(object) => match &mut self.fresh {
                Some(fresh) => drop(fresh.insert(uid(&object), object)),
                None => self.put(object),
            },
            Event::InitDone => {
                let mut seen = BTreeSet::new();
                for (uid, object) in self.fresh.take().unwrap_or_default() {
                    self.put(object);
                    seen.insert(uid);
                }
                self.objects.retain(|uid, _| seen.contains(uid));
            }
            Event::Apply(object) => self.put(object),
            Event::Delete(object) => drop(self.objects.remove(&uid(&object))),
        }
    }

    /// Takes in an object that was asked for. What is known already in a newer generation stays.
    pub fn put(&mut self, object: K) {
        let generation = |object: &K| object.meta().generation;
        let known = self.objects.get(&uid(&object));
        if known.is_none_or(|known| generation(known) <= generation(&object)) {
            self.objects.insert(uid(&object), object);
        }
    }

    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = &K> {
        self.objects.values()
    }
}

fn uid<K: ResourceExt>(object: &K) -> String {
    object.uid().unwrap_or_else(|| object.name_any())
}

/// The objects that an `up` follows.
#[derive(Default)]
pub struct Objects {
    /// Deployments of the space.
    pub deployments: Watched<Deployment>,
    /// ReplicaSets of the space.
    pub replica_sets: Watched<ReplicaSet>,
    /// Pods of the space.
    pub pods: Watched<Pod>,
}

/// How far an `up` is, after its release was installed.
#[derive(Debug)]
pub enum Verdict<'a> {
    /// All is ready; a pod that answers.
    Done(&'a Pod),
    /// It goes on: what it waits for.
    Waiting(String),
    /// No node has room for a pod; more nodes may come.
    Unscheduled(&'a Pod, String),
    /// A pod will not get further.
    Stuck(&'a Pod, Stuck),
    /// Nothing was added to a pod that needs it.
    NotCompleted(&'a Pod),
    /// A pod may not be created: who says so.
    Refused(&'a ReplicaSet, String),
    /// The release's containers use other images than the one that is built.
    OtherImages(Vec<String>),
}

impl std::fmt::Display for Verdict<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Verdict::Done(pod) => write!(f, "pod {} is ready", pod.name_any()),
            Verdict::Waiting(what) => f.write_str(what),
            Verdict::Unscheduled(pod, _) => write!(f, "no node takes pod {}", pod.name_any()),
            Verdict::Stuck(pod, stuck) => write!(f, "pod {}: {}", pod.name_any(), stuck.reason),
            Verdict::NotCompleted(pod) => write!(f, "pod {} has no build", pod.name_any()),
            Verdict::Refused(set, _) => write!(f, "the pods of {} are refused", set.name_any()),
            Verdict::OtherImages(_) => f.write_str("its chart uses other images"),
        }
    }
}

impl Objects {
    /// Pods of this `up` whose images may be being built: those with a node, until the kubelet has seen
    /// the end of the build. It tells of a container's start up to a second late, so most of these
    /// builds can be talked to before it says that they run.
    pub fn unbuilt(&self, tag: &str) -> impl Iterator<Item = &Pod> {
        self.tagged(tag).filter(|pod| {
            let has_node = pod
                .spec
                .as_ref()
                .is_some_and(|spec| spec.node_name.is_some());
            let state = pods::state(pod);
            has_node
                && matches!(state, PodState::Waiting(_) | PodState::Building)
                && !pods::is_built(pod)
        })
    }

    /// A pod of this `up` that waits for something but its build.
    pub fn waiting(&self, tag: &str) -> Option<&Pod> {
        let mut tagged = self.tagged(tag);
        tagged.find(|pod| matches!(pods::state(pod), PodState::Waiting(_)))
    }

    /// Whether a build of this `up` runs, as far as the kubelet has told.
    pub fn is_building(&self, tag: &str) -> bool {
        self.tagged(tag)
            .any(|pod| pods::state(pod) == PodState::Building)
    }

    /// The tag of the image that azds built for a release, as its Deployments have it.
    pub fn tag_of(&self, release: &str) -> Option<String> {
        let mut images = self.of_release(release).flat_map(images);
        images.find_map(|image| {
            let (_, tag) = image.rsplit_once(':')?;
            tag.starts_with(TAG_PREFIX).then(|| tag.to_owned())
        })
    }

    /// The Deployment of `release` that made `pod`.
    pub fn deployment_of(&self, pod: &Pod) -> Option<&Deployment> {
        let replica_set = pod.owner_references().first()?;
        let replica_set = self.replica_sets.objects.get(&replica_set.uid)?;
        let deployment = replica_set.owner_references().first()?;
        self.deployments.objects.get(&deployment.uid)
    }

    fn tagged(&self, tag: &str) -> impl Iterator<Item = &Pod> {
        self.pods
            .iter()
            .filter(move |pod| pods::uses_tag(pod, tag) && !pods::is_leaving(pod))
    }

    /// Deployments of a release.
    fn of_release(&self, release: &str) -> impl Iterator<Item = &Deployment> {
        self.deployments.iter().filter(move |deployment| {
            let annotation = deployment.annotations().get(RELEASE_ANNOTATION);
            annotation.map(String::as_str) == Some(release)
        })
    }

    /// The ReplicaSet of the Deployment's newest template, once its controller has seen that.
    fn newest(&self, deployment: &Deployment) -> Option<&ReplicaSet> {
        let observed = deployment.status.as_ref()?.observed_generation;
        if observed < deployment.metadata.generation {
            return None;
        }
        let revision = deployment.annotations().get(REVISION_ANNOTATION)?;
        self.replica_sets.iter().find(|replica_set| {
            replica_set.annotations().get(REVISION_ANNOTATION) == Some(revision)
                && replica_set
                    .owner_references()
                    .first()
                    .map(|owner| &owner.uid)
                    == deployment.metadata.uid.as_ref()
        })
    }

    /// Whether a pod is of the newest template. A pod of an earlier one may have the same tag, and
    /// its faults are what this `up` may be about to mend.
    fn is_current(&self, pod: &Pod, release: &str) -> bool {
        match pod.owner_references().first() {
            Some(owner) if owner.kind == "ReplicaSet" => self
                .of_release(release)
                .filter_map(|deployment| self.newest(deployment))
                .any(|newest| newest.uid().as_ref() == Some(&owner.uid)),
            _ => true,
        }
    }

    /// Judges pods that are no Deployment's while helm still runs: those of its hooks.
    pub fn hooks(&self, tag: &str) -> Option<Verdict<'_>> {
        self.tagged(tag)
            .filter(|pod| {
                let owner = pod.owner_references().first();
                owner.is_none_or(|owner| owner.kind != "ReplicaSet")
            })
            .find_map(trouble)
    }

    /// Judges the whole, once helm is done and the Deployments were read after that.
    pub fn verdict(&self, release: &str, tag: &str) -> Verdict<'_> {
        let deployments: Vec<&Deployment> = self.of_release(release).collect();
        if !deployments.is_empty() && !deployments.iter().any(|it| templates_use(it, tag)) {
            let images = deployments.iter().flat_map(|it| images(it));
            return Verdict::OtherImages(images.map(str::to_owned).collect());
        }
        let current: Vec<&Pod> = self
            .tagged(tag)
            .filter(|pod| self.is_current(pod, release))
            .collect();
        if let Some(trouble) = current.iter().find_map(|pod| trouble(pod)) {
            return trouble;
        }
        for deployment in &deployments {
            let newest = self.newest(deployment);
            if let Some((replica_set, why)) =
                newest.and_then(|newest| Some((newest, refusal(newest)?)))
            {
                return Verdict::Refused(replica_set, why);
            }
        }
        let waiting = current.iter().find_map(|pod| match pods::state(pod) {
            PodState::Waiting(at) => Some(format!("pod {}: {at}", pod.name_any())),
            PodState::Building => Some(format!("pod {}: its image is being built", pod.name_any())),
            _ => None,
        });
        if let Some(waiting) = waiting {
            return Verdict::Waiting(waiting);
        }
        for deployment in &deployments {
            let name = deployment.name_any();
            if self.newest(deployment).is_none() || !is_available(deployment) {
                return Verdict::Waiting(format!("Kubernetes starts the pods of {name}"));
            }
            if has_old_pods(deployment) {
                return Verdict::Waiting(format!("the old pods of {name} are ending"));
            }
        }
        let ready = current
            .into_iter()
            .filter(|pod| pods::state(pod) == PodState::Ready)
            .max_by_key(|pod| pod.creation_timestamp());
        match ready {
            Some(pod) => Verdict::Done(pod),
            None => Verdict::Waiting("no pod of this build was created".to_owned()),
        }
    }
}

fn trouble(pod: &Pod) -> Option<Verdict<'_>> {
    if !pods::is_completed(pod) {
        return Some(Verdict::NotCompleted(pod));
    }
    match pods::state(pod) {
        PodState::Stuck(stuck) => Some(Verdict::Stuck(pod, stuck)),
        PodState::Unscheduled(why) => Some(Verdict::Unscheduled(pod, why)),
        _ => None,
    }
}

fn images(deployment: &Deployment) -> impl Iterator<Item = &str> {
    let template = deployment.spec.template.spec.iter();
    template
        .flat_map(|spec| &spec.containers)
        .filter_map(|container| container.image.as_deref())
}

fn templates_use(deployment: &Deployment, tag: &str) -> bool {
    images(deployment).any(|image| pods::has_tag(image, tag))
}

/// Quotas and admission refuse pods, not Deployments: only the ReplicaSet says so.
fn refusal(replica_set: &ReplicaSet) -> Option<String> {
    let conditions = replica_set.status.as_ref()?.conditions.as_ref()?;
    let refused = conditions.iter().find(|condition| {
        condition.type_.as_deref() == Some("ReplicaFailure")
            && condition.status.as_deref() == Some("True")
    })?;
    Some(refused.message.clone().unwrap_or_default())
}

fn is_available(deployment: &Deployment) -> bool {
    let wanted = deployment.spec.replicas.unwrap_or(1);
    deployment.status.as_ref().is_some_and(|status| {
        status.updated_replicas.unwrap_or(0) >= wanted
            && status.available_replicas.unwrap_or(0) >= wanted
    })
}

fn has_old_pods(deployment: &Deployment) -> bool {
    let status = deployment.status.as_ref();
    status.is_some_and(|status| status.replicas > status.updated_replicas)
}

#[cfg(test)]
mod tests;
