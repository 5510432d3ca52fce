//! Breakpoints in pods, with the real debuggers.

use std::io::{BufRead as _, BufReader};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use azds_tests::Cluster;
use azds_tests::dap::{Client, Stop, line_of};
use azds_tests::lsp::LanguageClient;
use azds_tests::space::{Service, Space, get};
use serde_json::{Value, json};

/// Brings a service up; gives the address of its tunnel.
fn bring_up(service: &Service<'_>) -> String {
    let up = service.azds("up", &["-d"]).json();
    let uri = up["uris"][0]["uri"].as_str();
    uri.expect("an address").to_owned()
}

/// Installs a debugger on the developer's machine.
fn install(space: &Space, arguments: &[&str]) {
    let installed = space
        .command()
        .args(["debugger", "install"])
        .args(arguments)
        .output();
    let installed = installed.expect("azds starts");
    assert!(installed.status.success(), "{installed:?}");
}

/// Asks the service for its products while it may be stopped. One that just starts does not listen yet.
fn ask(uri: &str) -> std::thread::JoinHandle<String> {
    let uri = uri.to_owned();
    std::thread::spawn(move || {
        let begun = std::time::Instant::now();
        loop {
            match get(&uri, "/api/demo") {
                Ok((status, body)) if status.contains("200") => return body,
                other => assert!(begun.elapsed() < azds_tests::SOON, "{other:?}"),
            }
            std::thread::sleep(std::time::Duration::from_millis(50));
        }
    })
}

/// Asks the service until it answers.
async fn until_answered(uri: &str) -> String {
    azds_tests::until("the service answers", async || {
        match get(uri, "/api/demo") {
            Ok((status, body)) if status.contains("200") => Ok(body),
            Ok((status, _)) => Err(status),
            Err(error) => Err(error.to_string()),
        }
    })
    .await
}

/// Stops at the marked line, looks at the variables and goes on.
fn stop_and_go(client: &mut Client, uri: &str, source: &Path, currency: &str) {
    let asked = ask(uri);
    let stop = client.stopped();
    assert_stopped(&stop, source, currency);
    client.go_on(&stop);
    let body: Value = serde_json::from_str(&asked.join().expect("no panic")).expect("JSON");
    assert_eq!(body["currency"], "EUR");
}

fn assert_stopped(stop: &Stop, source: &Path, currency: &str) {
    let text = std::fs::read_to_string(source).expect("a source");
    assert_eq!(stop.frame["line"], line_of(&text, "BP1"));
    assert_eq!(stop.frame["source"]["path"], json!(source));
    let expected = ("currency".to_owned(), currency.to_owned());
    assert!(stop.variables.contains(&expected), "{stop:?}");
}

/// The command lines of the processes of the service's pod, and what signals each blocks.
fn processes(space: &Space, service: &Service<'_>) -> Vec<(String, String)> {
    let list = "for p in /proc/[0-9]*; do tr '\\0' ' ' <$p/cmdline; grep SigBlk $p/status; done 2>/dev/null; true";
    let cluster = Cluster::get();
    let output = cluster
        .command(&cluster.kubectl)
        .args([
            "--namespace",
            &space.namespace.name,
            "exec",
            "deploy/shop",
            "--container",
            "shop",
        ])
        .args(["--", "sh", "-c", list])
        .output()
        .expect("kubectl starts");
    assert!(
        output.status.success(),
        "{output:?} {}",
        service.folder.display()
    );
    let text = String::from_utf8(output.stdout).expect("command lines are UTF-8");
    // The shell that lists is none of them; it blocks all signals while it forks.
    let lines = text.lines().filter_map(|line| line.split_once("SigBlk:"));
    let lines = lines.filter(|(command, _)| !command.contains("/proc/[0-9]*"));
    lines
        .map(|(command, mask)| (command.trim().to_owned(), mask.trim().to_owned()))
        .collect()
}

