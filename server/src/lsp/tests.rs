//! Conversations with the real server.

mod editor;
mod features;
mod flood;
mod service;

use futures_util::FutureExt;
use futures_util::future::ready;
use serde_json::{Value as Json, json};

use super::End;
use super::commands::{self, Commands};
use crate::commands::trouble::Troubles;
use crate::failure::Failure;
use editor::Editor;

/// A folder that is not there, and its azds.yaml as an editor calls it.
#[cfg(unix)]
const NOWHERE: &str = "/nowhere";
#[cfg(unix)]
const URI: &str = "file:///nowhere/azds.yaml";
#[cfg(windows)]
const NOWHERE: &str = "C:\\nowhere";
#[cfg(windows)]
const URI: &str = "file:///C:/nowhere/azds.yaml";

/// Commands that stand for those that need a cluster.
const COMMANDS: Commands = Commands {
    names: &[
        "test.ask",
        "test.echo",
        "test.fail",
        "test.panic",
        "test.wait",
    ],
    run: |name, argument, progress, _| {
        async move {
            let step = progress.begin("working");
            match name.as_str() {
                "test.ask" => Ok(json!(progress.confirm("Is it?").await)),
                "test.echo" => Ok(argument),
                "test.panic" => panic!("as the test wants it"),
                "test.wait" => {
                    step.say("waiting");
                    progress.cancellation().cancelled().await;
                    Err(Failure::new(
                        "the wait did not end",
                        "test",
                        "it was cancelled",
                    ))
                }
                _ => {
                    Err(Failure::new("it did not work", "test", "it never does").try_to("Try not."))
                }
            }
        }
        .boxed()
    },
    look: |_, _| ready(Ok(Troubles::new())).boxed(),
};

fn with_progress() -> Json {
    json!({"window": {"workDoneProgress": true}})
}

fn execute(command: &str, argument: Json) -> Json {
    json!({"command": command, "arguments": [argument]})
}

#[tokio::test]
async fn open_a_broken_file_fix_it_close_it() {
    let (mut editor, _) = Editor::start(COMMANDS, json!({})).await;
    editor
        .open(URI, "# a service\nbuild:\n  useGitIgnor: true\n")
        .await;

    let shown = editor.expect("textDocument/publishDiagnostics").await;
    let diagnostic = &shown["params"]["diagnostics"][0];
    assert_eq!(shown["params"]["version"], 1);
    assert_eq!(
        shown["params"]["diagnostics"].as_array().map(Vec::len),
        Some(1)
    );
    assert_eq!(diagnostic["code"], "unknown-key");
    assert_eq!(diagnostic["severity"], 1);
    assert_eq!(
        diagnostic["range"],
        json!({"start": {"line": 2, "character": 2}, "end": {"line": 2, "character": 13}})
    );
    let href = diagnostic["codeDescription"]["href"]
        .as_str()
        .unwrap_or_default();
    assert!(href.ends_with("/docs/diagnostics.md#unknown-key"), "{href}");

    let params = json!({
        "textDocument": {"uri": URI},
        "range": diagnostic["range"],
        "context": {"diagnostics": [diagnostic]},
    });
    let actions = editor.ask("textDocument/codeAction", params).await;
    let action = &actions["result"][0];
    assert_eq!(action["title"], "Change to `useGitIgnore`");
    assert_eq!(action["kind"], "quickfix");
    let edit = &action["edit"]["changes"][URI][0];
    let change = json!([{"range": edit["range"], "text": edit["newText"]}]);
    editor.change(URI, 2, change).await;

    let shown = editor.expect("textDocument/publishDiagnostics").await;
    assert_eq!(
        shown["params"],
        json!({"uri": URI, "diagnostics": [], "version": 2})
    );

    editor
        .notify(
            "textDocument/didClose",
            json!({"textDocument": {"uri": URI}}),
        )
        .await;
    let cleared = editor.expect("textDocument/publishDiagnostics").await;
    assert_eq!(cleared["params"], json!({"uri": URI, "diagnostics": []}));
    editor.end().await;
}

