//! Arguments and results of the commands: the same for the command line's `-o json` and for
//! `workspace/executeCommand`.

mod space;
mod status;

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::Failure;
use crate::debug::ProcessInfo;
pub use space::*;
pub use status::*;

/// The commands as the language server offers them.
pub mod names {
    /// Writes Dockerfiles, chart and azds.yaml.
    pub const PREP: &str = "azds.server.prep";
    /// Builds, installs and tunnels to a service.
    pub const UP: &str = "azds.server.up";
    /// Keeps a service up to date no more, which goes on as it is.
    pub const DETACH: &str = "azds.server.detach";
    /// Removes a service.
    pub const DOWN: &str = "azds.server.down";
    /// Lists the services of a space.
    pub const LIST_UP: &str = "azds.server.listUp";
    /// Lists the addresses of services.
    pub const LIST_URIS: &str = "azds.server.listUris";
    /// Sets a cluster up.
    pub const USE_DEV_SPACES: &str = "azds.server.useDevSpaces";
    /// Chooses the space of a folder.
    pub const SELECT_SPACE: &str = "azds.server.selectSpace";
    /// Says what is wrong with folder, machine and cluster.
    pub const DOCTOR: &str = "azds.server.doctor";
    /// Finds out what a debug session would attach to.
    pub const DEBUG_TARGET: &str = "azds.server.debugTarget";
    /// Lists the services whose azds.yaml is in some folders, without asking the cluster.
    pub const SERVICES: &str = "azds.server.services";
    /// Says how the services of some folders are.
    pub const STATUS: &str = "azds.server.status";
    /// Lists the spaces that a folder's service could be in.
    pub const SPACES: &str = "azds.server.spaces";
}

/// Arguments of `prep`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct PrepArguments {
    /// Folder of the service.
    pub folder: PathBuf,
    /// Whether the service gets an Ingress.
    pub public: bool,
    /// An existing chart to use, relative to the folder.
    pub chart: Option<PathBuf>,
    /// The language, where it is not to be found out: `dotnet`, `python`.
    pub language: Option<String>,
    /// Say what would be written, and write nothing.
    pub dry_run: bool,
    /// Write an azds.yaml of version 1.0 anew as one of 1.1, keep what it was, and do nothing else.
    pub upgrade: bool,
}

/// Result of `prep`. Paths are relative to the folder, with `/`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub struct PrepResult {
    /// Folder of the service.
    pub folder: PathBuf,
    /// Name of the service, which is its chart's.
    pub service: String,
    /// Language that was found or given.
    pub language: Option<String>,
    /// Files that were written, or would be.
    pub written: Vec<String>,
    /// Files that were there already and stay as they are.
    pub kept: Vec<String>,
    /// What a person should know.
    pub warnings: Vec<String>,
}

/// Arguments of `up`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct UpArguments {
    /// Folder of the service, where its azds.yaml is.
    pub folder: PathBuf,
    /// Space, instead of the chosen one.
    pub space: Option<String>,
    /// Configuration of azds.yaml: `develop` where there is one if nothing is said, `none` for none.
    pub configuration: Option<String>,
    /// Local ports of tunnels.
    pub ports: Vec<PortMapping>,
    /// Program and arguments to start instead of what azds.yaml, chart and image say; empty for theirs.
    pub command: Vec<String>,
    /// Leave the tunnels to a background process, and do not keep the service up to date.
    pub detach: bool,
}

/// A local port and the port of the service that it leads to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct PortMapping {
    /// Port on the developer's machine.
    pub local: u16,
    /// Port of the Kubernetes Service, or of the pod where no Service has it.
    pub remote: u16,
}

/// Result of `up`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub struct UpResult {
    /// Name of the service.
    pub service: String,
    /// Its space.
    pub space: String,
    /// Its Helm release.
    pub release: String,
    /// Image with its tag.
    pub image: String,
    /// The pod that answers.
    pub pod: String,
    /// What was in the build context and what of it was sent.
    pub context: ContextCount,
    /// Addresses.
    pub uris: Vec<UriRow>,
    /// What a person should know.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<String>,
}

/// What was in a build context and what of it was sent.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub struct ContextCount {
    /// Files of the context, the Dockerfile included.
    pub files: u64,
    /// Their length in bytes.
    pub bytes: u64,
    /// Files that the builder lacked, as the builder counted them.
    pub sent_files: u64,
    /// Their length in bytes.
    pub sent_bytes: u64,
}

/// Result of `detach`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct DetachResult {
    /// Whether the service was kept up to date by this server until now.
    pub detached: bool,
}

/// Arguments of `detach`, `down`, `list-up`, `list-uris` and `doctor`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct ServiceArguments {
    /// Folder of the service; for the lists any folder of the workspace.
    pub folder: PathBuf,
    /// Space, instead of the chosen one.
    pub space: Option<String>,
    /// The whole space instead of the folder's service.
    pub all: bool,
}

