//! Following an `up` from helm's start until its pods are ready: builds are served as pods ask for
//! them, and what will not heal ends it at once.

use std::collections::{HashMap, HashSet};
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use azds_protocol::agent::Received;
use futures_util::StreamExt;
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::Pod;
use kube::api::ListParams;
use kube::runtime::{WatchStreamExt, watcher};
use kube::{Api, ResourceExt};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, sleep_until};
use tokio_util::sync::CancellationToken;

use super::build::{Because, Build, Ended};
use super::mending::Mending;
use super::rollout::{Objects, Verdict};
use super::trouble::trouble;
use crate::cluster::client::Cluster;
use crate::cluster::pods::{self, PodState};
use crate::failure::{Failure, Result};
use crate::progress::{Progress, Step};

/// How long nothing at all may change.
const PATIENCE: Duration = Duration::from_secs(180);
/// How long a pod may find no node: a cluster that adds nodes needs some time.
const NODE_PATIENCE: Duration = Duration::from_secs(60);
/// How long all of it may take.
const LIMIT: Duration = Duration::from_secs(60 * 60);
/// Pause before a build's pod is called again, and how long one that builds may not answer.
const CALL_PAUSE: Duration = Duration::from_millis(50);
const CALL_PATIENCE: Duration = Duration::from_secs(30);
/// A pod that does not build yet is called often for so long; then less, since what it waits for
/// may take minutes.
const EARLY: Duration = Duration::from_secs(5);
const LATE_CALL_PAUSE: Duration = Duration::from_millis(500);

/// What is followed.
pub struct Follow {
    /// Where and with what pods are built.
    pub build: Arc<Build>,
    /// Name of the service.
    pub service: String,
    /// Its Helm release.
    pub release: String,
    /// Tag of the image.
    pub tag: String,
    /// Who is told.
    pub progress: Progress,
}

/// How an `up` ended well.
pub struct Outcome {
    /// A pod that is ready.
    pub pod: Pod,
    /// The Deployment that made it, if one did.
    pub deployment: Option<Deployment>,
    /// What was sent to the builder.
    pub received: Received,
}

/// The calls to one pod's build.
struct Calls {
    /// When the first was made.
    begun: Instant,
    /// Since when the build should have answered, and did not.
    unheard: Instant,
}

impl Calls {
    fn begun(now: Instant) -> Calls {
        Calls {
            begun: now,
            unheard: now,
        }
    }
}

/// What is known so far.
struct State {
    objects: Objects,
    builds: JoinSet<(String, Ended)>,
    /// The calls to each pod's build, by the pod's uid.
    calls: HashMap<String, Calls>,
    received: Received,
    step: Option<Step>,
    seen: String,
    told: HashSet<String>,
    changed: Instant,
    /// Whether somebody was told what pods warn of since then.
    has_warned: bool,
    homeless_since: Option<Instant>,
    mending: Mending,
}

impl Follow {
    /// Runs `install` and follows what comes of it. If that fails, `helm` is cancelled and the
    /// installation is awaited to its end.
    pub async fn run(
        &self,
        install: impl Future<Output = Result<()>>,
        helm: &CancellationToken,
    ) -> Result<Outcome> {
        let mut install = pin!(install);
        let mut installed = false;
        let followed = {
            let install = async {
                let result = install.as_mut().await;
                installed = true;
                result
            };
            self.follow(install).await
        };
        if followed.is_err() && !installed {
            helm.cancel();
            // Its own failure would only say that it was cancelled.
            let _ = install.await;
        }
        followed
    }