#[tokio::test]
async fn other_files_are_not_spoken_of() {
    let (mut editor, _) = Editor::start(COMMANDS, json!({})).await;
    editor.open("file:///nowhere/other.yaml", "a: [").await;
    editor.open("untitled:azds.yaml", "a: [").await;
    editor
        .open("file:///nowhere/azds.yaml", "kind: Service\nspec: [")
        .await;
    editor.open("file:///nowhere/values.dev.yaml", "a: [").await;
    let shown = editor.expect("textDocument/publishDiagnostics").await;
    assert_eq!(shown["params"]["uri"], "file:///nowhere/values.dev.yaml");
    editor
        .notify(
            "textDocument/didClose",
            json!({"textDocument": {"uri": "untitled:azds.yaml"}}),
        )
        .await;
    editor.end().await;
}

#[tokio::test]
async fn columns_are_those_that_were_agreed_on() {
    for (offered, agreed, character) in [
        (json!(["utf-8", "utf-16"]), "utf-8", 9),
        (json!(["utf-32", "utf-16"]), "utf-16", 7),
    ] {
        let capabilities = json!({"general": {"positionEncodings": offered}});
        let (mut editor, result) = Editor::start(COMMANDS, capabilities).await;
        assert_eq!(result["capabilities"]["positionEncoding"], agreed);
        editor.open(URI, "{'😀': 1, build: {}}").await;
        let shown = editor.expect("textDocument/publishDiagnostics").await;
        let range = &shown["params"]["diagnostics"][0]["range"];
        assert_eq!(range["end"]["character"], character - 2, "{shown}");
        editor.end().await;
    }
}

#[tokio::test]
async fn what_is_offered_can_be_run() {
    let (mut editor, offered) = Editor::start(commands::ALL, json!({})).await;
    for name in offered["capabilities"]["executeCommandProvider"]["commands"]
        .as_array()
        .expect("a list")
    {
        let name = name.as_str().expect("a name");
        let params = execute(name, json!(1));
        let answer = editor.ask("workspace/executeCommand", params).await;
        let failure = &answer["error"]["data"];
        assert_eq!(failure["object"], "its argument", "{name}: {answer}");
    }
    editor.end().await;
}

#[tokio::test]
async fn a_command_shows_its_progress_and_answers() {
    let (mut editor, result) = Editor::start(COMMANDS, with_progress()).await;
    let offered = &result["capabilities"]["executeCommandProvider"]["commands"];
    assert_eq!(*offered, json!(COMMANDS.names));

    let id = editor
        .request(
            "workspace/executeCommand",
            execute("test.echo", json!({"a": 1})),
        )
        .await;
    let create = editor.expect("window/workDoneProgress/create").await;
    let token = create["params"]["token"].clone();
    assert!(
        token.is_string(),
        "not every editor takes a number: {token}"
    );
    editor.answer(&create).await;

    let (mut kinds, mut answer) = (Vec::new(), Json::Null);
    while kinds.last() != Some(&json!("end")) || answer.is_null() {
        let message = editor.next().await;
        if message["method"] == "$/progress" {
            assert_eq!(message["params"]["token"], token);
            kinds.push(message["params"]["value"]["kind"].clone());
        } else {
            assert_eq!(message["id"], id);
            answer = message["result"].clone();
        }
    }
    assert_eq!(kinds, ["begin", "report", "end"]);
    assert_eq!(answer, json!({"a": 1}));
    editor.end().await;
}

#[tokio::test]
async fn a_progress_that_the_editor_refuses_is_never_begun() {
    let (mut editor, _) = Editor::start(COMMANDS, with_progress()).await;
    let id = editor
        .request("workspace/executeCommand", execute("test.echo", json!(7)))
        .await;
    let create = editor.expect("window/workDoneProgress/create").await;
    let error = json!({"code": -32603, "message": "no room"});
    editor
        .send(json!({"jsonrpc": "2.0", "id": create["id"], "error": error}))
        .await;
    let answer = editor.next().await;
    assert_eq!((&answer["id"], &answer["result"]), (&json!(id), &json!(7)));
    editor.end().await;
}

#[tokio::test]
async fn a_question_is_the_editors_to_ask() {
    let (mut editor, _) = Editor::start(COMMANDS, json!({})).await;
    for (result, expected) in [
        (json!({"title": "Yes, Go On"}), json!(true)),
        (json!({"title": "No"}), json!(false)),
        (Json::Null, json!(false)),
    ] {
        let command = execute("test.ask", Json::Null);
        let id = editor.request("workspace/executeCommand", command).await;
        let asked = editor.expect("window/showMessageRequest").await;
        assert_eq!(asked["params"]["message"], "Is it?");
        assert_eq!(asked["params"]["actions"][0]["title"], "Yes, Go On");
        let answer = json!({"jsonrpc": "2.0", "id": asked["id"], "result": result});
        editor.send(answer).await;
        let answer = editor.next().await;
        assert_eq!((&answer["id"], &answer["result"]), (&json!(id), &expected));
    }
    editor.end().await;
}

