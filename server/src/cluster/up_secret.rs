//! The Secret of an `up`: the developer's token, what is to be built, and what was brought to the
//! containers since. The webhook mounts it into the pods by a name that follows from their image's tag.

use std::collections::BTreeMap;

use azds_protocol::agent::{
    BuildSpec, RELEASE_LABEL, SECRET_BUILD, SECRET_BUILD_SECRETS, SECRET_TOKEN,
};
use azds_protocol::sync::SECRET_CHANGES;
use k8s_openapi::ByteString;
use k8s_openapi::api::core::v1::{Pod, Secret};
use kube::api::{DeleteParams, ListParams, ObjectMeta, Patch, PatchParams, PostParams};
use kube::{Api, ResourceExt};
use serde_json::json;

use super::client::Cluster;
use super::pods::uses_tag;
use crate::failure::{Context, Failure, Result};

const WHAT: &str = "the token of the build is not there";

/// Name of the Secret for the pods whose image has `tag`.
pub fn name(tag: &str) -> String {
    format!("azds-{tag}")
}

/// What a Secret holds.
pub struct UpSecret {
    /// The developer's token.
    pub token: String,
    /// What was built.
    pub spec: BuildSpec,
    /// What was brought to the containers since, in the form of a batch; empty if nothing was.
    pub changes: Vec<u8>,
    /// The build secrets by their ids.
    build_secrets: BTreeMap<String, String>,
}

/// The Secret for the pods whose image has `tag`, if it is there.
pub async fn find(cluster: &Cluster, space: &str, tag: &str) -> Result<Option<UpSecret>> {
    let secrets: Api<Secret> = Api::namespaced(cluster.client.clone(), space);
    let name = name(tag);
    let object = format!("Secret {name} in namespace {space}");
    let found = secrets.get_opt(&name).await;
    let Some(secret) = found.map_err(cluster.failed(WHAT, &object))? else {
        return Ok(None);
    };
    let value = |key: &str| {
        let data = secret.data.as_ref()?;
        Some(data.get(key)?.0.clone())
    };
    let changes = value(SECRET_CHANGES).unwrap_or_default();
    let spec = value(SECRET_BUILD).unwrap_or_default();
    let spec = serde_json::from_slice(&spec).or_fail(WHAT, &object)?;
    let build_secrets = match value(SECRET_BUILD_SECRETS) {
        Some(json) => serde_json::from_slice(&json).or_fail(WHAT, &object)?,
        None => BTreeMap::new(),
    };
    let token = token_of(secret, &object)?;
    Ok(Some(UpSecret {
        token,
        spec,
        changes,
        build_secrets,
    }))
}

/// Keeps what was brought to the containers, in the form of a batch; empty if they are to be as
/// their image.
pub async fn keep(cluster: &Cluster, space: &str, tag: &str, changes: &[u8]) -> Result<()> {
    let value = (!changes.is_empty()).then(|| ByteString(changes.to_owned()));
    let what = "the changes were not kept for later pods";
    set(cluster, space, tag, SECRET_CHANGES, value, what).await
}

/// Sets a key of a Secret, or takes it away.
async fn set(
    cluster: &Cluster,
    space: &str,
    tag: &str,
    key: &str,
    value: Option<ByteString>,
    what: &str,
) -> Result<()> {
    let secrets: Api<Secret> = Api::namespaced(cluster.client.clone(), space);
    let name = name(tag);
    let patch = Patch::Merge(json!({"data": {key: value}}));
    let parameters = PatchParams::default();
    let patched = secrets.patch_metadata(&name, &parameters, &patch).await;
    let object = format!("Secret {name} in namespace {space}");
    patched.map(drop).map_err(cluster.failed(what, &object))
}

