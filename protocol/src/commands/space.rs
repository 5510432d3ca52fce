//! Spaces: chosen, listed, removed.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// Arguments of `selectSpace`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct SelectSpaceArguments {
    /// Folder of the service.
    pub folder: PathBuf,
    /// Name of the space, or `PARENT/NAME`.
    pub space: Option<String>,
    /// Make the space if there is none of this name. It needs the right to make namespaces.
    pub create: bool,
}

/// One row of `space list`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SpaceRow {
    /// Name of the space.
    pub name: String,
    /// The space that it is a child of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent: Option<String>,
    /// Whether it is a space, and not merely a namespace that somebody has chosen.
    pub dev_spaces_enabled: bool,
    /// Whether commands work in it now.
    pub selected: bool,
}

/// Arguments of `space remove`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RemoveSpaceArguments {
    /// Name of the space.
    pub space: String,
    /// Keep the namespace and all that is in it.
    pub keep_namespace: bool,
    /// Delete what runs in the namespace, too.
    pub yes: bool,
}

/// Result of `space remove`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RemoveSpaceResult {
    /// Name of the space.
    pub space: String,
    /// Whether the namespace was deleted.
    pub namespace_deleted: bool,
}

/// Result of `show-context`: where commands work.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ContextResult {
    /// Name of the kubeconfig's context.
    pub name: String,
    /// Address of the API server.
    pub cluster: String,
    /// The space.
    pub dev_space: String,
    /// Its parent, the parent's parent, and so on to the root.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub parents: Vec<String>,
    /// What `$(hostSuffix)` stands for.
    pub host_suffix: String,
    /// Class of the Ingresses that azds writes; empty for the cluster's default.
    pub ingress_class: String,
    /// Version of azds that set the cluster up.
    pub version: String,
}

/// Result of `spaces`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub struct SpacesResult {
    /// The space that commands work in now.
    pub chosen: String,
    /// Spaces that are known, the chosen one among them. Others may exist: not everybody may list them.
    pub spaces: Vec<String>,
}
