//! `use-dev-spaces` and `remove-dev-spaces`: sets a cluster up, and takes all of it away again.

mod chart;
mod grant;
mod login;
mod nodes;
mod remove;
mod space;
mod wait;
mod whole;

use std::collections::BTreeMap;
use std::fmt::Debug;

use azds_protocol::commands::{DevSpacesResult, UseDevSpacesArguments};
use k8s_openapi::api::core::v1::{Namespace, Node};
use kube::api::{ListParams, ObjectMeta, Patch, PatchParams};
use kube::{Api, Resource, ResourceExt};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::cluster::client::Cluster;
use crate::cluster::helm::{self, Install};
use crate::cluster::registry;
use crate::commands::confirmation::confirm;
use crate::commands::images;
use crate::failure::{Context, Failure, Result};
use crate::progress::Progress;

pub use grant::rights as developer_rights;
pub use remove::{remove_dev_spaces, remove_space};
pub use space::make_space;

/// Namespace of everything that azds runs in the cluster.
const NAMESPACE: &str = "azds";
/// What its release is called, before its id.
const RELEASES: &str = "^azds-";
/// Marks a namespace that azds made, and so may remove.
const MADE_ANNOTATION: &str = "azds.io/made";
/// Who has written a field, for the API server.
const MANAGER: &str = "azds";
const WHAT: &str = "dev spaces were not set up";

/// Sets a cluster up, and a space in it. What is as it should be stays untouched.
pub async fn use_dev_spaces(
    arguments: &UseDevSpacesArguments,
    progress: &Progress,
) -> Result<DevSpacesResult> {
    let cluster = Cluster::from_kubeconfig().await?;
    confirm(&cluster, WHAT, progress).await?;
    let path = arguments.space.as_deref();
    let path = path.unwrap_or(&cluster.default_namespace);
    let space = path.rsplit('/').next().unwrap_or(path).to_owned();
    let step = progress.begin(format!(
        "Setting up dev spaces on target '{}'",
        cluster.context
    ));
    let known = progress.or_cancelled(WHAT, Known::read(&cluster)).await?;
    let values = values(&cluster, arguments, &known, progress).await?;
    let privileged = BTreeMap::from([(
        "pod-security.kubernetes.io/enforce".to_owned(),
        "privileged".to_owned(),
    )]);
    let namespace = ensure_namespace(&cluster, NAMESPACE, privileged);
    let mut changed = progress.or_cancelled(WHAT, namespace).await?;
    if arguments.builds_login {
        let registry = chart::builds_to(&values).unwrap_or_default();
        let kept = login::keep(&cluster, NAMESPACE, registry);
        changed |= progress.or_cancelled(WHAT, kept).await?;
    }
    drop(step);
    // Nothing would tell of it later.
    if known.was_deployed()
        && chart::builds_to(&known.values).is_none()
        && chart::builds_to(&values).is_some()
    {
        remove::clean_nodes(&cluster, &known.release, progress)
            .await
            .unwrap_or_else(remove::warn_of_remains(progress));
    }

    let (release, installed) = install(known, values, progress).await?;
    changed |= installed;

    let step = progress.begin("Waiting until azds is ready");
    let ready = wait::until_ready(&cluster, NAMESPACE, &step);
    progress.or_cancelled(WHAT, ready).await?;
    drop(step);

    let step = progress.begin(format!("Setting up dev space '{space}'"));
    let of_space = async {
        let mut changed = make_space(&cluster, path).await?;
        if !arguments.grant.is_empty() {
            changed |= grant::grant(&cluster, &space, &arguments.grant).await?;
        }
        wait::until_told(&cluster, NAMESPACE, &space, &step).await?;
        Ok(changed)
    };
    changed |= progress.or_cancelled(WHAT, of_space).await?;
    Ok(DevSpacesResult {
        release,
        space: Some(space),
        changed,
    })
}

/// The release of azds that is there.
struct Known {
    /// Its name, or the one that it gets.
    release: String,
    /// Its values; null where there is none.
    values: Value,
    is_well: bool,
}

impl Known {
    fn was_deployed(&self) -> bool {
        self.values.is_object()
    }

    async fn read(cluster: &Cluster) -> Result<Known> {
        match helm::list(NAMESPACE, RELEASES).await?.first() {
            Some(release) => Ok(Known {
                release: release.name.clone(),
                values: helm::values(&release.name, NAMESPACE).await?,
                is_well: release.status == "deployed"
                    && whole::is_whole(cluster, &release.name).await?,
            }),
            None => Ok(Known {
                release: format!("azds-{}", guid()?),
                values: Value::Null,
                is_well: false,
            }),
        }
    }
}