#[tokio::test]
async fn a_breakpoint_stops_the_service_in_its_pod_and_leaves_it_running() {
    let cluster = Cluster::get();
    let space = cluster.space().await;
    let service = space.python_service("shop", &[]);
    let uri = bring_up(&service);
    let blocked = |mask: &str| mask.bytes().any(|digit| digit != b'0');
    for (command, mask) in processes(&space, &service) {
        assert!(!blocked(&mask), "{command} blocks signals: {mask}");
    }

    install(&space, &["python"]);
    let (mut client, mut adapter) = Client::start(&mut space.command());
    let source = service.folder.join("app.py");
    let line = line_of(&service.read("app.py"), "BP1");
    let arguments = json!({"folder": service.folder, "space": space.namespace.name});
    client.attach(arguments, &source.to_string_lossy(), line);
    stop_and_go(&mut client, &uri, &source, "'EUR'");
    client.disconnect();
    drop(client);
    assert!(adapter.wait().expect("azds dap ends").success());

    let restored = azds_tests::until("the service runs as before", async || {
        let commands: Vec<_> = processes(&space, &service)
            .into_iter()
            .map(|(it, _)| it)
            .collect();
        match commands.iter().any(|it| it.contains("debugpy")) {
            true => Err(commands.join("; ")),
            false => Ok(commands),
        }
    });
    assert!(restored.await.iter().any(|it| it == "python app.py"));
    // It runs a moment before it listens.
    until_answered(&uri).await;
}

#[tokio::test]
async fn a_session_follows_the_service_into_another_pod() {
    let cluster = Cluster::get();
    let space = cluster.space().await;
    let service = space.python_service("shop", &[]);
    let uri = bring_up(&service);
    install(&space, &["python"]);
    let (mut client, mut adapter) = Client::start(&mut space.command());
    let source = service.folder.join("app.py");
    let line = line_of(&service.read("app.py"), "BP1");
    let arguments = json!({"folder": service.folder, "space": space.namespace.name});
    client.attach(arguments, &source.to_string_lossy(), line);
    stop_and_go(&mut client, &uri, &source, "'EUR'");

    let deleted = cluster
        .command(&cluster.kubectl)
        .args([
            "--namespace",
            &space.namespace.name,
            "delete",
            "pod",
            "--all",
            "--wait=false",
        ])
        .output()
        .expect("kubectl starts");
    assert!(deleted.status.success(), "{deleted:?}");
    client.console("azds lost the debugger");
    client.console("attached again");
    assert_eq!(client.event("breakpoint")["breakpoint"]["verified"], true);
    stop_and_go(&mut client, &uri, &source, "'EUR'");
    assert!(!client.has_seen("terminated") && !client.has_seen("exited"));

    // An adapter that is killed leaves nobody waiting.
    let asked = ask(&uri);
    client.event("stopped");
    adapter.kill().expect("it runs");
    adapter.wait().expect("it was killed");
    let body = asked.join().expect("no panic");
    assert!(body.contains("EUR"), "{body}");
    service.azds("down", &[]).json();
}

#[tokio::test]
async fn delve_stops_a_go_service_that_starts_again_as_it_was() {
    let cluster = Cluster::get();
    let space = cluster.space().await;
    let service = space.service("shop", "go-service", &[]);
    let uri = bring_up(&service);
    let delve = cluster.delve.display().to_string();
    install(&space, &["go", "--from", &delve]);
    let (mut client, mut adapter) = Client::start(&mut space.command());
    let source = service.folder.join("main.go");
    let line = line_of(&service.read("main.go"), "BP1");
    let arguments = json!({"folder": service.folder, "space": space.namespace.name});
    client.attach(arguments, &source.to_string_lossy(), line);
    stop_and_go(&mut client, &uri, &source, "\"EUR\"");

    let asked = ask(&uri);
    client.event("stopped");
    client.disconnect();
    drop(client);
    assert!(adapter.wait().expect("azds dap ends").success());
    let body = asked.join().expect("no panic");
    assert!(
        body.contains("EUR"),
        "who waited at the breakpoint is answered: {body}"
    );

    azds_tests::until("the service runs as before", async || {
        let commands: Vec<_> = processes(&space, &service)
            .into_iter()
            .map(|it| it.0)
            .collect();
        match commands.iter().any(|it| it.contains("dlv")) {
            true => Err(commands.join("; ")),
            false => Ok(()),
        }
    })
    .await;
    until_answered(&uri).await;
    service.azds("down", &[]).json();
}

