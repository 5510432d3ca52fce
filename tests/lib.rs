//! What the tests on the cluster share: the running cluster, and a namespace of its own for each test.

pub mod container;
pub mod dap;
pub mod lsp;
pub mod pushing;
pub mod schema;
pub mod set_up;
pub mod space;
pub mod staying;
pub mod wire;

use std::future::Future;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use k8s_openapi::api::core::v1::{Namespace as KubeNamespace, Pod, ServiceAccount};
use kube::api::{Api, PostParams};
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Client, Config};
use serde::Deserialize;
use serde_json::json;

/// How long anything that the cluster does at once may take on a loaded machine.
pub const SOON: Duration = Duration::from_secs(60);

/// Where the node and its pods reach the registry.
pub const REGISTRY: &str = "10.250.0.1:5443";

/// Docker's configuration of somebody who may use the registry, which is at `address`.
pub fn registry_login(address: &str) -> serde_json::Value {
    json!({"auths": {address: {"username": "someone", "password": "pass", "auth": "c29tZW9uZTpwYXNz"}}})
}

/// The cluster that `cargo xtask cluster up` started: what its state.json says.
#[derive(Clone, Deserialize)]
pub struct Cluster {
    /// A kubeconfig with every right.
    pub kubeconfig: PathBuf,
    /// The kubectl to use.
    pub kubectl: PathBuf,
    /// The helm to use.
    pub helm: PathBuf,
    /// Where port 80 of the node is reached.
    pub ingress: String,
    /// containerd's socket.
    pub containerd: PathBuf,
    /// A values file that tells the chart's builder where the node's containerd lies.
    pub builder_values: PathBuf,
    /// A folder with dlv, Go's debugger.
    pub delve: PathBuf,
    /// js-debug's DAP server.
    pub js_debug: PathBuf,
    /// Where the node's registry is reached from this machine.
    pub registry: String,
    /// The authority that has signed its certificate.
    pub authority: PathBuf,
    /// The client with which Microsoft tests debug adapters.
    pub debug_client: PathBuf,
}

impl Cluster {
    /// The running cluster.
    ///
    /// # Panics
    /// If there is none: a test that needs it cannot hold without it.
    pub fn get() -> Self {
        let set = |name| {
            std::env::var_os(name)
                .filter(|value| !value.is_empty())
                .map(PathBuf::from)
        };
        let cache = set("AZDS_CACHE")
            .or_else(|| set("XDG_CACHE_HOME").map(|folder| folder.join("azds")))
            .or_else(|| set("HOME").map(|home| home.join(".cache/azds")));
        let state = cache.and_then(|cache| std::fs::read(cache.join("cluster/state.json")).ok());
        let state = state.expect("no cluster runs: start one with `cargo xtask cluster up`");
        let mut cluster: Self = serde_json::from_slice(&state)
            .expect("state.json is of another version: run `cargo xtask cluster down`, then `up`");
        if let Some(helm) = set("AZDS_TEST_HELM") {
            cluster.helm = helm;
        }
        cluster
    }

    /// A client with every right.
    pub async fn client(&self) -> Client {
        let kubeconfig =
            Kubeconfig::read_from(&self.kubeconfig).expect("the cluster's kubeconfig is readable");
        let config =
            Config::from_custom_kubeconfig(kubeconfig, &KubeConfigOptions::default()).await;
        Client::try_from(config.expect("the cluster's kubeconfig is complete"))
            .expect("the client can be made")
    }

    /// A program that is to find this cluster, and nothing else, in its environment.
    pub fn command(&self, program: impl Into<PathBuf>) -> Command {
        let mut command = Command::new(program.into());
        command
            .env("KUBECONFIG", &self.kubeconfig)
            .env("AZDS_HELM", &self.helm)
            .env("AZDS_YES", "1")
            .stdin(Stdio::null());
        command
    }