/// Result of `down`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub struct DownResult {
    /// Name of the service.
    pub service: String,
    /// Its space.
    pub space: String,
    /// Its Helm release.
    pub release: String,
    /// Whether there was something to remove.
    pub removed: bool,
}

/// One row of `list-up`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub struct ServiceRow {
    /// Name of the service.
    pub name: String,
    /// Its space.
    pub dev_space: String,
    /// `Service`.
    #[serde(rename = "type")]
    pub kind: String,
    /// When its release was last changed: RFC 3339, UTC.
    pub updated: String,
    /// `Running`, or what it waits for.
    pub status: String,
    /// Its Helm release.
    pub release: String,
}

/// One row of `list-uris`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub struct UriRow {
    /// The address.
    pub uri: String,
    /// Whether it can be used.
    pub status: UriStatus,
    /// Name of the service that it leads to.
    pub service: String,
}

/// Whether an address can be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub enum UriStatus {
    /// A public address that answers.
    Available,
    /// A public address that does not answer yet.
    Pending,
    /// A local address that leads through a tunnel.
    Tunneled,
}

/// Arguments of `use-dev-spaces`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct UseDevSpacesArguments {
    /// Namespace that becomes a space, instead of the kubeconfig's.
    pub space: Option<String>,
    /// What `$(hostSuffix)` stands for, with its leading dot.
    pub host_suffix: Option<String>,
    /// Class of the Ingresses that azds writes.
    pub ingress_class: Option<String>,
    /// Registry that the images of azds are pulled from, instead of being on the nodes already.
    pub registry: Option<String>,
    /// Where built images are pushed, `HOST[:PORT]/FOLDER`; `nodes` for the stores of the nodes.
    pub builds_to: Option<String>,
    /// Whether this machine's Docker login for that registry is kept in the cluster, to push with.
    pub builds_login: bool,
    /// Users and groups (`group:NAME`) who may work in the space.
    pub grant: Vec<String>,
    /// Values files for the chart of azds, later ones winning.
    pub values: Vec<PathBuf>,
}

/// Arguments of `images push`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PushImagesArguments {
    /// The registry: `HOST[:PORT][/FOLDER]`.
    pub registry: String,
    /// Agents for other architectures than that of azds' own.
    pub agents: Vec<PathBuf>,
    /// A file with authorities (PEM) that the registry's certificate may be signed by.
    pub registry_ca: Option<PathBuf>,
    /// Speak HTTP without TLS.
    pub plain_http: bool,
}

/// Result of `images push`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PushImagesResult {
    /// Name of the image, with its tag.
    pub image: String,
    /// Digest of its index.
    pub digest: String,
    /// The architectures that it is for, in Kubernetes' words.
    pub architectures: Vec<String>,
}

/// Result of `use-dev-spaces` and `remove-dev-spaces`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub struct DevSpacesResult {
    /// Helm release in namespace `azds`.
    pub release: String,
    /// The space, where one was named or chosen.
    pub space: Option<String>,
    /// Whether something was changed.
    pub changed: bool,
}

/// Result of `doctor`: one check after the other, those that others need first.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct DoctorResult {
    /// What was looked at.
    pub checks: Vec<Check>,
}

/// One thing that `doctor` looked at: one of `found`, `failure` and `unknown`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct Check {
    /// What was looked at: `helm`, `API server`, `builder on node1`.
    pub name: String,
    /// What was found, where it is as it should be.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub found: Option<String>,
    /// What is wrong, where something is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<Failure>,
    /// Why nobody could look, where that is so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unknown: Option<String>,
}

impl Check {
    /// The check `name`, by what came of it.
    pub fn of(name: impl Into<String>, result: Result<String, Failure>) -> Check {
        let (found, failure) = match result {
            Ok(found) => (Some(found), None),
            Err(failure) => (None, Some(failure)),
        };
        Check {
            name: name.into(),
            found,
            failure,
            unknown: None,
        }
    }

    /// The check `name`, which could not be made.
    pub fn unknown(name: impl Into<String>, why: impl Into<String>) -> Check {
        Check {
            name: name.into(),
            unknown: Some(why.into()),
            ..Check::default()
        }
    }
}

/// Result of `debugTarget`: what a debug session would attach to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub struct DebugTargetResult {
    /// The pod.
    pub pod: String,
    /// Folder on this machine that its image was built from.
    pub sources: PathBuf,
    /// What runs in the container.
    pub processes: Vec<ProcessInfo>,
    /// What is debugged: `dotnet`, `go`, `java`, `node`, `python`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub runtime: Option<String>,
    /// Where VS Code has a debugger of its own for the runtime (Node, Java): the configuration to start
    /// it with. Its port is open, and leads to the service as long as a debugger is connected; it is
    /// closed when none has come after a minute.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(test, ts(optional = nullable, type = "Record<string, unknown>"))]
    pub configuration: Option<serde_json::Value>,
}
