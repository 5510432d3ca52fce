//! Folders that files are synced to and that the service's user could not write: they become volumes,
//! which an init container of the service's own image fills with what the image has in their place.

use std::path::Path;
use std::time::Duration;

use azds_protocol::agent::{AGENT_FOLDER, SEEDS_CONFIG_MAP, Seeds};
use k8s_openapi::api::core::v1::ConfigMap;
use kube::{Api, Client};
use serde_json::{Value, json};

use super::complete::{AGENT_VOLUME, resources};
use crate::agent::seed::VOLUMES;
use crate::failure::chain;

/// How long the ConfigMap may take: the API server waits 2 s for the webhook.
const ANSWER: Duration = Duration::from_secs(1);
/// Name of the init container.
const CONTAINER: &str = "azds-seed";

/// What the `up` of a tag has said. Without it the pod begins without volumes, and a file that can't be
/// written is told of when it is synced.
pub async fn find(client: &Client, namespace: &str, tag: &str) -> Option<Seeds> {
    let config_maps: Api<ConfigMap> = Api::namespaced(client.clone(), namespace);
    let asked = tokio::time::timeout(ANSWER, config_maps.get_opt(SEEDS_CONFIG_MAP));
    let why = match asked.await {
        Ok(Ok(found)) => match found.and_then(|it| it.data?.remove(tag)) {
            Some(text) => match serde_json::from_str(&text) {
                Ok(seeds) => return Some(seeds),
                Err(error) => error.to_string(),
            },
            None => "it is not there, or does not have the tag".to_owned(),
        },
        Ok(Err(error)) => chain(&error),
        Err(_) => format!("no answer within {} s", ANSWER.as_secs()),
    };
    tracing::warn!(
        namespace,
        tag,
        why,
        "ConfigMap {SEEDS_CONFIG_MAP} does not say where files are synced to"
    );
    None
}

/// The folders of a container that become volumes. Where it mounts something itself, or above, the image's
/// files are not to be seen, and stay so.
pub fn folders<'s>(pod: &Value, container: &Value, known: &'s Seeds) -> Vec<&'s str> {
    if !is_confined(pod, container, known) {
        return Vec::new();
    }
    let mounts = container["volumeMounts"].as_array();
    let is_mounted = |folder: &str| {
        let mut mounts = mounts.into_iter().flatten();
        mounts.any(|mount| {
            let path = mount["mountPath"].as_str();
            path.is_some_and(|path| Path::new(folder).starts_with(path))
        })
    };
    let folders = known.folders.iter().map(String::as_str);
    let fit = folders.filter(|folder| folder.len() > 1 && folder.starts_with('/'));
    fit.filter(|folder| !is_mounted(folder)).collect()
}

/// Whether a container's process may be unable to write files of its image.
fn is_confined(pod: &Value, container: &Value, known: &Seeds) -> bool {
    let own = &container["securityContext"];
    let either = |field: &str| match &own[field] {
        Value::Null => &pod["spec"]["securityContext"][field],
        own => own,
    };
    let is_non_root = match either("runAsUser").as_u64() {
        Some(user) => user != 0,
        None => *either("runAsNonRoot") == true || known.non_root,
    };
    is_non_root || own["readOnlyRootFilesystem"] == true
}

/// The init container. What lets the service's container into the namespace lets this one in, too.
pub fn init_container(container: &Value, folders: &[&str]) -> Value {
    let security = match &container["securityContext"] {
        Value::Null => json!({
            "allowPrivilegeEscalation": false,
            "capabilities": {"drop": ["ALL"]},
            "seccompProfile": {"type": "RuntimeDefault"},
        }),
        own => own.clone(),
    };
    let agent = json!({"name": AGENT_VOLUME, "mountPath": AGENT_FOLDER, "readOnly": true});
    let volumes = (0..folders.len())
        .map(|number| json!({"name": name(number), "mountPath": format!("{VOLUMES}/{number}")}));
    json!({
        "name": CONTAINER,
        "image": container["image"],
        "imagePullPolicy": container["imagePullPolicy"],
        "command": [format!("{AGENT_FOLDER}/azds-agent"), "seed"],
        "args": folders,
        "terminationMessagePolicy": "FallbackToLogsOnError",
        "resources": resources(),
        "securityContext": security,
        "volumeMounts": std::iter::once(agent).chain(volumes).collect::<Value>(),
    })
}

