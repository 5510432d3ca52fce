//! Stays with a service that is up: what changes on the developer's machine is put into the running
//! container, or the service is started again there, or the image is built again.
//!
//! One way only: nothing on the developer's machine is ever written or removed.

mod changes;
mod container;
mod explain;
pub mod folders;
pub mod in_place;
mod kept;
pub mod manifests;
mod news;
mod poll;
mod sources;
mod there;
mod tier;
mod tree;

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use azds_protocol::agent::{HostState, Manifest};
use azds_protocol::change::{Change, Mistakes};
use azds_protocol::sync::{Iterate, IterateEvent};
use tokio::io::AsyncBufReadExt;
use tokio::sync::mpsc;
use tokio_util::task::AbortOnDropHandle;

use crate::analysis::azds_yaml::Settings;
use crate::analysis::placements::Placements;
use crate::cluster::agent::Agent;
use crate::cluster::client::Cluster;
use crate::cluster::pod_link::PodLink;
use crate::cluster::up_secret;
use crate::commands::mistakes;
use crate::commands::service::Service;
use crate::failure::{Context, Failure, Result};
use crate::memory;
use changes::{Changes, Seen};
use container::Container;
pub use explain::{Explained, explain};
pub use news::{News, Tell, files_of, line_of};
use sources::Sources;
use there::{Difference, Target};
pub use tier::{Decision, Rules, Tier};
use tree::Tree;

const WHAT: &str = "the service is not kept up to date";
/// Pause before a host is called again that did not answer: its pod is being replaced.
const PAUSE: Duration = Duration::from_secs(1);

/// After the last change so long, what was brought is kept for containers that begin later.
const QUIET: Duration = Duration::from_secs(2);

/// What was brought up, as far as keeping it up to date needs it.
pub struct Subject {
    /// The service.
    pub service: Arc<Service>,
    /// Its settings, expanded.
    pub settings: Settings,
    /// What its image was built from.
    pub manifest: Arc<Manifest>,
    /// The way to its pod.
    pub link: Arc<PodLink>,
    /// The cluster.
    pub cluster: Cluster,
    /// The space.
    pub space: String,
    /// Tag of the image.
    pub tag: String,
}

/// Keeps one service up to date, from one build of its image to the next.
pub struct Sync {
    subject: Subject,
    sources: Sources,
    target: Target,
    base: Tree,
    container: Option<Container>,
    following: Option<Following>,
    /// What a change asked for that could not be done yet: the next one asks for as much.
    owed: Option<Change>,
    /// When something was brought to the container that is not kept yet.
    unkept: Option<tokio::time::Instant>,
    is_first: bool,
    changes: Changes,
}

/// What a container's host says of its service, until the host is gone.
struct Following {
    states: mpsc::Receiver<HostState>,
    _reading: AbortOnDropHandle<()>,
}

impl Sync {
    /// Begins to watch. The second value is what a person should know.
    pub async fn begin(subject: Subject) -> Result<(Sync, Option<Failure>)> {
        let begun = tokio::task::spawn_blocking(move || Sync::begin_blocking(subject));
        begun.await.or_fail(WHAT, "")?
    }

    fn begin_blocking(subject: Subject) -> Result<(Sync, Option<Failure>)> {
        let (folder, settings) = (&subject.service.folder, &subject.settings);
        let base = Tree::of(Arc::clone(&subject.manifest));
        let sources = Sources::new(folder, settings, base.clone())?;
        let mut folders: Vec<&Path> = vec![&sources.root];
        if !folder.starts_with(&sources.root) {
            folders.push(folder);
        }
        let (changes, warning) = Changes::watch(&folders);
        let sync = Sync {
            target: target(settings, &folder.join(&settings.dockerfile))?,
            sources,
            base,
            container: None,
            following: None,
            owed: None,
            unkept: None,
            is_first: true,
            changes,
            subject,
        };
        Ok((sync, warning))
    }

