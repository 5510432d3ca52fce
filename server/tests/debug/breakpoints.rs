//! What passes through to debugpy: all kinds of breakpoints, and the very first lines of a service.

use serde_json::{Value, json};

use crate::adapter;
use crate::editor::Editor;
use crate::pod::get;
use crate::python::{Producer, SERVICE, line};

/// Attaches with these arguments and breakpoints, up to the answer of `configurationDone`.
async fn attach(producer: &Producer, editor: &mut Editor, more: Value, breakpoints: Value) {
    editor
        .good(
            "initialize",
            json!({"adapterID": "azds", "clientID": "test"}),
        )
        .await;
    let mut arguments = json!({"folder": producer.folder.path()});
    for (name, value) in more.as_object().into_iter().flatten() {
        arguments[name] = value.clone();
    }
    let attached = editor.send("attach", arguments).await;
    editor.event("initialized").await;
    set(producer, editor, breakpoints).await;
    editor.good("configurationDone", json!({})).await;
    assert_eq!(editor.response(attached).await["success"], true);
}

async fn set(producer: &Producer, editor: &mut Editor, breakpoints: Value) {
    let source = json!({"path": producer.file()});
    let asked = json!({"source": source, "breakpoints": breakpoints});
    let set = editor.good("setBreakpoints", asked).await;
    for breakpoint in set["breakpoints"].as_array().into_iter().flatten() {
        assert_eq!(breakpoint["verified"], true, "{set}");
    }
}

async fn go_on(editor: &mut Editor, stopped: &Value) {
    let thread = json!({"threadId": stopped["threadId"]});
    editor.good("continue", thread).await;
}

#[tokio::test]
async fn conditions_log_points_and_exceptions_pass_through() {
    let producer = Producer::start().await;
    let (connection, _handle) = producer.pod.connect().await;
    let (mut editor, adapter) = adapter(producer.services(connection));
    attach(&producer, &mut editor, json!({}), json!([])).await;
    crate::pod::get_when_up(producer.port, "/").await;

    let (line, port) = (line(), producer.port);
    for (breakpoint, stops, output) in [
        (json!({"line": line, "condition": "total == 3"}), false, ""),
        (json!({"line": line, "condition": "total == 2"}), true, ""),
        (json!({"line": line, "hitCondition": "5"}), false, ""),
        (
            json!({"line": line, "logMessage": "the total is {total}"}),
            false,
            "the total is 2",
        ),
    ] {
        set(&producer, &mut editor, json!([breakpoint])).await;
        let asked = tokio::spawn(async move { get(port, "/").await });
        if stops {
            let stopped = editor.event("stopped").await;
            assert_eq!(stopped["reason"], "breakpoint");
            go_on(&mut editor, &stopped).await;
        }
        let answer = asked.await.unwrap().expect("the service answers");
        assert!(answer.contains("Monitor"), "{breakpoint}");
        while !output.is_empty() {
            let said = editor.event("output").await;
            if said["output"].as_str().unwrap_or_default().contains(output) {
                break;
            }
        }
    }
    set(&producer, &mut editor, json!([])).await;

    editor
        .good("setExceptionBreakpoints", json!({"filters": ["raised"]}))
        .await;
    let asked = tokio::spawn(async move { get(port, "/raise").await });
    let stopped = editor.event("stopped").await;
    assert_eq!(stopped["reason"], "exception");
    let thread = json!({"threadId": stopped["threadId"]});
    let info = editor.good("exceptionInfo", thread).await;
    assert!(
        info["exceptionId"].as_str().unwrap().contains("ValueError"),
        "{info}"
    );
    editor
        .good("setExceptionBreakpoints", json!({"filters": []}))
        .await;
    go_on(&mut editor, &stopped).await;
    let _ = asked.await.unwrap();

    editor.good("disconnect", json!({})).await;
    editor.rest().await;
    adapter.await.unwrap();
    producer.assert_restored().await;
}

#[tokio::test]
async fn the_first_lines_of_a_service_are_debugged() {
    let producer = Producer::start().await;
    let start = 1 + SERVICE
        .lines()
        .position(|line| line.contains("serve_forever"))
        .unwrap();
    let (connection, _handle) = producer.pod.connect().await;
    let (mut editor, adapter) = adapter(producer.services(connection));
    let entry = json!({"stopOnEntry": true});
    attach(&producer, &mut editor, entry, json!([{"line": start}])).await;

    // Python counts what comes before a module's first line as its line 0.
    for expected in [0..=1, start..=start] {
        let stopped = editor.event("stopped").await;
        let thread = json!({"threadId": stopped["threadId"]});
        let frames = editor.good("stackTrace", thread).await;
        let frames = frames["stackFrames"].as_array().unwrap().clone();
        let line = frames[0]["line"].as_u64().unwrap();
        assert!(expected.contains(&usize::try_from(line).unwrap()), "{line}");
        assert_eq!(
            frames.len(),
            1,
            "nothing of the debugger is shown: {frames:#?}"
        );
        go_on(&mut editor, &stopped).await;
    }
    editor.good("disconnect", json!({})).await;
    editor.rest().await;
    adapter.await.unwrap();
    producer.assert_restored().await;
}