/// Makes sure that the Secret is there. Of one that is there only the build secrets change: the tag does
/// not follow from them.
pub async fn ensure(
    cluster: &Cluster,
    space: &str,
    tag: &str,
    spec: &BuildSpec,
    build_secrets: &BTreeMap<String, String>,
) -> Result<UpSecret> {
    let private = private(build_secrets)?;
    if let Some(secret) = find(cluster, space, tag).await? {
        if secret.build_secrets != *build_secrets {
            set(cluster, space, tag, SECRET_BUILD_SECRETS, private, WHAT).await?;
        }
        return Ok(secret);
    }
    let secrets: Api<Secret> = Api::namespaced(cluster.client.clone(), space);
    let name = name(tag);
    let object = format!("Secret {name} in namespace {space}");
    let token = new_token()?;
    let build = serde_json::to_vec(spec).or_fail(WHAT, object.as_str())?;
    let mut data = BTreeMap::from([
        (
            SECRET_TOKEN.to_owned(),
            ByteString(token.clone().into_bytes()),
        ),
        (SECRET_BUILD.to_owned(), ByteString(build)),
    ]);
    data.extend(private.map(|it| (SECRET_BUILD_SECRETS.to_owned(), it)));
    let secret = Secret {
        metadata: ObjectMeta {
            name: Some(name.clone()),
            labels: Some(BTreeMap::from([(
                RELEASE_LABEL.to_owned(),
                spec.release.clone(),
            )])),
            ..ObjectMeta::default()
        },
        data: Some(data),
        ..Secret::default()
    };
    let (token, changes) = match secrets.create(&PostParams::default(), &secret).await {
        Ok(_) => (token, Vec::new()),
        // Somebody else was faster with the same content.
        Err(kube::Error::Api(status)) if status.code == 409 => {
            (self::token(cluster, space, tag).await?, Vec::new())
        }
        Err(error) => return Err(cluster.failed(WHAT, &object)(error)),
    };
    Ok(UpSecret {
        token,
        spec: spec.clone(),
        changes,
        build_secrets: build_secrets.clone(),
    })
}

/// The build secrets as the Secret holds them, if there are some.
fn private(secrets: &BTreeMap<String, String>) -> Result<Option<ByteString>> {
    if secrets.is_empty() {
        return Ok(None);
    }
    let json = serde_json::to_vec(secrets).or_fail(WHAT, "the build secrets")?;
    Ok(Some(ByteString(json)))
}

/// The token for the pods whose image has `tag`.
pub async fn token(cluster: &Cluster, space: &str, tag: &str) -> Result<String> {
    let secrets: Api<Secret> = Api::namespaced(cluster.client.clone(), space);
    let name = name(tag);
    let object = format!("Secret {name} in namespace {space}");
    let secret = secrets
        .get(&name)
        .await
        .map_err(cluster.failed(WHAT, &object))?;
    token_of(secret, &object)
}

fn token_of(secret: Secret, object: &str) -> Result<String> {
    secret
        .data
        .and_then(|mut data| data.remove(SECRET_TOKEN))
        .and_then(|token| String::from_utf8(token.0).ok())
        .ok_or_else(|| {
            Failure::new(WHAT, object, format!("it has no key {SECRET_TOKEN}"))
                .try_to("Delete the Secret and run azds up again.")
        })
}

fn new_token() -> Result<String> {
    let mut bytes = [0; 32];
    getrandom::fill(&mut bytes).or_fail(WHAT, "this machine's random numbers")?;
    Ok(blake3::Hash::from_bytes(bytes).to_hex().to_string())
}

/// Removes the Secrets of a release; with a tag to keep, except its own and those that pods still
/// use.
pub async fn clean(
    cluster: &Cluster,
    space: &str,
    release: &str,
    kept: Option<&str>,
) -> Result<()> {
    let secrets: Api<Secret> = Api::namespaced(cluster.client.clone(), space);
    let object = format!("namespace {space}");
    let what = "old tokens were not removed";
    let of_release = ListParams::default().labels(&format!("{RELEASE_LABEL}={release}"));
    let found = secrets
        .list_metadata(&of_release)
        .await
        .map_err(cluster.failed(what, &object))?;
    let old: Vec<String> = found
        .items
        .iter()
        .map(ResourceExt::name_any)
        .filter(|name| kept.is_none_or(|tag| *name != self::name(tag)))
        .collect();
    if old.is_empty() {
        return Ok(());
    }
    let pods: Api<Pod> = Api::namespaced(cluster.client.clone(), space);
    let pods = match kept {
        Some(_) => {
            let pods = pods.list(&ListParams::default()).await;
            pods.map_err(cluster.failed(what, &object))?.items
        }
        None => Vec::new(),
    };
    for name in old {
        let tag = name.trim_start_matches("azds-");
        if pods.iter().any(|pod| uses_tag(pod, tag)) {
            continue;
        }
        match secrets.delete(&name, &DeleteParams::default()).await {
            Ok(_) => {}
            Err(kube::Error::Api(status)) if status.code == 404 => {}
            Err(error) => return Err(cluster.failed(what, &object)(error)),
        }
    }
    Ok(())
}
