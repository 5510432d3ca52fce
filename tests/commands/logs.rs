//! `azds logs`.

use std::io::{BufRead, BufReader};
use std::process::Stdio;

use azds_tests::space::get;
use azds_tests::{Cluster, until};
use serde_json::Value;

#[tokio::test]
async fn the_last_lines_of_a_container_that_crashed_come_first() {
    let space = Cluster::get().space().await;
    let service = space.python_service("shop", &[]);
    service.replace(
        "app.py",
        "if self.path != \"/api/demo\":",
        "if self.path == \"/crash\":\n            print(\"that was too much\", flush=True)\n            os._exit(3)\n        if self.path != \"/api/demo\":",
    );
    let up = service.azds("up", &["-d"]).json();
    let uri = up["uris"][0]["uri"].as_str().expect("an address");
    // It answers by ending.
    let _ = get(uri, "/crash");
    until("the service to be back", async || {
        match get(uri, "/api/demo") {
            Ok((status, _)) if status.contains("200") => Ok(()),
            other => Err(format!("{other:?}")),
        }
    })
    .await;

    let mut logs = space.command();
    logs.arg("logs").arg(&service.folder).args(["-o", "json"]);
    let mut logs = logs.stdout(Stdio::piped()).spawn().expect("azds starts");
    let lines = BufReader::new(logs.stdout.take().expect("it is piped")).lines();
    let lines = lines.map(|line| -> Value {
        serde_json::from_str(&line.expect("text")).expect("lines of JSON")
    });
    // "It was started again." comes from azds, and then the line of the new process.
    let mut seen = Vec::new();
    for line in lines {
        assert_eq!(line["container"], "shop", "{line}");
        let is_new = line["previous"].is_null();
        seen.push(line);
        if is_new {
            break;
        }
    }
    logs.kill().expect("it stays");
    logs.wait().expect("it ends");
    let said: Vec<_> = seen
        .iter()
        .filter_map(|line| line["line"].as_str())
        .collect();
    assert!(said[0].contains("exit code 3"), "{said:?}");
    assert_eq!(said[said.len() - 3], "that was too much", "{said:?}");
    assert!(said[said.len() - 1].starts_with("listening"), "{said:?}");
}
