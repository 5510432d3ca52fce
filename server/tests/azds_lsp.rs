//! The process `azds lsp`: its ends, and that nothing but protocol is on its standard output.

use std::io::{Read, Write};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value as Json, json};

/// Starts the process and sends it messages. Its standard input stays open.
fn talk(messages: &[Json]) -> Child {
    let mut azds = Command::new(env!("CARGO_BIN_EXE_azds"));
    azds.arg("lsp").env("AZDS_LOG", "trace");
    azds.stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null());
    let mut azds = azds.spawn().expect("azds starts");
    let input = azds.stdin.as_mut().expect("it is piped");
    for message in messages {
        let body = message.to_string();
        write!(input, "Content-Length: {}\r\n\r\n{body}", body.len()).expect("azds reads");
    }
    input.flush().expect("azds reads");
    azds
}

/// The exit code and the messages that were read.
fn ended(mut azds: Child) -> (Option<i32>, Vec<Json>) {
    let deadline = Instant::now() + Duration::from_secs(30);
    while azds.try_wait().expect("it can be waited for").is_none() {
        if Instant::now() > deadline {
            azds.kill().expect("it runs");
            panic!("azds lsp did not end");
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    let mut output = String::new();
    let stdout = azds.stdout.as_mut().expect("it is piped");
    stdout.read_to_string(&mut output).expect("text");
    let code = azds.wait().expect("it has ended").code();
    (code, messages(&output))
}

fn messages(mut output: &str) -> Vec<Json> {
    let mut messages = Vec::new();
    while !output.is_empty() {
        let (header, rest) = output.split_once("\r\n\r\n").expect("a header");
        let length = header
            .strip_prefix("Content-Length: ")
            .expect("nothing else");
        let (body, rest) = rest.split_at(length.parse().expect("a number"));
        messages.push(serde_json::from_str(body).expect("JSON"));
        output = rest;
    }
    messages
}

fn initialize() -> Json {
    json!({"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": {"capabilities": {}}})
}

#[test]
fn exit_after_shutdown_is_a_success_though_the_editor_keeps_the_stream_open() {
    let shutdown = json!({"jsonrpc": "2.0", "id": 2, "method": "shutdown"});
    let exit = json!({"jsonrpc": "2.0", "method": "exit"});
    let (code, messages) = ended(talk(&[initialize(), shutdown, exit]));
    assert_eq!(code, Some(0));
    let ids: Vec<_> = messages.iter().map(|message| &message["id"]).collect();
    assert_eq!(ids, [1, 2]);
}

#[test]
fn exit_without_shutdown_is_not() {
    let exit = json!({"jsonrpc": "2.0", "method": "exit"});
    assert_eq!(ended(talk(&[initialize(), exit])).0, Some(1));
}

#[test]
fn the_process_ends_when_the_editor_is_gone() {
    let mut azds = talk(&[initialize()]);
    drop(azds.stdin.take());
    assert_eq!(ended(azds).0, Some(1));
}
