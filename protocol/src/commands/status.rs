//! `services` and `status`: what there is in open folders, and how it is.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::UriRow;
use crate::Failure;

/// Arguments of `services` and `status`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct WorkspaceArguments {
    /// Folders that are open; services are in them and below them.
    pub folders: Vec<PathBuf>,
}

/// One row of `services`: a folder with an azds.yaml.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub struct ServiceFolder {
    /// Name of the service, which is its chart's; that of the folder where the chart is not to be read.
    pub name: String,
    /// The folder.
    pub folder: PathBuf,
    /// Configurations of its azds.yaml.
    pub configurations: Vec<String>,
}

/// Result of `status`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub struct StatusResult {
    /// Name of the kubeconfig's context, where there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target: Option<String>,
    /// The services, by their folders.
    pub services: Vec<ServiceStatus>,
}

/// How a service is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub struct ServiceStatus {
    /// Name of the service.
    pub name: String,
    /// Its folder.
    pub folder: PathBuf,
    /// Its space, where one is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub space: Option<String>,
    /// Whether it is installed in the space.
    pub up: bool,
    /// `Running`, or what it waits for; `Not up`.
    pub status: String,
    /// Its pods.
    pub pods: Vec<PodRow>,
    /// Its addresses.
    pub uris: Vec<UriRow>,
    /// Why nothing more is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<Failure>,
}

/// A pod of a service.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub struct PodRow {
    /// Its name.
    pub name: String,
    /// `Running`, or what it waits for.
    pub status: String,
}
