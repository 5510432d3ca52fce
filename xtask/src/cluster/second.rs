//! The second node: a kubelet and a containerd of its own, in namespaces of its own, wired to the first one.

use std::fs;
use std::path::Path;
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use nix::sched::{CloneFlags, unshare};

use super::components::{Components, Node};
use super::node::{Plan, mount_own};
use super::pki::Pki;
use super::{network, remains, state};

/// How long the two processes wait for each other, and for containerd.
const PATIENCE: Duration = Duration::from_secs(30);

/// Puts into the second node's folder what it needs of the first one's.
pub fn prepare(folder: &Path, pki: &Pki, api: u16) -> Result<()> {
    let second = remains::second(folder);
    for part in ["logs", "pki"] {
        fs::create_dir_all(second.join(part))?;
    }
    fs::copy(folder.join("plan.json"), second.join("plan.json"))?;
    fs::copy(pki.file("ca.crt"), second.join("pki/ca.crt"))?;
    for end in ["crt", "key"] {
        let own = second.join(format!("pki/kubelet.{end}"));
        fs::copy(pki.file(&format!("kubelet2.{end}")), own)?;
    }
    let server = format!("https://{}:{api}", network::NODE);
    pki.kubeconfig(&second.join("admin.kubeconfig"), "admin", &server)?;
    pki.kubeconfig(&second.join("kubelet.kubeconfig"), "kubelet2", &server)
}

/// In the first node's process: lays the wire to the second one's network, once it has one.
pub fn connect(process: u32) -> Result<()> {
    let of = |pid: &str| fs::read_link(format!("/proc/{pid}/ns/net"));
    let ours = of("self")?;
    wait("the second node's network", || {
        of(&process.to_string()).is_ok_and(|theirs| theirs != ours)
    })?;
    network::connect(process)
}

/// Is the second node until a component ends.
pub fn run() -> Result<()> {
    let folder = state::folder()?;
    unshare(CloneFlags::CLONE_NEWNET | CloneFlags::CLONE_NEWNS)
        .context("cannot make namespaces")?;
    let node = Node::second(&folder);
    mount_own(&remains::second(&folder), &folder, &node.cgroup)?;
    wait("the wire to the first node", || {
        fs::read_to_string("/proc/self/net/dev").is_ok_and(|it| it.contains("eth0:"))
    })?;
    network::prepare_second()?;
    let plan: Plan = serde_json::from_slice(&fs::read(folder.join("plan.json"))?)?;
    let mut components = Components {
        node,
        folder: &folder,
        kube: &plan.kube,
        running: Vec::new(),
    };
    components.start_containerd()?;
    // A kubelet without it ends at once. It listens before it answers; this it says last.
    let log = folder.join("logs/containerd.log");
    wait("containerd", || {
        fs::read_to_string(&log).is_ok_and(|it| it.contains("Start streaming server"))
    })?;
    components.start_node()?;
    loop {
        components.check()?;
        sleep(Duration::from_millis(500));
    }
}

fn wait(what: &str, done: impl Fn() -> bool) -> Result<()> {
    let until = Instant::now() + PATIENCE;
    while !done() {
        if Instant::now() > until {
            bail!("waited {} s for {what}", PATIENCE.as_secs());
        }
        sleep(Duration::from_millis(20));
    }
    Ok(())
}
