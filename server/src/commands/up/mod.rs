//! `up`: builds a service in the cluster, installs it, and opens tunnels to it.

mod build;
mod follow;
mod logs;
mod mending;
mod notice;
mod ports;
mod render;
mod rollout;
mod secrets;
mod sources;
mod trouble;
mod values;

use std::path::Path;
use std::sync::Arc;

use azds_protocol::agent::{BuildSpec, Manifest};
use azds_protocol::commands::{ContextCount, UpArguments, UpResult};
use futures_util::future::{try_join, try_join3};
use k8s_openapi::api::core::v1::{Pod, Service as KubeService};
use kube::api::ListParams;
use kube::{Api, ResourceExt};
use tokio_util::sync::CancellationToken;

use crate::analysis::azds_yaml::Settings;
use crate::cluster::client::Cluster;
use crate::cluster::helm::{self, Install};
use crate::cluster::pod_link::KnownPod;
use crate::cluster::rights::{self, Right};
use crate::cluster::tunnels;
use crate::cluster::{pods, seeds, spaces, up_secret};
use crate::commands::confirmation::confirm;
use crate::commands::owner::{self, Owned, Owner, Ownership, background, runtime};
use crate::commands::service::Service;
use crate::commands::sync::Subject;
use crate::commands::sync::in_place::{self, Wanted};
use crate::commands::sync::{folders, manifests};
use crate::commands::use_dev_spaces::developer_rights;
use crate::commands::variables::variables;
use crate::context::{self, BuildContext};
use crate::failure::{Context, Result};
use crate::progress::Progress;
use build::Build;
use follow::{Follow, Outcome};

pub use logs::{LogLine, follow_logs, follow_output};
pub use render::render;
pub use rollout::{Objects, RELEASE_ANNOTATION, Verdict};
pub use trouble::trouble;
pub use values::settings;

const WHAT: &str = "the service was not started";

/// The rights that every `up` needs. The others of a developer are for what only some charts have, and
/// for `doctor`.
pub fn needed_rights() -> Result<Vec<Right>> {
    let mut rights = developer_rights()?;
    rights.retain(is_needed);
    Ok(rights)
}

fn is_needed(right: &Right) -> bool {
    match right.resource.as_str() {
        "ingresses" | "networkpolicies" => false,
        "configmaps" => matches!(right.verb.as_str(), "get" | "create" | "patch"),
        "pods" => !matches!(right.verb.as_str(), "create" | "delete"),
        _ => true,
    }
}

/// A service that is up, before anybody owns its tunnels.
struct Up {
    cluster: Cluster,
    result: UpResult,
    ownership: Ownership,
    pod: Pod,
    service: Arc<Service>,
    settings: Settings,
    manifest: Arc<Manifest>,
    tag: String,
    _lock: runtime::Lock,
}

/// A service that is up, with its tunnels in this process.
pub struct Attached {
    /// What was done.
    pub result: UpResult,
    /// The tunnels.
    pub owner: Owner,
    /// The cluster.
    pub cluster: Cluster,
    /// The pod that answers.
    pub pod: Pod,
    service: Arc<Service>,
    settings: Settings,
    /// What the image was built from.
    manifest: Arc<Manifest>,
    tag: String,
}

impl Attached {
    /// Folder of the service.
    pub fn folder(&self) -> &Path {
        &self.service.folder
    }

    /// What is needed to keep it up to date.
    pub fn subject(&self) -> Subject {
        Subject {
            service: Arc::clone(&self.service),
            settings: self.settings.clone(),
            manifest: Arc::clone(&self.manifest),
            link: Arc::clone(&self.owner.link),
            cluster: self.cluster.clone(),
            space: self.result.space.clone(),
            tag: self.tag.clone(),
        }
    }

    /// Brings it up again after a change. If that fails, all stays as it was.
    pub async fn again(&mut self, arguments: &UpArguments, progress: &Progress) -> Result<()> {
        let up = bring_up(arguments, progress).await?;
        if self.owner.owned.ownership == up.ownership {
            self.owner.link.follow().await;
        } else {
            self.owner.close();
            let pod = KnownPod::of(&up.pod);
            self.owner = Owner::begin(up.cluster.clone(), up.ownership, pod).await?;
        }
        self.result = UpResult {
            uris: self.owner.owned.uris(),
            ..up.result
        };
        (self.pod, self.service) = (up.pod, up.service);
        (self.settings, self.manifest, self.tag) = (up.settings, up.manifest, up.tag);
        Ok(())
    }
}

