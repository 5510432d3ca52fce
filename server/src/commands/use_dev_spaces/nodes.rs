//! On which nodes azds can build, and where their containerd is: judged by the nodes' own objects,
//! before anything is installed.

use k8s_openapi::api::core::v1::{Node, NodeSystemInfo};
use kube::ResourceExt;
use serde_json::{Value, json};

use crate::failure::{Failure, Result};

const WHAT: &str = "dev spaces were not set up";

/// What the set-up takes from the nodes.
#[derive(Debug, PartialEq)]
pub struct Plan {
    /// Values for the chart of azds.
    pub values: Value,
    /// What a person should know: nodes that are left out.
    pub warnings: Vec<String>,
}

/// Where a node's containerd is. The socket must lie in the state folder, which the builder mounts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Containerd {
    socket: &'static str,
    root: &'static str,
    state: &'static str,
}

/// That of kubeadm, kind, minikube, AKS, EKS, GKE and most others, which is what the chart has.
const USUAL: Containerd = Containerd {
    socket: "/run/containerd/containerd.sock",
    root: "/var/lib/containerd",
    state: "/run/containerd",
};
const K3S: Containerd = Containerd {
    socket: "/run/k3s/containerd/containerd.sock",
    root: "/var/lib/rancher/k3s/agent/containerd",
    state: "/run/k3s/containerd",
};
const RKE2: Containerd = Containerd {
    root: "/var/lib/rancher/rke2/agent/containerd",
    ..K3S
};
// These two have their socket beside the state folder.
const MICROK8S: Containerd = Containerd {
    socket: "/var/snap/microk8s/common/run/containerd.sock",
    root: "/var/snap/microk8s/common/var/lib/containerd",
    state: "/var/snap/microk8s/common/run",
};
const K0S: Containerd = Containerd {
    socket: "/run/k0s/containerd.sock",
    root: "/var/lib/k0s/containerd",
    state: "/run/k0s",
};

/// Why azds can't build on a node.
struct Refusal {
    why: String,
    remedy: &'static str,
    /// Whether the labels in [`expressions`] keep builders and pods from it.
    by_label: bool,
}

/// Judges the nodes. `architectures` are those that there is an agent for; `given` says that the values
/// name containerd's folders, which are then right for all nodes.
pub fn plan(nodes: &[Node], architectures: &[String], given: bool) -> Result<Plan> {
    let (mut fit, mut refused, mut by_name) = (Vec::new(), Vec::new(), Vec::new());
    for node in nodes {
        match judge(node, architectures) {
            Ok(containerd) => fit.push((node.name_any(), containerd)),
            Err(refusal) => {
                if !refusal.by_label {
                    by_name.push(host_name(node));
                }
                refused.push((node.name_any(), refusal));
            }
        }
    }
    if fit.is_empty()
        && let Some((_, first)) = refused.first()
    {
        let all: Vec<_> = refused
            .iter()
            .map(|(name, refusal)| format!("node {name} {}", refusal.why))
            .collect();
        return Err(Failure::new(
            WHAT,
            "there is no node that azds can build on",
            all.join("; "),
        )
        .try_to(first.remedy));
    }
    let mut values = json!({"nodes": expressions(architectures, &by_name)});
    if !given && let Some((name, containerd)) = fit.first() {
        if let Some((other, _)) = fit.iter().find(|(_, it)| it != containerd) {
            let why =
                format!("nodes {name} and {other} have their containerd in different folders");
            return Err(Failure::new(WHAT, "the nodes of the cluster", why).try_to(
                "With --values, name the folders (containerd.socket, root, state) and the nodes that have them (onlyNodes).",
            ));
        }
        if *containerd != USUAL {
            let Containerd {
                socket,
                root,
                state,
            } = containerd;
            values["containerd"] = json!({"socket": socket, "root": root, "state": state});
        }
    }
    let warnings = refused.iter().map(|(name, refusal)| {
        format!(
            "Node {name} is left out, since it {}. {}",
            refusal.why, refusal.remedy
        )
    });
    Ok(Plan {
        values,
        warnings: warnings.collect(),
    })
}

