//! The conversation between `azds` and `azds-agent`, and between the agents themselves.
//!
//! All of it is HTTP/2. From the developer's machine it runs over one port-forward to a loopback
//! port of the pod, with the token of the `up` as bearer; from the pod to the builder of its node
//! over TLS, with the pod's service account token as bearer. Every request carries
//! [`VERSION_HEADER`]; another version is answered with 426 and a [`Failure`].
//! Every answer that is not 2xx has a [`Failure`] as its JSON body.
//!
//! | who answers | request | body → answer |
//! |---|---|---|
//! | build, builder | `POST /v1/context` | [`Manifest`] → [`Missing`] |
//! | build, builder | `PUT /v1/files` | file frames ([`FRAME`]) → [`Received`] |
//! | build | `POST /v1/build` | → lines of [`BuildEvent`], of a new build if none runs |
//! | builder | `POST /v1/build` | [`BuildRequest`] → lines of [`BuildEvent`], or 409 if it lacks files |
//! | builder | `GET /v1/health` | → nothing, or 503; anybody may ask |
//! | host | `GET /v1/state` | → [`HostState`] |
//! | host | `CONNECT 127.0.0.1:PORT` | the bytes of one TCP connection |
//! | host | see [`crate::debug`], [`crate::exec`] and [`crate::sync`] | |

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::Failure;
use crate::commands::Check;

/// Version of this conversation. Agents and `azds` of different versions refuse each other.
pub const VERSION: u32 = 1;
/// Header that carries [`VERSION`].
pub const VERSION_HEADER: &str = "azds-protocol";
/// Loopback port of the pod where `azds-agent build` listens, in the init container.
pub const BUILD_PORT: u16 = 29170;
/// Loopback port of the pod where the `azds-agent host` of the first wrapped container listens; the
/// next container's is one higher. Below the range of ephemeral ports, so no outgoing connection has it.
pub const HOST_PORT: u16 = 29171;
/// Port of the builder's gate on its node's pod.
pub const GATE_PORT: u16 = 29172;
/// Name that the gate's certificate bears, whatever address it is dialled at.
pub const GATE_SERVER_NAME: &str = "builder.azds";
/// Audience of the service account token that the build shows to the gate.
pub const GATE_AUDIENCE: &str = "azds-builder";
/// Where the shared folder with the agent's binary is mounted in a pod of an `up`.
pub const AGENT_FOLDER: &str = "/azds";
/// Folder in the image of a debugger that holds it, in a folder of its name.
pub const DEBUGGERS_IN_IMAGE: &str = "/debuggers";
/// Folder below [`AGENT_FOLDER`] where the host finds debuggers, each in a folder of its name.
pub const DEBUGGERS: &str = "debuggers";
/// Where the Secret of the `up` is mounted: files [`SECRET_TOKEN`] and [`SECRET_BUILD`].
pub const SECRET_FOLDER: &str = "/azds-up";
/// Key of the developer's token in the Secret of an `up`.
pub const SECRET_TOKEN: &str = "token";
/// Key of the [`BuildSpec`] in the Secret of an `up`.
pub const SECRET_BUILD: &str = "build.json";
/// Key of the build secrets ([`Private::secrets`], as JSON) in the Secret of an `up` that has some.
pub const SECRET_BUILD_SECRETS: &str = "secrets.json";
/// Where the Secrets of type `kubernetes.io/dockerconfigjson` that the pod pulls with are mounted for
/// the build, if there are some.
pub const PULL_FOLDER: &str = "/azds-pull";
/// Prefix of every image tag that azds builds. The webhook is called for these images only.
pub const TAG_PREFIX: &str = "mindaro-";
/// Name of the init container that builds the image, as the original's was called.
pub const BUILD_CONTAINER: &str = "mindaro-build";
/// Argument of the build in a pod that names the registry which the image is pushed to, if there is one.
pub const PUSHED_TO: &str = "--pushed-to";
/// Label of a namespace that is a space; its value is `true`.
pub const SPACE_LABEL: &str = "azds.io/space";
/// Label of a space that is the child of another: the parent's name.
pub const PARENT_LABEL: &str = "azds.io/parent-space";
/// Label of the Secrets, and annotation of nothing else, that belong to an `up`: the release's name.
pub const RELEASE_LABEL: &str = "azds.io/release";
/// Label that the webhook puts on a pod that it completed; its value is `true`.
pub const INSTRUMENTED_LABEL: &str = "azds.io/instrumented";
/// ConfigMap of each space in which the initializer says what a developer's machine must know.
pub const STATUS_CONFIG_MAP: &str = "azds-status";
/// Key of the [`SpaceStatus`] in [`STATUS_CONFIG_MAP`].
pub const STATUS_KEY: &str = "status.json";
/// ConfigMap of each space in which every `up` keeps its [`Seeds`], as JSON under the tag of its image:
/// the webhook may not read the Secret of the `up`.
pub const SEEDS_CONFIG_MAP: &str = "azds-seeds";

