//! The login that the builder pushes with, if a person gives theirs.

use std::collections::BTreeMap;

use k8s_openapi::ByteString;
use k8s_openapi::api::core::v1::Secret;
use kube::Api;
use kube::api::ObjectMeta;
use serde_json::json;

use super::{apply, chart};
use crate::cluster::client::Cluster;
use crate::cluster::registry;
use crate::failure::{Context, Failure, Result};

const WHAT: &str = "dev spaces were not set up";

/// Keeps this machine's Docker login for a registry in a Secret of `namespace`.
pub async fn keep(cluster: &Cluster, namespace: &str, registry: &str) -> Result<bool> {
    let host = registry.split('/').next().unwrap_or_default().to_owned();
    let of = host.clone();
    let login = tokio::task::spawn_blocking(move || registry::docker_login(&of));
    let login = login.await.or_fail(WHAT, &host)??;
    let (name, login) = login.ok_or_else(|| {
        Failure::new(WHAT, &host, "this machine's Docker has no login for it")
            .try_to(format!("Log in: docker login {host}; or leave --builds-login out, and name a Secret in builds.pushSecret."))
    })?;
    let config = json!({"auths": {name: login}}).to_string();
    let secret = Secret {
        metadata: ObjectMeta {
            name: Some(chart::LOGIN.to_owned()),
            ..ObjectMeta::default()
        },
        type_: Some("kubernetes.io/dockerconfigjson".to_owned()),
        data: Some(BTreeMap::from([(
            ".dockerconfigjson".to_owned(),
            ByteString(config.into_bytes()),
        )])),
        ..Secret::default()
    };
    let secrets: Api<Secret> = Api::namespaced(cluster.client.clone(), namespace);
    apply(cluster, &secrets, &secret, WHAT).await
}
