//! azds as it pushes what it builds to the tests' registry: with AZDS_TEST_BUILDS=registry for all tests of a program.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};

use serde_json::{Map, Value, json};

use crate::space::run;
use crate::{Cluster, REGISTRY, registry_login};

/// Where azds pushes.
pub const BUILDS: &str = "10.250.0.1:5443/built";
/// Where the registry has the base images, below which there is a folder for each of these registries.
const MIRROR: &str = "mirror";
const MIRRORED: [&str; 3] = ["docker.io", "gcr.io", "mcr.microsoft.com"];
/// The Secret of each space that its pods pull with.
const PULL: &str = "pull-what-was-built";

static ON: AtomicBool = AtomicBool::new(false);

/// Has the spaces that this program makes from now on set up so.
pub fn turn_on() {
    ON.store(true, Ordering::Relaxed);
}

/// Whether azds is set up so.
pub fn is_on() -> bool {
    let asked = std::env::var_os("AZDS_TEST_BUILDS").is_some_and(|it| it == "registry");
    asked || ON.load(Ordering::Relaxed)
}

/// The Secret that the pods of a space pull with.
pub fn pull_secret() -> Value {
    json!({
        "metadata": {"name": PULL},
        "type": "kubernetes.io/dockerconfigjson",
        "stringData": {".dockerconfigjson": registry_login(REGISTRY).to_string()},
    })
}

/// Adds what `use-dev-spaces` has to be told. One at a time may.
pub fn add_to(set_up: &mut Command, cluster: &Cluster) {
    let folder = cluster.kubeconfig.parent().expect("the cluster's folder");
    let folder = folder.join("pushing");
    if !folder.exists() {
        prepare(cluster, &folder);
    }
    set_up
        .args(["--builds-to", BUILDS, "--builds-login", "--values"])
        .arg(folder.join("values.json"))
        .env("DOCKER_CONFIG", &folder);
}

/// Gives the registry the base images, and writes down what is said at each set-up.
fn prepare(cluster: &Cluster, folder: &Path) {
    // Without this ctr speaks HTTP to what is on loopback.
    let hosts = tempfile::tempdir().expect("a folder");
    let host = hosts.path().join(&cluster.registry);
    fs::create_dir(&host).expect("a folder");
    let server = format!("https://{}", cluster.registry);
    let text = format!(
        "server = {server:?}\n[host.{server:?}]\n  ca = {:?}\n",
        cluster.authority
    );
    fs::write(host.join("hosts.toml"), text).expect("a new file");
    let listed = run(cluster.ctr().args(["images", "list", "--quiet"]));
    assert!(listed.status.success(), "{}", listed.stderr);
    for image in listed.stdout.lines() {
        let of_base = |registry: &&str| image.split('/').next() == Some(registry);
        if MIRRORED.iter().any(|it| of_base(&it)) && !image.contains(":mindaro-") {
            push(cluster, hosts.path(), image);
        }
    }
    let mirrors: Map<String, Value> = MIRRORED
        .iter()
        .map(|name| {
            (
                (*name).to_owned(),
                json!([format!("{REGISTRY}/{MIRROR}/{name}")]),
            )
        })
        .collect();
    let values = json!({"imagePullSecrets": [PULL], "buildkit": {"mirrors": mirrors}});
    let unfinished = folder.with_extension("unfinished");
    fs::create_dir_all(&unfinished).expect("a folder");
    let write = |name: &str, value: Value| {
        let path: PathBuf = unfinished.join(name);
        fs::write(path, value.to_string()).expect("a new file");
    };
    write("values.json", values);
    write("config.json", registry_login(REGISTRY));
    fs::rename(unfinished, folder).expect("a new name");
}

fn push(cluster: &Cluster, hosts: &Path, image: &str) {
    let to = format!("{}/{MIRROR}/{image}", cluster.registry);
    let pushed = run(cluster
        .ctr()
        .args(["images", "push", "--user", "someone:pass", "--hosts-dir"])
        .arg(hosts)
        .args([to.as_str(), image]));
    assert!(pushed.status.success(), "{image}: {}", pushed.stderr);
}
