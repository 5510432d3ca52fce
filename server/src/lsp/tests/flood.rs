//! More at once than an editor reads.

use serde_json::{Value as Json, json};

use super::editor::Editor;
use super::{COMMANDS, URI, execute, with_progress};

/// Requests that wait for the editor, and the editor does not even read until it has sent all it
/// has to send. `tower_lsp::Server` hangs here.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thousand_waiting_requests_and_five_thousand_changes() {
    const REQUESTS: i64 = 1000;
    const CHANGES: i32 = 5000;
    let letter = |at: i32| char::from(b'a' + u8::try_from(at * 7 % 26).expect("less than 26"));
    let (mut editor, _) = Editor::start(COMMANDS, with_progress()).await;
    editor
        .open(URI, "# a service\nbuild: {args: {a: $(x)}}\n")
        .await;
    let column = "build: {args: {a: $(x".len();

    let mut cancelled = Vec::new();
    for at in 0..CHANGES {
        let end = json!({"line": 1, "character": column + at as usize});
        let change = json!([{"range": {"start": end, "end": end}, "text": letter(at)}]);
        editor.change(URI, at + 2, change).await;
        if at % 5 == 0 {
            let params = execute("test.echo", json!(at));
            let id = editor.request("workspace/executeCommand", params).await;
            if at % 100 == 0 {
                editor.notify("$/cancelRequest", json!({"id": id})).await;
                cancelled.push(id);
            }
        }
    }

    let (mut creates, mut answered, mut shown) = (Vec::new(), 0, 0);
    let mut ends = 0;
    let last = CHANGES + 1;
    while creates.len() < REQUESTS as usize || shown < last {
        let message = editor.next().await;
        match message["method"].as_str() {
            Some("window/workDoneProgress/create") => creates.push(message),
            Some("textDocument/publishDiagnostics") => shown = fresh(&message, shown, letter),
            None => {
                assert!(
                    cancelled.contains(&message["id"].as_i64().expect("ours")),
                    "{message}"
                );
                assert_eq!(message["error"]["code"], -32800);
                answered += 1;
            }
            Some(_) => panic!("{message}"),
        }
    }
    assert_eq!(answered, cancelled.len() as i64);
    for create in creates.iter().rev() {
        editor.answer(create).await;
    }
    let kept = REQUESTS - answered;
    while answered < REQUESTS || ends < kept {
        let message = editor.next().await;
        if message["method"] == "$/progress" {
            ends += i64::from(message["params"]["value"]["kind"] == "end");
        } else {
            assert!(message["result"].is_i64(), "{message}");
            answered += 1;
        }
    }
    editor.end().await;
}

/// Checks that diagnostics are newer than the last ones and those of the text that had their
/// version: the token's name is all letters in their order. Gives the version.
fn fresh(message: &Json, last: i32, letter: impl Fn(i32) -> char) -> i32 {
    let version = message["params"]["version"].as_i64().expect("it has one") as i32;
    assert!(version > last, "{version} after {last}");
    let letters: String = (0..version - 1).map(letter).collect();
    let text = message["params"]["diagnostics"][0]["message"]
        .as_str()
        .unwrap_or_default();
    assert!(
        text.contains(&format!("$(x{letters})")),
        "version {version}: {text}"
    );
    version
}