/// Where the files of an `up` are synced to. If the container could not write there, these folders become
/// volumes, which begin with what the image has in their place.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Seeds {
    /// The release that the image is of.
    pub release: String,
    /// The top-most folders; absolute, never `/`.
    pub folders: Vec<String>,
    /// Whether the Dockerfile gives the image a user other than root.
    pub non_root: bool,
}

/// The content of the build context, as a list of what is in it.
///
/// Its digest is BLAKE3 of its JSON, so the entries are sorted by path.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    /// The Dockerfile, which need not be part of the context.
    pub dockerfile: Blob,
    /// What the context holds.
    pub entries: Vec<Entry>,
}

/// Content by its digest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Blob {
    /// BLAKE3 of the content.
    pub digest: Digest,
    /// Length in bytes.
    pub size: u64,
}

/// BLAKE3; as text 64 hexadecimal digits, fit for a file name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Digest(pub blake3::Hash);

impl TryFrom<String> for Digest {
    type Error = String;

    fn try_from(text: String) -> Result<Digest, String> {
        match blake3::Hash::from_hex(&text) {
            // There is one text of each digest: in upper case it would be another one.
            Ok(hash) if hash.to_hex().as_str() == text => Ok(Digest(hash)),
            _ => Err(format!("{text:?} is not a BLAKE3 digest in hexadecimal")),
        }
    }
}

impl From<Digest> for String {
    fn from(digest: Digest) -> String {
        digest.to_string()
    }
}

impl std::fmt::Display for Digest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0.to_hex())
    }
}

/// One entry of a [`Manifest`]. Paths are relative, with `/`, without `.` or `..` parts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum Entry {
    /// A regular file.
    File {
        /// Where it is.
        path: String,
        /// What it holds.
        #[serde(flatten)]
        blob: Blob,
        /// Whether it has mode 0755 instead of 0644.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        executable: bool,
    },
    /// A symbolic link.
    Symlink {
        /// Where it is.
        path: String,
        /// What it says, unchanged.
        target: String,
    },
    /// A folder with nothing in it.
    Directory {
        /// Where it is.
        path: String,
    },
}

impl Entry {
    /// Where the entry is in the context.
    pub fn path(&self) -> &str {
        match self {
            Entry::File { path, .. } | Entry::Symlink { path, .. } | Entry::Directory { path } => {
                path
            }
        }
    }
}

/// What is to be built and started. The image's tag follows from it and from the namespace.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BuildSpec {
    /// The Helm release that the image is for.
    pub release: String,
    /// Digest of the [`Manifest`].
    pub context: Digest,
    /// Docker build arguments.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub args: BTreeMap<String, String>,
    /// What is started in the container instead of what the image and the chart say.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub command: Vec<String>,
}

/// What the build in a pod asks of the builder of its node.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BuildRequest {
    /// Name of the image without its tag. The builder works the tag out itself, so that no build
    /// can write over the image of another service or space.
    pub repository: String,
    /// What is to be built.
    pub spec: BuildSpec,
    /// What the build needs and nobody may see.
    #[serde(default)]
    pub private: Private,
}

