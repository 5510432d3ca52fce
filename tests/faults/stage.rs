//! What every fault needs: a space with a developer and a service, and what has to hold afterwards.

use std::collections::BTreeMap;
use std::future::Future;
use std::time::{Duration, Instant};

use azds_tests::space::{Answer, Service, Space, get, run};
use azds_tests::{Cluster, until, within};
use k8s_openapi::api::apps::v1::{DaemonSet, Deployment};
use kube::Client;
use kube::api::{Api, Patch, PatchParams};
use serde_json::{Value, json};

/// After so long nothing may be left of a service that is down.
const LEFT: Duration = Duration::from_secs(60);
/// How long the cluster may take to be well again, once a fault is lifted.
const HEALING: Duration = Duration::from_secs(180);

/// What came of a fault.
pub struct Seen {
    /// What the developer saw of it.
    pub outcome: String,
    /// What `azds doctor` said.
    pub doctor: String,
}

/// A cluster, a space and a folder with a service.
pub struct Stage {
    pub cluster: Cluster,
    pub space: Space,
    /// A client with every right.
    pub client: Client,
}

impl Stage {
    pub async fn new() -> Stage {
        let cluster = Cluster::get();
        let space = cluster.space().await;
        space.python_service("shop", &[]);
        let client = space.namespace.client.clone();
        Stage {
            cluster,
            space,
            client,
        }
    }

