//! Tells each space what developers' machines must know, in a ConfigMap that they may read.

use std::collections::BTreeMap;

use azds_protocol::agent::{SPACE_LABEL, STATUS_CONFIG_MAP, STATUS_KEY, SpaceStatus};
use futures_util::StreamExt as _;
use k8s_openapi::api::core::v1::{ConfigMap, Namespace};
use kube::api::{DeleteParams, ObjectMeta, Patch, PatchParams};
use kube::runtime::WatchStreamExt as _;
use kube::runtime::watcher::{self, Event};
use kube::{Api, Client, ResourceExt as _};

/// Keeps the status of every space as it should be, until the end of the process.
pub async fn tell(client: Client, status: &SpaceStatus) {
    let spaces = watcher::Config::default().labels(&format!("{SPACE_LABEL}=true"));
    let events = watcher::watcher(Api::<Namespace>::all(client.clone()), spaces).default_backoff();
    let mut events = std::pin::pin!(events);
    while let Some(event) = events.next().await {
        let told = match event {
            Ok(Event::Apply(space) | Event::InitApply(space)) => {
                if space.metadata.deletion_timestamp.is_some() {
                    continue;
                }
                apply(&client, &space.name_any(), status).await
            }
            // The label is gone, or the namespace with all that is in it.
            Ok(Event::Delete(space)) => remove(&client, &space.name_any()).await,
            Ok(Event::Init | Event::InitDone) => Ok(()),
            Err(error) => {
                tracing::warn!(%error, "the watch on spaces is interrupted");
                Ok(())
            }
        };
        if let Err(error) = told {
            tracing::warn!(%error, "a space was not told its status");
        }
    }
}

async fn apply(client: &Client, space: &str, status: &SpaceStatus) -> kube::Result<()> {
    let text = serde_json::to_string(status).expect("strings and a number");
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
