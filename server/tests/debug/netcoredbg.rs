//! A scripted debugger that plays recordings of a real netcoredbg, with its traits.

use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::time::Duration;

use azds::commands::debugger::Installed;
use serde_json::{Value, json};
use tokio::task::JoinHandle;

use crate::adapter;
use crate::again::said;
use crate::editor::Editor;
use crate::pod::{LocalService, OnePod, Pod};
use crate::schema::assert_valid;

const STEP: &str = include_str!("transcripts/netcoredbg-attach-breakpoint-step.jsonl");
const NO_PROCESS: &str = include_str!("transcripts/netcoredbg-attach-no-such-process.jsonl");
const KILLED: &str = include_str!("transcripts/netcoredbg-process-killed.jsonl");
/// Where the recorded service was built, and where its developer has it.
const THERE: &str = "/src";
const HERE: &str = "/home/ana/producer";

/// A session with a scripted debugger, up to the point where the recording begins.
struct Play {
    pod: Pod,
    editor: Editor,
    adapter: JoinHandle<()>,
    port_forward: JoinHandle<()>,
    recording: Vec<Value>,
    _folders: [tempfile::TempDir; 2],
}

impl Play {
    async fn start(recording: &str, integer_seq: bool) -> Play {
        let debugger = tempfile::tempdir().unwrap();
        let program = debugger.path().join("netcoredbg");
        std::fs::write(&program, include_str!("netcoredbg.py")).unwrap();
        std::fs::set_permissions(&program, PermissionsExt::from_mode(0o755)).unwrap();
        std::fs::write(debugger.path().join("recording.jsonl"), recording).unwrap();
        if integer_seq {
            std::fs::write(debugger.path().join("integer-seq"), "").unwrap();
        }
        let service = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(service.path().join("bin/Debug/net8.0")).unwrap();
        for file in ["run", "bin/Debug/net8.0/Producer.dll"] {
            let script = include_str!("service/dotnet.py");
            std::fs::write(service.path().join(file), script).unwrap();
        }
        std::fs::write(service.path().join("libcoreclr.so"), "any").unwrap();
        // By its name and arguments it is `dotnet run`, which is not the one to attach to.
        let dotnet = service.path().join("dotnet");
        std::os::unix::fs::symlink(real_python(), &dotnet).unwrap();
        let pod = Pod::new(
            LocalService::start(&["./dotnet", "run"], service.path()).await,
            Duration::ZERO,
        );
        while !service.path().join("ready").exists() {
            tokio::time::sleep(std::time::Duration::from_millis(10)).await;
        }
        let (connection, port_forward) = pod.connect().await;
        let (editor, adapter) = adapter(OnePod {
            connection: std::sync::Arc::new(std::sync::Mutex::new(connection)),
            folder: HERE.into(),
            debugger: Some(Installed {
                name: "dotnet".to_owned(),
                version: "scripted".to_owned(),
                folder: debugger.path().to_owned(),
            }),
        });
        let recording = recording
            .lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect();
        let folders = [debugger, service];
        Play {
            pod,
            editor,
            adapter,
            port_forward,
            recording,
            _folders: folders,
        }
    }

    /// Sends what the editor sent in the recording, in its order, each message as soon as the
    /// debugger has said what came before it. Returns the answers that were refusals.
    async fn play(&mut self) {
        let entries = self.recording.clone();
        let mut heard = 0;
        for entry in entries {
            if entry["closed"] == true {
                break;
            }
            let message = &entry["message"];
            if entry["from"] == "debugger" {
                heard += 1;
                continue;
            }
            let command = message["command"].as_str().unwrap();
            let mut arguments = to_local(&message["arguments"]);
            if command == "attach" {
                // Only with it is the debugger started, whatever it said before in the recording.
                self.editor.response(1).await;
                arguments = json!({"sourceFileMap": {THERE: HERE}, "runtime": "dotnet"});
            } else {
                while self.heard() < heard {
                    self.editor.receive().await.expect("more of the recording");
                }
            }
            let sent = self.editor.send(command, arguments).await;
            assert_eq!(sent, message["seq"], "numbered as the recorded editor did");
        }
    }

    /// How many messages of the debugger have come through. Its answer to `initialize` is one of
    /// them, as an event; the editor's own answer and the adapter's progress are not.
    fn heard(&self) -> usize {
        self.editor
            .received
            .iter()
            .filter(|message| is_debuggers(message))
            .count()
    }

