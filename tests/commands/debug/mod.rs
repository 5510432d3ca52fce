//! Breakpoints in pods, with the real debuggers.

mod distroless;
mod go;
mod java;
mod node;
mod outlives;
mod python;
mod table;
mod two;

use std::path::Path;

use azds_protocol::debug::DEBUGGER_PORT;
use azds_tests::dap::{Client, Stop, line_of};
use azds_tests::space::{Service, Space, get};
use azds_tests::{Cluster, ask};
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

/// What kubectl says, with every right, in the space.
fn kubectl(space: &Space, arguments: &[&str]) -> String {
    let of_space = ["--namespace", &space.namespace.name];
    let answer = Cluster::get().kubectl(&[&of_space, arguments].concat());
    assert!(answer.status.success(), "{answer:?}");
    answer.stdout
}

/// What a script says in the service's container.
fn in_pod(space: &Space, script: &str) -> String {
    let exec = ["exec", "deploy/shop", "--container", "shop", "--"];
    kubectl(space, &[&exec[..], &["sh", "-c", script]].concat())
}

/// The command lines of the processes of the service's pod, and what signals each blocks.
fn processes(space: &Space) -> Vec<(String, String)> {
    let list = "for p in /proc/[0-9]*; do tr '\\0' ' ' <$p/cmdline; grep SigBlk $p/status; done 2>/dev/null; true";
    let text = in_pod(space, list);
    // The shell that lists is none of them; it blocks all signals while it forks.
    let lines = text.lines().filter_map(|line| line.split_once("SigBlk:"));
    let lines = lines.filter(|(command, _)| !command.contains("/proc/[0-9]*"));
    lines
        .map(|(command, mask)| (command.trim().to_owned(), mask.trim().to_owned()))
        .collect()
}

/// Whether a debugger listens in the service's pod.
fn is_debugged(space: &Space) -> bool {
    let port = format!(":{DEBUGGER_PORT:04X}");
    let tables = in_pod(space, "cat /proc/net/tcp /proc/net/tcp6");
    let mut sockets = tables
        .lines()
        .map(|line| line.split_whitespace().collect::<Vec<_>>());
    sockets.any(|socket| socket.get(3) == Some(&"0A") && socket[1].ends_with(&port))
}

/// No process of the service's container is traced but by the debugger that started it.
fn assert_traced_by_parents(space: &Space) {
    // The tracer is a thread, which /proc has, though it lists processes only.
    let look = r#"of() { grep "^$2:" /proc/$1/status | tr -dc 0-9; }
        for it in /proc/[0-9]*; do
            it=${it#/proc/}; tracer=$(of $it TracerPid); parent=$(of $it PPid)
            [ "${tracer:-0}" = 0 ] || [ "$(of $tracer Tgid)" = "$parent" ] || echo "$tracer traces $it"
        done 2>/dev/null; echo looked"#;
    assert_eq!(in_pod(space, look).trim(), "looked");
}

/// Waits until no debugger is left in the service's pod, and the service answers.
async fn until_left(space: &Space, uri: &str) {
    azds_tests::until("nobody to debug the service", async || {
        match in_pod(space, "ls /azds").contains("held-0") {
            true => Err("its probes are held".to_owned()),
            false => Ok(()),
        }
    })
    .await;
    until_answered(uri).await;
}

async fn until_restored(space: &Space, uri: &str) {
    azds_tests::until("the service runs as before", async || {
        match is_debugged(space) {
            true => Err("a debugger listens".to_owned()),
            false => Ok(()),
        }
    })
    .await;
    // It runs a moment before it listens.
    until_answered(uri).await;
}
