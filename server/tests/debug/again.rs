//! Sessions that outlive the connection and the process of their service.

use std::sync::Arc;

use azds::agent::debug::Service as _;
use serde_json::json;

use crate::adapter;
use crate::editor::Editor;
use crate::pod::get;
use crate::python::{Producer, begin, line};

/// The next line of azds in the debug console with this in it.
pub async fn said(editor: &mut Editor, text: &str) -> String {
    loop {
        let output = editor.event("output").await;
        let line = output["output"].as_str().unwrap_or_default();
        if output["category"] == "important" && line.contains(text) {
            return line.to_owned();
        }
    }
}

#[tokio::test]
async fn a_session_outlives_its_connection() {
    let producer = Producer::start().await;
    let (connection, handle) = producer.pod.connect().await;
    let connection = Arc::new(std::sync::Mutex::new(connection));
    let (mut editor, adapter) = adapter(producer.services_over(&connection));
    let stopped = producer.stop_at_breakpoint(&mut editor, "attach").await;

    handle.abort();
    assert!(
        stopped.request.await.unwrap().contains("Monitor"),
        "nobody holds the service"
    );
    said(&mut editor, "the connection to the pod was lost").await;
    assert_eq!(editor.event("continued").await["allThreadsContinued"], true);
    let refused = editor
        .ask("stackTrace", json!({"threadId": stopped.thread}))
        .await;
    assert_eq!(refused["success"], false, "{refused}");

    let (again, _handle) = producer.pod.connect().await;
    *connection.lock().unwrap() = again;
    let set = editor.event("breakpoint").await;
    assert_eq!(set["breakpoint"]["verified"], true, "{set}");
    said(&mut editor, "attached again").await;
    assert_eq!(producer.pod.service.starts(), 2, "the service went on");
    let stopped = producer.stop(&mut editor).await;
    editor
        .good("continue", json!({"threadId": stopped.thread}))
        .await;
    stopped.request.await.unwrap();

    editor.good("disconnect", json!({})).await;
    editor.rest().await;
    adapter.await.unwrap();
    producer.assert_restored().await;
    let ended = editor
        .received
        .iter()
        .filter(|m| m["event"] == "terminated")
        .count();
    assert!(ended <= 1, "only the debugger's own, after disconnect");
}

#[tokio::test]
async fn a_service_whose_developer_is_gone_starts_as_it_was() {
    let producer = Producer::start().await;
    let (connection, handle) = producer.pod.connect().await;
    let (mut editor, adapter) = adapter(producer.services(connection));
    let stopped = producer.stop_at_breakpoint(&mut editor, "attach").await;
    drop(editor);
    handle.abort();
    assert!(stopped.request.await.unwrap().contains("Monitor"));
    adapter.await.unwrap();
    producer.assert_restored().await;
}

#[tokio::test]
async fn a_session_outlives_the_process_of_its_service() {
    let producer = Producer::start().await;
    let (connection, _handle) = producer.pod.connect().await;
    let (mut editor, adapter) = adapter(producer.services(connection));
    let stopped = producer.stop_at_breakpoint(&mut editor, "attach").await;
    editor
        .good("continue", json!({"threadId": stopped.thread}))
        .await;
    stopped.request.await.unwrap();

    // `os._exit` after the answer, where the breakpoint is in the way.
    let port = producer.port;
    let ending = tokio::spawn(async move { get(port, "/end").await });
    let thread = editor.event("stopped").await["threadId"].clone();
    editor.good("continue", json!({"threadId": thread})).await;
    let _ = ending.await.unwrap();
    said(&mut editor, "azds lost the debugger").await;
    said(&mut editor, "attached again").await;
    let stopped = producer.stop(&mut editor).await;
    editor.good("disconnect", json!({})).await;
    stopped.request.await.unwrap();
    editor.rest().await;
    adapter.await.unwrap();
    producer.assert_restored_after(5).await;
    let exited = editor
        .received
        .iter()
        .filter(|m| m["event"] == "exited")
        .count();
    assert_eq!(exited, 0, "the editor's session went on");
}

/// What the service is restarted after, as an `up` beside the session does.
#[derive(Debug)]
enum After {
    Initialized,
    Breakpoints,
}

#[tokio::test]
async fn a_session_that_has_not_begun_begins_with_the_service_that_is_restarted() {
    for after in [After::Initialized, After::Breakpoints] {
        let producer = Producer::start().await;
        let (connection, _handle) = producer.pod.connect().await;
        let (mut editor, adapter) = adapter(producer.services(connection));
        let attach = begin(&mut editor, "attach", producer.folder.path()).await;
        editor.event("initialized").await;
        let breakpoints =
            json!({"source": {"path": producer.file()}, "breakpoints": [{"line": line()}]});
        if let After::Breakpoints = after {
            editor.good("setBreakpoints", breakpoints.clone()).await;
        }
        producer.pod.service.restore().await.unwrap();
        said(&mut editor, "azds lost the debugger").await;
        if let After::Initialized = after {
            editor.good("setBreakpoints", breakpoints).await;
        }
        editor.good("configurationDone", json!({})).await;
        let attached = editor.response(attach).await;
        assert_eq!(attached["success"], true, "{after:?}: {attached}");
        let stopped = producer.stop(&mut editor).await;
        editor.good("disconnect", json!({})).await;
        stopped.request.await.unwrap();
        editor.rest().await;
        adapter.await.unwrap();
        let told = |event: &str| {
            let them = editor.received.iter().filter(|m| m["event"] == event);
            them.count()
        };
        assert_eq!(told("initialized"), 1, "{after:?}");
        producer.assert_restored_after(5).await;
    }
}