/// Brings a service up; a background process owns its tunnels.
pub async fn up(arguments: &UpArguments, progress: &Progress) -> Result<UpResult> {
    let mut up = bring_up(arguments, progress).await?;
    let step = progress.begin("Opening tunnels");
    let owned = in_background(up.ownership, &up.pod).await?;
    owned.lines().iter().for_each(|line| step.say(line));
    up.result.uris = owned.uris();
    Ok(up.result)
}

/// Brings a service up; its tunnels stay open as long as the result's owner lives.
pub async fn up_attached(arguments: &UpArguments, progress: &Progress) -> Result<Attached> {
    let mut up = bring_up(arguments, progress).await?;
    let step = progress.begin("Opening tunnels");
    owner::end(&up.ownership.key()).await?;
    let pod = KnownPod::of(&up.pod);
    let owner = Owner::begin(up.cluster.clone(), up.ownership, pod).await?;
    owner.owned.lines().iter().for_each(|line| step.say(line));
    up.result.uris = owner.owned.uris();
    Ok(Attached {
        result: up.result,
        owner,
        cluster: up.cluster,
        pod: up.pod,
        service: up.service,
        settings: up.settings,
        manifest: up.manifest,
        tag: up.tag,
    })
}

/// An owner that has the same already goes on, so that open connections stay; another is replaced.
async fn in_background(ownership: Ownership, pod: &Pod) -> Result<Owned> {
    let key = ownership.key();
    if let Some(owned) = owner::find(&key).await? {
        if owned.ownership == ownership && owned.version == spaces::AZDS_VERSION {
            owner::follow(&key).await?;
            return Ok(owned);
        }
        owner::end(&key).await?;
    }
    background::start(ownership, KnownPod::of(pod)).await
}

