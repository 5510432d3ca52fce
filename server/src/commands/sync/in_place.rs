//! `up` without another image: if all that changed since the running pod's image was built can be
//! synced, it is brought to the pod, and the release keeps its image.
//!
//! What was brought is kept in the Secret of the `up`, and the host of every container that begins
//! later takes it from there: a pod that is replaced has the developer's files, too.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use azds_protocol::agent::{BuildSpec, HOST_PORT, Manifest, Received, TAG_PREFIX};
use azds_protocol::change::Change;
use azds_protocol::sync::IterateEvent;
use futures_util::future::try_join;
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::Pod;
use kube::api::ListParams;
use kube::{Api, ResourceExt};
use tokio::time::sleep;

use super::container::Container;
use super::sources::Contents;
use super::there::{Target, There};
use super::tree::Tree;
use super::{
    Decision, Following, Rules, Tier, follow, kept, line_of, manifests, ms_since, order, target,
};
use crate::analysis::azds_yaml::Settings;
use crate::cluster::agent::Agent;
use crate::cluster::client::{Cluster, open_port};
use crate::cluster::pods::{self, PodState};
use crate::cluster::up_secret;
use crate::commands::service::Service;
use crate::commands::up::RELEASE_ANNOTATION;
use crate::context::BuildContext;
use crate::failure::{Context, Failure, Result};
use crate::progress::Progress;

/// How long a service that was started again may take to listen before that is only said.
const LISTENS: Duration = Duration::from_secs(10);
const LOOK: Duration = Duration::from_millis(10);

/// What is to be up.
pub struct Wanted<'a> {
    /// The cluster.
    pub cluster: &'a Cluster,
    /// The space.
    pub space: &'a str,
    /// The service.
    pub service: &'a Service,
    /// Its settings, expanded but for the tag.
    pub settings: &'a Settings,
    /// The developer's files.
    pub context: &'a BuildContext,
    /// The image that would be built from them.
    pub spec: &'a BuildSpec,
}

/// A release whose image may stay.
pub struct InPlace {
    /// Tag of its image.
    pub tag: String,
    /// What the image was built from.
    pub manifest: Arc<Manifest>,
    token: String,
    pod: String,
    container: Container,
    files: Files,
    settings: Settings,
    kept: Vec<u8>,
}

/// The developer's files, and those of the image.
struct Files {
    root: PathBuf,
    base: Tree,
    current: Tree,
    target: Target,
    rules: Rules,
}

