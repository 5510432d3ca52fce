//! Tells each space what developers' machines must know, in a ConfigMap that they may read.

use std::collections::BTreeMap;

use azds_protocol::agent::{PARENT_LABEL, SPACE_LABEL, STATUS_CONFIG_MAP, STATUS_KEY, SpaceStatus};
use futures_util::StreamExt as _;
use k8s_openapi::api::core::v1::{ConfigMap, Namespace};
use kube::api::{DeleteParams, ObjectMeta, Patch, PatchParams};
use kube::runtime::WatchStreamExt as _;
use kube::runtime::watcher::{self, Event};
use kube::{Api, Client, ResourceExt as _};
use tokio::sync::watch;

/// Keeps the status of every space as it should be, until the end of the process.
pub async fn tell(client: Client, mut status: watch::Receiver<SpaceStatus>) {
    let spaces = watcher::Config::default().labels(&format!("{SPACE_LABEL}=true"));
    let events = watcher::watcher(Api::<Namespace>::all(client.clone()), spaces).default_backoff();
    let mut events = std::pin::pin!(events);
    let mut spaces = Spaces::default();
    loop {
        let event = tokio::select! {
            event = events.next() => event,
            changed = status.changed() => match changed {
                Ok(()) => {
                    let all = spaces.0.keys().cloned().collect();
                    spaces.tell(&client, &status, all).await;
                    continue;
                }
                Err(_) => return,
            },
        };
        let concerned = match event {
            Some(Ok(Event::Apply(space) | Event::InitApply(space))) => {
                if space.metadata.deletion_timestamp.is_some() {
                    continue;
                }
                let name = space.name_any();
                let parent = space.labels().get(PARENT_LABEL).cloned();
                spaces.0.insert(name.clone(), parent);
                spaces.below(&name)
            }
            // The label is gone, or the namespace with all that is in it.
            Some(Ok(Event::Delete(space))) => {
                let name = space.name_any();
                let mut concerned = spaces.below(&name);
                spaces.0.remove(&name);
                concerned.retain(|other| *other != name);
                warn(remove(&client, &name).await);
                concerned
            }
            Some(Ok(Event::Init)) => {
                spaces = Spaces::default();
                continue;
            }
            Some(Ok(Event::InitDone)) => continue,
            Some(Err(error)) => {
                tracing::warn!(%error, "the watch on spaces is interrupted");
                continue;
            }
            None => return,
        };
        spaces.tell(&client, &status, concerned).await;
    }
}

fn warn(told: kube::Result<()>) {
    if let Err(error) = told {
        tracing::warn!(%error, "a space was not told its status");
    }
}

/// The spaces, each with the parent that its label names.
#[derive(Default)]
struct Spaces(BTreeMap<String, Option<String>>);

impl Spaces {
    /// Tells spaces their status of now.
    async fn tell(
        &self,
        client: &Client,
        status: &watch::Receiver<SpaceStatus>,
        whom: Vec<String>,
    ) {
        let today = status.borrow().clone();
        for space in whom {
            let status = SpaceStatus {
                parents: self.parents(&space),
                ..today.clone()
            };
            warn(apply(client, &space, &status).await);
        }
    }

    /// The parent of a space, the parent's parent, and so on; a label that names no space ends it.
    fn parents(&self, space: &str) -> Vec<String> {
        let mut parents: Vec<String> = Vec::new();
        let mut at = space;
        while let Some(Some(parent)) = self.0.get(at)
            && self.0.contains_key(parent)
            && parent != space
            && !parents.contains(parent)
        {
            parents.push(parent.clone());
            at = parent;
        }
        parents
    }

    /// A space and all that have it among their parents.
    fn below(&self, space: &str) -> Vec<String> {
        let names = self.0.keys();
        let concerned =
            names.filter(|name| *name == space || self.parents(name).iter().any(|it| it == space));
        concerned.cloned().collect()
    }
}

async fn apply(client: &Client, space: &str, status: &SpaceStatus) -> kube::Result<()> {
    let text = serde_json::to_string(status).expect("our own types have string keys only");
    let config_map = ConfigMap {
        metadata: ObjectMeta {
            name: Some(STATUS_CONFIG_MAP.to_owned()),
            ..ObjectMeta::default()
        },
        data: Some(BTreeMap::from([(STATUS_KEY.to_owned(), text)])),
        ..ConfigMap::default()
    };
    let parameters = PatchParams::apply("azds-initializer").force();
    Api::<ConfigMap>::namespaced(client.clone(), space)
        .patch(STATUS_CONFIG_MAP, &parameters, &Patch::Apply(config_map))
        .await?;
    Ok(())
}

async fn remove(client: &Client, space: &str) -> kube::Result<()> {
    let removed = Api::<ConfigMap>::namespaced(client.clone(), space)
        .delete(STATUS_CONFIG_MAP, &DeleteParams::default())
        .await;
    match removed {
        Err(kube::Error::Api(status)) if status.is_not_found() => Ok(()),
        other => other.map(|_| ()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spaces(known: &[(&str, Option<&str>)]) -> Spaces {
        let known = known.iter();
        let known = known.map(|(name, parent)| ((*name).to_owned(), parent.map(str::to_owned)));
        Spaces(known.collect())
    }

    #[test]
    fn parents_are_found_to_the_root_and_no_further() {
        let it = spaces(&[
            ("dev", None),
            ("alice", Some("dev")),
            ("fix", Some("alice")),
            ("lost", Some("nowhere")),
            ("hen", Some("egg")),
            ("egg", Some("hen")),
        ]);
        assert_eq!(it.parents("fix"), ["alice", "dev"]);
        assert!(it.parents("dev").is_empty());
        assert!(it.parents("lost").is_empty(), "its parent is no space");
        assert_eq!(it.parents("hen"), ["egg"], "a circle has an end");
    }

    #[test]
    fn what_changes_above_concerns_those_below() {
        let it = spaces(&[
            ("dev", None),
            ("alice", Some("dev")),
            ("fix", Some("alice")),
            ("test", None),
        ]);
        assert_eq!(it.below("dev"), ["alice", "dev", "fix"]);
        assert_eq!(it.below("test"), ["test"]);
    }
}
