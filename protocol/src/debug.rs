//! Debug sessions: the arguments of the editor's `attach` and `launch`, and the part of the
//! conversation with the host that starts a debugger in the container.
//!
//! | who answers | request | body → answer |
//! |---|---|---|
//! | host | `GET /v1/debug/processes` | → lines of [`ProcessInfo`] |
//! | host | `PUT /v1/debug/debuggers/NAME` | a tar of the debugger's folder → [`DebuggerFolder`] |
//! | host | `GET /v1/debug/debuggers` | → list of [`DebuggerFolder`] |
//! | host | `POST /v1/debug/sessions` | [`StartDebugger`] → [`DebuggerStarted`] |
//! | host | `CONNECT` with [`DebuggerStarted::stream`] as authority | the debugger's DAP bytes; nothing for a [`StartDebugger::lease`] |
//! | host | `GET /v1/debug/end` | → [`DebuggerEnd`] of the last session, if any, else `null` |

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// Host part of every [`DebuggerStarted::stream`]: a name that no address has.
pub const STREAM_HOST: &str = "debugger";
/// Loopback port of the pod where a debugger of [`DebuggerStart::Restart`] listens. Below the range of
/// ephemeral ports, beside those of the agents.
pub const DEBUGGER_PORT: u16 = 29190;

/// Arguments of the DAP requests `attach` and `launch` for type `azds`. All can be left out where
/// they can be found out; what is not ours goes to the debugger as it is.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "camelCase", default)]
pub struct AttachArguments {
    /// Folder where azds.yaml stands.
    pub folder: Option<PathBuf>,
    /// Configuration of azds.yaml, for `launch`.
    pub configuration: Option<String>,
    /// Space, instead of the chosen one.
    pub space: Option<String>,
    /// `auto`, `dotnet`, `go`, `java`, `node`, `python`.
    pub runtime: Option<String>,
    /// Pod, where the service has several.
    pub pod: Option<String>,
    /// From folders in the container to folders here.
    pub source_file_map: BTreeMap<String, String>,
    /// Stop as soon as possible.
    pub stop_on_entry: bool,
    /// Step over what is not the user's code; the debugger's default where not given.
    pub just_my_code: Option<bool>,
    /// js-debug's DAP server on this machine, for Node.
    pub js_debug: Option<PathBuf>,
    /// Everything else, for the debugger.
    #[cfg_attr(test, ts(skip))]
    #[serde(flatten)]
    pub rest: serde_json::Map<String, serde_json::Value>,
}

/// A process of the container, as /proc has it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub struct ProcessInfo {
    /// Process id in the container.
    pub pid: i32,
    /// Parent's process id.
    pub ppid: i32,
    /// Program and arguments.
    pub command: Vec<String>,
    /// Where `/proc/PID/exe` leads.
    pub exe: String,
    /// Where `/proc/PID/cwd` leads.
    pub working_dir: String,
    /// Names of the runtime's libraries that it has mapped, such as `libcoreclr.so`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub libraries: Vec<String>,
    /// Whether its program was built by Go, by the note that the linker leaves in it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_go: bool,
}

/// Asks the host to start a debugger. A second one for the same container is refused with the
/// name of the first session; the same session takes the place of its own connection that was cut.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct StartDebugger {
    /// Name of the session, as another developer would be told.
    pub session: String,
    /// What no other session has.
    pub id: String,
    /// Whether the stream carries nothing and only keeps the session while it is open: the debugger's
    /// own protocol is no DAP and goes through `CONNECT 127.0.0.1:PORT`.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub lease: bool,
    /// What is to be started.
    pub how: DebuggerStart,
}

/// How a debugger and the service come together.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(
    tag = "kind",
    rename_all = "camelCase",
    rename_all_fields = "camelCase"
)]
pub enum DebuggerStart {
    /// A debugger beside the running service, speaking DAP on its standard input and output.
    Beside {
        /// Program and arguments.
        command: Vec<String>,
        /// Added to the environment.
        env: BTreeMap<String, String>,
    },
    /// The service is started again by this command, under its debugger, which listens on a
    /// loopback port. Ending the session starts the service as it was before.
    Restart {
        /// Program and arguments.
        command: Vec<String>,
        /// Folder in which it is started; that of the service's first start where there is none.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        working_dir: Option<String>,
        /// Added to the environment.
        env: BTreeMap<String, String>,
        /// Loopback port on which the debugger will listen.
        port: u16,
        /// Whether a client that is gone leaves the service running: then a session whose connection
        /// was cut finds it as it was, if it comes back soon.
        resumes: bool,
    },
    /// The running process opens its inspector, which it does when it gets SIGUSR1.
    Inspector {
        /// The process.
        pid: i32,
        /// Loopback port on which it will listen.
        port: u16,
    },
}

/// Where the host keeps a debugger.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DebuggerFolder {
    /// Name under which it was sent, or in its image.
    pub name: String,
    /// Folder in the container.
    pub folder: String,
}

/// How the debugger of a session came to its end.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DebuggerEnd {
    /// [`DebuggerStarted::stream`] of the session.
    pub stream: String,
    /// What the host saw, in words that follow "because": "netcoredbg ended with exit code 1".
    pub why: String,
}

/// A debugger that was started.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DebuggerStarted {
    /// Authority for `CONNECT`.
    pub stream: String,
}