/// js-debug's DAP server, which VS Code has inside.
struct JsDebug {
    process: Child,
    port: u16,
}

impl JsDebug {
    fn start(cluster: &Cluster) -> JsDebug {
        let free = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
        let port = free.local_addr().expect("bound").port();
        drop(free);
        let mut process = Command::new("node")
            .arg(&cluster.js_debug)
            .args([&port.to_string(), "127.0.0.1"])
            .stdout(Stdio::piped())
            .spawn()
            .expect("node starts");
        let output = process.stdout.take().expect("it was asked for");
        let line = BufReader::new(output).lines().next();
        line.expect("js-debug says that it listens").expect("text");
        JsDebug { process, port }
    }

    fn client(&self) -> Client {
        let stream = TcpStream::connect(("127.0.0.1", self.port)).expect("js-debug listens");
        Client::new(stream.try_clone().expect("a socket"), stream)
    }
}

impl Drop for JsDebug {
    fn drop(&mut self) {
        // What it debugs goes on.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

#[tokio::test]
async fn vs_codes_own_js_debug_stops_a_node_service() {
    let cluster = Cluster::get();
    let space = cluster.space().await;
    let service = space.service("shop", "node-service", &[]);
    let uri = bring_up(&service);
    let mut azds = LanguageClient::start(&mut space.command());
    let arguments = json!({"folder": service.folder, "space": space.namespace.name});
    let target = azds.run("azds.server.debugTarget", arguments);
    assert_eq!(target["runtime"], "node");
    let configuration = &target["configuration"];
    assert_eq!(configuration["type"], "pwa-node");

    let js_debug = JsDebug::start(&cluster);
    let source = service.folder.join("server.js");
    let line = line_of(&service.read("server.js"), "BP1");
    let mut root = js_debug.client();
    root.attach(configuration.clone(), &source.to_string_lossy(), line);
    let mut client = js_debug.client();
    client.attach(root.further_session(), &source.to_string_lossy(), line);
    stop_and_go(&mut client, &uri, &source, "'EUR'");

    // The person who comes second is told who is there.
    let mut second = LanguageClient::start(&mut space.command());
    let arguments = json!({"folder": service.folder, "space": space.namespace.name});
    let refused = second.refused("azds.server.debugTarget", arguments);
    assert!(refused.contains("is debugging it already"), "{refused}");
    service.azds("down", &[]).json();
}

#[tokio::test]
async fn js_debug_behind_azds_dap_stops_a_node_service() {
    let cluster = Cluster::get();
    let space = cluster.space().await;
    let service = space.service("shop", "node-service", &[]);
    let uri = bring_up(&service);
    let mut azds = space.command();
    let (mut root, mut adapter) = Client::start(azds.env("AZDS_JS_DEBUG", &cluster.js_debug));
    let source = service.folder.join("server.js");
    let line = line_of(&service.read("server.js"), "BP1");
    let arguments = json!({"folder": service.folder, "space": space.namespace.name});
    root.attach(arguments, &source.to_string_lossy(), line);
    let further = root.further_session();
    assert_eq!(further["type"], "azds");
    let (mut client, mut child) = Client::start(&mut space.command());
    client.attach(further, &source.to_string_lossy(), line);
    stop_and_go(&mut client, &uri, &source, "'EUR'");

    let asked = ask(&uri);
    client.event("stopped");
    root.disconnect();
    drop(root);
    assert!(adapter.wait().expect("azds dap ends").success());
    let body = asked.join().expect("no panic");
    assert!(body.contains("EUR"), "{body}");
    client.event("terminated");
    client.disconnect();
    drop(client);
    assert!(child.wait().expect("azds dap ends").success());
    service.azds("down", &[]).json();
}