#[tokio::test]
async fn a_failure_says_what_why_and_what_to_try() {
    let (mut editor, _) = Editor::start(COMMANDS, json!({})).await;
    let answer = editor
        .ask("workspace/executeCommand", execute("test.fail", json!({})))
        .await;
    assert_eq!(
        answer["error"],
        json!({
            "code": -32803,
            "message": "it did not work: test: it never does. Try not.",
            "data": {"what": "it did not work", "object": "test", "why": "it never does", "try": "Try not."},
        })
    );
    editor.end().await;
}

#[tokio::test]
async fn a_fault_of_ours_is_answered_too() {
    let (mut editor, _) = Editor::start(COMMANDS, json!({})).await;
    let params = execute("test.panic", json!({}));
    let answer = editor.ask("workspace/executeCommand", params).await;
    assert_eq!(answer["error"]["data"]["audience"], "us", "{answer}");
    editor.end().await;
}

#[tokio::test]
async fn an_operation_ends_when_its_progress_is_cancelled() {
    let (mut editor, _) = Editor::start(COMMANDS, json!({})).await;
    let mut params = execute("test.wait", json!({}));
    params["workDoneToken"] = json!("mine");
    let id = editor.request("workspace/executeCommand", params).await;
    editor
        .notify("window/workDoneProgress/cancel", json!({"token": "mine"}))
        .await;
    let mut ended = false;
    let mut answered = false;
    while !(ended && answered) {
        let message = editor.next().await;
        ended |= message["params"]["value"]["kind"] == "end";
        if message["id"] == id {
            assert_eq!(message["error"]["code"], -32800, "{message}");
            answered = true;
        }
    }
    editor.end().await;
}

#[tokio::test]
async fn an_operation_ends_when_its_request_is_cancelled() {
    let (mut editor, _) = Editor::start(COMMANDS, json!({})).await;
    let mut params = execute("test.wait", json!({}));
    params["workDoneToken"] = json!(1);
    let id = editor.request("workspace/executeCommand", params).await;
    while editor.expect("$/progress").await["params"]["value"]["message"] != "waiting" {}
    editor.notify("$/cancelRequest", json!({"id": id})).await;
    let mut kinds = Vec::new();
    for _ in 0..2 {
        let message = editor.next().await;
        kinds.push(message["params"]["value"]["kind"].clone());
        if message["id"] == id {
            assert_eq!(message["error"]["code"], -32800, "{message}");
        }
    }
    assert!(kinds.contains(&json!("end")), "{kinds:?}");
    editor.end().await;
}

#[tokio::test]
async fn what_is_not_understood_is_said_and_the_conversation_goes_on() {
    let mut editor = Editor::connect(COMMANDS);
    let early = editor.ask("textDocument/codeAction", json!({})).await;
    assert_eq!(early["error"]["code"], -32002, "{early}");
    editor.ask("initialize", json!({"capabilities": {}})).await;
    let unknown = editor.ask("azds/dance", json!({})).await;
    assert_eq!(unknown["error"]["code"], -32601, "{unknown}");
    let wrong = editor
        .ask("textDocument/codeAction", json!({"textDocument": 1}))
        .await;
    assert_eq!(wrong["error"]["code"], -32602, "{wrong}");
    editor.notify("azds/dance", json!({})).await;
    editor.notify("$/dance", json!({})).await;
    editor
        .send(json!({"jsonrpc": "2.0", "id": 99, "result": null}))
        .await;
    editor.send(json!([1])).await;
    let neither = editor.next().await;
    assert_eq!(neither["error"]["code"], -32600, "{neither}");
    editor.end().await;
}

#[tokio::test]
async fn an_end_without_shutdown_is_abrupt() {
    let (mut editor, _) = Editor::start(COMMANDS, json!({})).await;
    editor.notify("exit", Json::Null).await;
    assert_eq!(editor.ended().await, End::Abrupt);

    let (mut editor, _) = Editor::start(COMMANDS, json!({})).await;
    editor
        .request("workspace/executeCommand", execute("test.wait", json!({})))
        .await;
    assert_eq!(editor.vanish().await, End::Abrupt);
}
