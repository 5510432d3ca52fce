//! What an editor asks of a document, as it crosses the wire.

use serde_json::{Value as Json, json};

use super::editor::{Editor, uri};
use super::{COMMANDS, NOWHERE, URI};

fn document() -> Json {
    json!({"uri": URI})
}

fn at(line: u32, character: u32) -> Json {
    json!({"textDocument": document(), "position": {"line": line, "character": character}})
}

/// An editor that asks for diagnostics, so that none are sent.
fn pulling() -> Json {
    json!({"textDocument": {"diagnostic": {}}})
}

#[tokio::test]
async fn a_document_is_asked() {
    let (mut editor, offered) = Editor::start(COMMANDS, pulling()).await;
    let offered = &offered["capabilities"];
    for provider in [
        "hoverProvider",
        "completionProvider",
        "definitionProvider",
        "documentLinkProvider",
        "documentSymbolProvider",
        "foldingRangeProvider",
        "selectionRangeProvider",
        "documentFormattingProvider",
        "codeLensProvider",
        "codeActionProvider",
        "diagnosticProvider",
    ] {
        assert!(!offered[provider].is_null(), "{provider}: {offered}");
    }
    let text = "# ä\nbuild:\n    context: .\n    args: {Ä: '😀', B: $(tag)}\n";
    editor.open(URI, text).await;

    let hover = editor.ask("textDocument/hover", at(2, 5)).await;
    let shown = hover["result"]["contents"]["value"]
        .as_str()
        .unwrap_or_default();
    assert!(shown.starts_with("**context**"), "{hover}");
    let hover = editor.ask("textDocument/hover", at(3, 26)).await;
    assert_eq!(
        hover["result"]["range"],
        json!({"start": {"line": 3, "character": 23}, "end": {"line": 3, "character": 29}}),
        "{hover}"
    );
    let hover = editor.ask("textDocument/hover", at(9, 0)).await;
    assert_eq!(hover["result"], Json::Null);

    let completion = editor.ask("textDocument/completion", at(4, 0)).await;
    let labels: Vec<_> = completion["result"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|item| item["label"].as_str().unwrap_or_default())
        .collect();
    assert_eq!(
        labels,
        [
            "kind",
            "apiVersion",
            "install",
            "container",
            "configurations"
        ]
    );

    let edits = editor
        .ask(
            "textDocument/formatting",
            json!({"textDocument": document(), "options": {"tabSize": 2, "insertSpaces": true}}),
        )
        .await;
    assert_eq!(edits["result"].as_array().map(Vec::len), Some(2), "{edits}");

    let params = json!({"textDocument": document()});
    let symbols = editor
        .ask("textDocument/documentSymbol", params.clone())
        .await;
    assert_eq!(symbols["result"][0]["name"], "build");
    assert_eq!(
        symbols["result"][0]["children"][1]["children"][0]["name"],
        "Ä"
    );
    let folds = editor
        .ask("textDocument/foldingRange", params.clone())
        .await;
    assert_eq!(folds["result"], json!([{"startLine": 1, "endLine": 3}]));
    let links = editor
        .ask("textDocument/documentLink", params.clone())
        .await;
    assert_eq!(links["result"], json!([]));
    let params = json!({"textDocument": document(), "positions": [{"line": 2, "character": 6}]});
    let selection = editor.ask("textDocument/selectionRange", params).await;
    let word = &selection["result"][0]["range"];
    assert_eq!(
        (&word["start"]["character"], &word["end"]["character"]),
        (&json!(4), &json!(11))
    );
    editor.end().await;
}

#[tokio::test]
async fn lenses_name_commands_that_are_there() {
    let text = "kind: helm-release\ninstall: {chart: charts/shop, set: {image: {tag: $(tag)}}}\n";
    let own = json!(["azds.up", "azds.debug"]);
    let declared = json!({
        "textDocument": {"diagnostic": {}},
        "experimental": {"commands": {"commands": own}},
    });
    for (capabilities, expected) in [
        (
            pulling(),
            json!(["azds.server.prep", "azds.server.up", "azds.server.listUris"]),
        ),
        (
            declared,
            json!([
                "azds.server.prep",
                "azds.up",
                "azds.debug",
                "azds.server.listUris"
            ]),
        ),
    ] {
        let (mut editor, _) = Editor::start(COMMANDS, capabilities).await;
        editor.open(URI, text).await;
        let lenses = editor
            .ask("textDocument/codeLens", json!({"textDocument": document()}))
            .await;
        let lenses = lenses["result"].as_array().expect("a list").clone();
        let commands: Vec<_> = lenses
            .iter()
            .map(|it| it["command"]["command"].clone())
            .collect();
        assert_eq!(json!(commands), expected);
        assert_eq!(
            lenses[0]["command"]["arguments"],
            json!([{"folder": NOWHERE}])
        );
        editor.end().await;
    }
}