impl Wanted<'_> {
    /// The release as it is, if it can be brought up to date without another image. What stands
    /// against it is only logged: then the image is built.
    pub async fn in_place(&self) -> Option<InPlace> {
        match self.look().await {
            Ok(found) => found,
            Err(failure) => {
                tracing::debug!(%failure, "the image is built");
                None
            }
        }
    }

    async fn look(&self) -> Result<Option<InPlace>> {
        let (Some(tag), pods) = try_join(self.tag(), self.pods()).await? else {
            return Ok(None);
        };
        let mut of_tag = pods.iter().filter(|pod| pods::uses_tag(pod, &tag));
        let (Some(pod), None) = (of_tag.next(), of_tag.next()) else {
            return Ok(None);
        };
        if pods::is_leaving(pod) || pods::state(pod) != PodState::Ready {
            return Ok(None);
        }
        let Some(secret) = up_secret::find(self.cluster, self.space, &tag).await? else {
            return Ok(None);
        };
        let alike = BuildSpec {
            context: self.spec.context,
            ..secret.spec.clone()
        };
        let unchanged = secret.spec == *self.spec;
        // The usual case of an `up` that changes nothing asks no pod.
        if alike != *self.spec || unchanged && secret.changes.is_empty() {
            return Ok(None);
        }
        let Some(manifest) = self.manifest(&secret.spec).await? else {
            return Ok(None);
        };
        if manifest.dockerfile != self.context.manifest.dockerfile {
            return Ok(None);
        }
        let files = self.files(&manifest)?;
        let pod = pod.name_any();
        let io = open_port(self.cluster, self.space, &pod, HOST_PORT).await?;
        let agent = Agent::connect(io, &secret.token, format!("pod {pod}")).await?;
        let container = Container::ask(agent).await?;
        if !files.can_be_synced(&container.there) {
            return Ok(None);
        }
        Ok(Some(InPlace {
            tag,
            manifest,
            token: secret.token,
            pod,
            container,
            files,
            settings: self.settings.clone(),
            kept: secret.changes,
        }))
    }

    /// The tag of the images that the release's Deployment has now.
    async fn tag(&self) -> Result<Option<String>> {
        let deployments: Api<Deployment> = Api::namespaced(self.cluster.client.clone(), self.space);
        let found = deployments.list(&ListParams::default()).await;
        let failed = self.cluster.failed("the release was not found", self.space);
        let found = found.map_err(failed)?;
        let of_release = found
            .items
            .iter()
            .filter(|it| it.annotations().get(RELEASE_ANNOTATION) == Some(&self.spec.release));
        let containers = of_release.flat_map(|it| {
            let template = it.spec.template.spec.iter();
            template.flat_map(|spec| &spec.containers)
        });
        let tags: BTreeSet<&str> = containers
            .filter_map(|container| container.image.as_deref()?.rsplit_once(':'))
            .map(|(_, tag)| tag)
            .filter(|tag| tag.starts_with(TAG_PREFIX))
            .collect();
        Ok(match Vec::from_iter(tags).as_slice() {
            [tag] => Some((*tag).to_owned()),
            _ => None,
        })
    }

    async fn pods(&self) -> Result<Vec<Pod>> {
        let pods: Api<Pod> = Api::namespaced(self.cluster.client.clone(), self.space);
        let found = pods.list(&ListParams::default()).await;
        let failed = self.cluster.failed("the pods were not found", self.space);
        Ok(found.map_err(failed)?.items)
    }

    async fn manifest(&self, spec: &BuildSpec) -> Result<Option<Arc<Manifest>>> {
        if spec.context == self.spec.context {
            return Ok(Some(Arc::clone(&self.context.manifest)));
        }
        let (Some(folder), digest) = (manifests::folder(), spec.context) else {
            return Ok(None);
        };
        let found = tokio::task::spawn_blocking(move || manifests::find(&folder, &digest));
        Ok(found.await.or_fail(super::WHAT, "")?.map(Arc::new))
    }

    fn files(&self, manifest: &Arc<Manifest>) -> Result<Files> {
        let folder = &self.service.folder;
        let root = folder.join(&self.settings.context);
        Ok(Files {
            root: dunce::canonicalize(&root).or_fail(super::WHAT, root.display().to_string())?,
            base: Tree::of(Arc::clone(manifest)),
            current: Tree::of(Arc::clone(&self.context.manifest)),
            target: target(self.settings, &folder.join(&self.settings.dockerfile))?,
            rules: Rules::new(folder, self.settings)?,
        })
    }
}

/// The image is as the developer's files are: containers begin without what was brought before,
/// those that have it included. Only a Deployment's pods come again, and others are left alone.
pub async fn begin_anew(cluster: &Cluster, space: &str, tag: &str) -> Result<()> {
    up_secret::keep(cluster, space, tag, &[]).await?;
    let pods: Api<Pod> = Api::namespaced(cluster.client.clone(), space);
    let what = "the pods with older files were not replaced";
    let failed = || cluster.failed(what, &format!("pods in namespace {space}"));
    let found = pods.list(&ListParams::default()).await.map_err(failed())?;
    let of_tag = found.items.iter().filter(|pod| {
        pods::uses_tag(pod, tag) && !pods::is_leaving(pod) && !pod.owner_references().is_empty()
    });
    for pod in of_tag {
        pods::delete(cluster, pod).await.map_err(failed())?;
    }
    Ok(())
}

impl Files {
    /// Whether no change since the image was built asks for another one, and all of it can be kept.
    fn can_be_synced(&self, there: &There) -> bool {
        let all: BTreeSet<&str> = self.base.paths().chain(self.current.paths()).collect();
        let mut changed = all
            .into_iter()
            .filter(|path| self.base.get(path) != self.current.get(path));
        let sync = changed.all(|path| {
            self.rules.of_file(&self.root.join(path)).is_none()
                && self.decide(there, path).tier < Tier::Rebuild
        });
        let lacks = there.image_lacks(&self.base, &self.current, &self.target);
        sync && kept::fits(&lacks, &self.current)
    }

