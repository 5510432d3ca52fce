//! The values of `build.secrets`: variables are expanded already, Secrets of the space are read here.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::Secret;
use kube::Api;

use crate::cluster::client::Cluster;
use crate::failure::{Failure, Result};

const WHAT: &str = "the service was not started";

/// The secrets with their values.
pub async fn resolve(
    cluster: &Cluster,
    space: &str,
    secrets: &BTreeMap<String, String>,
) -> Result<BTreeMap<String, String>> {
    let mut resolved = BTreeMap::new();
    for (id, value) in secrets {
        let value = match source(value) {
            Source::Value => value.clone(),
            Source::Secret { name, key } => read(cluster, space, id, name, key).await?,
            Source::Unset(variable) => {
                let why = format!("the variable {variable} is not set");
                return Err(Failure::new(WHAT, format!("build.secrets.{id}"), why)
                    .try_to("Set it in the environment, or in .env beside azds.yaml."));
            }
        };
        resolved.insert(id.clone(), value);
    }
    Ok(resolved)
}

#[derive(Debug, PartialEq)]
enum Source<'v> {
    Value,
    Secret { name: &'v str, key: &'v str },
    Unset(&'v str),
}

fn source(value: &str) -> Source<'_> {
    let inner = value.strip_prefix("${").and_then(|it| it.strip_suffix('}'));
    let Some(inner) = inner else {
        return Source::Value;
    };
    let of_secret = inner
        .strip_prefix("secret.")
        .and_then(|it| it.split_once('.'));
    match of_secret {
        Some((name, key)) => Source::Secret { name, key },
        None => Source::Unset(inner),
    }
}

async fn read(cluster: &Cluster, space: &str, id: &str, name: &str, key: &str) -> Result<String> {
    let secrets: Api<Secret> = Api::namespaced(cluster.client.clone(), space);
    let object = format!("Secret {name} in namespace {space}");
    let secret = secrets.get(name).await;
    let secret = secret.map_err(cluster.failed(WHAT, &object))?;
    let value = secret.data.and_then(|mut data| data.remove(key));
    let text = value.and_then(|value| String::from_utf8(value.0).ok());
    text.ok_or_else(|| {
        let why = format!("it has no text under key {key}, which build.secrets.{id} names");
        Failure::new(WHAT, object, why).try_to(format!(
            "See its keys: kubectl -n {space} describe secret {name}."
        ))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn where_a_value_comes_from() {
        assert_eq!(source("s3cret"), Source::Value);
        assert_eq!(source("a${b"), Source::Value);
        let (name, key) = ("feed", ".npmrc");
        assert_eq!(
            source("${secret.feed..npmrc}"),
            Source::Secret { name, key }
        );
        assert_eq!(source("${NPM_TOKEN}"), Source::Unset("NPM_TOKEN"));
    }
}
