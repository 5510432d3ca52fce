//! azds as it pushes what it builds to the tests' registry: with AZDS_TEST_BUILDS=registry for all tests of a program.

use std::fs;
use std::path::Path;
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
/// The base image of the tests' Python service.
const ONE: &str = "docker.io/library/python:3.11-slim";
/// The Secret of each space that its pods pull with.
pub const PULL: &str = "pull-what-was-built";

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
    fs::create_dir_all(&folder).expect("a folder");
    push_bases(cluster, &folder);
    let mirrors: Map<String, Value> = MIRRORED
        .iter()
        .map(|name| {
            let mirror = format!("{REGISTRY}/{MIRROR}/{name}");
            ((*name).to_owned(), json!([mirror]))
        })
        .collect();
    let values = json!({"imagePullSecrets": [PULL], "buildkit": {"mirrors": mirrors}});
    let write = |name: &str, value: Value| {
        fs::write(folder.join(name), value.to_string()).expect("a file can be written");
    };
    write("values.json", values);
    write("config.json", registry_login(REGISTRY));
    set_up
        .args(["--builds-to", BUILDS, "--builds-login", "--values"])
        .arg(folder.join("values.json"))
        .env("DOCKER_CONFIG", &folder);
}

/// Gives the registry the base images that it does not have: all of them if all tests are to run so, else [`ONE`].
fn push_bases(cluster: &Cluster, folder: &Path) {
    // Without this ctr speaks HTTP to what is on loopback.
    let hosts = folder.join("hosts");
    let host = hosts.join(&cluster.registry);
    fs::create_dir_all(&host).expect("a folder");
    let server = format!("https://{}", cluster.registry);
    let text = format!(
        "server = {server:?}\n[host.{server:?}]\n  ca = {:?}\n",
        cluster.authority
    );
    fs::write(host.join("hosts.toml"), text).expect("a file can be written");
    let listed = run(cluster.ctr().args(["images", "list", "--quiet"]));
    assert!(listed.status.success(), "{}", listed.stderr);
    for image in listed.stdout.lines() {
        let is_base = MIRRORED.contains(&image.split('/').next().unwrap_or_default())
            && !image.contains(":mindaro-");
        let pushed = folder.join(format!("pushed-{}", image.replace('/', "_")));
        if is_base && (image == ONE || !ON.load(Ordering::Relaxed)) && !pushed.exists() {
            push(cluster, &hosts, image);
            fs::write(pushed, "").expect("a new file");
        }
    }
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
