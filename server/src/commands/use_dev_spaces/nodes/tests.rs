use super::*;

const NODES: Builds = Builds::Nodes { given: false };
const REGISTRY: Builds = Builds::Registry { rootless: false };

/// A node as the API server shows it, with what the judgement looks at. The words follow what the
/// distributions write; none was recorded on a cluster of theirs.
fn node(name: &str, labels: Value, kubelet: &str, runtime: &str) -> Node {
    let node = json!({
        "metadata": {"name": name, "labels": labels},
        "spec": {},
        "status": {"nodeInfo": {
            "architecture": "amd64", "bootID": "", "containerRuntimeVersion": runtime,
            "kernelVersion": "6.8.0", "kubeProxyVersion": kubelet, "kubeletVersion": kubelet,
            "machineID": "", "operatingSystem": "linux", "osImage": "Ubuntu 24.04 LTS", "systemUUID": "",
        }},
    });
    serde_json::from_value(node).expect("a node")
}

fn with(mut node: Node, architecture: &str, system: &str) -> Node {
    let info = node.status.as_mut().and_then(|it| it.node_info.as_mut());
    let info = info.expect("it has it");
    info.architecture = architecture.to_owned();
    info.operating_system = system.to_owned();
    node
}

fn usual(name: &str) -> Node {
    node(
        name,
        json!({"kubernetes.io/hostname": name}),
        "v1.35.4",
        "containerd://2.1.4",
    )
}

fn amd64() -> Vec<String> {
    vec!["amd64".to_owned()]
}

#[test]
fn containerd_is_found_where_the_distribution_has_it() {
    let found = |labels: Value, kubelet: &str| {
        let node = node("n", labels, kubelet, "containerd://1.7.28-k3s1");
        let plan = plan(&[node], &amd64(), NODES).expect("it fits");
        plan.values["containerd"]["root"]
            .as_str()
            .map(str::to_owned)
    };
    for (labels, kubelet, root) in [
        (json!({}), "v1.34.1+k3s1", Some(K3S.root)),
        (json!({}), "v1.34.1+rke2r1", Some(RKE2.root)),
        (json!({}), "v1.34.1+k0s", Some(K0S.root)),
        (
            json!({"microk8s.io/cluster": "true"}),
            "v1.33.5",
            Some(MICROK8S.root),
        ),
        (
            json!({"kubernetes.azure.com/cluster": "mc"}),
            "v1.33.3",
            None,
        ),
        (
            json!({"eks.amazonaws.com/nodegroup": "a"}),
            "v1.33.5-eks-113cf36",
            None,
        ),
        (
            json!({"cloud.google.com/gke-nodepool": "a"}),
            "v1.33.4-gke.1172000",
            None,
        ),
    ] {
        assert_eq!(found(labels, kubelet).as_deref(), root, "{kubelet}");
    }
    for it in [USUAL, K3S, RKE2, K0S, MICROK8S] {
        assert!(it.socket.starts_with(&format!("{}/", it.state)), "{it:?}");
    }
}

#[test]
fn nodes_that_cannot_build_are_refused_with_what_to_do() {
    let virtual_node = |labels| node("v", labels, "v1.33.3-vk-azure-aci", "");
    let mut tainted = virtual_node(json!({}));
    tainted.spec = serde_json::from_value(
        json!({"taints": [{"key": "virtual-kubelet.io/provider", "effect": "NoSchedule"}]}),
    )
    .ok();
    let odd = |runtime| node("o", json!({}), "v1.33.0", runtime);
    for (node, why, remedy) in [
        (odd("cri-o://1.33.1"), "CRI-O", "--builds-to"),
        (
            odd("docker://28.0.4"),
            "Docker",
            "--container-runtime=containerd",
        ),
        (odd("frakti://1"), "frakti", "containerd"),
        (
            virtual_node(json!({"type": "virtual-kubelet"})),
            "virtual",
            "pool",
        ),
        (
            virtual_node(json!({"eks.amazonaws.com/compute-type": "fargate"})),
            "virtual",
            "pool",
        ),
        (tainted, "virtual", "pool"),
        (with(usual("w"), "amd64", "windows"), "Windows", "Linux"),
        (with(usual("a"), "arm64", "linux"), "arm64", "images push"),
        (
            node(
                "g",
                json!({"sandbox.gke.io/runtime": "gvisor"}),
                "v1.33.4-gke.1",
                "containerd://2",
            ),
            "gVisor",
            "--builds-to",
        ),
        (usual("gk3-a-pool-1"), "Autopilot", "Standard"),
    ] {
        let failure = plan(&[node], &amd64(), NODES).expect_err(why);
        assert!(failure.why.contains(why), "{failure}");
        assert!(failure.remedy.contains(remedy), "{failure}");
    }
}