    /// What the debugger saw.
    fn log(&self) -> String {
        let folder = self
            .pod
            .agent_folder
            .path()
            .join("debuggers/dotnet-scripted");
        std::fs::read_to_string(folder.join("log")).unwrap_or_default()
    }

    fn received_by_debugger(&self) -> Vec<Value> {
        let messages: Vec<Value> = self
            .log()
            .lines()
            .filter_map(|line| serde_json::from_str(line).ok())
            .collect();
        messages.iter().for_each(assert_valid);
        messages
    }

    async fn until_detached(&self) {
        self.pod.until_free().await;
        assert!(
            self.log().ends_with("\ndetached\n"),
            "let go by the end of its input: {}",
            self.log()
        );
        assert_eq!(self.pod.service.starts(), 1, "the service runs as it did");
    }
}

fn is_debuggers(message: &Value) -> bool {
    let progress = message["event"]
        .as_str()
        .is_some_and(|event| event.starts_with("progress"));
    let ours = message["event"] == "output" && message["body"]["category"] != "stdout";
    let initialize = message["command"] == "initialize";
    !progress && !ours && !initialize
}

fn to_local(value: &Value) -> Value {
    let text = value
        .to_string()
        .replace("\"/src/Controllers", "\"/home/ana/producer/Controllers");
    serde_json::from_str(&text).unwrap()
}

/// A recorded message of the debugger as the editor is to see it, but for its number.
fn expected(message: &Value) -> Value {
    let mut message = to_local(message);
    if message["command"] == "initialize" {
        message = json!({
            "type": "event", "event": "capabilities", "body": {"capabilities": message["body"]}
        });
    }
    if message["event"] == "capabilities" {
        let capabilities = message["body"]["capabilities"].as_object_mut().unwrap();
        if let Some(offer) = capabilities.get_mut("supportTerminateDebuggee") {
            *offer = json!(false);
        }
        if let Some(offer) = capabilities.get_mut("supportsTerminateRequest") {
            *offer = json!(false);
        }
    }
    without_seq(&message)
}

fn without_seq(message: &Value) -> Value {
    let mut message = message.clone();
    message.as_object_mut().unwrap().remove("seq");
    message
}

async fn a_whole_session(integer_seq: bool) {
    let mut play = Play::start(STEP, integer_seq).await;
    play.play().await;
    play.editor.rest().await;
    play.adapter.await.unwrap();
    play.adapter = tokio::spawn(async {});

    let messages = |from: &str| {
        let of = |entry: &&Value| entry["from"] == from && entry.get("message").is_some();
        let entries = play.recording.iter().filter(of);
        entries
            .map(|entry| entry["message"].clone())
            .collect::<Vec<_>>()
    };
    let seen: Vec<_> = play
        .editor
        .received
        .iter()
        .filter(|m| is_debuggers(m))
        .map(without_seq)
        .collect();
    let told: Vec<_> = messages("debugger").iter().map(expected).collect();
    assert_eq!(seen.len(), told.len());
    for (seen, told) in seen.iter().zip(&told) {
        assert_eq!(seen, told, "every message, in its order, with nothing lost");
    }

    let received = play.received_by_debugger();
    for (received, sent) in received.iter().zip(messages("editor")) {
        match received["command"].as_str().unwrap() {
            "attach" => assert_child(&received["arguments"]["processId"]),
            "disconnect" => assert_eq!(received["arguments"]["terminateDebuggee"], false),
            _ => assert_eq!(*received, sent, "with the container's paths"),
        }
    }
    assert_eq!(received.len(), messages("editor").len());
    play.until_detached().await;
}

/// The interpreter itself: what is on PATH may be a script that starts it.
fn real_python() -> PathBuf {
    let mut python = std::process::Command::new("python3");
    let output = python
        .args(["-c", "import sys; print(sys.executable, end='')"])
        .output()
        .unwrap();
    String::from_utf8(output.stdout).unwrap().into()
}

/// The process is the child of `dotnet run`, and not that one.
fn assert_child(pid: &Value) {
    let command = std::fs::read_to_string(format!("/proc/{pid}/cmdline")).unwrap();
    assert!(command.contains("Producer.dll"), "{command:?}");
}

#[tokio::test]
async fn a_recorded_session_with_seq_as_text() {
    a_whole_session(false).await;
}

