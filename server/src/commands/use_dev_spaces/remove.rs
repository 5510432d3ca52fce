//! `remove-dev-spaces`.

use std::time::Duration;

use azds_protocol::agent::{PARENT_LABEL, SEEDS_CONFIG_MAP, SPACE_LABEL, STATUS_CONFIG_MAP};
use azds_protocol::commands::{DevSpacesResult, RemoveSpaceArguments, RemoveSpaceResult};
use k8s_openapi::api::core::v1::{ConfigMap, Namespace, Pod};
use k8s_openapi::api::rbac::v1::{Role, RoleBinding};
use kube::api::{DeleteParams, ListParams, Patch, PatchParams};
use kube::{Api, Resource, ResourceExt};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use tokio::time::{Instant, sleep};

use super::grant::DEVELOPER;
use super::{MADE_ANNOTATION, NAMESPACE, RELEASES, chart, wait};
use crate::cluster::client::Cluster;
use crate::cluster::helm::{self, Install};
use crate::cluster::release::remove_release;
use crate::commands::confirmation::confirm;
use crate::failure::{Context, Failure, Result};
use crate::progress::Progress;

const WHAT: &str = "dev spaces were not removed";
const LIMIT: Duration = Duration::from_secs(120);
const PAUSE: Duration = Duration::from_millis(300);

/// Takes away all that `use-dev-spaces` made. Services that are up stay, and are named.
pub async fn remove_dev_spaces(progress: &Progress) -> Result<DevSpacesResult> {
    let cluster = Cluster::from_kubeconfig().await?;
    confirm(&cluster, WHAT, progress).await?;
    let namespaces: Api<Namespace> = Api::all(cluster.client.clone());
    let labelled = ListParams::default().labels(&format!("{SPACE_LABEL}=true"));
    let ask = async {
        let found = namespaces.list(&labelled).await;
        found.map_err(cluster.failed(WHAT, "the namespaces"))
    };
    let spaces = progress.or_cancelled(WHAT, ask).await?.items;
    let mut changed = !spaces.is_empty();
    for space in &spaces {
        let name = space.name_any();
        let _step = progress.begin(format!("Removing dev space '{name}'"));
        let clear = async {
            clear_space(&cluster, &namespaces, space, progress).await?;
            if is_ours(space) && is_empty(&cluster, &name).await? {
                remove_namespace(&cluster, &namespaces, &name).await?;
            }
            Ok(())
        };
        progress.or_cancelled(WHAT, clear).await?;
    }
    let _step = progress.begin("Removing azds");
    let known = match namespaces.get_opt(NAMESPACE).await {
        Ok(known) => known,
        Err(error) => return Err(cluster.failed(WHAT, NAMESPACE)(error)),
    };
    let mut removed = String::new();
    if known.is_some() {
        changed = true;
        for azds in helm::list(NAMESPACE, RELEASES).await? {
            clean_nodes(&cluster, &azds.name, progress)
                .await
                .unwrap_or_else(warn_of_remains(progress));
            remove_release(&cluster, &azds.name, NAMESPACE, progress.cancellation()).await?;
            removed = azds.name;
        }
        let gone = remove_namespace(&cluster, &namespaces, NAMESPACE);
        progress.or_cancelled(WHAT, gone).await?;
    }
    Ok(DevSpacesResult {
        release: removed,
        space: None,
        changed,
    })
}

/// Makes a space an ordinary namespace again, or deletes it with all that is in it: only if azds made
/// it, and something that runs only if that was said.
pub async fn remove_space(
    arguments: &RemoveSpaceArguments,
    progress: &Progress,
) -> Result<RemoveSpaceResult> {
    let what = "the space was not removed";
    let cluster = Cluster::from_kubeconfig().await?;
    let namespaces: Api<Namespace> = Api::all(cluster.client.clone());
    let labelled = ListParams::default().labels(&format!("{SPACE_LABEL}=true"));
    let ask = async {
        let found = namespaces.list(&labelled).await;
        found.map_err(cluster.failed(what, "the namespaces"))
    };
    let spaces = progress.or_cancelled(what, ask).await?.items;
    let name = arguments.space.rsplit('/').next().unwrap_or_default();
    let object = format!("dev space {name}");
    let space = spaces.iter().find(|space| space.name_any() == name);
    let space = space.ok_or_else(|| {
        Failure::new(what, &object, "there is none of this name")
            .try_to("Run azds space list to see the spaces.")
    })?;
    let children = spaces
        .iter()
        .filter(|it| it.labels().get(PARENT_LABEL).is_some_and(|it| it == name));
    let children: Vec<_> = children.map(ResourceExt::name_any).collect();
    if !children.is_empty() {
        let why = format!("it is the parent of {}", children.join(", "));
        return Err(Failure::new(what, object, why).try_to("Remove its children first."));
    }
    let delete = is_ours(space) && !arguments.keep_namespace;
    if delete && !arguments.yes && !is_empty(&cluster, name).await? {
        let why = "something runs in its namespace, which would be deleted with all that is in it";
        return Err(Failure::new(what, object, why)
            .try_to("Add --yes to delete it, or --no-delete to keep the namespace."));
    }
    let _step = progress.begin(format!("Removing dev space '{name}'"));
    let work = async {
        if delete {
            return remove_namespace(&cluster, &namespaces, name).await;
        }
        clear_space(&cluster, &namespaces, space, progress).await
    };
    progress.or_cancelled(what, work).await?;
    Ok(RemoveSpaceResult {
        space: name.to_owned(),
        namespace_deleted: delete,
    })
}