/// What a build needs and nobody may see: it is in no tag, log or image.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Private {
    /// Build secrets by their ids.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub secrets: BTreeMap<String, String>,
    /// Logins of registries, as `auths` of Docker's configuration has them.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub logins: BTreeMap<String, serde_json::Value>,
}

impl std::fmt::Debug for Private {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let names: Vec<_> = self.secrets.keys().chain(self.logins.keys()).collect();
        write!(f, "Private{names:?}")
    }
}

/// What the builder lacks of a [`Manifest`], in no particular order.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Missing {
    /// Contents to be sent with `PUT /v1/files`.
    pub blobs: Vec<Digest>,
}

/// The form of the body of `PUT /v1/files`: one frame a file, each a header of [`FRAME`] bytes
/// (32 of raw BLAKE3, then the length as u64 in big-endian order) and that many bytes of content.
pub const FRAME: usize = 40;

/// What the builder took of a `PUT /v1/files`, as it counted itself.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Received {
    /// Number of files.
    pub files: u64,
    /// Their length in bytes.
    pub bytes: u64,
}

/// One line of the answer to `POST /v1/build`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "kebab-case")]
pub enum BuildEvent {
    /// A step of the Dockerfile began, ended, or was found in the cache.
    Step {
        /// BuildKit's digest of the step.
        id: String,
        /// BuildKit's name of the step: `[3/6] RUN dotnet restore`.
        name: String,
        /// What became of it.
        state: StepState,
    },
    /// Output of a step.
    Log {
        /// The step.
        id: String,
        /// Text as it came; need not end at a line's end.
        text: String,
    },
    /// The image is in the node's store, or in the registry. The last event.
    Built {
        /// Name and tag of the image.
        image: String,
        /// How it starts a container.
        start: ImageStart,
    },
    /// The build came to its end without an image. The last event.
    Failed {
        /// Why; `why` holds what BuildKit said, with its excerpt of the Dockerfile.
        failure: Failure,
    },
}

impl BuildEvent {
    /// Whether no other event follows.
    pub fn is_last(&self) -> bool {
        matches!(self, BuildEvent::Built { .. } | BuildEvent::Failed { .. })
    }
}

/// What became of a build step.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum StepState {
    /// It runs.
    Started,
    /// Its result was there already.
    Cached,
    /// It ran to its end.
    Done {
        /// How long it took, in milliseconds.
        ms: u64,
    },
    /// It failed.
    Failed,
}

/// How an image starts a container: the parts of its configuration that the host needs.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImageStart {
    /// `Entrypoint` of the image's configuration.
    #[serde(default)]
    pub entrypoint: Vec<String>,
    /// `Cmd` of the image's configuration.
    #[serde(default)]
    pub cmd: Vec<String>,
    /// `WorkingDir` of the image's configuration; empty for `/`.
    #[serde(default)]
    pub working_dir: String,
}

/// What the host says of the process that it runs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HostState {
    /// Process id in the container, while it runs.
    pub pid: Option<i32>,
    /// Program and arguments.
    pub command: Vec<String>,
    /// Folder in which it was started.
    pub working_dir: String,
    /// How often it was started, the first time included.
    pub starts: u32,
    /// The exit code of a service that has ended, while the host waits for the next change.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended: Option<u8>,
    /// Who debugs it, if somebody does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub debugged_by: Option<String>,
}

/// What the initializer tells developers' machines through [`STATUS_CONFIG_MAP`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SpaceStatus {
    /// Version of azds that set the cluster up.
    pub version: String,
    /// [`VERSION`] of its agents.
    pub protocol: u32,
    /// What `$(hostSuffix)` stands for.
    pub host_suffix: String,
    /// Class of the Ingresses that azds writes; empty for the cluster's default.
    pub ingress_class: String,
    /// The space's parent, the parent's parent, and so on to the root; none for a root.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub parents: Vec<String>,
    /// How the parts of azds in the cluster are, which developers may not look at themselves.
    #[serde(default)]
    pub checks: Vec<Check>,
}