/// The volumes for this many folders.
pub fn volumes(count: usize) -> impl Iterator<Item = Value> {
    (0..count).map(|number| json!({"name": name(number), "emptyDir": {}}))
}

/// Where the service's container has them.
pub fn mounts(folders: &[&str]) -> impl Iterator<Item = Value> {
    let numbered = folders.iter().enumerate();
    numbered.map(|(number, folder)| json!({"name": name(number), "mountPath": folder}))
}

fn name(number: usize) -> String {
    format!("{CONTAINER}-{number}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn known(non_root: bool) -> Seeds {
        Seeds {
            release: "azds-1-dev-shop".to_owned(),
            folders: ["/app", "/srv/www"].map(str::to_owned).to_vec(),
            non_root,
        }
    }

    #[test]
    fn who_may_not_write_gets_volumes() {
        let none = json!({});
        let table = [
            (none.clone(), none.clone(), false, false),
            (none.clone(), none.clone(), true, true),
            (
                none.clone(),
                json!({"readOnlyRootFilesystem": true}),
                false,
                true,
            ),
            (none.clone(), json!({"runAsUser": 1000}), false, true),
            (none.clone(), json!({"runAsUser": 0}), true, false),
            (json!({"runAsUser": 1000}), none.clone(), false, true),
            (
                json!({"runAsUser": 1000}),
                json!({"runAsUser": 0}),
                false,
                false,
            ),
            (json!({"runAsNonRoot": true}), none.clone(), false, true),
            (
                json!({"runAsNonRoot": true}),
                json!({"runAsNonRoot": false}),
                false,
                false,
            ),
            (
                json!({"runAsNonRoot": true}),
                json!({"runAsNonRoot": false}),
                true,
                true,
            ),
        ];
        for (of_pod, own, non_root, expected) in table {
            let pod = json!({"spec": {"securityContext": of_pod}});
            let container = json!({"securityContext": own});
            let known = known(non_root);
            let found = folders(&pod, &container, &known);
            let expected: &[&str] = if expected { &["/app", "/srv/www"] } else { &[] };
            assert_eq!(found, expected, "{pod} {container} {non_root}");
        }
    }

    #[test]
    fn where_a_container_mounts_something_or_above_it_gets_none() {
        for (path, expected) in [
            ("/app", vec!["/srv/www"]),
            ("/app/", vec!["/srv/www"]),
            ("/srv", vec!["/app"]),
            ("/app/data", vec!["/app", "/srv/www"]),
            ("/ap", vec!["/app", "/srv/www"]),
        ] {
            let container = json!({"volumeMounts": [{"name": "x", "mountPath": path}]});
            let known = known(true);
            let found = folders(&json!({}), &container, &known);
            assert_eq!(found, expected, "{path}");
        }
    }

    #[test]
    fn the_init_container_is_like_the_services_own() {
        let container = json!({
            "name": "shop", "image": "shop:mindaro-1", "imagePullPolicy": "Never",
            "command": ["python"], "env": [{"name": "A", "value": "b"}],
        });
        let expected = json!({
            "name": "azds-seed",
            "image": "shop:mindaro-1",
            "imagePullPolicy": "Never",
            "command": ["/azds/azds-agent", "seed"],
            "args": ["/app", "/srv/www"],
            "terminationMessagePolicy": "FallbackToLogsOnError",
            "resources": {
                "requests": {"cpu": "10m", "memory": "32Mi"},
                "limits": {"cpu": "1", "memory": "256Mi"},
            },
            "securityContext": {
                "allowPrivilegeEscalation": false,
                "capabilities": {"drop": ["ALL"]},
                "seccompProfile": {"type": "RuntimeDefault"},
            },
            "volumeMounts": [
                {"name": "azds-agent", "mountPath": "/azds", "readOnly": true},
                {"name": "azds-seed-0", "mountPath": "/azds-seeds/0"},
                {"name": "azds-seed-1", "mountPath": "/azds-seeds/1"},
            ],
        });
        let folders = ["/app", "/srv/www"];
        assert_eq!(init_container(&container, &folders), expected);
        let own = json!({"runAsUser": 1000, "readOnlyRootFilesystem": true});
        let container = json!({"image": "shop:mindaro-1", "securityContext": own});
        assert_eq!(init_container(&container, &folders)["securityContext"], own);
    }
}
