//! Where the demo plays: on the tests' cluster, or on one of somebody's own.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};
use serde_json::Value;

use super::Arguments;
use crate::cluster::State;
use crate::shell::{command, output, run};
use crate::test::import_agent;

/// A cluster, and the programs that speak to it.
pub struct Place {
    /// A kubeconfig with one context.
    pub kubeconfig: Value,
    /// The kubectl to use.
    pub kubectl: PathBuf,
    /// The helm to use.
    pub helm: PathBuf,
    /// Where an Ingress controller is reached, where that is known.
    pub ingress: Option<String>,
    /// What ends it.
    pub end: &'static str,
    agent: Agent,
    values: Option<PathBuf>,
}

/// How the nodes get the image of azds' agent.
enum Agent {
    /// Into the containerd of the tests' node.
    Import(Box<State>),
    /// From a registry.
    Push(String),
    /// By a program of the cluster's own, which takes an archive.
    Load(String),
}

impl Place {
    /// The tests' cluster.
    pub fn of_tests(state: State) -> Result<Place> {
        Ok(Place {
            kubeconfig: serde_json::from_slice(&fs::read(&state.kubeconfig)?)?,
            kubectl: state.kubectl.clone(),
            helm: state.helm.clone(),
            ingress: Some(state.ingress.clone()),
            end: "cargo xtask cluster down",
            values: Some(state.builder_values.clone()),
            agent: Agent::Import(Box::new(state)),
        })
    }

    /// The cluster of a kubeconfig's context.
    pub fn of_context(context: &str, arguments: &Arguments) -> Result<Place> {
        let view = "kubectl config view --minify --flatten --raw --output json --context";
        let kubeconfig = output(&mut command(view, &[context]))?;
        let agent = match (&arguments.registry, loader(context)) {
            (Some(registry), _) => Agent::Push(registry.clone()),
            (None, Some(loader)) => Agent::Load(loader),
            (None, None) => anyhow::bail!(
                "how the nodes of {context} get azds' image is not known: name a registry that they pull from with --registry"
            ),
        };
        Ok(Place {
            kubeconfig: serde_json::from_str(&kubeconfig)?,
            kubectl: "kubectl".into(),
            helm: std::env::var_os("AZDS_HELM").map_or_else(|| "helm".into(), PathBuf::from),
            ingress: None,
            end: "azds remove-dev-spaces",
            agent,
            values: arguments.values.clone(),
        })
    }

    /// Brings the image to the nodes, or where they pull it from.
    pub fn give_agent(&self, azds: &Path) -> Result<()> {
        match &self.agent {
            Agent::Import(state) => import_agent(azds, state),
            Agent::Push(registry) => {
                run(Command::new(azds).args(["images", "push", "--registry", registry]))
            }
            Agent::Load(loader) => {
                let folder =
                    std::env::temp_dir().join(format!("azds-image-{}", std::process::id()));
                fs::create_dir(&folder)?;
                let archive = folder.join("azds.tar");
                let loaded = run(Command::new(azds).args(["images", "save"]).arg(&archive))
                    .and_then(|()| run(command(loader, &[]).arg(&archive)))
                    .with_context(|| format!("{loader} did not load the image"));
                fs::remove_dir_all(folder)?;
                loaded
            }
        }
    }

    /// What use-dev-spaces has to be told.
    pub fn set_up_options(&self) -> String {
        let registry = match &self.agent {
            Agent::Push(registry) => format!(" --registry {registry}"),
            Agent::Import(_) | Agent::Load(_) => String::new(),
        };
        let values = self.values.as_ref();
        let values = values.map(|file| format!(" --values {}", file.display()));
        registry + &values.unwrap_or_default()
    }
}

/// The command that loads an archive into the nodes of a local cluster, by the usual name of its context.
fn loader(context: &str) -> Option<String> {
    if let Some(name) = context.strip_prefix("kind-") {
        return Some(format!("kind load image-archive --name {name}"));
    }
    if let Some(name) = context.strip_prefix("k3d-") {
        return Some(format!("k3d image import --cluster {name}"));
    }
    let is_minikube = context == "minikube";
    is_minikube.then(|| "minikube image load".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn local_clusters_are_known_by_their_contexts() {
        let known = loader("kind-azds").expect("kind");
        assert_eq!(known, "kind load image-archive --name azds");
        assert_eq!(loader("minikube").as_deref(), Some("minikube image load"));
        assert_eq!(loader("aks-dev"), None);
    }
}
