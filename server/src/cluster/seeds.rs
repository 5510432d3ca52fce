//! The ConfigMap of a space in which every `up` says where its files are synced to, for the webhook.

use std::collections::BTreeMap;

use azds_protocol::agent::{SEEDS_CONFIG_MAP, Seeds};
use k8s_openapi::api::core::v1::ConfigMap;
use kube::Api;
use kube::api::{ObjectMeta, Patch, PatchParams};
use serde_json::{Map, Value, json};

use super::client::Cluster;
use crate::failure::{Context, Result};

/// Says it for the pods whose image has `tag`.
pub async fn put(cluster: &Cluster, space: &str, tag: &str, seeds: &Seeds) -> Result<()> {
    let what = "the webhook was not told where files are synced to";
    let object = object(space);
    let text = serde_json::to_string(seeds).or_fail(what, &object)?;
    let config_map = ConfigMap {
        metadata: ObjectMeta {
            name: Some(SEEDS_CONFIG_MAP.to_owned()),
            ..ObjectMeta::default()
        },
        data: Some(BTreeMap::from([(tag.to_owned(), text)])),
        ..ConfigMap::default()
    };
    // Keys of one manager that are not applied again are taken away: each tag has its own.
    let manager = PatchParams::apply(&format!("azds-{tag}")).force();
    let applied = config_maps(cluster, space)
        .patch(SEEDS_CONFIG_MAP, &manager, &Patch::Apply(config_map))
        .await;
    applied.map(drop).map_err(cluster.failed(what, &object))
}

/// Takes away what was said of a release; with a tag to keep, except for that.
pub async fn clean(
    cluster: &Cluster,
    space: &str,
    release: &str,
    kept: Option<&str>,
) -> Result<()> {
    let what = "where files of older images are synced to was not taken away";
    let object = object(space);
    let config_maps = config_maps(cluster, space);
    let found = config_maps.get_opt(SEEDS_CONFIG_MAP).await;
    let found = found.map_err(cluster.failed(what, &object))?;
    let said = found.and_then(|it| it.data).unwrap_or_default();
    let old: Map<String, Value> = said
        .into_iter()
        .filter(|(tag, text)| {
            let seeds = serde_json::from_str::<Seeds>(text);
            kept != Some(tag.as_str()) && seeds.is_ok_and(|seeds| seeds.release == release)
        })
        .map(|(tag, _)| (tag, Value::Null))
        .collect();
    if old.is_empty() {
        return Ok(());
    }
    let patch = Patch::Merge(json!({"data": old}));
    let parameters = PatchParams::default();
    match config_maps
        .patch(SEEDS_CONFIG_MAP, &parameters, &patch)
        .await
    {
        Err(kube::Error::Api(status)) if status.is_not_found() => Ok(()),
        patched => patched.map(drop).map_err(cluster.failed(what, &object)),
    }
}

fn config_maps(cluster: &Cluster, space: &str) -> Api<ConfigMap> {
    Api::namespaced(cluster.client.clone(), space)
}

fn object(space: &str) -> String {
    format!("ConfigMap {SEEDS_CONFIG_MAP} in namespace {space}")
}
