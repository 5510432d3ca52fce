//! Sessions while the cluster itself is away: a program of its own, since no other test may run meanwhile.

use std::path::Path;
use std::process::Command;

use azds_tests::dap::{Client, line_of};
use azds_tests::{Cluster, SOON, ask};
use serde_json::json;

/// Ends the API server without a word. The node starts it again, since it was told that this comes.
fn restart_api_server(cluster: &Cluster) {
    let folder = cluster.kubeconfig.parent().expect("the cluster's folder");
    let asked = folder.join("restart");
    std::fs::create_dir_all(&asked).expect("a folder can be made");
    std::fs::write(asked.join("kube-apiserver"), "").expect("a file can be written");
    let pid = api_server(folder).expect("it runs");
    let killed = Command::new("kill").args(["-KILL", &pid]).status();
    assert!(killed.expect("kill is there").success());
    let begun = std::time::Instant::now();
    let mut kubectl = cluster.command(&cluster.kubectl);
    kubectl.args(["get", "--raw", "/readyz", "--request-timeout=5s"]);
    while !kubectl.output().expect("kubectl starts").status.success() {
        assert!(begun.elapsed() < SOON, "the API server does not come back");
        std::thread::sleep(std::time::Duration::from_millis(200));
    }
}

/// Process id of the cluster's API server.
fn api_server(folder: &Path) -> Option<String> {
    let folder = folder.display().to_string();
    let processes = std::fs::read_dir("/proc").expect("processes can be listed");
    processes.flatten().find_map(|process| {
        let pid = process.file_name().into_string().ok()?;
        let command = std::fs::read_to_string(process.path().join("cmdline")).ok()?;
        let is_it = command.split('\0').nth(1) == Some("kube-apiserver");
        (is_it && command.contains(&folder)).then_some(pid)
    })
}

#[tokio::test]
#[ignore = "takes the API server away"]
async fn a_session_outlives_the_api_server() {
    let cluster = Cluster::get();
    let space = cluster.space().await;
    let service = space.python_service("shop", &[]);
    let up = service.azds("up", &["-d"]).json();
    let uri = up["uris"][0]["uri"].as_str().expect("an address");
    let installed = space
        .command()
        .args(["debugger", "install", "python"])
        .output();
    assert!(installed.expect("azds starts").status.success());
    let source = service.folder.join("app.py");
    let line = line_of(&service.read("app.py"), "BP1");
    let (mut client, mut adapter) = Client::start(&mut space.command());
    let arguments = json!({"folder": service.folder, "space": space.namespace.name});
    client.attach(arguments, &source.to_string_lossy(), line);

    let waits = ask(uri);
    client.event("stopped");
    restart_api_server(&cluster);
    client.console("azds lost the debugger");
    client.console("attached again");
    // Its tunnel went the same way as the session's connection; it may have asked again before the session
    // was back, and have its answer.
    let asks = ask(uri);
    let stop = client.stopped();
    assert_eq!(stop.frame["line"], line);
    client.set_breakpoints(&source.to_string_lossy(), json!([]));
    client.go_on(&stop);
    for asked in [waits, asks] {
        assert!(asked.join().expect("no panic").contains("EUR"));
    }
    assert!(!client.has_seen("terminated") && !client.has_seen("exited"));
    client.disconnect();
    drop(client);
    assert!(adapter.wait().expect("azds dap ends").success());
    service.azds("down", &[]).json();
}
