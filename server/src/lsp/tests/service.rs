//! A service with several files, as an editor sees it.

use std::sync::atomic::{AtomicUsize, Ordering};

use futures_util::FutureExt;
use futures_util::future::ready;
use serde_json::{Value as Json, json};

use super::super::commands::Commands;
use super::COMMANDS;
use super::editor::{Editor, uri};
use crate::analysis::{Severity, Trouble};
use crate::failure::Failure;

/// A consumer of the story on disk, and the URIs of its files.
struct Consumer(tempfile::TempDir);

const VALUES: &str = "secrets:\n  urls:\n    producer: http://producer\nport: 80\n";
const DEPLOYMENT: &str = "env:\n{{- range $group, $keys := .Values.secrets }}\n{{- range $key, $value := $keys }}\n- name: {{ printf \"%s_%s\" $group $key }}\n{{- end }}{{- end }}\nport: {{ .Values.port }}\n";

impl Consumer {
    fn new() -> Consumer {
        let folder = Consumer(tempfile::tempdir().expect("a folder"));
        folder.write(
            "azds.yaml",
            "kind: helm-release\ninstall:\n  chart: charts/consumer\n  set:\n    image: {tag: $(tag)}\n",
        );
        folder.write("values.dev.yaml", VALUES);
        folder.write(
            "charts/consumer/values.yaml",
            "image: {tag: a}\nport: 5000\n",
        );
        folder.write("charts/consumer/templates/deployment.yaml", DEPLOYMENT);
        folder.write(
            "charts/consumer/templates/a.yaml",
            "{{ .Values.image.tag }}\n",
        );
        folder
    }

    fn write(&self, path: &str, text: &str) {
        let path = self.0.path().join(path);
        std::fs::create_dir_all(path.parent().expect("it has one")).expect("a folder");
        std::fs::write(path, text).expect("a file");
    }

    fn uri(&self, path: &str) -> String {
        uri(&self.0.path().join(path))
    }
}

fn at(uri: &str, line: u32, character: u32) -> Json {
    json!({"textDocument": {"uri": uri}, "position": {"line": line, "character": character}})
}

#[tokio::test]
async fn values_are_followed_and_renamed_over_all_files() {
    let folder = Consumer::new();
    let pulls = json!({"textDocument": {"diagnostic": {}}});
    let (mut editor, _) = Editor::start(COMMANDS, pulls).await;
    let values = folder.uri("values.dev.yaml");
    let template = folder.uri("charts/consumer/templates/deployment.yaml");
    editor.open(&values, VALUES).await;

    let range = json!({"start": {"line": 0, "character": 0}, "end": {"line": 9, "character": 0}});
    let params = json!({"textDocument": {"uri": values}, "range": range});
    let hints = editor.ask("textDocument/inlayHint", params).await;
    assert_eq!(hints["result"][0]["label"], " → urls_producer", "{hints}");
    assert_eq!(
        hints["result"][0]["position"],
        json!({"line": 2, "character": 12})
    );

    let mut params = at(&values, 3, 1);
    params["context"] = json!({"includeDeclaration": true});
    let references = editor.ask("textDocument/references", params).await;
    let found: Vec<_> = references["result"]
        .as_array()
        .expect("a list")
        .iter()
        .collect();
    assert_eq!(found.len(), 3, "{references}");
    assert!(
        found.iter().any(|place| place["uri"] == template),
        "{references}"
    );

    let prepared = editor
        .ask("textDocument/prepareRename", at(&values, 3, 1))
        .await;
    assert_eq!(prepared["result"]["end"]["character"], 4, "{prepared}");
    let mut params = at(&values, 3, 1);
    params["newName"] = json!("listen");
    let renamed = editor.ask("textDocument/rename", params).await;
    let changes = renamed["result"]["changes"].as_object().expect("changes");
    assert_eq!(changes.len(), 3, "{renamed}");
    assert_eq!(
        changes[&template][0]["range"],
        json!({"start": {"line": 5, "character": 17}, "end": {"line": 5, "character": 21}})
    );

    let refused = editor
        .ask("textDocument/prepareRename", at(&values, 1, 3))
        .await;
    let message = refused["error"]["message"].as_str().unwrap_or_default();
    assert!(message.starts_with("Templates go through"), "{refused}");
    editor.end().await;
}

