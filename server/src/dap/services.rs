//! The services of the cluster, as the adapter reaches them.

use azds_protocol::commands::UpArguments;
use azds_protocol::debug::AttachArguments;

use super::{Host, Services, Target};
use crate::commands::debug_target::debug_target;
use crate::commands::debugger::{self, Installed};
use crate::commands::up::up;
use crate::failure::Result;
use crate::progress::Progress;

/// The services of the cluster that the kubeconfig leads to.
pub struct InCluster;

impl Services for InCluster {
    async fn up(&self, arguments: UpArguments, progress: &Progress) -> Result<()> {
        up(&arguments, progress).await.map(|_| ())
    }

    async fn connect(&self, arguments: &AttachArguments, _: &Progress) -> Result<Target> {
        let target = debug_target(arguments).await?;
        Ok(Target {
            pod: target.pod.clone(),
            pods: target.pods,
            sources: target.sources.clone(),
            host: Host::new(target),
        })
    }

    fn debugger(&self, runtime: &str) -> Result<Installed> {
        debugger::installed(&debugger::folder()?, runtime)
    }
}
