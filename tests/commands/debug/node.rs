//! Node, by js-debug: the editor's own, and behind azds dap.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};

use azds_tests::dap::{Client, line_of};
use azds_tests::lsp::LanguageClient;
use azds_tests::space::{Service, Space, get};
use azds_tests::{Cluster, SOON};
use serde_json::json;

use super::table::NODE;
use super::{ask, bring_up, kubectl, stop_and_go, until_answered};

/// Asks an inspector what can be debugged there. It keeps the connection.
pub fn greet(port: u16) {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).expect("azds listens");
    stream.set_read_timeout(Some(SOON)).expect("an option");
    let asked = stream.write_all(b"GET /json/list HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n");
    asked.expect("azds reads");
    let (mut answer, mut piece) = (String::new(), [0; 4096]);
    while !answer.contains("server.js") {
        let length = stream.read(&mut piece).expect("the inspector answers");
        assert!(length > 0, "{answer}");
        answer += &String::from_utf8_lossy(&piece[..length]);
    }
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

/// azds dap with js-debug's server, and the session of the process that the server asks for.
struct Behind {
    root: Client,
    adapter: Child,
    client: Client,
    child: Child,
}

impl Behind {
    fn start(space: &Space, service: &Service<'_>) -> Behind {
        let mut azds = space.command();
        let js_debug = &Cluster::get().js_debug;
        let (mut root, adapter) = Client::start(azds.env("AZDS_JS_DEBUG", js_debug));
        let (source, line) = NODE.marked(service);
        let arguments = json!({"folder": service.folder, "space": space.namespace.name});
        root.attach(arguments, &source, line);
        let (client, child) = further(&mut root, space, service);
        Behind {
            root,
            adapter,
            client,
            child,
        }
    }
}

/// The next session that js-debug asks for.
fn further(root: &mut Client, space: &Space, service: &Service<'_>) -> (Client, Child) {
    let further = root.further_session();
    assert_eq!(further["type"], "azds");
    let (mut client, child) = Client::start(&mut space.command());
    let (source, line) = NODE.marked(service);
    client.attach(further, &source, line);
    (client, child)
}

#[tokio::test]
async fn js_debug_behind_azds_dap_stops_a_node_service() {
    let cluster = Cluster::get();
    let space = cluster.space().await;
    let service = NODE.service(&space);
    let uri = bring_up(&service);
    let Behind {
        mut root,
        mut adapter,
        mut client,
        mut child,
    } = Behind::start(&space, &service);
    let (source, _) = NODE.marked(&service);
    stop_and_go(&mut client, &uri, source.as_ref(), NODE.currency);
    NODE.stops(&mut client, &uri, &space, &service);

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

#[tokio::test]
#[ignore = "two starts of the service"]
async fn a_node_session_outlives_end_and_pod() {
    let cluster = Cluster::get();
    let space = cluster.space().await;
    let service = NODE.service(&space);
    let uri = bring_up(&service);
    let Behind {
        mut root,
        mut adapter,
        mut client,
        ..
    } = Behind::start(&space, &service);
    let (source, _) = NODE.marked(&service);
    stop_and_go(&mut client, &uri, source.as_ref(), NODE.currency);

    for end in ["exit", "pod"] {
        match end {
            "exit" => drop(get(&uri, "/api/end")),
            _ => drop(kubectl(&space, &["delete", "pod", "--all", "--wait=false"])),
        }
        root.console("azds lost the debugger");
        root.console("attached again");
        (client, _) = further(&mut root, &space, &service);
        stop_and_go(&mut client, &uri, source.as_ref(), NODE.currency);
    }
    assert!(!root.has_seen("terminated") && !root.has_seen("exited"));

    let asked = ask(&uri);
    client.event("stopped");
    adapter.kill().expect("it runs");
    adapter.wait().expect("it was killed");
    let body = asked.join().expect("no panic");
    assert!(body.contains("EUR"), "{body}");
    until_answered(&uri).await;
    client.event("terminated");
    service.azds("down", &[]).json();
}
