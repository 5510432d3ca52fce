//! The real debugpy and a real Python service.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use azds::commands::debugger::Installed;
use serde_json::{Value, json};
use tokio::sync::{Mutex, MutexGuard};
use tokio::task::JoinHandle;

use crate::adapter;
use crate::editor::Editor;
use crate::pod::{HELD, Http, LocalService, OnePod, Pod, get_when_up};
use crate::schema::DEBUGPY;

/// debugpy listens on one port of the pod, and here all pods are this machine.
static ONE_AT_A_TIME: Mutex<()> = Mutex::const_new(());

/// A Python service in a pod, and a copy of its folder as the developer has it.
pub struct Producer {
    pub pod: Pod,
    pub port: u16,
    pub folder: tempfile::TempDir,
    container: tempfile::TempDir,
    debugpy: Installed,
    _turn: MutexGuard<'static, ()>,
}

impl Producer {
    pub async fn start() -> Producer {
        Producer::start_with(Duration::ZERO).await
    }

    /// For the time of `rest` the service stays under its debugger after a session.
    async fn start_with(rest: Duration) -> Producer {
        let turn = ONE_AT_A_TIME.lock().await;
        let debugpy = DEBUGPY.clone();
        let (folder, container) = (copy(), copy());
        let port = free_port();
        let command = ["python3", "app.py", &port.to_string()];
        let service = LocalService::start(&command, container.path()).await;
        get_when_up(port, "/").await;
        let pod = Pod::new(service, rest);
        Producer {
            pod,
            port,
            folder,
            container,
            debugpy,
            _turn: turn,
        }
    }

    pub fn services(&self, connection: Http) -> OnePod {
        self.services_over(&Arc::new(std::sync::Mutex::new(connection)))
    }

    pub fn services_over(&self, connection: &Arc<std::sync::Mutex<Http>>) -> OnePod {
        OnePod {
            connection: Arc::clone(connection),
            folder: self.folder.path().to_owned(),
            debugger: Some(self.debugpy.clone()),
        }
    }

    pub fn file(&self) -> String {
        self.folder.path().join("app.py").display().to_string()
    }

    /// Attaches, up to the point where the service waits at the breakpoint for the returned request.
    pub async fn stop_at_breakpoint(&self, editor: &mut Editor, command: &str) -> Stopped {
        let attach = begin(editor, command, self.folder.path()).await;
        editor.event("initialized").await;
        let breakpoints = editor
            .good(
                "setBreakpoints",
                json!({"source": {"path": self.file()}, "breakpoints": [{"line": line()}]}),
            )
            .await;
        assert_eq!(
            breakpoints["breakpoints"][0]["verified"], true,
            "{breakpoints}"
        );
        assert_eq!(breakpoints["breakpoints"][0]["source"]["path"], self.file());
        editor.good("configurationDone", json!({})).await;
        let attached = editor.response(attach).await;
        assert_eq!(
            (&attached["success"], &attached["command"]),
            (&json!(true), &json!(command))
        );

        self.stop(editor).await
    }

    /// Asks the service, which stops at the breakpoint.
    pub async fn stop(&self, editor: &mut Editor) -> Stopped {
        let port = self.port;
        let request = tokio::spawn(async move { get_when_up(port, "/").await });
        let stopped = editor.event("stopped").await;
        assert_eq!(stopped["reason"], "breakpoint");
        let held = self.pod.agent_folder.path().join(HELD);
        assert!(held.exists(), "probes must know that the service is held");
        Stopped {
            thread: stopped["threadId"].clone(),
            request,
        }
    }

    /// The service runs as it did before any session, and nothing of the debugger is left.
    pub async fn assert_restored(&self) {
        self.assert_restored_after(3).await;
    }

