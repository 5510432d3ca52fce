//! The output of a service's containers, as a foreground `up` shows it.

use std::time::Duration;

use futures_util::{AsyncBufReadExt, StreamExt};
use k8s_openapi::api::core::v1::Pod;
use kube::api::LogParams;
use kube::{Api, ResourceExt};
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::sleep;

use super::Attached;
use crate::cluster::client::Cluster;
use crate::cluster::pods::wrapped_containers;

/// Lines that may wait for a slow terminal.
const AHEAD: usize = 256;
/// Pause before a log that ended is read on: its container starts again, or its pod is gone.
const PAUSE: Duration = Duration::from_secs(1);

/// Passes the lines that the service's containers write to `show`; when the pod is gone, those of
/// the one that replaces it. Runs until it is dropped.
pub async fn follow_output(attached: &Attached, mut show: impl FnMut(&str)) {
    let space = attached.result.space.as_str();
    let pods: Api<Pod> = Api::namespaced(attached.cluster.client.clone(), space);
    let mut pod = attached.pod.clone();
    loop {
        follow_logs(&attached.cluster, &pod, &mut show).await;
        let gone = pod.name_any();
        show(&format!("Pod {gone} is gone."));
        pod = loop {
            sleep(PAUSE).await;
            // Not there yet, or the cluster does not answer: it is asked again.
            let Ok((name, _)) = attached.owner.link.agent().await else {
                continue;
            };
            match pods.get_opt(&name).await {
                Ok(Some(next)) if name != gone => break next,
                _ => {}
            }
        };
        show(&format!("Pod {} has taken its place.", pod.name_any()));
    }
}

/// Passes the lines that the service's containers write to `show`, until the pod is gone.
pub async fn follow_logs(cluster: &Cluster, pod: &Pod, mut show: impl FnMut(&str)) {
    let space = pod.namespace().unwrap_or_default();
    let pods: Api<Pod> = Api::namespaced(cluster.client.clone(), &space);
    let (lines, mut queue) = mpsc::channel(AHEAD);
    let mut readers = JoinSet::new();
    for container in wrapped_containers(pod) {
        let (pods, pod, lines) = (pods.clone(), pod.name_any(), lines.clone());
        readers.spawn(read(pods, pod, container, lines));
    }
    drop(lines);
    while let Some(line) = queue.recv().await {
        show(&line);
    }
}

async fn read(pods: Api<Pod>, pod: String, container: String, lines: mpsc::Sender<String>) {
    let mut parameters = LogParams {
        container: Some(container),
        follow: true,
        ..LogParams::default()
    };
    loop {
        match pods.log_stream(&pod, &parameters).await {
            Ok(log) => {
                let mut log = log.lines();
                while let Some(Ok(line)) = log.next().await {
                    if lines.send(line).await.is_err() {
                        return;
                    }
                }
            }
            Err(kube::Error::Api(status)) if status.code == 404 => return,
            Err(error) => tracing::debug!(%error, "a log begins anew"),
        }
        // What was shown is not shown again.
        parameters.since_seconds = Some(1);
        sleep(PAUSE).await;
    }
}
