//! A breakpoint in a pod, with the real debugpy.

use azds_tests::Cluster;
use azds_tests::dap::{Client, line_of};
use azds_tests::space::{Service, Space, get};
use serde_json::{Value, json};

/// The command lines of the processes of the service's pod, and what signals each blocks.
fn processes(space: &Space, service: &Service<'_>) -> Vec<(String, String)> {
    let list = "for p in /proc/[0-9]*; do tr '\\0' ' ' <$p/cmdline; grep SigBlk $p/status; done";
    let cluster = Cluster::get();
    let output = cluster
        .command(&cluster.kubectl)
        .args([
            "--namespace",
            &space.namespace.name,
            "exec",
            "deploy/shop",
            "--container",
            "shop",
        ])
        .args(["--", "sh", "-c", list])
        .output()
        .expect("kubectl starts");
    assert!(
        output.status.success(),
        "{output:?} {}",
        service.folder.display()
    );
    let text = String::from_utf8(output.stdout).expect("command lines are UTF-8");
    // The shell that lists is none of them; it blocks all signals while it forks.
    let lines = text.lines().filter_map(|line| line.split_once("SigBlk:"));
    let lines = lines.filter(|(command, _)| !command.contains("/proc/[0-9]*"));
    lines
        .map(|(command, mask)| (command.trim().to_owned(), mask.trim().to_owned()))
        .collect()
}

#[tokio::test]
async fn a_breakpoint_stops_the_service_in_its_pod_and_leaves_it_running() {
    let cluster = Cluster::get();
    let space = cluster.space().await;
    let service = space.python_service("shop", &[]);
    let up = service.azds("up", &["-d"]).json();
    let uri = up["uris"][0]["uri"]
        .as_str()
        .expect("an address")
        .to_owned();
    let blocked = |mask: &str| mask.bytes().any(|digit| digit != b'0');
    for (command, mask) in processes(&space, &service) {
        assert!(!blocked(&mask), "{command} blocks signals: {mask}");
    }

    let installed = space
        .command()
        .args(["debugger", "install", "python"])
        .output();
    let installed = installed.expect("azds starts");
    assert!(installed.status.success(), "{installed:?}");
    let (mut client, mut adapter) = Client::start(&mut space.command());
    let source = service.folder.join("app.py");
    let line = line_of(&service.read("app.py"), "BP1");
    let arguments = json!({"folder": service.folder, "space": space.namespace.name});
    client.attach(arguments, &source.to_string_lossy(), line);
    let asked = {
        let uri = uri.clone();
        std::thread::spawn(move || get(&uri, "/api/demo").expect("the tunnel answers"))
    };
    let stop = client.stopped();
    assert_eq!(stop.frame["line"], line);
    assert_eq!(stop.frame["source"]["path"], json!(source));
    assert!(
        stop.variables
            .contains(&("currency".into(), "'EUR'".into())),
        "{stop:?}"
    );
    client.go_on(&stop);
    let (_, body) = asked.join().expect("no panic");
    let body: Value = serde_json::from_str(&body).expect("JSON");
    assert_eq!(body["currency"], "EUR");
    client.disconnect();
    drop(client);
    assert!(adapter.wait().expect("azds dap ends").success());

    let restored = azds_tests::until("the service runs as before", async || {
        let commands: Vec<_> = processes(&space, &service)
            .into_iter()
            .map(|(it, _)| it)
            .collect();
        match commands.iter().any(|it| it.contains("debugpy")) {
            true => Err(commands.join("; ")),
            false => Ok(commands),
        }
    });
    assert!(restored.await.iter().any(|it| it == "python app.py"));
    // It runs a moment before it listens.
    let answers = azds_tests::until("the service answers", async || {
        get(&uri, "/api/demo").map_err(|error| error.to_string())
    });
    let (status, _) = answers.await;
    assert!(status.contains("200"), "{status}");
}