#[test]
fn in_a_mixed_cluster_the_others_are_left_out() {
    let nodes = [
        usual("one"),
        with(usual("arm"), "arm64", "linux"),
        node(
            "crio",
            json!({"kubernetes.io/hostname": "crio.local"}),
            "v1.33.0",
            "cri-o://1.33.1",
        ),
    ];
    let plan = plan(&nodes, &amd64(), NODES).expect("one fits");
    assert_eq!(plan.warnings.len(), 2, "{:?}", plan.warnings);
    assert!(plan.warnings[0].contains("arm64"), "{:?}", plan.warnings);
    let text = plan.values["nodes"].to_string();
    assert!(text.contains(r#""values":["amd64"]"#), "{text}");
    // No label tells of a node's runtime.
    assert!(text.contains(r#""values":["crio.local"]"#), "{text}");
}

#[test]
fn with_both_agents_both_architectures_fit() {
    let nodes = [usual("one"), with(usual("arm"), "arm64", "linux")];
    let both = ["amd64".to_owned(), "arm64".to_owned()];
    let plan = plan(&nodes, &both, NODES).expect("they fit");
    assert!(plan.warnings.is_empty());
}

#[test]
fn folders_that_differ_are_for_a_person_to_say() {
    let nodes = [
        usual("one"),
        node("two", json!({}), "v1.34.1+k3s1", "containerd://2"),
    ];
    let failure = plan(&nodes, &amd64(), NODES).expect_err("they differ");
    assert!(failure.remedy.contains("containerd.socket"), "{failure}");
    assert!(
        plan(&nodes, &amd64(), Builds::Nodes { given: true }).is_ok(),
        "they were said"
    );
}

#[test]
fn a_cluster_without_nodes_gets_some_later() {
    assert!(plan(&[], &amd64(), NODES).is_ok());
}

#[test]
fn with_a_registry_the_runtime_of_a_node_does_not_matter() {
    let odd = |name: &str, labels, runtime| node(name, labels, "v1.33.0", runtime);
    let nodes = [
        odd("crio", json!({}), "cri-o://1.33.1"),
        odd("docker", json!({}), "docker://28.0.4"),
        node("k3s", json!({}), "v1.34.1+k3s1", "containerd://2"),
        usual("usual"),
        odd(
            "fargate",
            json!({"eks.amazonaws.com/compute-type": "fargate"}),
            "containerd://2",
        ),
        odd(
            "gvisor",
            json!({"sandbox.gke.io/runtime": "gvisor"}),
            "containerd://2",
        ),
    ];
    let found = plan(&nodes, &amd64(), REGISTRY).expect("all fit");
    assert_eq!(found.warnings, [""; 0]);
    let text = found.values.to_string();
    assert!(!text.contains("fargate") && !text.contains("gke"), "{text}");
    assert!(!text.contains("containerd"), "{text}");
    // The builder needs one that is a machine of its own.
    let failure = plan(&nodes[4..], &amd64(), REGISTRY).expect_err("no builder");
    assert!(failure.why.contains("Fargate"), "{failure}");
}

#[test]
fn with_a_registry_too_some_nodes_are_left_out() {
    let labels = json!({"type": "virtual-kubelet"});
    let nodes = [
        usual("one"),
        usual("two"),
        node("aci", labels, "v1.33.3-vk-azure-aci", ""),
        with(usual("windows"), "amd64", "windows"),
        with(usual("arm"), "arm64", "linux"),
    ];
    let both = ["arm64".to_owned(), "amd64".to_owned()];
    let found = plan(&nodes, &both, REGISTRY).expect("two fit");
    let said = found.warnings.join("\n");
    for why in [
        "forwards no ports",
        "Windows",
        "the builder, as most nodes, is amd64",
    ] {
        assert!(said.contains(why), "{why}: {said}");
    }
    let text = found.values["nodes"].to_string();
    assert!(text.contains(r#""values":["amd64"]"#), "{text}");
    let autopilot = [usual("gk3-a-pool-1")];
    assert!(plan(&autopilot, &amd64(), REGISTRY).is_err());
    let rootless = Builds::Registry { rootless: true };
    assert!(plan(&autopilot, &amd64(), rootless).is_ok());
    let failure = plan(&nodes[4..], &amd64(), REGISTRY).expect_err("no agent");
    assert!(failure.why.contains("the agent at hand"), "{failure}");
}
