//! The process that is the node: it makes the namespaces, starts the components in them, and ends when one of them does.

use std::fs;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use nix::sched::{CloneFlags, unshare};
use serde::{Deserialize, Serialize};

use super::components::{Components, Node};
use super::pki::Pki;
use super::state::{self, State};
use super::{network, relay, remains, second};
use crate::shell::{checkout, command, output, run};

/// What `up` tells the node.
#[derive(Serialize, Deserialize)]
pub struct Plan {
    /// The control plane and the node's parts in one binary.
    pub kube: PathBuf,
    /// kubectl.
    pub kubectl: PathBuf,
    /// Helm; only passed on.
    pub helm: PathBuf,
    /// Whether there is a second node.
    pub two: bool,
    /// As in [`State`].
    pub delve: PathBuf,
    /// As in [`State`].
    pub js_debug: PathBuf,
    /// The registry's program.
    pub registry: PathBuf,
    /// A client of debug adapters.
    pub debug_client: PathBuf,
    /// The version of Kubernetes; only passed on.
    pub kubernetes: String,
}

/// Where the API server listens, inside.
const API: u16 = 6443;

/// Is the node until a component ends.
pub fn node() -> Result<()> {
    let folder = state::folder()?;
    let plan: Plan = serde_json::from_slice(&fs::read(folder.join("plan.json"))?)?;
    // Not ended with the terminal that `up` was called from.
    nix::unistd::setsid()?;
    // Before the namespace is left: a socket stays where it was made.
    let api = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    // The port that addresses without one mean, where nobody has it yet.
    let ingress = TcpListener::bind((Ipv4Addr::LOCALHOST, 80))
        .or_else(|_| TcpListener::bind((Ipv4Addr::LOCALHOST, 0)))?;
    let address =
        |listener: &TcpListener| Ok::<_, std::io::Error>(listener.local_addr()?.to_string());
    let registry = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    let (outside, ingress_address) = (address(&api)?, address(&ingress)?);
    let registry_address = address(&registry)?;

    unshare(CloneFlags::CLONE_NEWNET | CloneFlags::CLONE_NEWNS)
        .context("cannot make namespaces")?;
    let this = Node::first(&folder);
    mount_own(&folder, &folder, &this.cgroup)?;
    network::prepare()?;
    let pki = certificates(&folder)?;
    let kubeconfig = folder.join("kubeconfig");
    pki.kubeconfig(&kubeconfig, "admin", &format!("https://{outside}"))?;
    let inside = folder.join("admin.kubeconfig");
    pki.kubeconfig(&inside, "admin", &format!("https://127.0.0.1:{API}"))?;
    pki.kubeconfig(
        &folder.join("kubelet.kubeconfig"),
        "kubelet",
        &format!("https://127.0.0.1:{API}"),
    )?;

    let mut components = Components {
        node: this,
        folder: &folder,
        kube: &plan.kube,
        running: Vec::new(),
    };
    components.start_registry(&plan.registry, &pki)?;
    components.start_containerd()?;
    components.start_api_server(&pki, API)?;
    relay::serve(api, SocketAddr::from((Ipv4Addr::LOCALHOST, API)));
    relay::serve(ingress, SocketAddr::new(network::NODE.parse()?, 80));
    relay::serve(registry, network::REGISTRY.parse()?);
    let kubectl = |arguments: &str| {
        let mut kubectl = command(
            &format!(
                "{} --request-timeout=10s {arguments}",
                plan.kubectl.display()
            ),
            &[],
        );
        kubectl.env("KUBECONFIG", &inside);
        kubectl
    };
    wait(&mut components, "the API server to answer", || {
        output(&mut kubectl("get --raw /readyz")).is_ok()
    })?;
    components.start_control(&pki)?;
    components.start_node()?;
    if plan.two {
        second::prepare(&folder, &pki, API)?;
        let process = components.start_second()?;
        second::connect(process)?;
        wait(&mut components, "the second node to be ready", || {
            let ready = output(&mut kubectl(
                r#"get node node2 -o jsonpath={.status.conditions[?(@.type=="Ready")].status}"#,
            ));
            ready.is_ok_and(|ready| ready == "True")
        })?;
    }
    for manifest in ["coredns/coredns.yaml", "ingress/ingress.yaml"] {
        let manifests = checkout().join("tests/cluster");
        run(kubectl("apply --filename").arg(manifests.join(manifest)))?;
    }
    wait(&mut components, "cluster DNS to be ready", || {
        let ready = output(&mut kubectl(
            "get deployment coredns --namespace kube-system -o jsonpath={.status.readyReplicas}",
        ));
        ready.is_ok_and(|ready| ready == "1")
    })?;

    let builder_values = folder.join("builder-values.yaml");
    fs::write(&builder_values, builder_values_of(&folder, &pki)?)?;
    State {
        kubeconfig,
        kubectl: plan.kubectl.clone(),
        helm: plan.helm.clone(),
        delve: plan.delve.clone(),
        js_debug: plan.js_debug.clone(),
        registry: registry_address,
        authority: pki.file("ca.crt"),
        debug_client: plan.debug_client.clone(),
        kubernetes: plan.kubernetes.clone(),
        ingress: format!("http://{ingress_address}"),
        containerd: folder.join("containerd-state/containerd.sock"),
        builder_values,
    }
    .write()?;
    loop {
        components.check()?;
        sleep(Duration::from_millis(500));
    }
}