#[tokio::test]
async fn all_fixes_at_once_and_comments_that_hide() {
    let (mut editor, _) = Editor::start(COMMANDS, pulling()).await;
    editor
        .open(URI, "buil:\n  dockerfle: a\nbuild: {}\nmine: 1\n")
        .await;
    let action = |only: &str| {
        let everything =
            json!({"start": {"line": 0, "character": 0}, "end": {"line": 3, "character": 2}});
        json!({"textDocument": document(), "range": everything, "context": {"diagnostics": [], "only": [only]}})
    };
    let fixes = editor
        .ask("textDocument/codeAction", action("source.fixAll"))
        .await;
    assert_eq!(
        fixes["result"],
        json!([]),
        "nothing here may be fixed unseen"
    );
    let fixes = editor
        .ask("textDocument/codeAction", action("quickfix"))
        .await;
    let titles = fixes["result"].as_array().expect("a list").iter();
    let titles: Vec<_> = titles
        .map(|it| it["title"].as_str().unwrap_or_default())
        .collect();
    assert!(titles.contains(&"Ignore unknown-key here"), "{titles:?}");

    let change = json!([{"text": "build:\n  dockerfle: a\n  contxt: .\n"}]);
    editor.change(URI, 2, change).await;
    let fixes = editor
        .ask("textDocument/codeAction", action("source.fixAll"))
        .await;
    let edits = &fixes["result"][0]["edit"]["changes"][URI];
    assert_eq!(edits.as_array().map(Vec::len), Some(2), "{fixes}");
    assert_eq!(fixes["result"][0]["kind"], "source.fixAll.azds");
    editor.end().await;
}

#[tokio::test]
async fn diagnostics_are_asked_for_and_unchanged_ones_are_not_told_again() {
    let (mut editor, _) = Editor::start(COMMANDS, pulling()).await;
    editor.open(URI, "build: {contxt: .}\n").await;
    let params = json!({"textDocument": document()});
    let report = editor.ask("textDocument/diagnostic", params).await["result"].take();
    assert_eq!(
        (&report["kind"], &report["items"][0]["code"]),
        (&json!("full"), &json!("unknown-key"))
    );
    let params = json!({"textDocument": document(), "previousResultId": report["resultId"]});
    let again = editor.ask("textDocument/diagnostic", params).await["result"].take();
    assert_eq!(again["kind"], "unchanged", "{again}");
    editor.end().await;
}

#[tokio::test]
async fn the_workspace_is_told_once_and_then_when_something_changes() {
    let folder = tempfile::tempdir().expect("a folder");
    for name in ["one", "two"] {
        std::fs::create_dir(folder.path().join(name)).expect("a folder");
        let file = folder.path().join(name).join("azds.yaml");
        std::fs::write(file, "build: {contxt: .}\n").expect("a file");
    }
    let uri = |path: &str| uri(&folder.path().join(path));
    let mut editor = Editor::connect(COMMANDS);
    let params = json!({
        "capabilities": pulling(),
        "workspaceFolders": [{"uri": uri(""), "name": "here"}],
    });
    editor.ask("initialize", params).await;
    let report = editor
        .ask("workspace/diagnostic", json!({"previousResultIds": []}))
        .await;
    let items = report["result"]["items"]
        .as_array()
        .expect("a list")
        .clone();
    assert_eq!(items.len(), 2, "{report}");
    assert!(
        items
            .iter()
            .all(|item| item["items"][0]["code"] == "unknown-key"),
        "{report}"
    );

    let known = items
        .iter()
        .map(|it| json!({"uri": it["uri"], "value": it["resultId"]}));
    let known: Vec<_> = known.collect();
    let waiting = editor
        .request("workspace/diagnostic", json!({"previousResultIds": known}))
        .await;
    editor
        .open(&uri("one/azds.yaml"), "build: {context: .}\n")
        .await;
    let report = editor.next().await;
    assert_eq!(report["id"], waiting, "{report}");
    let kinds = report["result"]["items"].as_array().expect("a list").iter();
    let mut kinds: Vec<_> = kinds
        .map(|it| it["kind"].as_str().unwrap_or_default())
        .collect();
    kinds.sort_unstable();
    assert_eq!(kinds, ["full", "unchanged"], "{report}");
    editor.end().await;
}
