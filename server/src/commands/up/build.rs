//! Serving the build of one pod: its files, and what BuildKit says.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use azds_protocol::agent::{BUILD_PORT, BuildEvent, Received, StepState};

use super::{notice, sources};
use crate::cluster::agent::{self, Agent};
use crate::cluster::client::{Cluster, open_port};
use crate::commands::terminal::elapsed;
use crate::context::BuildContext;
use crate::failure::{Failure, Result};
use crate::progress::{Progress, Step};

/// What BuildKit does for itself, and a developer need not follow.
const INTERNAL: &str = "[internal]";
/// Build steps that took less are told without their time.
const WORTH_TIMING: Duration = Duration::from_millis(500);

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
    /// Whether the build was heard of, so that whoever has to build is there.
    pub heard: bool,
    /// Why.
    pub because: Because,
}

/// Why the conversation with a pod's build ended.
pub enum Because {
    /// The image is built.
    Built,
    /// The build failed, or what it needs is not there any more.
    Failed(Failure),
    /// The connection was lost, or never came to be: the pod may have no more use for it.
    Lost(Failure),
}

impl From<Failure> for Because {
    /// Most failures are the connection's.
    fn from(failure: Failure) -> Because {
        Because::Lost(failure)
    }
}

impl Build {
    /// Serves the build of `pod` to its end.
    pub async fn serve(&self, pod: &str) -> Ended {
        let mut received = Received::default();
        let mut heard = false;
        let because = match self.converse(pod, &mut received, &mut heard).await {
            Ok(BuildEvent::Failed { failure }) => Because::Failed(failure),
            Ok(_) => Because::Built,
            Err(because) => because,
        };
        Ended {
            received,
            heard,
            because,
        }
    }

    async fn converse(
        &self,
        pod: &str,
        received: &mut Received,
        heard: &mut bool,
    ) -> Result<BuildEvent, Because> {
        let io = open_port(&self.cluster, &self.space, pod, BUILD_PORT).await?;
        let connection = Agent::connect(io, &self.token, format!("pod {pod}")).await?;
        let missing = connection.offer(&self.context.manifest).await?;
        if !missing.blobs.is_empty() {
            let notice = notice::of_missing(&self.context.manifest, &missing.blobs);
            notice.iter().for_each(|much| self.progress.warn(much));
            let _step = self.progress.begin("Synchronizing files");
            *received = sources::send(&connection, &self.context, missing.blobs).await?;
        }
        let step = self.progress.begin("Building container image");
        let mut lines = Lines::default();
        let built = connection.build(agent::empty(), |event| {
            *heard = true;
            lines.tell(event, &step);
        });
        Ok(built.await?)
    }
}

/// Makes lines of a build's events: BuildKit tells of a step many times, and cuts output anywhere.
#[derive(Default)]
struct Lines {
    begun: String,
    told: HashSet<String>,
}

impl Lines {
    fn tell(&mut self, event: &BuildEvent, step: &Step) {
        self.lines(event).iter().for_each(|line| step.say(line));
    }

    fn lines(&mut self, event: &BuildEvent) -> Vec<String> {
        let (name, state) = match event {
            BuildEvent::Log { text, .. } => return self.output(text),
            BuildEvent::Step { name, .. } if name.starts_with(INTERNAL) => return Vec::new(),
            BuildEvent::Step { name, state, .. } => (name, *state),
            BuildEvent::Built { .. } | BuildEvent::Failed { .. } => return self.rest(),
        };
        let mut lines = self.rest();
        let is_new = !self.told.contains(name);
        match state {
            StepState::Started if is_new => lines.push(name.clone()),
            StepState::Cached if is_new => lines.push(format!("{name} (unchanged)")),
            StepState::Done { ms } if Duration::from_millis(ms) >= WORTH_TIMING => {
                lines.push(format!("{name}...{}", elapsed(Duration::from_millis(ms))));
            }
            StepState::Done { .. } if is_new => lines.push(name.clone()),
            StepState::Failed => lines.push(format!("{name} failed")),
            _ => {}
        }
        self.told.insert(name.clone());
        lines
    }

    fn output(&mut self, text: &str) -> Vec<String> {
        self.begun.push_str(text);
        let mut lines = Vec::new();
        while let Some(end) = self.begun.find('\n') {
            let line: String = self.begun.drain(..=end).collect();
            // Progress bars overwrite their line: its last state is what counts.
            let line = line.trim_end_matches(['\r', '\n']);
            lines.push(line.rsplit('\r').next().unwrap_or(line).to_owned());
        }
        lines
    }

    /// The line that was begun, if one was.
    fn rest(&mut self) -> Vec<String> {
        match self.begun.is_empty() {
            true => Vec::new(),
            false => vec![std::mem::take(&mut self.begun)],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_build_step_is_told_once_and_its_time_if_it_took_some() {
        let mut lines = Lines::default();
        let mut told = Vec::new();
        let step = |name: &str, state| BuildEvent::Step {
            id: name.to_owned(),
            name: name.to_owned(),
            state,
        };
        let log = |text: &str| BuildEvent::Log {
            id: String::new(),
            text: text.to_owned(),
        };
        for event in [
            step("[internal] load build definition", StepState::Started),
            step("[1/3] FROM python", StepState::Started),
            step("[1/3] FROM python", StepState::Done { ms: 20 }),
            step("[1/3] FROM python", StepState::Started),
            step("[1/3] FROM python", StepState::Cached),
            step("[2/3] COPY . .", StepState::Cached),
            step("[3/3] RUN make", StepState::Started),
            log("10%\r100%\nlinked"),
            step("[3/3] RUN make", StepState::Done { ms: 2340 }),
        ] {
            told.extend(lines.lines(&event));
        }
        assert_eq!(
            told,
            [
                "[1/3] FROM python",
                "[2/3] COPY . . (unchanged)",
                "[3/3] RUN make",
                "100%",
                "linked",
                "[3/3] RUN make...2.3s",
            ]
        );
    }
}