/// What a node must be like to have a builder (`matchExpressions` of a node selector). Pods of an `up`
/// must be where one is.
fn expressions(architectures: &[String], but_for: &[String]) -> Value {
    let mut all = vec![
        json!({"key": "kubernetes.io/os", "operator": "In", "values": ["linux"]}),
        json!({"key": "kubernetes.io/arch", "operator": "In", "values": architectures}),
        json!({"key": "type", "operator": "NotIn", "values": ["virtual-kubelet"]}),
        json!({"key": "eks.amazonaws.com/compute-type", "operator": "NotIn", "values": ["fargate"]}),
        json!({"key": "sandbox.gke.io/runtime", "operator": "DoesNotExist"}),
    ];
    if !but_for.is_empty() {
        all.push(json!({"key": "kubernetes.io/hostname", "operator": "NotIn", "values": but_for}));
    }
    Value::Array(all)
}

fn host_name(node: &Node) -> String {
    let label = node.labels().get("kubernetes.io/hostname").cloned();
    label.unwrap_or_else(|| node.name_any())
}

fn judge(node: &Node, architectures: &[String]) -> Result<Containerd, Refusal> {
    let refuse = |why: &str, remedy, by_label| Refusal {
        why: why.to_owned(),
        remedy,
        by_label,
    };
    let unknown = NodeSystemInfo::default();
    let info = node.status.as_ref().and_then(|it| it.node_info.as_ref());
    let info = info.unwrap_or(&unknown);
    let label = |key: &str| node.labels().get(key).map(String::as_str);
    let taints = node
        .spec
        .iter()
        .flat_map(|spec| spec.taints.iter().flatten());
    let is_virtual = label("type") == Some("virtual-kubelet")
        || label("eks.amazonaws.com/compute-type") == Some("fargate");
    let is_tainted = taints
        .into_iter()
        .any(|it| it.key == "virtual-kubelet.io/provider");
    if is_virtual || is_tainted {
        return Err(refuse(
            "is virtual and has no store of images",
            OTHER_POOL,
            is_virtual,
        ));
    }
    if info.operating_system == "windows" {
        return Err(refuse("runs Windows", OTHER_POOL, true));
    }
    if label("sandbox.gke.io/runtime").is_some() {
        return Err(refuse(
            "runs its pods in gVisor, which no builder gets out of",
            OTHER_POOL,
            true,
        ));
    }
    if node.name_any().starts_with("gk3-") {
        let why = "belongs to GKE Autopilot, which allows no privileged container";
        return Err(refuse(
            why,
            "Use a GKE cluster of the Standard kind.",
            false,
        ));
    }
    if !info.architecture.is_empty() && !architectures.contains(&info.architecture) {
        let why = format!(
            "is {}, and the agent at hand is for {}",
            info.architecture,
            architectures.join(", ")
        );
        let remedy = "Push both agents to a registry (azds images push --registry R --agent FILE) and set up with --registry R, or use the azds that was built for the node's architecture.";
        return Err(refuse(&why, remedy, true));
    }
    let runtime = info.container_runtime_version.as_str();
    match runtime.split_once("://").map(|(name, _)| name) {
        Some("containerd") => Ok(folders(info, label)),
        Some("cri-o") => Err(refuse(
            "runs CRI-O, and azds builds into the store of containerd",
            CONTAINERD,
            false,
        )),
        Some("docker") => Err(refuse(
            "runs Docker, and azds builds into the store of containerd",
            CONTAINERD,
            false,
        )),
        _ => {
            let why = format!("runs {runtime:?}, and azds builds into the store of containerd");
            Err(refuse(&why, CONTAINERD, false))
        }
    }
}

const OTHER_POOL: &str = "Add a pool of Linux nodes that are machines of their own.";
const CONTAINERD: &str = "Add a pool of nodes with containerd; for minikube: minikube start --container-runtime=containerd.";

fn folders<'n>(info: &NodeSystemInfo, label: impl Fn(&str) -> Option<&'n str>) -> Containerd {
    let is = |mark: &str| info.kubelet_version.contains(mark);
    if is("+k3s") {
        K3S
    } else if is("+rke2") {
        RKE2
    } else if is("+k0s") {
        K0S
    } else if label("microk8s.io/cluster").is_some() {
        MICROK8S
    } else {
        USUAL
    }
}

#[cfg(test)]
mod tests;