    /// A new namespace, with these labels, in which pods can be made. It is deleted when the value is dropped.
    pub async fn namespace(&self, labels: &[(&str, &str)]) -> Namespace {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let name = format!(
            "test-{}-{}",
            std::process::id(),
            COUNT.fetch_add(1, Ordering::Relaxed)
        );
        let client = self.client().await;
        let labels: serde_json::Map<_, _> = labels
            .iter()
            .map(|&(key, value)| (key.to_owned(), value.into()))
            .collect();
        let namespace: KubeNamespace =
            from_json(json!({"metadata": {"name": name, "labels": labels}}));
        let namespaces = Api::<KubeNamespace>::all(client.clone());
        namespaces
            .create(&PostParams::default(), &namespace)
            .await
            .expect("a namespace can be made");
        let accounts = Api::<ServiceAccount>::namespaced(client.clone(), &name);
        until("the namespace's service account", || async {
            accounts
                .get_opt("default")
                .await
                .ok()
                .flatten()
                .ok_or_else(|| "it is not there".to_owned())
        })
        .await;
        Namespace {
            name,
            client,
            cluster: self.clone(),
        }
    }
}

/// A namespace of one test.
pub struct Namespace {
    /// Its name.
    pub name: String,
    /// A client with every right.
    pub client: Client,
    cluster: Cluster,
}

impl Namespace {
    /// Makes an object from the JSON that a manifest would hold.
    ///
    /// # Panics
    /// If the API server refuses it.
    pub async fn create<K>(&self, object: serde_json::Value) -> K
    where
        K: kube::Resource<Scope = k8s_openapi::NamespaceResourceScope, DynamicType = ()>,
        K: Clone + std::fmt::Debug + serde::Serialize + serde::de::DeserializeOwned,
    {
        let api = Api::<K>::namespaced(self.client.clone(), &self.name);
        api.create(&PostParams::default(), &from_json(object))
            .await
            .expect("the API server takes the object")
    }

    /// Waits until a pod's phase is this; what it is instead after [`SOON`] fails the test.
    pub async fn pod_in_phase(&self, name: &str, phase: &str) -> Pod {
        let pods = Api::<Pod>::namespaced(self.client.clone(), &self.name);
        until(&format!("pod {name} in phase {phase}"), || async {
            let pod = pods.get(name).await.map_err(|error| error.to_string())?;
            let status = pod.status.clone().unwrap_or_default();
            if status.phase.as_deref() == Some(phase) {
                Ok(pod)
            } else {
                Err(format!("{status:?}"))
            }
        })
        .await
    }
}

impl Drop for Namespace {
    fn drop(&mut self) {
        let mut delete = self.cluster.command(&self.cluster.kubectl);
        delete
            .args(["delete", "namespace", &self.name, "--wait=false"])
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        // What is left goes with the cluster.
        let _ = delete.status();
    }
}

/// Tries again and again, until it works or [`SOON`] is over.
///
/// # Panics
/// With the last refusal, when time is over.
pub async fn until<T, F: Future<Output = Result<T, String>>>(
    what: &str,
    attempt: impl Fn() -> F,
) -> T {
    within(SOON, what, attempt).await
}

/// Tries again and again, until it works or time is over.
///
/// # Panics
/// With the last refusal, when time is over.
pub async fn within<T, F: Future<Output = Result<T, String>>>(
    limit: Duration,
    what: &str,
    attempt: impl Fn() -> F,
) -> T {
    let done = try_within(limit, attempt).await;
    done.unwrap_or_else(|reason| panic!("waited {} s for {what}: {reason}", limit.as_secs()))
}

/// Tries again and again, until it works or time is over; the last refusal then.
pub async fn try_within<T, F: Future<Output = Result<T, String>>>(
    limit: Duration,
    attempt: impl Fn() -> F,
) -> Result<T, String> {
    let begun = Instant::now();
    loop {
        match attempt().await {
            Err(_) if begun.elapsed() < limit => {
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
            done => return done,
        }
    }
}

/// Something that is undone in any case: also if the test fails.
pub struct Undo<F: FnMut()>(pub F);

impl<F: FnMut()> Drop for Undo<F> {
    fn drop(&mut self) {
        (self.0)();
    }
}

/// Asks a service for its products, which may be stopped meanwhile. One that just starts does not listen yet.
pub fn ask(uri: &str) -> std::thread::JoinHandle<String> {
    let uri = uri.to_owned();
    std::thread::spawn(move || {
        let begun = Instant::now();
        loop {
            match space::get(&uri, "/api/demo") {
                Ok((status, body)) if status.contains("200") => return body,
                other => assert!(begun.elapsed() < SOON, "{other:?}"),
            }
            std::thread::sleep(Duration::from_millis(50));
        }
    })
}

fn from_json<T: serde::de::DeserializeOwned>(value: serde_json::Value) -> T {
    serde_json::from_value(value).expect("the test's own JSON fits the type")
}
