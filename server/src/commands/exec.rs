//! `exec`: runs a command in a service's container, by its host. The right to `pods/exec` is not
//! needed.

use azds_protocol::debug::AttachArguments;
use azds_protocol::exec::Exec;
use tokio::io::{AsyncRead, AsyncWrite};

use super::debug_target::find_target;
use crate::failure::Result;
use crate::progress::Progress;

const WHAT: &str = "the command was not run";

/// Runs a command in the container of the folder's service, until it has ended or is cancelled; its
/// exit code.
pub async fn exec(
    target: &AttachArguments,
    order: &Exec,
    progress: &Progress,
    input: impl AsyncRead + Send + 'static,
    out: &mut (impl AsyncWrite + Unpin),
    err: &mut (impl AsyncWrite + Unpin),
) -> Result<u8> {
    let work = async {
        let target = find_target(target, WHAT).await?;
        target.agent.exec(order, input, out, err).await
    };
    progress.or_cancelled(WHAT, work).await
}