    /// Brings every change to the container, until one asks for another image: then the file and
    /// the reason are returned. Cancel safe only between changes.
    pub async fn until_rebuild(&mut self, tell: Tell<'_>) -> Change {
        loop {
            let seen = match std::mem::take(&mut self.is_first) {
                // What changed before the watching began, and what an earlier session left.
                true => Seen::Anything,
                false => self.next_change(tell).await,
            };
            let is_all = seen == Seen::Anything;
            let done = self.take(seen, Instant::now(), tell).await;
            if is_all {
                memory::give_back();
            }
            match done {
                Ok(None) => {}
                Ok(Some(done)) if done.tier == Tier::Rebuild => return done,
                Ok(Some(done)) => tell(News::Done(done)),
                Err(failure) => tell(News::Failed(failure)),
            }
        }
    }

    /// Keeps what was brought, so that containers which begin later begin with it.
    pub async fn keep(&mut self) -> Result<()> {
        let (Some(_), Some(container)) = (self.unkept.take(), &self.container) else {
            return Ok(());
        };
        let current = &self.sources.current;
        let lacks = container
            .there
            .image_lacks(&self.base, current, &self.target);
        let settings = &self.subject.settings;
        let changes = kept::changes(&self.sources.root, lacks, current, settings)?;
        let Subject {
            cluster,
            space,
            tag,
            ..
        } = &self.subject;
        up_secret::keep(cluster, space, tag, &changes).await
    }

    /// The image could not be built: whatever changes next asks for it again.
    pub fn owe(&mut self, change: Change) {
        self.owed = Some(change);
    }

