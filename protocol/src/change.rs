//! What is told of a service that is kept up to date: by `azds up -o json`, one [`Change`], `Failure`
//! or [`Mistakes`] a line after its answer, and by `azds lsp` to its editor.
//!
//! `azds.server.up` answers when the service is up. From then on the server keeps it up to date, until
//! `azds.server.detach` or `azds.server.down`, until another azds takes its tunnels over, or until the
//! conversation ends; its tunnels then go on in a background process, but for a service that is down.
//! What happens meanwhile the editor is told in these ways:
//!
//! | by | what |
//! |---|---|
//! | `window/logMessage` | a line for each change, each failure, each line of a build command's output |
//! | `window/workDoneProgress` | each build of the image; cancelling it cancels that build |
//! | `textDocument/publishDiagnostics` | where a failed build says that sources are wrong (source `azds build`); empty after the next success |
//! | `azds/serviceChanged` | a [`ServiceChanged`], to an editor whose capabilities have `experimental.azds.serviceChanged: true` |

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::Failure;

/// Method of the notification with [`ServiceChanged`].
pub const SERVICE_CHANGED: &str = "azds/serviceChanged";

/// What is done about a change; a greater one does what a smaller one would.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "kebab-case")]
pub enum Tier {
    /// The file is put into the running container.
    Sync,
    /// That, then the build commands run and the service is started again.
    Restart,
    /// The image is built and the chart installed.
    Rebuild,
}

/// What was done about a change.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct Change {
    /// What was done.
    pub tier: Tier,
    /// The file that asked for it; relative to the root of the build context if it lies in it.
    pub file: String,
    /// How many other files changed with it.
    pub others: usize,
    /// The rule by which it asked for it.
    pub rule: String,
    /// How long it took, in milliseconds, from the moment when the change was seen.
    pub ms: u64,
}

/// Where a build that failed says that sources are wrong.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct Mistakes {
    /// The places, in the order of the build's output.
    pub mistakes: Vec<Mistake>,
}

/// A place in a source of the developer's that a build complains of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct Mistake {
    /// The file on this machine.
    pub file: PathBuf,
    /// The line, from one.
    pub line: u32,
    /// The column, from one, as the compiler counts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub column: Option<u32>,
    /// The compiler's code: `CS1002`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    /// What is wrong, in the compiler's words.
    pub message: String,
}

/// Parameters of the notification `azds/serviceChanged`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub struct ServiceChanged {
    /// Folder of the service, as `azds.server.up` was given it.
    pub folder: PathBuf,
    /// Name of the service.
    pub service: String,
    /// How it is now.
    pub state: ServiceState,
    /// What was done to come to that, or what asks for the building.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub change: Option<Change>,
    /// Why a change was not brought there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<Failure>,
}

/// How a service is that is kept up to date.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "kebab-case")]
pub enum ServiceState {
    /// It has what the developer has.
    Current,
    /// Its image is being built again.
    Building,
    /// A change could not be brought there; the next one tries again.
    Failed,
    /// Its process has ended; the next change starts it again.
    Ended,
    /// It is kept up to date no more.
    Detached,
}
