//! Sessions while the cluster itself is away: a program of its own, since no other test may run meanwhile.

use std::path::Path;
use std::process::{Command, Stdio};

use azds_tests::dap::{Client, line_of};
use azds_tests::{Cluster, SOON, ask};
use serde_json::json;

/// Process id and command line of the cluster's API server.
fn api_server(cluster: &Cluster) -> Option<(String, Vec<String>)> {
    let folder = cluster.kubeconfig.parent().expect("the cluster's folder");
    let folder = folder.display().to_string();
    let processes = std::fs::read_dir("/proc").expect("processes can be listed");
    processes.flatten().find_map(|process| {
        let pid = process.file_name().into_string().ok()?;
        let command = std::fs::read_to_string(process.path().join("cmdline")).ok()?;
        let words: Vec<String> = command.split('\0').map(str::to_owned).collect();
        let is_it = words.get(1).is_some_and(|word| word == "kube-apiserver");
        (is_it && command.contains(&folder)).then_some((pid, words))
    })
}

/// Ends the API server without a word, and starts it where it was.
fn restart_api_server(cluster: &Cluster) {
    let (pid, mut words) = api_server(cluster).expect("it runs");
    words.retain(|word| !word.is_empty());
    let environment = std::fs::read_to_string(format!("/proc/{pid}/environ")).expect("it runs");
    let environment = environment.split('\0').filter_map(|it| it.split_once('='));
    // The namespaces stay as long as somebody holds them.
    let mut holder = Command::new("nsenter")
        .args(["--target", &pid, "--mount", "--net", "sleep", "60"])
        .spawn()
        .expect("nsenter is there");
    let holder_id = holder.id().to_string();
    let killed = Command::new("kill").args(["-KILL", &pid]).status();
    assert!(killed.expect("kill is there").success());
    while Path::new("/proc").join(&pid).join("exe").exists() {
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
    let log = cluster
        .kubeconfig
        .with_file_name("logs/kube-apiserver-again.log");
    let log = std::fs::File::create(log).expect("a new file");
    let started = Command::new("setsid")
        .args(["--fork", "nsenter", "--target", &holder_id])
        .args(["--mount", "--net"])
        .args(words)
        // As it was: processes of the tests are told by a mark there, and ended with them.
        .env_clear()
        .envs(environment)
        .stdin(Stdio::null())
        .stdout(log.try_clone().expect("a file"))
        .stderr(log)
        .status();
    assert!(started.expect("setsid is there").success());
    let begun = std::time::Instant::now();
    let mut kubectl = cluster.command(&cluster.kubectl);
    kubectl.args(["get", "--raw", "/readyz", "--request-timeout=5s"]);
    while !kubectl.output().expect("kubectl starts").status.success() {
        assert!(begun.elapsed() < SOON, "the API server does not come back");
        std::thread::sleep(std::time::Duration::from_millis(200));
    }
    holder.kill().expect("it sleeps");
    holder.wait().expect("it was killed");
}

#[tokio::test]
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
    // Its tunnel went the same way as the session's connection, so it asks again.
    let stop = client.stopped();
    assert_eq!(stop.frame["line"], line);
    client.go_on(&stop);
    assert!(waits.join().expect("no panic").contains("EUR"));
    assert!(!client.has_seen("terminated") && !client.has_seen("exited"));
    client.disconnect();
    drop(client);
    assert!(adapter.wait().expect("azds dap ends").success());
    service.azds("down", &[]).json();
}