    fn decide(&self, there: &There, path: &str) -> Decision {
        let is_placed = there.places(path, &self.target);
        self.rules.of_source(path, is_placed)
    }
}

impl InPlace {
    /// Keeps in the Secret what the image lacks, for the containers that begin later.
    pub async fn keep(&self, cluster: &Cluster, space: &str) -> Result<()> {
        let Files {
            root,
            base,
            current,
            target,
            ..
        } = &self.files;
        let lacks = self.container.there.image_lacks(base, current, target);
        let changes = kept::changes(root, lacks, current, &self.settings)?;
        if changes == self.kept {
            return Ok(());
        }
        up_secret::keep(cluster, space, &self.tag, &changes).await
    }

    /// Brings the changes to the pod, which may be another one by now, and starts the service again
    /// if they ask for it. Counts what was sent.
    pub async fn bring(
        mut self,
        cluster: &Cluster,
        pod: &Pod,
        ports: &[u16],
        progress: &Progress,
    ) -> Result<Received> {
        let space = pod.namespace().unwrap_or_default();
        if pod.name_any() != self.pod || self.container.agent.is_closed() {
            let name = pod.name_any();
            let io = open_port(cluster, &space, &name, HOST_PORT).await?;
            let agent = Agent::connect(io, &self.token, format!("pod {name}")).await?;
            self.container = Container::ask(agent).await?;
        }
        let files = &self.files;
        let difference = self.container.there.difference(
            &BTreeSet::new(),
            &files.base,
            &files.current,
            &files.target,
        );
        let paths = difference.paths.iter().map(|(path, _)| path);
        let decided = paths.chain(&difference.strays).map(|path| {
            let is_stray = difference.strays.contains(path);
            let decision = match is_stray {
                true => files.rules.of_source(path, true),
                false => files.decide(&self.container.there, path),
            };
            (path.clone(), decision)
        });
        let Some((file, decision)) = decided.max_by_key(|(_, decision)| decision.tier) else {
            return Ok(Received::default());
        };
        let others = difference.paths.len() + difference.strays.len() - 1;
        let begun = Instant::now();
        let step = progress.begin("Bringing the changes to the running container");
        let following = follow(&self.container.agent).await?;
        let received = self
            .container
            .bring(&files.root, difference, &files.current, Contents::new())
            .await?;
        let restarts = decision.tier >= Tier::Restart;
        if restarts {
            let order = order(&self.settings);
            let mut output = String::new();
            let told = self.container.agent.iterate(&order, |event| {
                if let IterateEvent::Log { line } = event {
                    output.push_str(line);
                    output.push('\n');
                    step.say(line);
                }
            });
            // As of a build of the image, what it wrote is part of why.
            told.await.map_err(|failure| Failure {
                why: format!("{output}{}", failure.why),
                ..failure
            })?;
        }
        step.say(line_of(&Change {
            tier: decision.tier,
            file,
            others,
            rule: decision.rule,
            ms: ms_since(begun),
        }));
        if restarts && let Some(code) = self.ended_before_it_listens(following, ports).await {
            return Err(self.ended(cluster, pod, code).await);
        }
        Ok(received)
    }

    /// Waits until the service listens on one of `ports`; its exit code if it ends instead.
    async fn ended_before_it_listens(&self, mut following: Following, ports: &[u16]) -> Option<u8> {
        let begun = Instant::now();
        while begun.elapsed() < LISTENS && !ports.is_empty() {
            while let Ok(state) = following.states.try_recv() {
                if state.ended.is_some() {
                    return state.ended;
                }
            }
            for port in ports {
                let authority = format!("127.0.0.1:{port}");
                if self.container.agent.open(&authority).await.is_ok() {
                    return None;
                }
            }
            sleep(LOOK).await;
        }
        None
    }

    async fn ended(&self, cluster: &Cluster, pod: &Pod, code: u8) -> Failure {
        let container = pods::wrapped_containers(pod).into_iter().next();
        let words = pods::last_words(cluster, pod, container.as_deref()).await;
        let object = format!(
            "container {} in pod {}",
            container.unwrap_or_default(),
            pod.name_any()
        );
        let why = format!("after its files were changed it ended with exit code {code}{words}");
        Failure::new("the service does not run", object, why)
            .try_to("Correct what its output complains of and run azds up again.")
    }
}