/// What to do with a failure to clean nodes, which ends nothing.
pub fn warn_of_remains(progress: &Progress) -> impl Fn(Failure) {
    |failure| {
        progress.warn(format!(
            "Images that azds built, and its folders, may be left on a node: {failure}"
        ));
    }
}

/// Takes from each node what azds left there: nothing, if it pushes to a registry. No object would tell of it
/// afterwards.
pub async fn clean_nodes(cluster: &Cluster, release: &str, progress: &Progress) -> Result<()> {
    let mut values = helm::values(release, NAMESPACE).await?;
    if chart::builds_to(&values).is_some() {
        return Ok(());
    }
    let step = progress.begin("Cleaning the nodes");
    values["clean"] = json!(true);
    let folder = tempfile::tempdir().or_fail(WHAT, "a temporary folder")?;
    chart::write(folder.path())?;
    let install = Install {
        release,
        chart: folder.path(),
        namespace: NAMESPACE,
        values: &[],
        set: &values,
    };
    helm::upgrade(&install, progress.cancellation()).await?;
    let clean = wait::until_clean(cluster, NAMESPACE, &step);
    progress.or_cancelled(WHAT, clean).await
}

async fn clear_space(
    cluster: &Cluster,
    namespaces: &Api<Namespace>,
    space: &Namespace,
    progress: &Progress,
) -> Result<()> {
    let name = space.name_any();
    let services = helm::list(&name, RELEASES).await?;
    for release in &services {
        progress.warn(format!(
            "'{}' stays in namespace {name}; remove it with: helm -n {name} uninstall {}",
            release.chart_name(),
            release.name
        ));
    }
    let without: Value = json!({"metadata": {
        "labels": {SPACE_LABEL: null, PARENT_LABEL: null},
        "annotations": {MADE_ANNOTATION: null},
    }});
    namespaces
        .patch(&name, &PatchParams::default(), &Patch::Merge(without))
        .await
        .map_err(cluster.failed(WHAT, &format!("namespace {name}")))?;
    remove::<RoleBinding>(cluster, &name, DEVELOPER).await?;
    remove::<Role>(cluster, &name, DEVELOPER).await?;
    remove::<ConfigMap>(cluster, &name, SEEDS_CONFIG_MAP).await?;
    remove::<ConfigMap>(cluster, &name, STATUS_CONFIG_MAP).await
}

/// Whether azds made a namespace, and so may delete it.
fn is_ours(namespace: &Namespace) -> bool {
    namespace.annotations().contains_key(MADE_ANNOTATION)
}

/// Whether nothing runs in a namespace that azds made, so that it goes as it came.
async fn is_empty(cluster: &Cluster, namespace: &str) -> Result<bool> {
    let pods: Api<Pod> = Api::namespaced(cluster.client.clone(), namespace);
    let found = pods.list_metadata(&ListParams::default().limit(1)).await;
    let found = found.map_err(cluster.failed(WHAT, &format!("namespace {namespace}")))?;
    Ok(found.items.is_empty() && helm::list(namespace, "").await?.is_empty())
}

async fn remove<K>(cluster: &Cluster, namespace: &str, name: &str) -> Result<()>
where
    K: Resource<DynamicType = (), Scope = k8s_openapi::NamespaceResourceScope>
        + Clone
        + std::fmt::Debug
        + DeserializeOwned,
{
    let api: Api<K> = Api::namespaced(cluster.client.clone(), namespace);
    match api.delete(name, &DeleteParams::default()).await {
        Ok(_) => Ok(()),
        Err(kube::Error::Api(status)) if status.code == 404 => Ok(()),
        Err(error) => {
            let object = format!("{} {name} in namespace {namespace}", K::kind(&()));
            Err(cluster.failed(WHAT, &object)(error))
        }
    }
}

async fn remove_namespace(
    cluster: &Cluster,
    namespaces: &Api<Namespace>,
    name: &str,
) -> Result<()> {
    let object = format!("namespace {name}");
    match namespaces.delete(name, &DeleteParams::default()).await {
        Err(kube::Error::Api(status)) if status.code == 404 => return Ok(()),
        deleted => drop(deleted.map_err(cluster.failed(WHAT, &object))?),
    }
    let end = Instant::now() + LIMIT;
    loop {
        let known = namespaces.get_opt(name).await;
        let Some(known) = known.map_err(cluster.failed(WHAT, &object))? else {
            return Ok(());
        };
        if Instant::now() > end {
            let conditions = known.status.and_then(|status| status.conditions);
            let why: Vec<String> = conditions
                .into_iter()
                .flatten()
                .filter(|condition| condition.status == "True")
                .filter_map(|condition| condition.message)
                .collect();
            let why = format!(
                "it is not gone after {} s: {}",
                LIMIT.as_secs(),
                why.join("; ")
            );
            return Err(Failure::new(WHAT, object, why).try_to(format!(
                "See what is left: kubectl get namespace {name} -o yaml."
            )));
        }
        sleep(PAUSE).await;
    }
}