    async fn follow(&self, install: impl Future<Output = Result<()>>) -> Result<Outcome> {
        let client = || self.cluster().client.clone();
        let space = self.build.space.as_str();
        let any = watcher::Config::default;
        let mut pods = pin!(watcher(Api::namespaced(client(), space), any()).default_backoff());
        let mut sets = pin!(watcher(Api::namespaced(client(), space), any()).default_backoff());
        let deployments: Api<Deployment> = Api::namespaced(client(), space);
        let mut changes = pin!(watcher(deployments.clone(), any()).default_backoff());
        let mut install = pin!(install);
        let mut installing = Some(self.progress.begin("Installing Helm chart"));
        let end = Instant::now() + LIMIT;
        let mut state = State {
            objects: Objects::default(),
            builds: JoinSet::new(),
            calls: HashMap::new(),
            received: Received::default(),
            step: None,
            seen: "nothing".to_owned(),
            told: HashSet::new(),
            changed: Instant::now(),
            has_warned: false,
            homeless_since: None,
            mending: Mending::default(),
        };
        loop {
            let patience = match installing.is_some() || state.objects.is_building(&self.tag) {
                true => end,
                false => state.changed + PATIENCE,
            };
            tokio::select! {
                result = &mut install, if installing.is_some() => {
                    result?;
                    installing = None;
                    state.step = Some(self.progress.begin("Waiting for container"));
                    state.changed = Instant::now();
                    // The watch may be behind: what helm just wrote must be what is judged.
                    let now = deployments.list(&ListParams::default()).await.map_err(self.failed())?;
                    now.items.into_iter().for_each(|it| state.objects.deployments.put(it));
                }
                Some(event) = pods.next() => {
                    if let Some(event) = self.event(event)? {
                        let listed = matches!(event, watcher::Event::InitDone);
                        state.objects.pods.take(event);
                        if listed {
                            state.mending.began(state.objects.pods.iter());
                        }
                    }
                }
                Some(event) = sets.next() => {
                    if let Some(event) = self.event(event)? { state.objects.replica_sets.take(event) }
                }
                Some(event) = changes.next() => {
                    if let Some(event) = self.event(event)? { state.objects.deployments.take(event) }
                }
                Some(ended) = state.builds.join_next() => {
                    let (uid, ended) = ended.map_err(|error| Failure::ours(self.what(), "", error.to_string()))?;
                    self.build_ended(&mut state, uid, ended)?;
                }
                () = self.progress.cancellation().cancelled() => {
                    return Err(Failure::new(self.what(), self.object(), "it was cancelled")
                        .try_to("What was installed until then stays; azds up goes on, azds down removes it."));
                }
                () = sleep_until(patience.min(end)) => return Err(self.too_long(&state).await),
                () = sleep_until(state.changed + pods::WARNS_AFTER), if !state.has_warned => {
                    self.tell_warnings(&mut state).await;
                }
                // A node may be found without a word from a watch.
                () = sleep(NODE_PATIENCE), if state.homeless_since.is_some() => {}
            }
            self.serve_builds(&mut state);
            if let Some(pod) = self.judge(&mut state, installing.is_none()).await? {
                return Ok(Outcome {
                    deployment: state.objects.deployment_of(&pod).cloned(),
                    pod,
                    received: state.received,
                });
            }
        }
    }

    fn serve_builds(&self, state: &mut State) {
        for pod in state.objects.unbuilt(&self.tag) {
            let Some(uid) = pod.uid() else { continue };
            if state.calls.contains_key(&uid) {
                continue;
            }
            state
                .calls
                .insert(uid.clone(), Calls::begun(Instant::now()));
            let (build, name) = (Arc::clone(&self.build), pod.name_any());
            state
                .builds
                .spawn(async move { (uid, build.serve(&name).await) });
        }
    }

    fn build_ended(&self, state: &mut State, uid: String, ended: Ended) -> Result<()> {
        state.received.files += ended.received.files;
        state.received.bytes += ended.received.bytes;
        let lost = match ended.because {
            Because::Built => {
                state.changed = Instant::now();
                return Ok(());
            }
            Because::Failed(failure) => return Err(failure),
            Because::Lost(failure) => failure,
        };
        // A pod whose build is over, or that is gone, has no more use for the connection.
        let unbuilt = state
            .objects
            .unbuilt(&self.tag)
            .find(|pod| pod.uid().as_ref() == Some(&uid));
        let Some(pod) = unbuilt else { return Ok(()) };
        tracing::debug!("{lost}");
        let now = Instant::now();
        let calls = state.calls.entry(uid.clone()).or_insert(Calls::begun(now));
        let builds = matches!(pods::state(pod), PodState::Building);
        if ended.heard || !builds {
            calls.unheard = now;
        }
        if calls.unheard.elapsed() > CALL_PATIENCE {
            return Err(lost);
        }
        let pause = match builds || calls.begun.elapsed() < EARLY {
            true => CALL_PAUSE,
            false => LATE_CALL_PAUSE,
        };
        let (build, name) = (Arc::clone(&self.build), pod.name_any());
        state.builds.spawn(async move {
            sleep(pause).await;
            (uid, build.serve(&name).await)
        });
        Ok(())
    }

