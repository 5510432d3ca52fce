//! Spaces: namespaces that were set up for azds.

use std::collections::BTreeMap;
use std::path::Path;

use azds_protocol::agent::{
    PARENT_LABEL, SPACE_LABEL, STATUS_CONFIG_MAP, STATUS_KEY, SpaceStatus, VERSION,
};
use k8s_openapi::api::core::v1::{ConfigMap, Namespace};
use kube::api::ListParams;
use kube::{Api, ResourceExt};

use super::client::Cluster;
use super::kept;
use crate::failure::{Action, Context, Failure, Result};

/// Version of this azds.
pub const AZDS_VERSION: &str = env!("CARGO_PKG_VERSION");

/// File of the folders' choices.
const CHOICES: &str = "spaces.json";

/// The space to work in: the one that was asked for, else the folder's choice, else the
/// namespace of the kubeconfig's context.
pub fn choose(cluster: &Cluster, asked: Option<&str>, folder: &Path) -> Result<String> {
    if let Some(space) = asked {
        // As PARENT/NAME it is written where it is made.
        return Ok(space.rsplit('/').next().unwrap_or(space).to_owned());
    }
    let chosen = choices()?.remove(&key(folder));
    Ok(chosen.unwrap_or_else(|| cluster.default_namespace.clone()))
}

/// The folder's choice, if one was made.
pub fn chosen(folder: &Path) -> Option<String> {
    choices().ok()?.remove(&key(folder))
}

/// A choice is kept under the folder's full name, however it is given.
fn key(folder: &Path) -> String {
    let full = dunce::canonicalize(folder);
    full.as_deref().unwrap_or(folder).display().to_string()
}

/// A space as its namespace's labels have it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Space {
    /// Its name.
    pub name: String,
    /// The space that it is a child of.
    pub parent: Option<String>,
}

/// The spaces of the cluster, as far as the user may know: those that folders have chosen where
/// namespaces may not be listed.
pub async fn list(cluster: &Cluster) -> Vec<Space> {
    let namespaces: Api<Namespace> = Api::all(cluster.client.clone());
    let labelled = ListParams::default().labels(&format!("{SPACE_LABEL}=true"));
    match namespaces.list(&labelled).await {
        Ok(found) => found.iter().map(of_namespace).collect(),
        Err(_) => {
            let chosen = choices().unwrap_or_default().into_values();
            let known = chosen.map(|name| Space { name, parent: None });
            known.collect()
        }
    }
}

/// A namespace as a space; whether it is one is not looked at.
pub fn of_namespace(namespace: &Namespace) -> Space {
    Space {
        name: namespace.name_any(),
        parent: namespace.labels().get(PARENT_LABEL).cloned(),
    }
}

/// Keeps the choice of a space for a folder.
pub fn select(folder: &Path, space: &str) -> Result<()> {
    let mut choices = choices()?;
    choices.insert(key(folder), space.to_owned());
    kept::write(CHOICES, &choices, "the choice of the space was not kept")
}

fn choices() -> Result<BTreeMap<String, String>> {
    kept::read(CHOICES, "the choice of the space is not known")
}

/// Reads what the initializer says of a space, and refuses one that is not set up or belongs to
/// another version.
pub async fn status(cluster: &Cluster, space: &str) -> Result<SpaceStatus> {
    let config_maps: Api<ConfigMap> = Api::namespaced(cluster.client.clone(), space);
    let object = format!("namespace {space}");
    let found = config_maps
        .get_opt(STATUS_CONFIG_MAP)
        .await
        .map_err(cluster.failed("the space is not known", &object))?;
    let text = found
        .and_then(|config_map| config_map.data?.remove(STATUS_KEY))
        .ok_or_else(|| {
            Failure::new(
                "this namespace is not a dev space",
                object.as_str(),
                format!("it has no ConfigMap {STATUS_CONFIG_MAP}"),
            )
            .try_to(format!(
                "Run: azds use-dev-spaces --space {space} (an administrator, once), or choose another space with --space."
            ))
            .offer(Action::SelectSpace)
        })?;
    let status: SpaceStatus =
        serde_json::from_str(&text).or_fail("the space's status was not understood", &object)?;
    same_version(&status, &object)?;
    Ok(status)
}

fn same_version(status: &SpaceStatus, object: &str) -> Result<()> {
    if status.protocol == VERSION && status.version == AZDS_VERSION {
        return Ok(());
    }
    Err(Failure::new(
        "the cluster was set up by another azds",
        object,
        format!(
            "it has version {} (protocol {}), this azds is version {AZDS_VERSION} (protocol {VERSION})",
            status.version, status.protocol
        ),
    )
    .try_to(format!(
        "Install azds {}, or have the cluster brought to this version with: azds use-dev-spaces.",
        status.version
    )))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_version_is_refused_with_both_versions() {
        let mut status = SpaceStatus {
            version: AZDS_VERSION.to_owned(),
            protocol: VERSION,
            host_suffix: String::new(),
            ingress_class: String::new(),
            parents: Vec::new(),
            checks: Vec::new(),
        };
        assert!(same_version(&status, "namespace dev").is_ok());
        status.protocol += 1;
        assert!(same_version(&status, "namespace dev").is_err());
        status.protocol = VERSION;
        status.version = "99.0.0".to_owned();
        let failure = same_version(&status, "namespace dev").expect_err("another version");
        assert!(failure.why.contains("99.0.0") && failure.why.contains(AZDS_VERSION));
        assert!(failure.remedy.contains("use-dev-spaces"));
    }
}
