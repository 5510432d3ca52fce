//! `cargo xtask cluster`: one real Kubernetes node on this machine, in network and mount namespaces of its own.

mod components;
mod network;
mod node;
mod pki;
mod relay;
mod remains;
mod report;
mod second;
mod state;
mod template;

use std::fs::{self, File};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use crate::cache::Cache;
use crate::images::base_images;
use crate::parts::{Kubernetes, Parts};
use crate::shell::{output, tail_of};
pub use node::node;
pub use report::report;
pub use second::run as second_node;
pub use state::State;

/// How long the node may take until pods can run on it.
const START: Duration = Duration::from_secs(180);

/// Starts the cluster unless it runs, and says how to use it.
pub fn up(nodes: u8, kubernetes: Option<Kubernetes>) -> Result<()> {
    if !nix::unistd::geteuid().is_root() {
        bail!("the cluster needs root: it makes namespaces, mounts and cgroups. Run it as root");
    }
    if let Ok(state) = healthy() {
        if let Some(other) = kubernetes.filter(|it| it.version() != state.kubernetes) {
            let (other, runs) = (other.version(), state.kubernetes);
            bail!(
                "the cluster that runs has Kubernetes {runs}, not {other}; end it first: cargo xtask cluster down"
            );
        }
        println!("The cluster runs already.\n{}", state.usage());
        return Ok(());
    }
    let begun = Instant::now();
    let cache = Cache::open()?;
    let folder = state::folder()?;
    remains::remove(&folder)?;
    let kubernetes = kubernetes.unwrap_or_default();
    let parts = Parts::prepare(&cache, kubernetes)?;
    let template = template::images_imported(&cache, &base_images(&cache, &parts)?)?;
    template::copy(&template, &folder.join("containerd"))?;
    if nodes == 2 {
        let second = remains::second(&folder);
        fs::create_dir_all(&second)?;
        template::copy(&template, &second.join("containerd"))?;
    }
    let started = Instant::now();
    let plan = node::Plan {
        kube: parts.kube,
        kubectl: parts.kubectl,
        helm: parts.helm,
        two: nodes == 2,
        delve: parts.delve,
        js_debug: parts.js_debug,
        registry: parts.registry,
        debug_client: parts.debug_client,
        kubernetes: kubernetes.version().to_owned(),
    };
    fs::write(folder.join("plan.json"), serde_json::to_vec(&plan)?)?;
    let log = folder.join("logs/node.log");
    fs::create_dir_all(folder.join("logs"))?;
    let mut node = Command::new("/proc/self/exe")
        .args(["cluster", "node"])
        .stdin(Stdio::null())
        .stdout(File::create(&log)?)
        .stderr(File::options().append(true).open(&log)?)
        .spawn()?;
    if let Err(error) = wait_until_started(&mut node) {
        let said = tail_of(&log);
        remains::end_processes(&folder)?;
        return Err(error.context(format!(
            "the cluster did not start; its logs are in {}/logs:\n{said}",
            folder.display()
        )));
    }
    let state = State::read()?;
    let (all, node) = (
        begun.elapsed().as_secs_f32(),
        started.elapsed().as_secs_f32(),
    );
    println!(
        "The cluster runs, after {all:.1} s ({node:.1} s of these for the node).\n{}",
        state.usage()
    );
    Ok(())
}

fn wait_until_started(node: &mut Child) -> Result<()> {
    let until = Instant::now() + START;
    while State::read().is_err() {
        if let Some(status) = node.try_wait()? {
            bail!("its process ended ({status})");
        }
        if Instant::now() > until {
            bail!("it is not ready after {} s", START.as_secs());
        }
        std::thread::sleep(Duration::from_millis(100));
    }
    Ok(())
}

/// Whether one runs and answers.
pub fn runs() -> bool {
    healthy().is_ok()
}

/// Ends every process of the cluster and removes what it left. Cached parts stay.
pub fn down() -> Result<()> {
    remains::remove(&state::folder()?)?;
    println!("The cluster is down.");
    Ok(())
}

/// Says whether the cluster answers; fails if not.
pub fn status() -> Result<()> {
    let state =
        healthy().context("the cluster does not run; start it with: cargo xtask cluster up")?;
    println!("The cluster runs.\n{}", state.usage());
    Ok(())
}

/// Prints shell exports for it.
pub fn env() -> Result<()> {
    let state =
        State::read().context("the cluster does not run; start it with: cargo xtask cluster up")?;
    print!("{}", state.exports());
    Ok(())
}

/// The cluster's state if its API server answers and its node is ready.
fn healthy() -> Result<State> {
    let state = State::read()?;
    let query = [
        "get",
        "node",
        "-o",
        r#"jsonpath={.items[*].status.conditions[?(@.type=="Ready")].status}"#,
    ];
    let mut kubectl = Command::new(&state.kubectl);
    kubectl
        .arg("--request-timeout=5s")
        .args(query)
        .env("KUBECONFIG", &state.kubeconfig);
    match output(&mut kubectl)?.as_str() {
        "True" | "True True" => Ok(state),
        other => bail!("its node is not ready (Ready: {other:?})"),
    }
}
