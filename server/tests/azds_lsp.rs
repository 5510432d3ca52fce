//! The process `azds lsp`: its ends, and that nothing but protocol is on its standard output.

use std::ffi::OsStr;
use std::io::{BufRead, BufReader, Read, Write};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value as Json, json};

/// Starts the process and sends it messages. Its standard input stays open.
fn talk(messages: &[Json]) -> Child {
    talk_with_helm("no-such-helm".as_ref(), messages)
}

fn talk_with_helm(helm: &OsStr, messages: &[Json]) -> Child {
    let mut azds = Command::new(env!("CARGO_BIN_EXE_azds"));
    azds.arg("lsp")
        .env("AZDS_LOG", "trace")
        .env("AZDS_HELM", helm);
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

/// Reads messages until one is as it is wanted.
fn wait_for(azds: &mut Child, wanted: impl Fn(&Json) -> bool + Send + 'static) -> Json {
    let output = azds.stdout.take().expect("it is piped");
    let (found, waiting) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        let mut output = BufReader::new(output);
        loop {
            let (mut header, mut end) = (String::new(), String::new());
            output.read_line(&mut header).expect("a header");
            output.read_line(&mut end).expect("its end");
            let length = header.trim().strip_prefix("Content-Length: ");
            let length = length.and_then(|length| length.parse().ok());
            let mut body = vec![0; length.expect("the length of a message")];
            output.read_exact(&mut body).expect("a message");
            let message: Json = serde_json::from_slice(&body).expect("JSON");
            if wanted(&message) {
                return found.send(message);
            }
        }
    });
    let message = waiting.recv_timeout(Duration::from_secs(30));
    message.expect("azds lsp says it")
}

#[cfg_attr(windows, ignore = "its helm is a shell script")]
#[test]
fn what_helm_says_on_save_stands_at_its_place() {
    let folder = tempfile::tempdir().expect("a folder");
    let write = |path: &str, text: &str| {
        let path = folder.path().join(path);
        std::fs::create_dir_all(path.parent().expect("it has one")).expect("a folder");
        std::fs::write(&path, text).expect("a file");
        path
    };
    write(
        "azds.yaml",
        "kind: helm-release\ninstall:\n  chart: chart\n",
    );
    write(
        "chart/Chart.yaml",
        "apiVersion: v2\nname: shop\nversion: 0.1.0\n",
    );
    let text = "a: 1\nb: {{ .Chart.Nam.x }}\n";
    let template = write("chart/templates/a.yaml", text);
    let said = "Error: template: shop/templates/a.yaml:2:12: executing \"shop/templates/a.yaml\" at <.Chart.Nam.x>: no such field";
    let helm = write(
        "helm",
        &format!("#!/bin/sh\ncat > /dev/null\necho '{said}' >&2\nexit 1\n"),
    );
    #[cfg(unix)]
    {
        let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
        std::fs::set_permissions(&helm, mode).expect("it is ours");
    }
    let uri = format!("file://{}", template.display());
    let document = json!({"uri": uri, "languageId": "helm", "version": 1, "text": text});
    let notification =
        |method: &str, params: Json| json!({"jsonrpc": "2.0", "method": method, "params": params});
    let mut azds = talk_with_helm(
        helm.as_os_str(),
        &[
            initialize(),
            notification("initialized", json!({})),
            notification("textDocument/didOpen", json!({"textDocument": document})),
            notification(
                "textDocument/didSave",
                json!({"textDocument": {"uri": uri}}),
            ),
        ],
    );
    let shown = wait_for(&mut azds, |message| {
        message["params"]["diagnostics"][0]["code"] == "helm-error"
    });
    let diagnostic = &shown["params"]["diagnostics"][0];
    assert_eq!(
        diagnostic["range"],
        json!({"start": {"line": 1, "character": 6}, "end": {"line": 1, "character": 18}})
    );
    assert_eq!(
        diagnostic["message"],
        "Helm can't render the chart: no such field"
    );
    azds.kill().expect("it runs");
    azds.wait().expect("it ends");
}
