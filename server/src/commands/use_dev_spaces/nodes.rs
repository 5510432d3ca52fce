//! On which nodes azds can build, or run what it pushed, and where their containerd is: judged by the nodes' own
//! objects, before anything is installed.

use std::collections::BTreeMap;

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

/// Where built images go, which decides what a node must be like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Builds {
    /// Into the store of the pod's node, by a builder there.
    Nodes {
        /// Whether the values name containerd's folders, which are then right for all nodes.
        given: bool,
    },
    /// To a registry, by one builder for all nodes.
    Registry {
        /// Whether the builder needs no privileged container.
        rootless: bool,
    },
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

/// Why azds can't use a node.
struct Refusal {
    why: String,
    remedy: &'static str,
    /// Whether the labels in [`expressions`] keep builders and pods from it.
    by_label: bool,
}

/// What azds can do with a node.
struct Use {
    containerd: Option<Containerd>,
    /// Why no builder runs there, if pods of an `up` can.
    no_builder: Option<&'static str>,
}

/// Judges the nodes. `architectures` are those that there is an agent for.
pub fn plan(nodes: &[Node], architectures: &[String], builds: Builds) -> Result<Plan> {
    let built_for = match builds {
        Builds::Nodes { .. } => architectures.to_vec(),
        Builds::Registry { .. } => vec![most_frequent(nodes, architectures)],
    };
    let (mut fit, mut refused, mut by_name) = (Vec::new(), Vec::new(), Vec::new());
    for node in nodes {
        match judge(node, architectures, &built_for, builds) {
            Ok(good_for) => fit.push((node.name_any(), good_for)),
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
    let builders = fit.iter().filter(|(_, it)| it.no_builder.is_none());
    if builders.count() == 0
        && let Some((name, why)) = fit
            .iter()
            .find_map(|(name, it)| Some((name, it.no_builder?)))
    {
        let why = format!("node {name} {why}, and so do the others");
        return Err(Failure::new(WHAT, "there is no node for the builder", why).try_to(OTHER_POOL));
    }
    let mut values = json!({"nodes": expressions(&built_for, &by_name, builds)});
    if builds == (Builds::Nodes { given: false }) {
        let found = fit
            .iter()
            .filter_map(|(name, it)| Some((name, it.containerd?)));
        if let Some(folders) = common_folders(found)? {
            values["containerd"] = folders;
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

/// Where all nodes have their containerd, as values; none if that is where the chart looks.
fn common_folders<'n>(
    mut found: impl Iterator<Item = (&'n String, Containerd)>,
) -> Result<Option<Value>> {
    let Some((name, first)) = found.next() else {
        return Ok(None);
    };
    if let Some((other, _)) = found.find(|(_, it)| *it != first) {
        let why = format!("nodes {name} and {other} have their containerd in different folders");
        return Err(Failure::new(WHAT, "the nodes of the cluster", why).try_to(
            "With --values, name the folders (containerd.socket, root, state) and the nodes that have them (onlyNodes).",
        ));
    }
    let Containerd {
        socket,
        root,
        state,
    } = first;
    Ok((first != USUAL).then(|| json!({"socket": socket, "root": root, "state": state})))
}

/// The architecture that most nodes have: one builder builds for its own only.
fn most_frequent(nodes: &[Node], architectures: &[String]) -> String {
    let infos = nodes
        .iter()
        .filter_map(|node| node.status.as_ref()?.node_info.as_ref());
    let mut count: BTreeMap<&str, usize> = BTreeMap::new();
    for info in infos.filter(|info| architectures.contains(&info.architecture)) {
        *count.entry(&info.architecture).or_default() += 1;
    }
    let most = count.into_iter().max_by_key(|(_, count)| *count);
    let most = most.map(|(architecture, _)| architecture.to_owned());
    most.or_else(|| architectures.first().cloned())
        .unwrap_or_default()
}

/// What a node must be like (`matchExpressions` of a node selector) for pods of an `up`, and to have a builder; where
/// there is one for all, the chart asks more of its node.
fn expressions(architectures: &[String], but_for: &[String], builds: Builds) -> Value {
    let mut all = vec![
        json!({"key": "kubernetes.io/os", "operator": "In", "values": ["linux"]}),
        json!({"key": "kubernetes.io/arch", "operator": "In", "values": architectures}),
        json!({"key": "type", "operator": "NotIn", "values": ["virtual-kubelet"]}),
    ];
    if matches!(builds, Builds::Nodes { .. }) {
        all.extend([
            json!({"key": "eks.amazonaws.com/compute-type", "operator": "NotIn", "values": ["fargate"]}),
            json!({"key": "sandbox.gke.io/runtime", "operator": "DoesNotExist"}),
        ]);
    }
    if !but_for.is_empty() {
        all.push(json!({"key": "kubernetes.io/hostname", "operator": "NotIn", "values": but_for}));
    }
    Value::Array(all)
}

fn host_name(node: &Node) -> String {
    let label = node.labels().get("kubernetes.io/hostname").cloned();
    label.unwrap_or_else(|| node.name_any())
}

/// What azds can do with a node: `architectures` are those of the agents, `built_for` those of the images.
fn judge(
    node: &Node,
    architectures: &[String],
    built_for: &[String],
    builds: Builds,
) -> Result<Use, Refusal> {
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
    let is_labelled = label("type") == Some("virtual-kubelet");
    let is_tainted = taints
        .into_iter()
        .any(|it| it.key == "virtual-kubelet.io/provider");
    let is_fargate = label("eks.amazonaws.com/compute-type") == Some("fargate");
    let is_sandboxed = label("sandbox.gke.io/runtime").is_some();
    let has_registry = matches!(builds, Builds::Registry { .. });
    if is_labelled || is_tainted {
        let why = match has_registry {
            true => "is virtual and forwards no ports",
            false => "is virtual and has no store of images",
        };
        return Err(refuse(why, OTHER_POOL, is_labelled));
    }
    if is_fargate && !has_registry {
        return Err(refuse(
            "is virtual and has no store of images",
            REGISTRY,
            true,
        ));
    }
    if info.operating_system == "windows" {
        return Err(refuse("runs Windows", OTHER_POOL, true));
    }
    if is_sandboxed && !has_registry {
        let why = "runs its pods in gVisor, which no builder gets out of";
        return Err(refuse(why, REGISTRY, true));
    }
    if node.name_any().starts_with("gk3-") && builds != (Builds::Registry { rootless: true }) {
        let why = "belongs to GKE Autopilot, which allows no privileged container";
        let remedy = "Use a GKE cluster of the Standard kind, or push to a registry with a rootless builder: --builds-to REGISTRY and builds.rootless in a values file.";
        return Err(refuse(why, remedy, false));
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
    if !info.architecture.is_empty() && !built_for.contains(&info.architecture) {
        let why = format!(
            "is {}, and the builder, as most nodes, is {}",
            info.architecture,
            built_for.join(", ")
        );
        let remedy =
            "Where pods must run on both, build into the stores of the nodes: --builds-to nodes.";
        return Err(refuse(&why, remedy, true));
    }
    if has_registry {
        let no_builder = match (is_fargate, is_sandboxed) {
            (true, _) => Some("is Fargate, where no builder runs"),
            (_, true) => Some("runs its pods in gVisor, where no builder runs"),
            _ => None,
        };
        return Ok(Use {
            containerd: None,
            no_builder,
        });
    }
    let runtime = info.container_runtime_version.as_str();
    match runtime.split_once("://").map(|(name, _)| name) {
        Some("containerd") => Ok(Use {
            containerd: Some(folders(info, label)),
            no_builder: None,
        }),
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
const REGISTRY: &str = "Add a pool of Linux nodes that are machines of their own, or push to a registry instead: --builds-to REGISTRY.";
const CONTAINERD: &str = "Push to a registry instead (--builds-to REGISTRY), or add a pool of nodes with containerd; for minikube: minikube start --container-runtime=containerd.";

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