#[tokio::test]
async fn a_recorded_session_with_seq_as_numbers() {
    a_whole_session(true).await;
}

#[tokio::test]
async fn a_failed_attach_is_explained() {
    let mut play = Play::start(NO_PROCESS, false).await;
    play.play().await;
    play.editor.rest().await;
    let failed = |message: &&Value| message["command"] == "configurationDone";
    let failed = play.editor.received.iter().find(failed).unwrap();
    assert_eq!(failed["success"], false);
    let format = failed["body"]["error"]["format"].as_str().unwrap();
    assert!(
        format.contains("0x80070057") && format.contains("belongs to another user"),
        "{format}"
    );
    play.until_detached().await;
}

#[tokio::test]
async fn a_killed_service_does_not_end_the_session() {
    let mut play = Play::start(KILLED, false).await;
    play.play().await;
    said(&mut play.editor, "azds lost the debugger").await;
    play.editor.good("disconnect", json!({})).await;
    play.editor.rest().await;
    let ends = ["exited", "terminated"];
    let ends = play
        .editor
        .received
        .iter()
        .find(|message| ends.iter().any(|end| message["event"] == *end));
    assert_eq!(
        ends, None,
        "the service starts again, and the session with it"
    );
}

#[tokio::test]
async fn a_closed_laptop_detaches_without_a_signal() {
    let mut play = Play::start(STEP, false).await;
    play.recording
        .truncate(play.recording.iter().position(is_threads).unwrap());
    play.play().await;
    play.editor.event("stopped").await;
    play.port_forward.abort();
    play.until_detached().await;
}

#[tokio::test]
async fn the_editors_end_detaches_without_a_signal() {
    let mut play = Play::start(STEP, false).await;
    play.recording
        .truncate(play.recording.iter().position(is_threads).unwrap());
    play.play().await;
    play.editor.event("stopped").await;
    let (gone, _) = tokio::io::duplex(1);
    play.editor = Editor::new(gone);
    play.adapter.await.unwrap();
    play.adapter = tokio::spawn(async {});
    play.until_detached().await;
}

#[tokio::test]
async fn no_request_of_an_editor_ends_the_service() {
    let mut play = Play::start(STEP, false).await;
    play.recording
        .truncate(play.recording.iter().position(is_threads).unwrap());
    play.play().await;
    play.editor.event("stopped").await;
    let refused = play.editor.ask("terminate", json!({})).await;
    assert_eq!(refused["success"], false);
    assert!(
        play.received_by_debugger()
            .iter()
            .all(|message| message["command"] != "terminate")
    );
    play.editor
        .send("disconnect", json!({"terminateDebuggee": true}))
        .await;
    drop(play.editor);
    play.adapter.await.unwrap();
    play.pod.until_free().await;
}

fn is_threads(entry: &Value) -> bool {
    entry["message"]["command"] == "threads"
}

#[tokio::test]
async fn a_debugger_that_cannot_run_says_why() {
    let mut play = Play::start(STEP, false).await;
    let program: PathBuf = play._folders[0].path().join("netcoredbg");
    let starts = play._folders[0].path().join("starts");
    let script = format!(
        "#!/bin/sh\necho >> {}\necho \"version GLIBC_2.99 not found\" >&2\nexit 1\n",
        starts.display()
    );
    // The head of a program, for a processor that no machine has.
    let mut other = b"\x7fELF\x02\x01".to_vec();
    other.resize(64, 0);
    play.editor
        .good("initialize", json!({"adapterID": "azds"}))
        .await;
    for (content, expected) in [
        (script.as_bytes(), "GLIBC_2.99"),
        (&other, "it was built for another processor"),
    ] {
        std::fs::write(&program, content).unwrap();
        let refused = play
            .editor
            .ask("attach", json!({"runtime": "dotnet"}))
            .await;
        assert_eq!(refused["success"], false);
        let message = refused["message"].as_str().unwrap();
        assert!(message.contains(expected), "{message}");
        // The pod keeps what it was sent.
        let sent = play.pod.agent_folder.path().join("debuggers");
        std::fs::remove_dir_all(sent).unwrap();
    }
    play.editor.good("disconnect", json!({})).await;
    let starts = std::fs::read_to_string(starts).unwrap().lines().count();
    assert_eq!(starts, 5, "it is tried again, and not for ever");
}