async fn bring_up(arguments: &UpArguments, progress: &Progress) -> Result<Up> {
    let folder = arguments.folder.clone();
    let service = tokio::task::spawn_blocking(move || Service::read(&folder, WHAT))
        .await
        .or_fail(WHAT, "")??;
    let service = Arc::new(service);
    helm::require(WHAT)?;
    let settings = values::settings(&service, arguments.configuration.as_deref())?;
    let cluster = Cluster::from_kubeconfig().await?;
    confirm(&cluster, WHAT, progress).await?;
    let space = spaces::choose(&cluster, arguments.space.as_deref(), &service.folder)?;
    let release = service.release(&space);
    let key = runtime::key(&release, &cluster.address);
    let lock = runtime::Lock::take(&runtime::folder()?, &key, WHAT)?;
    ports::are_free(&key, &arguments.ports).await?;

    let variable = variables(&service.folder);
    let expand = |tag: &str, parents: &[String], host_suffix: &str| {
        let tokens = values::tokens(tag, &space, parents, host_suffix);
        settings.clone().expand(&tokens, &variable)
    };
    let step = progress.begin(format!(
        "Using dev space '{space}' with target '{}'",
        cluster.context
    ));
    let read = {
        let (service, paths) = (Arc::clone(&service), expand("", &[], ""));
        let read = tokio::task::spawn_blocking(move || values::build_context(&service, &paths));
        async { read.await.or_fail(WHAT, "the build context")? }
    };
    let needed = needed_rights()?;
    let ask = try_join(
        async {
            // First: who lacks a right is told of all that he lacks, not of the first that is needed.
            rights::require(&cluster, &space, &needed).await?;
            spaces::status(&cluster, &space).await
        },
        read,
    );
    let (status, context) = progress.or_cancelled(WHAT, ask).await?;
    drop(step);

    let build_settings = expand("", &status.parents, &status.host_suffix);
    let spec = BuildSpec {
        release: release.clone(),
        context: context.digest(),
        args: build_settings.args,
        command: match arguments.command.is_empty() {
            true => build_settings.container.command,
            false => arguments.command.clone(),
        },
    };
    let context = Arc::new(context);
    let wanted = Wanted {
        cluster: &cluster,
        space: &space,
        service: &service,
        settings: &expand("", &status.parents, &status.host_suffix),
        context: &context,
        spec: &spec,
    };
    let in_place = wanted.in_place().await;
    let tag = match &in_place {
        Some(in_place) => in_place.tag.clone(),
        None => context::tag(&space, &spec),
    };
    let settings = expand(&tag, &status.parents, &status.host_suffix);
    let chart = service.folder.join(&settings.chart);
    let (mut values, warnings) = values::values_files(&service, &settings)?;
    let ingress_class = values::ingress_class(&chart, &status.ingress_class)?;
    values.splice(..0, ingress_class.iter().map(|it| it.path().to_owned()));
    warnings.iter().for_each(|warning| progress.warn(warning));
    let secret = async {
        let private = secrets::resolve(&cluster, &space, &settings.secrets).await?;
        let secret = up_secret::ensure(&cluster, &space, &tag, &spec, &private).await?;
        match &in_place {
            Some(in_place) => in_place.keep(&cluster, &space).await?,
            None if secret.changes.is_empty() => {}
            None => in_place::begin_anew(&cluster, &space, &tag).await?,
        }
        Ok(secret)
    };
    let dockerfile = service.folder.join(&settings.dockerfile);
    let synced_to = folders::seeds(&settings, &dockerfile, &context.manifest, &release)?;
    let ready = try_join3(
        secret,
        seeds::put(&cluster, &space, &tag, &synced_to),
        helm::repair(&cluster, &release, &space),
    );
    let (secret, (), repaired) = progress.or_cancelled(WHAT, ready).await?;
    let token = secret.token;
    repaired.iter().for_each(|what| progress.warn(what));

    let follow = Follow {
        build: Arc::new(Build {
            cluster: cluster.clone(),
            space: space.clone(),
            token,
            context: Arc::clone(&context),
            progress: progress.clone(),
        }),
        service: service.name.clone(),
        release: release.clone(),
        tag: tag.clone(),
        progress: progress.clone(),
    };
    let helm = CancellationToken::new();
    let install = Install {
        release: &release,
        chart: &chart,
        namespace: &space,
        values: &values,
        set: &settings.set,
    };
    let outcome = follow.run(helm::upgrade(&install, &helm), &helm).await?;

    let services: Api<KubeService> = Api::namespaced(cluster.client.clone(), &space);
    let list = async {
        let found = services.list(&ListParams::default()).await;
        found.map_err(cluster.failed(WHAT, &format!("services in namespace {space}")))
    };
    let (services, (), ()) = try_join3(
        list,
        up_secret::clean(&cluster, &space, &release, Some(&tag)),
        seeds::clean(&cluster, &space, &release, Some(&tag)),
    )
    .await?;
    let mut routes = tunnels::routes(&services.items, &outcome.pod);
    ports::apply(&mut routes, &arguments.ports, &service.name);
    let (manifest, received) = match in_place {
        Some(in_place) => {
            let ports: Vec<u16> = routes.iter().map(|route| route.target).collect();
            let manifest = Arc::clone(&in_place.manifest);
            let brought = in_place.bring(&cluster, &outcome.pod, &ports, progress);
            (manifest, progress.or_cancelled(WHAT, brought).await?)
        }
        None => (built_from(&context).await?, outcome.received),
    };
    let result = UpResult {
        service: service.name.clone(),
        space: space.clone(),
        release: release.clone(),
        image: image(&outcome.pod, &tag),
        pod: outcome.pod.name_any(),
        context: ContextCount {
            files: context.files(),
            bytes: context.bytes(),
            sent_files: received.files,
            sent_bytes: received.bytes,
        },
        uris: Vec::new(),
        warnings,
    };
    let ownership = Ownership {
        service: service.name.clone(),
        space,
        release,
        cluster: cluster.address.clone(),
        selector: selector(&outcome),
        routes,
    };
    Ok(Up {
        cluster,
        result,
        ownership,
        pod: outcome.pod,
        service,
        settings,
        manifest,
        tag,
        _lock: lock,
    })
}

/// Notes what the image was built from, so that later changes can be told.
async fn built_from(context: &Arc<BuildContext>) -> Result<Arc<Manifest>> {
    let manifest = Arc::clone(&context.manifest);
    let context = Arc::clone(context);
    let keep = move || manifests::folder().map(|folder| manifests::keep(&folder, &context));
    tokio::task::spawn_blocking(keep).await.or_fail(WHAT, "")?;
    Ok(manifest)
}

fn image(pod: &Pod, tag: &str) -> String {
    let containers = pod.spec.iter().flat_map(|spec| &spec.containers);
    let image = containers
        .filter_map(|container| container.image.as_deref())
        .find(|image| pods::has_tag(image, tag));
    image.unwrap_or_default().to_owned()
}

/// Labels that the service's pods will have after they were replaced, too.
fn selector(outcome: &Outcome) -> std::collections::BTreeMap<String, String> {
    let of_deployment = outcome
        .deployment
        .as_ref()
        .and_then(|deployment| deployment.spec.selector.match_labels.clone());
    of_deployment.unwrap_or_else(|| {
        let mut labels = outcome.pod.labels().clone();
        labels.retain(|key, _| {
            !key.contains("-hash") && !key.starts_with("statefulset.kubernetes.io/")
        });
        labels
    })
}
