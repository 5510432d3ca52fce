//! What the containers of a service write.

use futures_util::{AsyncBufReadExt, StreamExt};
use jiff::Timestamp;
use k8s_openapi::api::core::v1::Pod;
use kube::api::LogParams;
use kube::{Api, ResourceExt};
use serde::Serialize;
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::sleep;

use super::Attached;
use crate::cluster::client::Cluster;

/// Lines that may wait for a slow terminal.
const AHEAD: usize = 256;
/// Pause before a log that ended is read on: its container starts again, or its pod is gone.
const PAUSE: Duration = Duration::from_secs(1);
/// How many lines of a container that crashed are shown, before those of the one that came after it.
const LAST_LINES: i64 = 15;

/// A line that a container has written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LogLine {
    /// The pod.
    pub pod: String,
    /// The container.
    pub container: String,
    /// When it was written; unknown of what azds says itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub time: Option<Timestamp>,
    /// Whether it is of the container that ran there before and has ended.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub previous: bool,
    /// The line, without its end.
    pub line: String,
    /// Whether the pod has other containers, so that a person has to be told whose line it is.
    #[serde(skip)]
    pub one_of_many: bool,
}

impl std::fmt::Display for LogLine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.one_of_many {
            true => write!(f, "[{}] {}", self.container, self.line),
            false => f.write_str(&self.line),
        }
    }
}

/// Passes the lines that the service's containers write after a moment to `show`; when the pod is gone,
/// those of the one that replaces it. Runs until it is dropped.
pub async fn follow_output(
    attached: &Attached,
    after: Option<Timestamp>,
    mut show: impl FnMut(LogLine),
) {
    let space = attached.result.space.as_str();
    let pods: Api<Pod> = Api::namespaced(attached.cluster.client.clone(), space);
    let mut pod = attached.pod.clone();
    loop {
        follow_logs(&attached.cluster, &pod, after, &mut show).await;
        let gone = pod.name_any();
        let say = |pod: &str, what: &str| LogLine {
            pod: pod.to_owned(),
            container: String::new(),
            time: None,
            previous: false,
            line: format!("Pod {pod} {what}."),
            one_of_many: false,
        };
        show(say(&gone, "is gone"));
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
        show(say(&pod.name_any(), "has taken its place"));
    }
}

/// Passes the lines that all containers of a pod write after a moment to `show`, until the pod is gone.
/// Those of a container that crashed before come first, the last of them.
pub async fn follow_logs(
    cluster: &Cluster,
    pod: &Pod,
    after: Option<Timestamp>,
    mut show: impl FnMut(LogLine),
) {
    let space = pod.namespace().unwrap_or_default();
    let (lines, mut queue) = mpsc::channel(AHEAD);
    let mut readers = JoinSet::new();
    let containers = pod.spec.iter().flat_map(|spec| &spec.containers);
    let one_of_many = containers.clone().nth(1).is_some();
    for container in containers {
        let reader = Reader {
            pods: Api::namespaced(cluster.client.clone(), &space),
            pod: pod.name_any(),
            container: container.name.clone(),
            one_of_many,
            lines: lines.clone(),
        };
        let crashed = exit_code_before(pod, &container.name).filter(|code| *code != 0);
        readers.spawn(async move {
            // Nobody who listens to the end reads on.
            let _ = reader
                .read(after, crashed.filter(|_| after.is_none()))
                .await;
        });
    }
    drop(lines);
    while let Some(line) = queue.recv().await {
        show(line);
    }
}

/// How the container that ran there before has ended.
fn exit_code_before(pod: &Pod, container: &str) -> Option<i32> {
    let statuses = pod.status.as_ref()?.container_statuses.as_ref()?;
    let status = statuses.iter().find(|status| status.name == container)?;
    let last = status.last_state.as_ref()?.terminated.as_ref()?;
    Some(last.exit_code)
}

/// Reads the log of one container.
struct Reader {
    pods: Api<Pod>,
    pod: String,
    container: String,
    one_of_many: bool,
    lines: mpsc::Sender<LogLine>,
}

/// Nobody listens any more.
struct Unheard;

impl Reader {
    async fn read(&self, after: Option<Timestamp>, crashed: Option<i32>) -> Result<(), Unheard> {
        if let Some(code) = crashed {
            self.last_lines(code).await?;
        }
        let mut last = after;
        loop {
            let parameters = LogParams {
                container: Some(self.container.clone()),
                follow: true,
                timestamps: true,
                since_time: last,
                ..LogParams::default()
            };
            match self.pods.log_stream(&self.pod, &parameters).await {
                Ok(log) => {
                    let mut log = log.lines();
                    while let Some(Ok(line)) = log.next().await {
                        let (time, line) = stamped(&line);
                        // The API knows whole seconds only: what was shown comes once more.
                        if time.is_some() && time <= last {
                            continue;
                        }
                        last = time.or(last);
                        self.tell(time, false, line).await?;
                    }
                }
                Err(kube::Error::Api(status)) if status.code == 404 => return Ok(()),
                Err(error) => tracing::debug!(%error, "a log begins anew"),
            }
            sleep(PAUSE).await;
        }
    }

    async fn last_lines(&self, code: i32) -> Result<(), Unheard> {
        let parameters = LogParams {
            container: Some(self.container.clone()),
            previous: true,
            timestamps: true,
            tail_lines: Some(LAST_LINES),
            ..LogParams::default()
        };
        let title = format!("It ended with exit code {code} before. Its last lines then:");
        // A log that the kubelet has no more is not missed.
        let Ok(text) = self.pods.logs(&self.pod, &parameters).await else {
            return Ok(());
        };
        self.tell(None, true, &title).await?;
        for line in text.lines() {
            let (time, line) = stamped(line);
            self.tell(time, true, line).await?;
        }
        self.tell(None, true, "It was started again.").await
    }

    async fn tell(
        &self,
        time: Option<Timestamp>,
        previous: bool,
        line: &str,
    ) -> Result<(), Unheard> {
        let line = LogLine {
            pod: self.pod.clone(),
            container: self.container.clone(),
            time,
            previous,
            line: line.to_owned(),
            one_of_many: self.one_of_many,
        };
        self.lines.send(line).await.map_err(|_| Unheard)
    }
}

/// A line's time, which the API puts before it, and the line.
fn stamped(line: &str) -> (Option<Timestamp>, &str) {
    let Some((time, rest)) = line.split_once(' ') else {
        return (line.parse().ok(), "");
    };
    match time.parse() {
        Ok(time) => (Some(time), rest),
        Err(_) => (None, line),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_told_from_its_time() {
        let (time, line) = stamped("2026-11-25T22:31:30.12Z  two words");
        assert_eq!(line, " two words");
        let (later, empty) = stamped("2026-11-25T22:31:30.123Z ");
        assert!(later > time);
        assert_eq!(empty, "");
        assert_eq!(stamped("unable to retrieve"), (None, "unable to retrieve"));
    }
}