    /// A pod that is ready, `None` if it goes on, or why it will not.
    async fn judge(&self, state: &mut State, installed: bool) -> Result<Option<Pod>> {
        let verdict = match installed {
            true => Some(state.objects.verdict(&self.release, &self.tag)),
            false => state.objects.hooks(&self.tag),
        };
        let Some(verdict) = verdict else {
            return Ok(None);
        };
        let mut homeless = false;
        let waiting = match verdict {
            Verdict::Done(pod) => return Ok(Some(pod.clone())),
            Verdict::Waiting(what) => what,
            Verdict::Unscheduled(pod, ref why)
                if state
                    .homeless_since
                    .is_none_or(|since| since.elapsed() < NODE_PATIENCE) =>
            {
                homeless = true;
                format!("no node takes pod {} yet: {why}", pod.name_any())
            }
            verdict => {
                let (cluster, space) = (self.cluster(), self.build.space.as_str());
                match state.mending.mend(cluster, space, &verdict).await {
                    Some(waiting) => waiting,
                    None => {
                        let (what, object) = (self.what(), self.object());
                        let found = trouble(cluster, &what, &object, &verdict).await;
                        return Err(found.expect("the verdicts that go on are above"));
                    }
                }
            }
        };
        if !homeless {
            state.homeless_since = None;
        } else if state.homeless_since.is_none() {
            state.homeless_since = Some(Instant::now());
        }
        if state.seen != waiting {
            // States may come and go as the watches overtake each other.
            if let Some(step) = &state.step
                && state.told.insert(waiting.clone())
            {
                step.say(&waiting);
            }
            state.seen = waiting;
            state.changed = Instant::now();
            state.has_warned = false;
        }
        Ok(None)
    }

    /// Says what the pod warns of that is waited for: somebody may bring what it lacks.
    async fn tell_warnings(&self, state: &mut State) {
        state.has_warned = true;
        let (Some(step), Some(pod)) = (&state.step, state.objects.waiting(&self.tag)) else {
            return;
        };
        for warning in pods::warnings(self.cluster(), pod).await {
            if state.told.insert(warning.clone()) {
                step.say(format!("pod {}: {warning}", pod.name_any()));
            }
        }
    }

    async fn too_long(&self, state: &State) -> Failure {
        let waiting = state.objects.waiting(&self.tag);
        let words = pods::words_of_waiting(self.cluster(), waiting).await;
        let why = format!(
            "nothing changed for {} s; the last that was seen is: {}{words}",
            state.changed.elapsed().as_secs(),
            state.seen
        );
        Failure::new(self.what(), self.object(), why).try_to(format!(
            "See: kubectl -n {} get pods,events.",
            self.build.space
        ))
    }

    /// An event of a watch; its errors are left to its own next try, except for missing rights.
    fn event<K>(
        &self,
        event: watcher::Result<watcher::Event<K>>,
    ) -> Result<Option<watcher::Event<K>>> {
        match event {
            Ok(event) => Ok(Some(event)),
            Err(
                watcher::Error::InitialListFailed(error) | watcher::Error::WatchStartFailed(error),
            ) if matches!(&error, kube::Error::Api(status) if status.code == 403) => {
                Err(self.failed()(error))
            }
            Err(error) => {
                tracing::debug!(%error, "a watch begins anew");
                Ok(None)
            }
        }
    }

    fn failed(&self) -> impl FnOnce(kube::Error) -> Failure + use<> {
        self.cluster().failed(&self.what(), &self.object())
    }

    fn cluster(&self) -> &Cluster {
        &self.build.cluster
    }

    fn what(&self) -> String {
        format!("{} did not start", self.service)
    }

    fn object(&self) -> String {
        format!("release {} in space {}", self.release, self.build.space)
    }
}
