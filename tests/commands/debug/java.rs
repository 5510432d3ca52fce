//! Java, by the debugger that the editor has: here the JDK's own, through the port that azds opens.

use std::io::{BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};

use azds_tests::dap::line_of;
use azds_tests::lsp::LanguageClient;
use azds_tests::staying::Staying;
use azds_tests::{Cluster, SOON};
use serde_json::{Value, json};

use super::{ask, assert_traced_by_parents, bring_up, is_debugged, until_answered, until_restored};

/// What both sides of JDWP say first.
const HANDSHAKE: &[u8] = b"JDWP-Handshake";
const SOURCE: &str = "src/main/java/test/example/Main.java";

/// The JDK's debugger. It ends when this is dropped, and lets go of the service.
struct Jdb {
    process: Child,
    input: ChildStdin,
    said: Receiver<u8>,
}

impl Jdb {
    fn attach(port: u16) -> Jdb {
        let connect = format!("com.sun.jdi.SocketAttach:hostname=127.0.0.1,port={port}");
        let mut process = Command::new("jdb")
            .args(["-connect", &connect])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("the JDK has jdb");
        let output = process.stdout.take().expect("it was asked for");
        let (sender, said) = channel();
        std::thread::spawn(move || {
            for byte in BufReader::new(output).bytes().map_while(Result::ok) {
                if sender.send(byte).is_err() {
                    break;
                }
            }
        });
        let input = process.stdin.take().expect("it was asked for");
        Jdb {
            process,
            input,
            said,
        }
    }

    /// Says something, and waits until this is answered; gives all that was said up to there.
    fn ask(&mut self, command: &str, answer: &str) -> String {
        writeln!(self.input, "{command}").expect("jdb reads");
        self.until(answer)
    }

    fn until(&mut self, text: &str) -> String {
        let mut said = Vec::new();
        while !said.ends_with(text.as_bytes()) {
            match self.said.recv_timeout(SOON) {
                Ok(byte) => said.push(byte),
                Err(_) => panic!(
                    "jdb did not say {text:?}, but {}",
                    String::from_utf8_lossy(&said)
                ),
            }
        }
        String::from_utf8(said).expect("text")
    }

    fn kill(&mut self) {
        // It may have ended by itself.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

impl Drop for Jdb {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Says hello to a JVM, and leaves.
pub fn shake_hands(port: u16) {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).expect("azds listens");
    stream.set_read_timeout(Some(SOON)).expect("an option");
    stream.write_all(HANDSHAKE).expect("azds reads");
    let mut answer = [0; HANDSHAKE.len()];
    stream.read_exact(&mut answer).expect("the JVM answers");
    assert_eq!(answer, HANDSHAKE);
}

#[tokio::test]
async fn a_java_debugger_reaches_the_service_through_the_port_of_azds() {
    let cluster = Cluster::get();
    let space = cluster.space().await;
    let service = space.service("shop", "java-service", &[]);
    let uri = bring_up(&service);
    let mut azds = LanguageClient::start(&mut space.command());
    let arguments = json!({"folder": service.folder, "space": space.namespace.name});
    let target = azds.run("azds.server.debugTarget", arguments.clone());
    assert_eq!(target["runtime"], "java");
    let configuration = &target["configuration"];
    let port = configuration["port"].as_u64().expect("a port");
    assert_eq!(
        configuration,
        &json!({"type": "java", "request": "attach", "name": "azds", "hostName": "127.0.0.1", "port": port})
    );

    let port = u16::try_from(port).expect("a port");
    shake_hands(port);

    assert!(is_debugged(&space));
    let line = line_of(&service.read(SOURCE), "BP1");
    until_answered(&uri).await;
    let mut jdb = Jdb::attach(port);
    jdb.until("> ");
    jdb.ask(
        &format!("stop at test.example.Main:{line}"),
        "Set breakpoint",
    );
    let asked = ask(&uri);
    jdb.until("Breakpoint hit");
    let stopped = jdb.until("] ");
    assert!(stopped.contains(&format!("line={line} ")), "{stopped}");
    assert_traced_by_parents(&space);
    let locals = jdb.ask("locals", "products = ");
    assert!(locals.contains("currency = \"EUR\""), "{locals}");
    jdb.ask("next", "Step completed");
    // Before its prompt jdb knows no frame.
    jdb.until("] ");
    jdb.ask("print total", "238.9");
    jdb.ask("cont", "> ");
    let body = asked.join().expect("no panic");
    assert!(body.contains("EUR"), "{body}");

    // A debugger that is killed at a breakpoint leaves nobody waiting.
    let asked = ask(&uri);
    jdb.until("Breakpoint hit");
    jdb.kill();
    let body = asked.join().expect("no panic");
    assert!(body.contains("EUR"), "{body}");
    drop(azds);

    until_restored(&space, &uri).await;
    service.azds("down", &[]).json();
}

/// The port of this machine at which azds has the service's debug agent.
fn debug_port(azds: &mut LanguageClient, arguments: &Value) -> u16 {
    let target = azds.run("azds.server.debugTarget", arguments.clone());
    let port = target["configuration"]["port"].as_u64();
    let port = port.and_then(|port| u16::try_from(port).ok());
    port.unwrap_or_else(|| panic!("a port: {target}"))
}

/// As VS Code's extension has it, when a session has ended with the service.
#[tokio::test]
async fn a_java_debugger_comes_again_when_the_service_has_started_again() {
    let cluster = Cluster::get();
    let space = cluster.space().await;
    let service = space.service("shop", "java-service", &[]);
    let up = Staying::start(space.command().arg("up").arg(&service.folder));
    up.answers("EUR").await;
    let mut azds = LanguageClient::start(&mut space.command());
    let arguments = json!({"folder": service.folder, "space": space.namespace.name});
    let mut jdb = Jdb::attach(debug_port(&mut azds, &arguments));
    jdb.until("> ");

    service.replace(SOURCE, "\"EUR\"", "\"USD\"");
    jdb.until("The application exited");
    assert_eq!(up.done(), ("restart".to_owned(), SOURCE.to_owned()));
    let mut jdb = Jdb::attach(debug_port(&mut azds, &arguments));
    jdb.until("> ");
    let line = line_of(&service.read(SOURCE), "BP1");
    jdb.ask(
        &format!("stop at test.example.Main:{line}"),
        "Set breakpoint",
    );
    let asked = ask(&up.uri);
    jdb.until("Breakpoint hit");
    jdb.until("] ");
    let locals = jdb.ask("locals", "products = ");
    assert!(locals.contains("currency = \"USD\""), "{locals}");
    jdb.ask("cont", "> ");
    let body = asked.join().expect("no panic");
    assert!(body.contains("USD"), "{body}");
    drop(jdb);
    drop(azds);
    drop(up);
    service.azds("down", &[]).json();
}
