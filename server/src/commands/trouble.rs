//! What is wrong in the cluster with services that are up, for the editor's list of problems.

use std::collections::{BTreeMap, HashMap};
use std::path::PathBuf;

use futures_util::future::join_all;
use k8s_openapi::api::core::v1::Pod;
use kube::ResourceExt;

use super::list_uris::unknown_hosts;
use super::objects::Objects;
use super::service::Service;
use super::up::needed_rights;
use crate::analysis::{Severity, Trouble};
use crate::cluster::client::Cluster;
use crate::cluster::pods::{self, PodState, Stuck};
use crate::cluster::rights::{self, grant_remedy};
use crate::cluster::spaces;
use crate::failure::Result;

const WHAT: &str = "the services are not known";

/// What was found, by the folders of the services. Those without trouble are not in it.
pub type Troubles = HashMap<PathBuf, Vec<Trouble>>;

/// Looks at services in the kubeconfig's cluster, again and again. The connection is kept: to make one may
/// start a program that the kubeconfig names.
#[derive(Default)]
pub struct Watch {
    cluster: Option<Cluster>,
}

impl Watch {
    /// Looks at the services of some folders. A folder that can't be read, or whose space is none, has no
    /// trouble that could be told; a failure says that the cluster does not answer.
    pub async fn look(&mut self, folders: Vec<PathBuf>) -> Result<Troubles> {
        let cluster = match self.cluster.take().filter(Cluster::is_current) {
            Some(cluster) => cluster,
            None => Cluster::from_kubeconfig().await?,
        };
        let found = troubles(&cluster, folders).await?;
        self.cluster = Some(cluster);
        Ok(found)
    }
}

async fn troubles(cluster: &Cluster, folders: Vec<PathBuf>) -> Result<Troubles> {
    let placed = tokio::task::spawn_blocking({
        let cluster = cluster.clone();
        move || placed(&cluster, folders)
    });
    let placed = placed.await.unwrap_or_default();
    let spaces: BTreeMap<&str, Vec<&Placed>> = placed.iter().fold(
        BTreeMap::new(),
        |mut spaces: BTreeMap<&str, Vec<&Placed>>, it| {
            spaces.entry(&it.space).or_default().push(it);
            spaces
        },
    );
    let asked = spaces
        .into_iter()
        .map(|(space, services)| in_space(cluster, space, services));
    let mut found = Troubles::new();
    for of_space in join_all(asked).await {
        found.extend(of_space?);
    }
    found.retain(|_, troubles| !troubles.is_empty());
    Ok(found)
}

/// A service and the space that it would be in.
struct Placed {
    /// As it was asked for.
    folder: PathBuf,
    service: Service,
    space: String,
    /// Whether somebody chose the space, and it is not just where the kubeconfig leads.
    is_chosen: bool,
}

fn placed(cluster: &Cluster, folders: Vec<PathBuf>) -> Vec<Placed> {
    let place = |folder: PathBuf| {
        let service = Service::find(&folder, WHAT).ok()?;
        Some(Placed {
            space: spaces::choose(cluster, None, &service.folder).ok()?,
            is_chosen: spaces::chosen(&service.folder).is_some(),
            service,
            folder,
        })
    };
    folders.into_iter().filter_map(place).collect()
}

async fn in_space(
    cluster: &Cluster,
    space: &str,
    services: Vec<&Placed>,
) -> Result<Vec<(PathBuf, Vec<Trouble>)>> {
    let objects = match Objects::ask(cluster, space).await {
        Ok(objects) => objects,
        Err(kube::Error::Api(status)) if status.code == 403 => {
            let chosen = services.iter().filter(|it| it.is_chosen);
            let trouble = || vec![no_right(space, &status.message)];
            return Ok(chosen.map(|it| (it.folder.clone(), trouble())).collect());
        }
        Err(error) => return Err(cluster.failed(WHAT, space)(error)),
    };
    let status = spaces::status(cluster, space).await;
    let missing = match status {
        Ok(_) => {
            let missing = rights::missing(cluster, space, &needed_rights()?).await?;
            missing.into_iter().next()
        }
        // A namespace that is no space has nothing of ours, unless something of ours is left there.
        Err(_) => None,
    };
    let missing = missing.map(|right| no_right(space, &format!("the right to {right} is missing")));
    let look = services.into_iter().map(|it| {
        let (objects, missing) = (&objects, missing.clone());
        async move {
            let release = it.service.release(space);
            let mut found = of_release(&it.service.name, space, &release, objects);
            if objects.has(&release) {
                let unknown = unknown_hosts(cluster, space, &release).await;
                found.extend(unknown.into_iter().flatten().map(|host| pending(&host)));
            }
            found.extend(missing);
            (it.folder.clone(), found)
        }
    });
    Ok(join_all(look).await)
}

/// What is wrong with a release, by its objects.
fn of_release(name: &str, space: &str, release: &str, objects: &Objects) -> Vec<Trouble> {
    let mut found = Vec::new();
    for deployment in objects.deployments_of(release) {
        let conditions = deployment.status.iter().flat_map(|it| &it.conditions);
        let refused = conditions.flatten().find(|it| {
            it.type_.as_deref() == Some("ReplicaFailure") && it.status.as_deref() == Some("True")
        });
        if let Some(refused) = refused {
            let why = refused.message.as_deref().unwrap_or_default();
            found.push(warning(format!(
                "{name} has no pod in {space}: none may be created. {}",
                sentence(why)
            )));
        }
    }
    let Some(pod) = objects.pods_of(release).pop() else {
        return found;
    };
    let pod_name = pod.name_any();
    match pods::state(pod) {
        PodState::Stuck(stuck) => found.push(warning(stuck_at(name, space, pod, &stuck))),
        PodState::Unscheduled(why) => found.push(warning(format!(
            "{name} does not run in {space}: no node takes pod {pod_name}. {}",
            sentence(&why)
        ))),
        PodState::Waiting(_) | PodState::Building | PodState::Ready => {}
    }
    found
}