/// Mounts of its own: what is in `from` is seen in the cluster's folder, which is a shared mount, as pods with
/// `Bidirectional` mounts need it.
pub fn mount_own(from: &Path, folder: &Path, cgroup: &str) -> Result<()> {
    run(&mut command("mount --make-rprivate /", &[]))?;
    // The second node begins with the first one's mounts. containerd looks at the first that it finds of a place.
    if command("mountpoint --quiet", &[])
        .arg(folder)
        .status()?
        .success()
    {
        run(command("umount --recursive --lazy", &[]).arg(folder))?;
    }
    run(command("mount --rbind", &[]).arg(from).arg(folder))?;
    run(command("mount --make-rshared", &[]).arg(folder))?;
    // Programs have these built in; what they leave there has to end with the cluster, and no other cluster may see it.
    for fixed in [
        "/var/lib/cni",
        "/var/lib/kubelet",
        "/var/log/containers",
        "/run/containerd",
    ] {
        let own = folder
            .join("system")
            .join(fixed.trim_start_matches('/').replace('/', "-"));
        fs::create_dir_all(&own)?;
        fs::create_dir_all(fixed)?;
        run(command("mount --bind", &[]).arg(own).arg(fixed))?;
    }
    remains::create_cgroups(cgroup)
}

fn certificates(folder: &Path) -> Result<Pki> {
    let pki = Pki::create(&folder.join("pki"))?;
    let names = [
        "127.0.0.1",
        network::API,
        network::NODE,
        "localhost",
        "kubernetes",
        "kubernetes.default",
        "kubernetes.default.svc",
        "kubernetes.default.svc.cluster.local",
    ];
    pki.certificate("apiserver", "kube-apiserver", "azds-test-cluster", &names)?;
    pki.certificate(
        "apiserver-kubelet",
        "apiserver-kubelet",
        "system:masters",
        &[],
    )?;
    pki.certificate("admin", "admin", "system:masters", &[])?;
    let addresses = [network::NODE, "127.0.0.1"];
    pki.certificate("registry", "registry", "azds-test-cluster", &addresses)?;
    pki.certificate(
        "kubelet",
        "system:node:node1",
        "system:nodes",
        &["node1", network::NODE],
    )?;
    pki.certificate(
        "kubelet2",
        "system:node:node2",
        "system:nodes",
        &["node2", network::SECOND],
    )?;
    Ok(pki)
}

/// Waits until `done`, no longer than a minute and a half, and only while all components run.
fn wait(components: &mut Components, what: &str, done: impl Fn() -> bool) -> Result<()> {
    let begun = Instant::now();
    while !done() {
        components.check()?;
        if begun.elapsed() > Duration::from_secs(90) {
            bail!(
                "waited {} s for {what}\n{}",
                begun.elapsed().as_secs(),
                components.last_words()
            );
        }
        sleep(Duration::from_millis(100));
    }
    eprintln!("{what}: {:.1} s", begun.elapsed().as_secs_f32());
    Ok(())
}

/// The part of the chart's values that says where on this node containerd lies, its socket in its state folder as
/// on any node, where the builder may write, and whom it trusts.
fn builder_values_of(folder: &Path, pki: &Pki) -> Result<String> {
    let state = folder.join("containerd-state");
    let values = serde_json::json!({
        "containerd": {
            "socket": state.join("containerd.sock"),
            "root": folder.join("containerd"),
            "state": state,
        },
        "buildkit": {
            "root": folder.join("buildkit"),
            "authorities": fs::read_to_string(pki.file("ca.crt"))?,
        },
        "store": folder.join("store"),
        "prepull": {"images": [
            "mcr.microsoft.com/dotnet/core/sdk:3.1",
            "docker.io/library/python:3.11-slim",
        ]},
    });
    Ok(serde_json::to_string_pretty(&values)?)
}
