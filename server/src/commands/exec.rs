//! `exec`: runs a command in a service's container, by its host. The right to `pods/exec` is not
//! needed.

use std::io;

use azds_protocol::debug::AttachArguments;
use azds_protocol::exec::Exec;
use futures_util::Stream;
use tokio::io::AsyncWrite;

use super::debug_target::find_target;
pub use crate::cluster::agent::Input;
use crate::failure::Result;
use crate::progress::Progress;

const WHAT: &str = "the command was not run";

/// Runs a command in the container of the folder's service, until it has ended or is cancelled; its
/// exit code. `input` is asked for its input once there is a connection.
pub async fn exec<I>(
    target: &AttachArguments,
    order: &Exec,
    progress: &Progress,
    input: impl FnOnce() -> I,
    out: &mut (impl AsyncWrite + Unpin),
    err: &mut (impl AsyncWrite + Unpin),
) -> Result<u8>
where
    I: Stream<Item = io::Result<Input>> + Send + 'static,
{
    let work = async {
        let target = find_target(target, WHAT).await?;
        target.agent.exec(order, input(), out, err).await
    };
    progress.or_cancelled(WHAT, work).await
}
