//! The story of two .NET services: Consumer gets the products from Producer, once it knows its address.

use azds_tests::Cluster;
use azds_tests::dap::{Client, line_of};
use azds_tests::space::get;
use serde_json::{Value, json};

/// The address of a service's tunnel.
fn tunnel(up: &Value) -> String {
    let uris = up["uris"].as_array().expect("addresses");
    let tunnel = uris.iter().find(|it| it["status"] == "Tunneled");
    tunnel.expect("a tunnel")["uri"]
        .as_str()
        .expect("an address")
        .to_owned()
}

#[tokio::test]
async fn the_story_of_producer_and_consumer() {
    let cluster = Cluster::get();
    let space = cluster.space().await;
    let producer = space.service("producer", "producer", &[]);
    let consumer = space.service("consumer", "consumer", &["--public"]);
    producer.azds("up", &["-d"]).json();

    let up = consumer.azds("up", &["-d"]).json();
    let (status, body) = get(&tunnel(&up), "/api/demo").expect("the tunnel answers");
    assert!(
        status.contains("500") && body.contains("URLS_PRODUCER"),
        "{status}\n{body}"
    );

    // Beside azds.yaml, which takes it without an entry.
    consumer.write(
        "values.dev.yaml",
        "secrets:\n  urls:\n    producer: http://producer\n",
    );
    consumer.azds("down", &[]).json();
    let up = consumer.azds("up", &["-d"]).json();
    let (status, body) = get(&tunnel(&up), "/api/demo").expect("the tunnel answers");
    let products: Value =
        serde_json::from_str(&body).unwrap_or_else(|_| panic!("{status}\n{body}"));
    let names: Vec<_> = products
        .as_array()
        .into_iter()
        .flatten()
        .map(|it| &it["name"])
        .collect();
    assert_eq!(names, ["Keyboard", "Monitor"]);
    consumer.azds("down", &[]).json();
    producer.azds("down", &[]).json();
}

#[tokio::test]
async fn dotnet_debug_stops_the_child_of_dotnet_run() {
    let Some(netcoredbg) = std::env::var_os("AZDS_NETCOREDBG") else {
        eprintln!("not run: dotnet-debug: AZDS_NETCOREDBG names no netcoredbg");
        return;
    };
    let cluster = Cluster::get();
    let space = cluster.space().await;
    let producer = space.service("producer", "producer", &[]);
    let up = producer.azds("up", &["-d"]).json();
    let uri = tunnel(&up);
    let mut azds = space.command();
    let (mut client, mut adapter) = Client::start(azds.env("AZDS_NETCOREDBG", netcoredbg));
    let source = "Controllers/DemoController.cs";
    let line = line_of(&producer.read(source), "BP1");
    let source = producer.folder.join(source);
    let arguments = json!({"folder": producer.folder, "space": space.namespace.name});
    client.attach(arguments, &source.to_string_lossy(), line);
    let asked = std::thread::spawn(move || get(&uri, "/api/demo").expect("the tunnel answers"));
    let stop = client.stopped();
    assert_eq!(stop.frame["line"], line);
    assert_eq!(stop.frame["source"]["path"], json!(source));
    client.go_on(&stop);
    let (status, body) = asked.join().expect("no panic");
    assert!(
        status.contains("200") && body.contains("Monitor"),
        "{status}\n{body}"
    );
    client.disconnect();
    drop(client);
    assert!(adapter.wait().expect("azds dap ends").success());
    producer.azds("down", &[]).json();
}
