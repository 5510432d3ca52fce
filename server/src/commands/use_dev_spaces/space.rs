//! Makes a namespace a space: a root, or the child of another space.

use std::collections::BTreeMap;

use azds_protocol::agent::{PARENT_LABEL, SPACE_LABEL};
use k8s_openapi::api::core::v1::Namespace;
use kube::{Api, ResourceExt};

use super::ensure_namespace;
use crate::cluster::client::Cluster;
use crate::cluster::spaces;
use crate::failure::{Failure, Result};

const WHAT: &str = "the space was not set up";

/// Makes the namespace at the end of `path` (`NAME` or `PARENT/NAME`) a space; whether that changed
/// something. A space whose parent is not named keeps the one that it has.
pub async fn make_space(cluster: &Cluster, path: &str) -> Result<bool> {
    let parts: Vec<&str> = path.split('/').collect();
    if parts.iter().any(|part| part.is_empty()) {
        let why = "it must have the form NAME or PARENT/NAME";
        return Err(Failure::new(WHAT, path, why));
    }
    let (name, parent) = match parts.as_slice() {
        [.., parent, name] => (*name, Some(*parent)),
        _ => (path, None),
    };
    let namespaces: Api<Namespace> = Api::all(cluster.client.clone());
    let parent = match parent {
        Some(parent) => {
            may_be_parent(cluster, &namespaces, parent, name).await?;
            Some(parent.to_owned())
        }
        None => get(cluster, &namespaces, name)
            .await?
            .and_then(|known| spaces::of_namespace(&known).parent),
    };
    let mut labels = BTreeMap::from([(SPACE_LABEL.to_owned(), "true".to_owned())]);
    labels.extend(parent.map(|parent| (PARENT_LABEL.to_owned(), parent)));
    ensure_namespace(cluster, name, labels).await
}

/// Fails unless `parent` is a space that has at most one above it: there are space, parent and
/// grandparent, as in Azure Dev Spaces.
async fn may_be_parent(
    cluster: &Cluster,
    namespaces: &Api<Namespace>,
    parent: &str,
    name: &str,
) -> Result<()> {
    let refuse = |why: String| Failure::new(WHAT, format!("dev space {name}"), why);
    let known = get(cluster, namespaces, parent).await?;
    let known = known.filter(|it| it.labels().get(SPACE_LABEL).is_some_and(|it| it == "true"));
    let Some(known) = known else {
        return Err(refuse(format!("its parent {parent} is not a dev space"))
            .try_to(format!("Run: azds use-dev-spaces --space {parent}.")));
    };
    if parent == name {
        return Err(refuse("it can't be its own parent".to_owned()));
    }
    let Some(above) = spaces::of_namespace(&known).parent else {
        return Ok(());
    };
    let higher = get(cluster, namespaces, &above).await?;
    let higher = higher.and_then(|it| spaces::of_namespace(&it).parent);
    if higher.is_some() || above == name {
        let why = format!(
            "{parent} has parent {above}, and there are at most three levels: space, parent and grandparent"
        );
        return Err(refuse(why).try_to("Make it the child of a space that is higher."));
    }
    Ok(())
}

async fn get(
    cluster: &Cluster,
    namespaces: &Api<Namespace>,
    name: &str,
) -> Result<Option<Namespace>> {
    let known = namespaces.get_opt(name).await;
    known.map_err(cluster.failed(WHAT, &format!("namespace {name}")))
}
