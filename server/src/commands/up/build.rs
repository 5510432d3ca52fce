//! Serving the build of one pod: its files, and what BuildKit says.

use std::sync::Arc;

use azds_protocol::agent::{BUILD_PORT, BuildEvent, Received, StepState};

use super::sources;
use crate::cluster::agent::{self, Agent};
use crate::cluster::client::{Cluster, open_port};
use crate::context::BuildContext;
use crate::failure::{Failure, Result};
use crate::progress::{Progress, Step};

/// What a build needs from the developer's machine.
pub struct Build {
    /// The cluster.
    pub cluster: Cluster,
    /// The space.
    pub space: String,
    /// The pod's token.
    pub token: String,
    /// What it is built from.
    pub context: Arc<BuildContext>,
    /// Who is told of it.
    pub progress: Progress,
}

/// How the conversation with one pod's build ended.
pub struct Ended {
    /// What was sent.
    pub received: Received,
    /// Why.
    pub because: Because,
}

/// Why the conversation with a pod's build ended.
pub enum Because {
    /// The image is built.
    Built,
    /// The build failed.
    Failed(Failure),
    /// The connection was lost, or never came to be: the pod may have no more use for it.
    Lost(Failure),
}

impl Build {
    /// Serves the build of `pod` to its end.
    pub async fn serve(&self, pod: &str) -> Ended {
        let mut received = Received::default();
        let because = match self.converse(pod, &mut received).await {
            Ok(BuildEvent::Failed { failure }) => Because::Failed(failure),
            Ok(_) => Because::Built,
            Err(failure) => Because::Lost(failure),
        };
        Ended { received, because }
    }

    async fn converse(&self, pod: &str, received: &mut Received) -> Result<BuildEvent> {
        let io = open_port(&self.cluster, &self.space, pod, BUILD_PORT).await?;
        let connection = Agent::connect(io, &self.token, format!("pod {pod}")).await?;
        let missing = connection.offer(&self.context.manifest).await?;
        if !missing.blobs.is_empty() {
            let _step = self.progress.begin("Synchronizing files");
            *received = sources::send(&connection, &self.context, missing.blobs).await?;
        }
        let step = self.progress.begin("Building container image");
        let mut lines = Lines::default();
        connection
            .build(agent::empty(), |event| lines.tell(event, &step))
            .await
    }
}

/// Makes whole lines of a build's output, which is cut anywhere.
#[derive(Default)]
struct Lines {
    begun: String,
}

impl Lines {
    fn tell(&mut self, event: &BuildEvent, step: &Step) {
        match event {
            BuildEvent::Log { text, .. } => {
                self.begun.push_str(text);
                while let Some(end) = self.begun.find('\n') {
                    let line: String = self.begun.drain(..=end).collect();
                    // Progress bars overwrite their line: its last state is what counts.
                    let line = line.trim_end_matches(['\r', '\n']);
                    step.say(line.rsplit('\r').next().unwrap_or(line));
                }
            }
            BuildEvent::Step { name, state, .. } => {
                self.flush(step);
                match state {
                    StepState::Started => step.say(name),
                    StepState::Cached => step.say(format!("{name} (unchanged)")),
                    StepState::Done { .. } => {}
                    StepState::Failed => step.say(format!("{name} failed")),
                }
            }
            BuildEvent::Built { .. } | BuildEvent::Failed { .. } => self.flush(step),
        }
    }

    fn flush(&mut self, step: &Step) {
        if !self.begun.is_empty() {
            step.say(std::mem::take(&mut self.begun));
        }
    }
}