fn stuck_at(name: &str, space: &str, pod: &Pod, stuck: &Stuck) -> String {
    let pod_name = pod.name_any();
    let Stuck {
        container,
        reason,
        message,
    } = stuck;
    let Some(container) = container else {
        let why = sentence(message);
        return format!("{name} does not run in {space}: pod {pod_name} failed: {reason}. {why}")
            .trim_end()
            .to_owned();
    };
    let mut text = format!(
        "{name} does not run in {space}: container {container} of pod {pod_name} waits with {reason}. "
    );
    if stuck.ran().is_some() {
        if let Some(code) = last_exit_code(pod, container) {
            text.push_str(&format!("It ended with exit code {code}. "));
        }
        text.push_str(&format!(
            "See why: kubectl logs {pod_name} -c {container} -n {space} --previous"
        ));
    } else {
        text.push_str(&sentence(message));
        if reason.contains("Image") {
            text.push_str(" Run Up again to build it.");
        }
    }
    text
}

fn last_exit_code(pod: &Pod, container: &str) -> Option<i32> {
    let statuses = pod.status.as_ref()?.container_statuses.as_ref()?;
    let status = statuses.iter().find(|it| it.name == container)?;
    let ended = status.last_state.as_ref()?.terminated.as_ref()?;
    Some(ended.exit_code)
}

fn pending(host: &str) -> Trouble {
    Trouble {
        severity: Severity::Information,
        message: format!(
            "Nobody's DNS knows {host} yet, so that the public address is pending. The tunnelled address works meanwhile: azds list-uris."
        ),
    }
}

fn no_right(space: &str, why: &str) -> Trouble {
    warning(format!(
        "You may not work in the space {space}: {} {}",
        sentence(why),
        grant_remedy(space)
    ))
}

fn warning(message: String) -> Trouble {
    Trouble {
        severity: Severity::Warning,
        message,
    }
}

/// Words of the cluster with a full stop.
fn sentence(words: &str) -> String {
    let words = words.trim().trim_end_matches('.');
    if words.is_empty() {
        String::new()
    } else {
        format!("{words}.")
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value as Json, json};

    use super::super::up::RELEASE_ANNOTATION;
    use super::*;

    fn told(deployment: Json, pod: Json) -> Vec<String> {
        let deployment = json!({
            "metadata": {"annotations": {RELEASE_ANNOTATION: "azds-1-dev-shop"}},
            "spec": {"selector": {"matchLabels": {"app": "shop"}}, "template": {}},
            "status": deployment,
        });
        let pod = json!({"metadata": {"name": "shop-1", "labels": {"app": "shop"}}, "status": pod});
        let objects = Objects::from_json(deployment, pod);
        let found = of_release("shop", "dev", "azds-1-dev-shop", &objects);
        found.into_iter().map(|it| it.message).collect()
    }

    fn container(state: Json) -> Json {
        let status = json!({"name": "shop", "image": "", "imageID": "", "ready": false, "restartCount": 3,
            "state": state, "lastState": {"terminated": {"exitCode": 7}}});
        json!({"phase": "Pending", "containerStatuses": [status]})
    }

    #[test]
    fn what_is_wrong_is_told_with_what_to_try() {
        let waits = |reason: &str, message: &str| {
            container(json!({"waiting": {"reason": reason, "message": message}}))
        };
        let unscheduled = json!({"phase": "Pending", "conditions": [
            {"type": "PodScheduled", "status": "False", "message": "0/1 nodes are available"}]});
        let table = [
            (
                json!({}),
                waits("ErrImageNeverPull", "It is not present"),
                "shop does not run in dev: container shop of pod shop-1 waits with ErrImageNeverPull. It is not present. Run Up again to build it.",
            ),
            (
                json!({}),
                waits("CrashLoopBackOff", "back-off 10s"),
                "shop does not run in dev: container shop of pod shop-1 waits with CrashLoopBackOff. It ended with exit code 7. See why: kubectl logs shop-1 -c shop -n dev --previous",
            ),
            (
                json!({}),
                unscheduled,
                "shop does not run in dev: no node takes pod shop-1. 0/1 nodes are available.",
            ),
            (
                json!({"conditions": [{"type": "ReplicaFailure", "status": "True", "message": "exceeded quota: pods."}]}),
                json!({"phase": "Succeeded"}),
                "shop has no pod in dev: none may be created. exceeded quota: pods.",
            ),
        ];
        for (deployment, pod, expected) in table {
            assert_eq!(told(deployment, pod), [expected]);
        }
        assert_eq!(told(json!({}), container(json!({"running": {}}))), [""; 0]);
    }

    #[test]
    fn a_release_that_is_not_there_has_no_trouble() {
        let objects =
            Objects::from_json(json!({"spec": {"selector": {}, "template": {}}}), json!({}));
        assert_eq!(of_release("shop", "dev", "azds-1-dev-shop", &objects), []);
    }
}
