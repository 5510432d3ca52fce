//! `azds.server.up`: an editor's service is kept up to date, and mistakes are shown where they are.

use azds_tests::lsp::LanguageClient;
use azds_tests::space::get;
use azds_tests::{Cluster, until};
use serde_json::{Value, json};

const CHANGED: &str = "azds/serviceChanged";
const DIAGNOSTICS: &str = "textDocument/publishDiagnostics";

async fn answers(uri: &str, currency: &str) {
    until(currency, async || {
        let (_, body) = get(uri, "/api/demo").map_err(|error| error.to_string())?;
        match body.contains(currency) {
            true => Ok(()),
            false => Err(body),
        }
    })
    .await;
}

/// The next change that was brought there: tier and file.
fn done(editor: &mut LanguageClient) -> Value {
    let changed = editor.until_told(CHANGED, |it| {
        it["state"] == "current" && it["change"].is_object()
    });
    json!([changed["change"]["tier"], changed["change"]["file"]])
}

#[tokio::test]
async fn an_editors_service_is_kept_up_to_date() {
    let cluster = Cluster::get();
    let space = cluster.space().await;
    let service = space.python_service("shop", &[]);
    service.replace(
        "azds.yaml",
        "processesToKill: [python]",
        "processesToKill: [python]\n        buildCommands: [[python, -m, py_compile, app.py]]",
    );
    let capabilities = json!({"experimental": {"azds": {"serviceChanged": true}}});
    let mut editor = LanguageClient::start_with(&mut space.command(), capabilities);
    let folder = json!({"folder": service.folder});
    let up = editor.run("azds.server.up", folder.clone());
    let uri = up["uris"][0]["uri"]
        .as_str()
        .expect("an address")
        .to_owned();
    answers(&uri, "EUR").await;

    service.replace("app.py", "\"EUR\"", "\"USD\"");
    assert_eq!(done(&mut editor), json!(["restart", "app.py"]));
    answers(&uri, "USD").await;

    // A mistake is shown at its line, and the old process goes on.
    service.replace("app.py", "def demo():", "def demo(:");
    let shown = editor.until_told(DIAGNOSTICS, |_| true);
    let is_of = |shown: &Value, file: &str| {
        let uri = shown["uri"].as_str().unwrap_or_default();
        assert!(uri.ends_with(file), "{shown}");
    };
    is_of(&shown, "/shop/app.py");
    assert_eq!(
        shown["diagnostics"][0]["range"]["start"]["line"], 12,
        "{shown}"
    );
    assert_eq!(shown["diagnostics"][0]["source"], "azds build");
    editor.until_told(CHANGED, |it| it["state"] == "failed");
    answers(&uri, "USD").await;
    service.replace("app.py", "def demo(:", "def demo():  #");
    let shown = editor.until_told(DIAGNOSTICS, |_| true);
    assert_eq!(shown["diagnostics"], json!([]));
    assert_eq!(done(&mut editor), json!(["restart", "app.py"]));

    // An image that can't be built.
    let dockerfile = service.read("Dockerfile.develop");
    service.write("Dockerfile.develop", &format!("{dockerfile}RUN false\n"));
    editor.until_told(CHANGED, |it| it["state"] == "building");
    let shown = editor.until_told(DIAGNOSTICS, |_| true);
    is_of(&shown, "/shop/Dockerfile.develop");
    let line = &shown["diagnostics"][0]["range"]["start"]["line"];
    assert_eq!(*line, dockerfile.lines().count(), "{shown}");
    editor.until_told(CHANGED, |it| it["state"] == "failed");
    service.write("Dockerfile.develop", &format!("{dockerfile}RUN true\n"));
    assert_eq!(done(&mut editor), json!(["rebuild", "Dockerfile.develop"]));
    answers(&uri, "USD").await;

    let detached = editor.run("azds.server.detach", folder.clone());
    assert_eq!(detached, json!({"detached": true}));
    editor.until_told(CHANGED, |it| it["state"] == "detached");
    let detached = editor.run("azds.server.detach", folder.clone());
    assert_eq!(detached, json!({"detached": false}));
    answers(&uri, "USD").await;

    // Taken down by another azds, it is followed no more.
    editor.run("azds.server.up", folder);
    editor.until_told(CHANGED, |it| it["state"] == "current");
    service.azds("down", &[]).json();
    editor.until_told(CHANGED, |it| it["state"] == "detached");
}