    /// The same after so many starts.
    pub async fn assert_restored_after(&self, starts: u32) {
        self.pod.until_free().await;
        assert!(!self.pod.agent_folder.path().join(HELD).exists());
        assert!(get_when_up(self.port, "/").await.contains("Monitor"));
        assert_eq!(
            self.pod.service.starts(),
            starts,
            "once, under the debugger, and once more"
        );
        let debugger = self.pod.agent_folder.path().display().to_string();
        for _ in 0..500 {
            if !commands_with(&debugger) {
                return;
            }
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
        panic!("debugpy still runs");
    }
}

pub struct Stopped {
    pub thread: Value,
    pub request: JoinHandle<String>,
}

pub async fn begin(editor: &mut Editor, command: &str, folder: &Path) -> i64 {
    let client = json!({
        "adapterID": "azds", "clientID": "test", "clientName": "Test",
        "supportsProgressReporting": true, "vendorOption": [1.5, null],
    });
    let capabilities = editor.good("initialize", client).await;
    assert_eq!(capabilities["supportsConfigurationDoneRequest"], true);
    editor
        .send(
            command,
            json!({"folder": folder, "type": "azds", "request": command}),
        )
        .await
}

#[tokio::test]
async fn a_breakpoint_in_a_python_service() {
    let producer = Producer::start().await;
    let (connection, _handle) = producer.pod.connect().await;
    let (mut editor, adapter) = adapter(producer.services(connection));
    let stopped = producer.stop_at_breakpoint(&mut editor, "attach").await;

    let thread = &stopped.thread;
    let stack = editor.good("stackTrace", json!({"threadId": thread})).await;
    let top = &stack["stackFrames"][0];
    assert_eq!(top["source"]["path"], producer.file());
    assert_eq!(top["line"], line());
    assert!(top["name"].as_str().unwrap().ends_with("do_GET"), "{top}");

    let scopes = editor.good("scopes", json!({"frameId": top["id"]})).await;
    let locals = &scopes["scopes"][0]["variablesReference"];
    let variables = editor
        .good("variables", json!({"variablesReference": locals}))
        .await;
    let total = variables["variables"]
        .as_array()
        .unwrap()
        .iter()
        .find(|v| v["name"] == "total");
    assert_eq!(total.unwrap()["value"], "2");

    editor.good("continue", json!({"threadId": thread})).await;
    assert!(stopped.request.await.unwrap().contains("Monitor"));

    // It would end the service if it got through.
    let body = editor
        .ask("disconnect", json!({"terminateDebuggee": true}))
        .await;
    assert_eq!(body["success"], true);
    editor.rest().await;
    adapter.await.unwrap();
    producer.assert_restored().await;
    let container = producer.container.path().display().to_string();
    let said = editor.received.iter().find(|message| {
        let said = message["body"]["output"].as_str().unwrap_or_default();
        said.contains("azds debugs python in producer-1: process")
            && said.contains(&format!(
                "{container} is {}",
                producer.folder.path().display()
            ))
    });
    assert!(
        said.is_some(),
        "the person is told what the session goes by"
    );
    let sources = editor
        .received
        .iter()
        .filter(|message| message["event"] != "module" && Some(*message) != said);
    let told = sources
        .map(Value::to_string)
        .find(|text| text.contains(&container));
    assert_eq!(
        told, None,
        "the editor never sees a source by its path in the container"
    );
}

#[tokio::test]
async fn a_debugger_of_an_image_is_used_by_who_has_none() {
    let producer = Producer::start().await;
    let (connection, _handle) = producer.pod.connect().await;
    let mut services = producer.services(connection);
    let debugpy = services.debugger.take().expect("the producer has it");
    let (mut editor, refused) = adapter(services);
    let attach = begin(&mut editor, "attach", producer.folder.path()).await;
    assert_eq!(editor.response(attach).await["success"], false);
    editor.good("disconnect", json!({})).await;
    refused.await.unwrap();

    // As `azds-agent debuggers` leaves it.
    let name = debugpy.stored_as();
    let archive = debugpy.archive(&name).unwrap();
    let debuggers = producer.pod.agent_folder.path().join("debuggers");
    tar::Archive::new(archive.as_slice())
        .unpack(debuggers)
        .unwrap();
    let (connection, _handle) = producer.pod.connect().await;
    let mut services = producer.services(connection);
    services.debugger = None;
    let (mut editor, adapter) = adapter(services);
    let stopped = producer.stop_at_breakpoint(&mut editor, "attach").await;
    editor.good("disconnect", json!({})).await;
    assert!(stopped.request.await.unwrap().contains("Monitor"));
    adapter.await.unwrap();
    producer.pod.until_free().await;
}

#[tokio::test]
async fn disconnecting_at_a_breakpoint_lets_the_request_through() {
    let producer = Producer::start().await;
    let (connection, _handle) = producer.pod.connect().await;
    let (mut editor, adapter) = adapter(producer.services(connection));
    let stopped = producer.stop_at_breakpoint(&mut editor, "launch").await;

    let titles: Vec<_> = editor
        .received
        .iter()
        .filter(|message| message["event"] == "progressStart")
        .map(|message| message["body"]["title"].clone())
        .collect();
    assert!(
        titles[0].as_str().unwrap().starts_with("Up in "),
        "{titles:?}"
    );
    let count = |name| {
        editor
            .received
            .iter()
            .filter(|message| message["event"] == name)
            .count()
    };
    assert_eq!(count("progressStart"), count("progressEnd"));

    editor.good("disconnect", json!({})).await;
    assert!(stopped.request.await.unwrap().contains("Monitor"));
    editor.rest().await;
    adapter.await.unwrap();
    producer.assert_restored().await;
}

#[tokio::test]
async fn a_second_developer_is_told_who_debugs() {
    let producer = Producer::start().await;
    let (first_connection, _first) = producer.pod.connect().await;
    let (mut first, first_adapter) = adapter(producer.services(first_connection));
    let stopped = producer.stop_at_breakpoint(&mut first, "attach").await;

    let (second_connection, _second) = producer.pod.connect().await;
    let (mut second, second_adapter) = adapter(producer.services(second_connection));
    let attach = begin(&mut second, "attach", producer.folder.path()).await;
    let refused = second.response(attach).await;
    assert_eq!(refused["success"], false);
    let error = &refused["body"]["error"];
    assert_eq!(error["showUser"], true);
    let name = producer.pod.debug.debugged_by().expect("the first session");
    assert!(error["format"].as_str().unwrap().contains(&name), "{error}");
    second.good("disconnect", json!({})).await;
    second_adapter.await.unwrap();

    first
        .good("continue", json!({"threadId": stopped.thread}))
        .await;
    assert!(
        stopped.request.await.unwrap().contains("Monitor"),
        "the first session goes on"
    );

    // Whoever starts again at once waits for the old debugger instead of being refused.
    first.good("disconnect", json!({})).await;
    first_adapter.await.unwrap();
    let (connection, _again) = producer.pod.connect().await;
    let (mut again, again_adapter) = adapter(producer.services(connection));
    let stopped = producer.stop_at_breakpoint(&mut again, "attach").await;
    again.good("disconnect", json!({})).await;
    assert!(stopped.request.await.unwrap().contains("Monitor"));
    again_adapter.await.unwrap();
    producer.pod.until_free().await;
}

#[tokio::test]
async fn the_next_session_finds_the_process_of_the_last() {
    let producer = Producer::start_with(Duration::from_secs(60)).await;
    for _ in 0..2 {
        let (connection, _handle) = producer.pod.connect().await;
        let (mut editor, adapter) = adapter(producer.services(connection));
        let stopped = producer.stop_at_breakpoint(&mut editor, "attach").await;
        editor.good("disconnect", json!({})).await;
        assert!(stopped.request.await.unwrap().contains("Monitor"));
        adapter.await.unwrap();
        producer.pod.until_free().await;
        assert!(!producer.pod.agent_folder.path().join(HELD).exists());
        assert_eq!(producer.pod.service.starts(), 2, "once under the debugger");
    }
    let (connection, _handle) = producer.pod.connect().await;
    let (mut editor, adapter) = adapter(producer.services(connection));
    let entry = json!({"folder": producer.folder.path(), "stopOnEntry": true});
    editor
        .good("initialize", json!({"adapterID": "azds"}))
        .await;
    let attach = editor.send("attach", entry).await;
    editor.event("initialized").await;
    editor.good("configurationDone", json!({})).await;
    assert_eq!(editor.response(attach).await["success"], true);
    editor.event("stopped").await;
    // As it was, and under its debugger from its first line.
    assert_eq!(producer.pod.service.starts(), 4);
    editor.good("disconnect", json!({})).await;
    adapter.await.unwrap();
}

fn copy() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("app.py"), SERVICE).unwrap();
    folder
}

pub const SERVICE: &str = include_str!("service/app.py");

pub fn line() -> usize {
    1 + SERVICE
        .lines()
        .position(|line| line.ends_with("# breakpoint"))
        .unwrap()
}

fn free_port() -> u16 {
    std::net::TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .port()
}

/// Whether the command line of a process has this text.
fn commands_with(text: &str) -> bool {
    std::fs::read_dir("/proc").unwrap().flatten().any(|entry| {
        std::fs::read(entry.path().join("cmdline"))
            .is_ok_and(|command| String::from_utf8_lossy(&command).contains(text))
    })
}