    pub fn service(&self) -> Service<'_> {
        self.space.existing("shop")
    }

    /// Brings the service up in the background; the address of its tunnel.
    pub fn up(&self) -> String {
        address(&self.service().azds("up", &["-d"]).json())
    }

    /// What `azds doctor` finds wrong or not to be known, by the names of its checks.
    pub fn doctor(&self) -> BTreeMap<String, String> {
        let answer = self.service().azds("doctor", &[]);
        let result: Value = serde_json::from_str(&answer.stdout)
            .unwrap_or_else(|_| panic!("doctor answers with JSON: {answer:?}"));
        let checks = result["checks"]
            .as_array()
            .unwrap_or_else(|| panic!("{result}"));
        let wrong = checks.iter().filter_map(|check| {
            let name = check["name"].as_str()?.to_owned();
            let failure = &check["failure"];
            let text = match failure["what"].as_str() {
                Some(what) => format!(
                    "{what}: {}: {}. {}",
                    text(failure, "object"),
                    text(failure, "why"),
                    text(failure, "try")
                ),
                None => format!("not known: {}", check["unknown"].as_str()?),
            };
            Some((name, text))
        });
        wrong.collect()
    }

    /// Waits until a check of doctor's says this; gives the whole of what it says there.
    pub async fn doctor_says(&self, check: &str, words: &str) -> String {
        healing(
            &format!("doctor to say {words:?} of {check:?}"),
            async || {
                let wrong = self.doctor();
                match wrong.get(check) {
                    Some(said) if said.contains(words) => Ok(format!("{check}: {said}")),
                    _ => Err(format!("{wrong:#?}")),
                }
            },
        )
        .await
    }

    /// Waits until doctor finds nothing wrong, and says so.
    pub async fn doctor_is_content(&self) -> String {
        healing("doctor to find nothing wrong", async || {
            let wrong = self.doctor();
            match wrong.is_empty() {
                true => Ok("nothing is wrong".to_owned()),
                false => Err(format!("{wrong:#?}")),
            }
        })
        .await
    }

    /// Waits until the service answers with this currency.
    pub async fn answers(&self, uri: &str, currency: &str) {
        healing(currency, async || match get(uri, "/api/demo") {
            Ok((status, body)) if status.contains("200") && body.contains(currency) => Ok(()),
            Ok(other) => Err(format!("{other:?}")),
            Err(error) => Err(error.to_string()),
        })
        .await;
    }

    /// After a fault: azds is well again by itself, and the next `azds up` works.
    pub async fn works_again(&self) {
        self.ready("azds-initializer", "azds-builder").await;
        let uri = self.up();
        let (status, body) = get(&uri, "/api/demo").expect("the tunnel answers");
        assert!(status.contains("200"), "{status}\n{body}");
        self.doctor_is_content().await;
        assert_eq!(self.service().azds("down", &[]).json()["removed"], true);
    }

    /// After `azds down`: nothing of the service is in the cluster or on the machine.
    pub async fn leaves_nothing(&self) {
        let begun = Instant::now();
        loop {
            let mut left: Vec<String> = self
                .space
                .processes()
                .iter()
                .map(|pid| format!("process {pid}"))
                .collect();
            let kinds = "deployments,replicasets,pods,services,ingresses,secrets";
            let objects = self.kubectl(&[
                "get",
                kinds,
                "--namespace",
                &self.space.namespace.name,
                "--output=name",
            ]);
            left.extend(objects.lines().map(str::to_owned));
            if left.is_empty() {
                return;
            }
            assert!(
                begun.elapsed() < LEFT,
                "after {} s this is left: {left:?}",
                LEFT.as_secs()
            );
            tokio::time::sleep(Duration::from_millis(300)).await;
        }
    }

    /// Runs kubectl with every right.
    pub fn kubectl(&self, arguments: &[&str]) -> String {
        let answer = self.cluster.kubectl(arguments);
        assert!(
            answer.status.success(),
            "kubectl {arguments:?}: {}",
            answer.stderr
        );
        answer.stdout
    }

    /// Runs ctr on the node.
    pub fn ctr(&self, arguments: &[&str]) -> Answer {
        run(self.cluster.ctr().args(arguments))
    }

    /// Waits until azds runs in the cluster as it should.
    pub async fn ready(&self, deployment: &str, daemon_set: &str) {
        let deployments: Api<Deployment> = Api::namespaced(self.client.clone(), "azds");
        let daemon_sets: Api<DaemonSet> = Api::namespaced(self.client.clone(), "azds");
        healing("azds to be ready", async || {
            let (one, other) = (
                deployments.get(deployment).await,
                daemon_sets.get(daemon_set).await,
            );
            let (one, other) = (
                one.map_err(|it| it.to_string())?,
                other.map_err(|it| it.to_string())?,
            );
            let (one, other) = (
                one.status.unwrap_or_default(),
                other.status.unwrap_or_default(),
            );
            match one.ready_replicas == Some(1)
                && one.replicas == Some(1)
                && other.number_ready == 1
            {
                true => Ok(()),
                false => Err(format!("{one:?} {other:?}")),
            }
        })
        .await;
    }

    /// Sets the number of pods that the initializer has.
    pub async fn scale_initializer(&self, replicas: u32) {
        let deployments: Api<Deployment> = Api::namespaced(self.client.clone(), "azds");
        let patch = Patch::Merge(json!({"spec": {"replicas": replicas}}));
        let plain = PatchParams::default();
        let scaled = deployments.patch("azds-initializer", &plain, &patch).await;
        scaled.expect("an administrator may");
        until("the initializer's pods", || async {
            let status = deployments
                .get("azds-initializer")
                .await
                .map_err(|it| it.to_string())?;
            let status = status.status.unwrap_or_default();
            let has = u32::try_from(status.replicas.unwrap_or(0)).unwrap_or(0);
            let listed = self.kubectl(&[
                "get",
                "pods",
                "--namespace=azds",
                "--selector=app=azds-initializer",
                "--output=name",
            ]);
            match has == replicas && listed.lines().count() == replicas as usize {
                true => Ok(()),
                false => Err(format!("{has}: {listed}")),
            }
        })
        .await;
    }
}

/// The address of the one tunnel of an `up`.
pub fn address(up: &Value) -> String {
    let uri = up["uris"][0]["uri"].as_str();
    uri.unwrap_or_else(|| panic!("an address: {up}")).to_owned()
}

/// A failure as a person reads it.
pub fn told(failure: &Value) -> String {
    format!(
        "{}: {}: {}. {}",
        text(failure, "what"),
        text(failure, "object"),
        text(failure, "why"),
        text(failure, "try")
    )
}

fn text<'a>(value: &'a Value, name: &str) -> &'a str {
    value[name].as_str().unwrap_or_default()
}

/// As [`until`], with the time that a cluster needs to heal.
pub async fn healing<T, F: Future<Output = Result<T, String>>>(
    what: &str,
    attempt: impl Fn() -> F,
) -> T {
    within(HEALING, what, attempt).await
}