    /// The next change; nothing, if there may be another container than before.
    async fn next_change(&mut self, tell: Tell<'_>) -> Seen {
        loop {
            let state = async {
                match &mut self.following {
                    Some(following) => following.states.recv().await,
                    None => {
                        tokio::time::sleep(PAUSE).await;
                        None
                    }
                }
            };
            let unkept = self.unkept;
            let quiet = async {
                match unkept {
                    Some(since) => tokio::time::sleep_until(since + QUIET).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                seen = self.changes.next() => return seen,
                () = quiet => {
                    if let Err(failure) = self.keep().await {
                        tell(News::Failed(failure));
                    }
                }
                state = state => match state {
                    Some(HostState { ended: Some(code), .. }) => tell(News::Ended(code)),
                    Some(_) => {}
                    None => {
                        self.following = None;
                        return Seen::Paths(BTreeSet::new());
                    }
                }
            }
        }
    }

    /// Does what a change asks for.
    async fn take(&mut self, seen: Seen, at: Instant, tell: Tell<'_>) -> Result<Option<Change>> {
        let changed = self.sources.compare(seen).await?;
        let is_change = !changed.paths.is_empty();
        let done = |file: String, others, decision: Decision| Change {
            tier: decision.tier,
            file,
            others,
            rule: decision.rule,
            ms: ms_since(at),
        };
        if let Some((file, decision)) = changed.rebuild {
            return Ok(Some(done(file, changed.paths.len(), decision)));
        }
        let connected = self.connect().await;
        let Some(container) = &mut self.container else {
            // Without a change there is nothing to be told of: it is tried again.
            return connected.map(|()| None).or_else(|failure| match is_change {
                true => Err(failure),
                false => Ok(None),
            });
        };
        let (base, current, target) = (&self.base, &self.sources.current, &self.target);
        let mut difference = container
            .there
            .difference(&changed.paths, base, current, target);
        for (link, leads_to) in difference.without_links_outside(current) {
            // One that was there before was told of then.
            if changed.paths.contains(&link) {
                let why = format!("it leads to {leads_to}, out of the build context");
                let failure = Failure::new("a link was not put into the container", link, why);
                tell(News::Failed(
                    failure.try_to("Let it lead to a file of the context."),
                ));
            }
        }
        // Without a place a file can't differ there, but its change counts all the same.
        let unplaced = changed
            .paths
            .iter()
            .filter(|path| !container.there.places(path, target));
        let rules = &self.sources.rules;
        let placed = difference.paths.iter().map(|(path, _)| (path, true));
        let asked = placed.chain(unplaced.map(|path| (path, false)));
        let mut decided: Vec<(&String, Decision)> = asked
            .map(|(path, is_placed)| (path, rules.of_source(path, is_placed)))
            .collect();
        // The sort is stable: the first of those that ask for the most stays in front.
        decided.sort_by_key(|(_, decision)| std::cmp::Reverse(decision.tier));
        let others = decided.len().saturating_sub(1);
        let first = decided.into_iter().next();
        let mut wanted = first.map(|(file, decision)| done(file.clone(), others, decision));
        if is_change && let Some(owed) = self.owed.take() {
            wanted = wanted
                .filter(|wanted| wanted.tier >= owed.tier)
                .or(Some(owed));
        }
        if wanted
            .as_ref()
            .is_some_and(|wanted| wanted.tier == Tier::Rebuild)
        {
            return Ok(wanted);
        }
        let restarts = wanted
            .as_ref()
            .is_some_and(|wanted| wanted.tier == Tier::Restart);
        let brings = difference != Difference::default();
        let brought = async {
            container
                .bring(&self.sources.root, difference, current, changed.contents)
                .await?;
            match restarts {
                true => iterate(&container.agent, &self.subject, tell).await,
                false => Ok(()),
            }
        };
        if let Err(failure) = brought.await {
            // Some of it may have been done: it is asked what it has.
            self.container = None;
            self.owed = wanted;
            return Err(failure);
        }
        if brings {
            self.unkept = Some(tokio::time::Instant::now());
        }
        Ok(wanted.map(|wanted| Change {
            ms: ms_since(at),
            ..wanted
        }))
    }

    /// Makes sure that there is a connection to the container that runs now.
    async fn connect(&mut self) -> Result<()> {
        if self
            .container
            .as_ref()
            .is_some_and(|container| !container.agent.is_closed())
        {
            return Ok(());
        }
        self.container = None;
        let (_, agent) = self.subject.link.agent().await?;
        self.following = Some(follow(&agent).await?);
        self.container = Some(Container::ask(agent).await?);
        Ok(())
    }
}

/// How long ago it was, in milliseconds.
pub fn ms_since(at: Instant) -> u64 {
    u64::try_from(at.elapsed().as_millis()).unwrap_or(u64::MAX)
}

/// Where the files of the context lie in the container.
fn target(settings: &Settings, dockerfile: &Path) -> Result<Target> {
    if let Some(folder) = &settings.container.sync_target {
        return Ok(Target::Folder(folder.clone()));
    }
    Ok(Target::Dockerfile(placements(dockerfile)?))
}

/// Where a Dockerfile puts the files of the context.
fn placements(dockerfile: &Path) -> Result<Placements> {
    let text = std::fs::read_to_string(dockerfile);
    let text = text.or_fail(WHAT, dockerfile.display().to_string())?;
    Ok(Placements::read(&text))
}

/// What is done in the container before the service is started again.
fn order(settings: &Settings) -> Iterate {
    Iterate {
        build_commands: settings.container.build_commands.clone(),
    }
}

/// Builds in the container and starts the service again.
async fn iterate(agent: &Agent, subject: &Subject, tell: Tell<'_>) -> Result<()> {
    let order = order(&subject.settings);
    let mut output = String::new();
    let told = agent.iterate(&order, |event| {
        if let IterateEvent::Log { line } = event {
            output.push_str(line);
            output.push('\n');
            tell(News::Output(line.clone()));
        }
    });
    let ended = told.await;
    if ended.is_err() {
        let mistakes = mistakes::of(&output, &subject.service.folder, &subject.settings);
        tell(News::Mistaken(Mistakes { mistakes }));
    }
    ended
}

/// Follows the service in the background, so that the host stays when it has ended.
async fn follow(agent: &Agent) -> Result<Following> {
    let mut lines = agent.follow().await?.lines();
    let (sender, states) = mpsc::channel(8);
    let reading = tokio::spawn(async move {
        while let Ok(Some(line)) = lines.next_line().await {
            let Ok(state) = serde_json::from_str(&line) else {
                return;
            };
            if sender.send(state).await.is_err() {
                return;
            }
        }
    });
    Ok(Following {
        states,
        _reading: AbortOnDropHandle::new(reading),
    })
}

// The other side of them is the agent itself.
#[cfg(all(test, target_os = "linux"))]
mod tests;
