//! What a debug session attaches to: the pod of a service, its host, and its sources here.

use azds_protocol::agent::{HOST_PORT, TAG_PREFIX};
use azds_protocol::commands::DebugTargetResult;
use azds_protocol::debug::AttachArguments;
use bytes::Bytes;
use futures_util::future::{BoxFuture, try_join};
use hyper::body::Incoming;
use hyper::{Method, Response};
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::Pod;
use kube::api::ListParams;
use kube::{Api, ResourceExt};

use super::debug::runtimes::{Container, Runtime};
use super::debug::{Connection, Host, Sources, own};
use super::service::Service;
use super::up::{RELEASE_ANNOTATION, settings};
use crate::analysis::azds_yaml::Settings;
use crate::analysis::placements::Placements;
use crate::cluster::agent::{Agent, full};
use crate::cluster::client::{Cluster, open_port};
use crate::cluster::pods::{PodState, is_leaving, state, wrapped_containers};
use crate::cluster::{spaces, up_secret};
use crate::failure::{Action, Failure, Result};
use crate::progress::Progress;

const WHAT: &str = "the debug session did not start";

/// A pod that can be debugged, and the connection to its host.
pub struct DebugTarget {
    /// The pod.
    pub pod: String,
    /// How many pods of the service are ready.
    pub pods: usize,
    /// Where its sources are.
    pub sources: Sources,
    pub(super) agent: Agent,
}

impl Connection for DebugTarget {
    fn request<'a>(
        &'a self,
        method: Method,
        target: &'a str,
        body: Bytes,
    ) -> BoxFuture<'a, Result<Response<Incoming>>> {
        Box::pin(self.agent.request(method, target, full(body)))
    }
}

/// Finds the pod of the folder's service: the one that was asked for, else the newest.
pub async fn debug_target(arguments: &AttachArguments) -> Result<DebugTarget> {
    find_target(arguments, WHAT).await
}

/// As [`debug_target`], for something else that does not happen if there is no such pod.
pub(super) async fn find_target(arguments: &AttachArguments, what: &str) -> Result<DebugTarget> {
    let folder = arguments.folder.as_deref().ok_or_else(|| {
        Failure::new(what, "the debug configuration", "it has no \"folder\"")
            .try_to("Set \"folder\" to the folder where azds.yaml is.")
    })?;
    let service = Service::find(folder, what)?;
    let settings = settings(&service, arguments.configuration.as_deref())?;
    let cluster = Cluster::from_kubeconfig().await?;
    let space = spaces::choose(&cluster, arguments.space.as_deref(), &service.folder)?;
    let pods = pods_of(&cluster, &space, &service.release(&space)).await?;
    let asked = arguments.pod.as_deref();
    let fit = pods.iter().filter(|pod| {
        !is_leaving(pod) && !wrapped_containers(pod).is_empty() && state(pod) == PodState::Ready
    });
    let tagged: Vec<_> = fit.filter_map(|pod| Some((pod, tag(pod)?))).collect();
    let (pod, tag) = tagged
        .iter()
        .filter(|(pod, _)| asked.is_none_or(|name| pod.name_any() == name))
        .max_by_key(|(pod, _)| pod.creation_timestamp())
        .ok_or_else(|| {
            let object = match asked {
                Some(pod) => format!("pod {pod} in namespace {space}"),
                None => format!("service {} in namespace {space}", service.name),
            };
            Failure::new(what, object, "no pod of it is ready")
                .try_to("Run azds up first; azds list-up shows what the service waits for.")
                .offer(Action::Up)
        })?;
    let pod = pod.name_any();
    let token = up_secret::token(&cluster, &space, tag).await?;
    let io = open_port(&cluster, &space, &pod, HOST_PORT).await?;
    let agent = Agent::connect(io, &token, format!("pod {pod}")).await?;
    Ok(DebugTarget {
        pod,
        pods: tagged.len(),
        sources: sources(&service, &settings),
        agent,
    })
}

fn sources(service: &Service, settings: &Settings) -> Sources {
    let folder = service.folder.join(&settings.context);
    let folder = dunce::canonicalize(&folder).unwrap_or(folder);
    let dockerfile = std::fs::read_to_string(service.folder.join(&settings.dockerfile));
    let places = Placements::places(&dockerfile.unwrap_or_default());
    let copied = places.into_iter().map(|(to, from)| match from.as_str() {
        "" => (to, folder.clone()),
        from => (to, folder.join(from)),
    });
    // Of a single file it says nothing.
    let copied = copied.filter(|(_, from)| from.is_dir()).collect();
    Sources { folder, copied }
}

/// What a debug session attaches to. Where the editor has a debugger of its own for the runtime, the
/// session is begun for it.
pub async fn describe(
    arguments: &AttachArguments,
    progress: &Progress,
) -> Result<DebugTargetResult> {
    let _step = progress.begin("Connecting to the pod");
    let target = debug_target(arguments).await?;
    let (pod, sources) = (target.pod.clone(), target.sources.clone());
    let host = Host::new(target);
    let (state, processes) = try_join(host.state(), host.processes()).await?;
    let container = Container::new(state, processes.clone());
    let runtime = match Runtime::choose(arguments.runtime.as_deref(), &container) {
        Err(failure) if arguments.runtime.is_some() => return Err(failure),
        chosen => chosen.ok(),
    };
    let configuration = match runtime {
        Some(runtime) if !runtime.needs_debugger() => {
            Some(own::open(host, runtime, &container, arguments, &sources).await?)
        }
        _ => None,
    };
    Ok(DebugTargetResult {
        pod,
        sources: sources.folder,
        processes,
        runtime: runtime.map(|runtime| runtime.name().to_owned()),
        configuration,
    })
}

async fn pods_of(cluster: &Cluster, space: &str, release: &str) -> Result<Vec<Pod>> {
    let object = format!("release {release} in namespace {space}");
    let deployments: Api<Deployment> = Api::namespaced(cluster.client.clone(), space);
    let found = deployments.list(&ListParams::default()).await;
    let found = found.map_err(cluster.failed(WHAT, &object))?;
    let selector = found.items.iter().find_map(|deployment| {
        let its = deployment.annotations().get(RELEASE_ANNOTATION)?;
        let labels = deployment.spec.selector.match_labels.as_ref()?;
        let pairs = labels.iter().map(|(key, value)| format!("{key}={value}"));
        (its == release).then(|| pairs.collect::<Vec<_>>().join(","))
    });
    let selector = selector.ok_or_else(|| {
        Failure::new(WHAT, &object, "the service is not up")
            .try_to("Run azds up first.")
            .offer(Action::Up)
    })?;
    let pods: Api<Pod> = Api::namespaced(cluster.client.clone(), space);
    let found = pods.list(&ListParams::default().labels(&selector)).await;
    Ok(found.map_err(cluster.failed(WHAT, &object))?.items)
}

fn tag(pod: &Pod) -> Option<&str> {
    let containers = pod.spec.iter().flat_map(|spec| &spec.containers);
    let mut tags =
        containers.filter_map(|container| Some(container.image.as_deref()?.rsplit_once(':')?.1));
    tags.find(|tag| tag.starts_with(TAG_PREFIX))
}
