//! `logs`: what a service writes.

use std::time::Duration;

use azds_protocol::commands::ServiceArguments;
use jiff::Timestamp;
use kube::ResourceExt;

use super::objects::Objects;
use super::service::Service;
use super::up::{LogLine, follow_logs};
use crate::cluster::client::Cluster;
use crate::cluster::spaces;
use crate::failure::{Action, Context, Failure, Result};
use crate::progress::Progress;

const WHAT: &str = "the output of the service is not shown";
/// Pause between looks for a pod.
const PAUSE: Duration = Duration::from_secs(1);

/// Passes the lines that the service of a folder has written since a moment to `show`, and goes on, over
/// the ends of its pods, until it is cancelled or the service is down.
pub async fn logs(
    arguments: &ServiceArguments,
    since: Option<Timestamp>,
    progress: &Progress,
    mut show: impl FnMut(LogLine),
) -> Result<()> {
    let folder = arguments.folder.clone();
    let service = tokio::task::spawn_blocking(move || Service::find(&folder, WHAT))
        .await
        .or_fail(WHAT, "")??;
    let cluster = Cluster::from_kubeconfig().await?;
    let space = spaces::choose(&cluster, arguments.space.as_deref(), &service.folder)?;
    let release = service.release(&space);
    let mut shown = None;
    let follow = async {
        loop {
            let objects = Objects::of(&cluster, &space, WHAT).await?;
            match objects.pods_of(&release).pop() {
                Some(pod) if shown != pod.metadata.uid => {
                    if shown.is_some() {
                        progress.warn(format!("The pod was replaced by {}.", pod.name_any()));
                    }
                    shown.clone_from(&pod.metadata.uid);
                    follow_logs(&cluster, pod, since, &mut show).await;
                }
                None if !objects.has(&release) => {
                    let object = format!("service {} in namespace {space}", service.name);
                    return Err(Failure::new(WHAT, object, "it is not up")
                        .try_to("Run azds up first.")
                        .offer(Action::Up));
                }
                _ => tokio::time::sleep(PAUSE).await,
            }
        }
    };
    tokio::select! {
        ended = follow => ended,
        () = progress.cancellation().cancelled() => Ok(()),
    }
}
