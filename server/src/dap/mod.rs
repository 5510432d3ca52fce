//! The debug adapter: the only place with DAP types.
//!
//! It stands between an editor and a debugger in a pod. What they say to each other passes as it is;
//! changed are only `seq`, the paths of sources, and what would end the service. Before there is a
//! debugger, and after, the adapter answers itself.

mod again;
mod asked;
mod attach;
mod bridge;
mod codec;
mod editor;
mod end;
mod js_debug;
mod message;
mod paths;
mod progress;
pub mod rehearsal;
mod rewrite;
mod services;
mod session;
mod setup;
mod sources;
mod wire;

use azds_protocol::commands::UpArguments;
use azds_protocol::debug::AttachArguments;

pub use codec::Codec;
pub use services::InCluster;
pub use session::serve;

pub use crate::commands::debug::{Connection, Host, Sources};
use crate::commands::debugger::Installed;
use crate::failure::Result;
use crate::progress::Progress;

/// A running service that can be debugged.
pub struct Target {
    /// Its pod.
    pub pod: String,
    /// How many pods of the service are ready.
    pub pods: usize,
    /// Where its sources are.
    pub sources: Sources,
    /// The host in its container.
    pub host: Host,
}

/// What the adapter needs of the rest of azds.
pub trait Services: Send + Sync {
    /// Brings a service up.
    fn up(
        &self,
        arguments: UpArguments,
        progress: &Progress,
    ) -> impl Future<Output = Result<()>> + Send;
    /// Finds the pod of a service and connects to its host.
    fn connect(
        &self,
        arguments: &AttachArguments,
        progress: &Progress,
    ) -> impl Future<Output = Result<Target>> + Send;
    /// The debugger for a runtime, as it is installed on this machine.
    fn debugger(&self, runtime: &str) -> Result<Installed>;
}