/// The values to install, after a look at the nodes and at the registry.
async fn values(
    cluster: &Cluster,
    arguments: &UseDevSpacesArguments,
    known: &Known,
    progress: &Progress,
) -> Result<Value> {
    let mut values = chart::values(arguments, known.values.clone())?;
    let registry = values["registry"].as_str().filter(|it| !it.is_empty());
    let architectures = architectures(registry, progress);
    let architectures = progress.or_cancelled(WHAT, architectures).await?;
    let nodes: Api<Node> = Api::all(cluster.client.clone());
    let nodes = async {
        let found = nodes.list(&ListParams::default()).await;
        found.map_err(cluster.failed(WHAT, "the nodes of the cluster"))
    };
    let nodes = progress.or_cancelled(WHAT, nodes).await?;
    let plan = nodes::plan(&nodes.items, &architectures, chart::builds(&values)?)?;
    plan.warnings
        .iter()
        .for_each(|warning| progress.warn(warning));
    chart::overlay(&mut values, plan.values);
    Ok(values)
}

/// For which architectures there is an agent.
async fn architectures(registry: Option<&str>, progress: &Progress) -> Result<Vec<String>> {
    let ours = || Ok(vec![images::architecture()?.to_owned()]);
    let Some(registry) = registry else {
        return ours();
    };
    match images::architectures_in(registry, registry::Options::default()).await {
        Ok(Some(architectures)) => Ok(architectures),
        Ok(None) => Err(Failure::new(
            WHAT,
            images::image(Some(registry))?,
            "the registry does not have this image",
        )
        .try_to(format!("Run: azds images push --registry {registry}."))),
        // The nodes may reach a registry that this machine does not.
        Err(failure) => {
            progress.warn(format!(
                "Whether {registry} has the image of azds was not seen from here: {failure}"
            ));
            ours()
        }
    }
}

/// Installs or upgrades the release, unless it is there with the same chart and values.
async fn install(known: Known, values: Value, progress: &Progress) -> Result<(String, bool)> {
    let _step = progress.begin("Installing Helm chart");
    if known.is_well && values == known.values {
        return Ok((known.release, false));
    }
    let folder = tempfile::tempdir().or_fail(WHAT, "a temporary folder")?;
    chart::write(folder.path())?;
    let install = Install {
        release: &known.release,
        chart: folder.path(),
        namespace: NAMESPACE,
        values: &[],
        set: &values,
    };
    helm::upgrade(&install, progress.cancellation()).await?;
    Ok((known.release, true))
}

/// A random identifier in the usual form.
fn guid() -> Result<String> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes).or_fail(WHAT, "this machine's random numbers")?;
    let hex = blake3::hash(&bytes).to_hex();
    let parts = [
        &hex[..8],
        &hex[8..12],
        &hex[12..16],
        &hex[16..20],
        &hex[20..32],
    ];
    Ok(parts.join("-"))
}

/// Makes sure that a namespace is there and has labels. One that is made is marked as ours.
async fn ensure_namespace(
    cluster: &Cluster,
    name: &str,
    labels: BTreeMap<String, String>,
) -> Result<bool> {
    let namespaces: Api<Namespace> = Api::all(cluster.client.clone());
    let known = namespaces
        .get_opt(name)
        .await
        .map_err(cluster.failed(WHAT, &format!("namespace {name}")))?;
    let is_ours = match &known {
        Some(known) => known.annotations().contains_key(MADE_ANNOTATION),
        None => true,
    };
    let mark = is_ours.then(|| BTreeMap::from([(MADE_ANNOTATION.to_owned(), "true".to_owned())]));
    let namespace = Namespace {
        metadata: ObjectMeta {
            name: Some(name.to_owned()),
            labels: Some(labels),
            annotations: mark,
            ..ObjectMeta::default()
        },
        ..Namespace::default()
    };
    apply(cluster, &namespaces, &namespace, WHAT).await
}

/// Applies an object; whether that changed something.
async fn apply<K>(cluster: &Cluster, api: &Api<K>, object: &K, what: &str) -> Result<bool>
where
    K: Resource<DynamicType = ()> + Clone + Debug + Serialize + DeserializeOwned,
{
    let name = object.name_any();
    let shown = format!("{} {name}", K::kind(&()));
    let before = api
        .get_opt(&name)
        .await
        .map_err(cluster.failed(what, &shown))?;
    let parameters = PatchParams::apply(MANAGER).force();
    let after = api
        .patch(&name, &parameters, &Patch::Apply(object))
        .await
        .map_err(cluster.failed(what, &shown))?;
    let version = |object: &K| object.resource_version();
    Ok(before.as_ref().and_then(version) != version(&after))
}
