//! What others need to know of a running cluster.

use std::fs;
use std::path::PathBuf;

use anyhow::Result;
use serde::{Deserialize, Serialize};

use crate::cache::Cache;

/// Written when the cluster is ready, as state.json in its folder; the tests read it there.
#[derive(Serialize, Deserialize)]
pub struct State {
    /// A kubeconfig with every right, for the API server's address on this machine's loopback.
    pub kubeconfig: PathBuf,
    /// The kubectl to use.
    pub kubectl: PathBuf,
    /// The helm to use.
    pub helm: PathBuf,
    /// Where port 80 of the node is reached, which is where an ingress controller listens.
    pub ingress: String,
    /// containerd's socket; `ctr` finds it by CONTAINERD_ADDRESS.
    pub containerd: PathBuf,
    /// A values file that tells the chart's builder where the node's containerd lies.
    pub builder_values: PathBuf,
    /// A folder with dlv, as `azds debugger install go --from` takes it.
    pub delve: PathBuf,
    /// js-debug's DAP server.
    pub js_debug: PathBuf,
    /// Where the node's registry is reached. The node and its pods reach it at 10.250.0.1:5443; it wants
    /// to know who one is (`someone`, `pass`), and the cluster's authority has signed its certificate.
    pub registry: String,
    /// The cluster's authority.
    pub authority: PathBuf,
    /// A client of debug adapters.
    pub debug_client: PathBuf,
    /// The version of Kubernetes.
    pub kubernetes: String,
}

/// The folder of the running cluster: one for each cache, so one for each user.
pub fn folder() -> Result<PathBuf> {
    Ok(Cache::folder()?.join("cluster"))
}

impl State {
    /// That of the cluster that was started last and not ended since.
    pub fn read() -> Result<Self> {
        Ok(serde_json::from_slice(&fs::read(
            folder()?.join("state.json"),
        )?)?)
    }

    /// Written under another name first: who sees it sees all of it.
    pub fn write(&self) -> Result<()> {
        let folder = folder()?;
        fs::write(
            folder.join("state.json.new"),
            serde_json::to_vec_pretty(self)?,
        )?;
        Ok(fs::rename(
            folder.join("state.json.new"),
            folder.join("state.json"),
        )?)
    }

    /// Environment variables by name; `CONTAINERD_*` are those of `ctr`.
    pub fn environment(&self) -> [(&'static str, String); 7] {
        let text = |path: &PathBuf| path.display().to_string();
        [
            ("KUBECONFIG", text(&self.kubeconfig)),
            ("AZDS_HELM", text(&self.helm)),
            ("KUBECTL", text(&self.kubectl)),
            ("INGRESS", self.ingress.clone()),
            ("BUILDER_VALUES", text(&self.builder_values)),
            ("CONTAINERD_ADDRESS", text(&self.containerd)),
            ("CONTAINERD_NAMESPACE", "k8s.io".to_owned()),
        ]
    }

    /// Shell lines for `eval`.
    pub fn exports(&self) -> String {
        self.environment()
            .iter()
            .map(|(name, value)| format!("export {name}='{value}'\n"))
            .collect()
    }

    /// For a person.
    pub fn usage(&self) -> String {
        let settings: String = self
            .environment()
            .iter()
            .map(|(name, value)| format!("  {name}={value}\n"))
            .collect();
        format!(
            "{settings}Set these with: eval \"$(cargo xtask cluster env)\"\n\
             Give the node an image with: ctr images import FILE.tar\nEnd it with: cargo xtask cluster down"
        )
    }
}
