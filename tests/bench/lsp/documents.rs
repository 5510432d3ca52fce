//! The documents that are measured with.

use std::fmt::Write;
use std::path::Path;

use serde_json::{Value as Json, json};

/// What every service's azds.yaml begins with.
const HEAD: &str = "kind: helm-release
apiVersion: 1.1
build:
  context: .
  dockerfile: Dockerfile
install:
  chart: charts/shop
  values:
  - values.dev.yaml?
  - secrets.dev.yaml?
  set:
    replicaCount: 1
    image:
      repository: shop
      tag: $(tag)
      pullPolicy: Never
    ingress:
      hosts:
      - $(spacePrefix)$(rootSpacePrefix)shop$(hostSuffix)
";
const DEVELOP: &str = "configurations:
  develop:
    build:
      useGitIgnore: true
      args:
        BUILD_CONFIGURATION: ${BUILD_CONFIGURATION:-Debug}
    container:
      command: [dotnet, run]
      iterate:
        processesToKill: [dotnet, Shop]
";
/// The line that is edited: with a `b` at its start it is a key that stands there twice.
const LAST: &str = "#uild: {}\n";

/// A usual azds.yaml: 30 lines.
pub fn short() -> String {
    format!("{HEAD}{DEVELOP}{LAST}")
}

/// One of 5,000 lines.
pub fn long() -> String {
    let mut text = HEAD.to_owned();
    let groups = (5000 - text.lines().count() - DEVELOP.lines().count() - 1) / 5;
    for group in 0..groups {
        write!(
            text,
            "    group{group}:\n      name: \"the {group}th\"\n      port: {}\n      hosts:\n      - host{group}.example\n",
            1000 + group
        )
        .expect("a String takes everything");
    }
    text + DEVELOP + LAST
}

/// Folders of services on disk, which go when this is dropped.
pub struct Workspace {
    folder: tempfile::TempDir,
}

impl Workspace {
    /// With one service.
    pub fn create() -> Workspace {
        Workspace::of_services(1)
    }

    /// With so many.
    pub fn of_services(count: usize) -> Workspace {
        let folder = tempfile::tempdir().expect("a folder");
        for number in 0..count {
            service(&folder.path().join(format!("service-{number}")));
        }
        Workspace { folder }
    }

    /// The URI of a file.
    pub fn uri(&self, path: &str) -> String {
        format!("file://{}", self.folder.path().join(path).display())
    }

    /// Parameters of `initialize`.
    pub fn initialize(&self, pulls: bool) -> Json {
        let mut text_document = json!({"publishDiagnostics": {}, "synchronization": {}});
        if pulls {
            text_document["diagnostic"] = json!({});
        }
        let root = format!("file://{}", self.folder.path().display());
        json!({
            "processId": std::process::id(),
            "rootUri": root,
            "workspaceFolders": [{"uri": root, "name": "bench"}],
            "capabilities": {
                "textDocument": text_document,
                "workspace": {"configuration": true, "workspaceFolders": true},
            },
        })
    }
}

fn service(folder: &Path) {
    let chart = folder.join("charts/shop");
    std::fs::create_dir_all(&chart).expect("a folder");
    let write = |path: &str, text: &str| {
        std::fs::write(folder.join(path), text).expect("a file");
    };
    write("azds.yaml", &short());
    write("Dockerfile", "FROM scratch\n");
    write("charts/shop/Chart.yaml", "name: shop\nversion: 0.1.0\n");
    write(
        "charts/shop/values.yaml",
        "replicaCount: 1\nimage: {}\ningress: {hosts: []}\n",
    );
}