/// What is shown for one document follows an edit of another.
#[tokio::test]
async fn an_edit_of_a_template_changes_what_is_said_of_values() {
    let folder = Consumer::new();
    let (mut editor, _) = Editor::start(COMMANDS, json!({})).await;
    let values = folder.uri("values.dev.yaml");
    let template = folder.uri("charts/consumer/templates/deployment.yaml");
    for (uri, text) in [(&values, VALUES), (&template, DEPLOYMENT)] {
        editor.open(uri, text).await;
        let shown = editor.expect("textDocument/publishDiagnostics").await;
        assert_eq!(shown["params"]["uri"], *uri);
        assert_eq!(shown["params"]["diagnostics"], json!([]));
    }
    let text = DEPLOYMENT.replace(".Values.port", ".Values.ports");
    editor.change(&template, 2, json!([{"text": text}])).await;
    let shown = editor.expect("textDocument/publishDiagnostics").await;
    assert_eq!(shown["params"]["uri"], template);
    assert_eq!(shown["params"]["diagnostics"][0]["code"], "unset-value");
    let shown = editor.expect("textDocument/publishDiagnostics").await;
    assert_eq!(shown["params"]["uri"], values);
    assert_eq!(shown["params"]["diagnostics"][0]["code"], "unread-value");
    editor.end().await;
}

/// A cluster that has trouble with every service, then none, then does not answer.
const CLUSTER: Commands = Commands {
    look: |_, folders| {
        static LOOKS: AtomicUsize = AtomicUsize::new(0);
        let trouble = |folder| {
            let message = "shop does not run".to_owned();
            let severity = Severity::Warning;
            (folder, vec![Trouble { severity, message }])
        };
        let found = match LOOKS.fetch_add(1, Ordering::SeqCst) {
            0 | 2 => Ok(folders.into_iter().map(trouble).collect()),
            1 => Ok(Default::default()),
            _ => Err(Failure::new(
                "nothing is known",
                "the cluster",
                "it is gone",
            )),
        };
        ready(found).boxed()
    },
    ..COMMANDS
};

#[tokio::test]
async fn trouble_in_the_cluster_is_shown_and_goes_when_it_is_gone() {
    let folder = Consumer::new();
    let (mut editor, _) = Editor::start(CLUSTER, json!({})).await;
    let uri = folder.uri("azds.yaml");
    let text = std::fs::read_to_string(folder.0.path().join("azds.yaml")).expect("it is there");
    editor.open(&uri, &text).await;
    // Whether the cluster or the text is looked at first does not matter.
    let mut troubled = 0;
    let shown = |message: &Json| {
        let diagnostics = message["params"]["diagnostics"].as_array();
        let codes = diagnostics
            .into_iter()
            .flatten()
            .map(|it| it["code"].clone());
        codes.filter(|code| code == "release-trouble").count()
    };
    while troubled == 0 {
        troubled = shown(&editor.expect("textDocument/publishDiagnostics").await);
    }
    // After anything that was done the cluster is looked at again: no trouble, trouble, no cluster.
    for expected in [0, 1, 0] {
        let params = json!({"command": "test.echo", "arguments": [1]});
        editor.request("workspace/executeCommand", params).await;
        let (mut answered, mut seen) = (false, None);
        while !answered || seen.is_none() {
            let message = editor.next().await;
            match message.get("method") {
                Some(_) => seen = Some(shown(&message)),
                None => answered = true,
            }
        }
        assert_eq!(seen, Some(expected));
    }
    editor.end().await;
}
