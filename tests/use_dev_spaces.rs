//! Whether setting a cluster up twice changes nothing, and taking it away again leaves nothing.

use std::collections::BTreeMap;

use azds_tests::dap::{Client, line_of};
use azds_tests::schema::DEBUGPY;
use azds_tests::space::{Space, run};
use azds_tests::{Cluster, ask, until};
use k8s_openapi::api::core::v1::Pod;
use kube::api::{Api, DeleteParams, PostParams};
use serde_json::{Value, json};

/// Kinds that change by themselves, or are kept by Kubernetes for what it made itself.
const RESTLESS: [&str; 6] = [
    "leases.coordination.k8s.io",
    "events",
    "events.events.k8s.io",
    "endpointslices.discovery.k8s.io",
    "endpoints",
    "nodes",
];

/// All objects of the cluster as JSON, by kind, namespace and name, without what changes by itself.
fn objects(cluster: &Cluster) -> BTreeMap<String, Value> {
    let kubectl = |arguments: &[&str]| {
        let answer = cluster.kubectl(arguments);
        assert!(answer.status.success(), "{}", answer.stderr);
        answer.stdout
    };
    let kinds = kubectl(&["api-resources", "--verbs=list", "--output=name"]);
    let kinds: Vec<&str> = kinds
        .lines()
        .filter(|kind| !RESTLESS.contains(kind))
        .collect();
    let list = kubectl(&["get", &kinds.join(","), "--all-namespaces", "--output=json"]);
    let list: Value = serde_json::from_str(&list).expect("kubectl answers with JSON");
    let items = list["items"].as_array().expect("a list").iter().cloned();
    items
        .map(|mut object| {
            let fields = object.as_object_mut().expect("an object");
            fields.remove("status");
            let metadata = fields["metadata"].as_object_mut().expect("metadata");
            metadata.remove("managedFields");
            metadata.remove("resourceVersion");
            // It holds what the initializer sees, which it looks at every few seconds.
            if metadata["name"] == "azds-status" {
                fields.remove("data");
            }
            let text = |field: &Value| field.as_str().unwrap_or_default().to_owned();
            let name = [
                text(&object["kind"]),
                text(&object["metadata"]["namespace"]),
                text(&object["metadata"]["name"]),
            ];
            (name.join("/"), object)
        })
        .collect()
}

/// Images that azds built on the node: their tags start with its mark.
fn images(cluster: &Cluster) -> Vec<String> {
    let list = run(cluster.ctr().args(["images", "list", "--quiet"]));
    assert!(list.status.success(), "{}", list.stderr);
    let names = list
        .stdout
        .lines()
        .filter(|name| name.contains(":mindaro-"));
    names.map(str::to_owned).collect()
}

fn differences(before: &BTreeMap<String, Value>, after: &BTreeMap<String, Value>) -> Vec<String> {
    let gone = before.keys().filter(|name| !after.contains_key(*name));
    let others = after
        .iter()
        .filter(|(name, object)| before.get(*name) != Some(*object));
    let gone = gone.map(|name| format!("gone: {name}"));
    gone.chain(others.map(|(name, _)| format!("new or changed: {name}")))
        .collect()
}

/// Who has no debugger debugs with that of the image which the set-up names.
async fn a_debugger_comes_from_its_image(cluster: &Cluster, space: &Space) {
    let folder = space.folder("debugger");
    let archive = folder.join("debugger.tar");
    let saved = run(space
        .command()
        .args(["images", "save"])
        .arg(&archive)
        .args(["debugger-python", "-o", "json", "--from"])
        .arg(&DEBUGPY.folder));
    let image = saved.json().as_str().expect("a name").to_owned();
    let imported = run(cluster.ctr().args(["images", "import"]).arg(&archive));
    assert!(imported.status.success(), "{}", imported.stderr);
    let values = json!({"debuggers": [image]});
    space.set_up_with("values", &values).json();

    let service = space.python_service("stock", &[]);
    let up = service.azds("up", &["-d"]).json();
    let uri = up["uris"][0]["uri"]
        .as_str()
        .expect("an address")
        .to_owned();
    let (mut client, mut adapter) = Client::start(&mut space.command());
    let source = service.folder.join("app.py");
    let line = line_of(&service.read("app.py"), "BP1");
    let arguments = json!({"folder": service.folder, "space": space.namespace.name});
    client.attach(arguments, &source.to_string_lossy(), line);
    let asked = ask(&uri);
    let stop = client.stopped();
    assert_eq!(stop.frame["line"], line);
    client.go_on(&stop);
    asked.join().expect("no panic");
    client.disconnect();
    drop(client);
    assert!(adapter.wait().expect("azds dap ends").success());
    service.azds("down", &[]).json();
    let removed = run(cluster.ctr().args(["images", "remove", &image]));
    assert!(removed.status.success(), "{}", removed.stderr);
}

/// Makes 50 pods that are not azds' business, and takes them away again: what the API server made of
/// them, without what is new each time. No scheduler has them, so none runs.
async fn foreign_pods(space: &Space) -> Vec<Value> {
    let pods = Api::<Pod>::namespaced(space.namespace.client.clone(), &space.namespace.name);
    let images = [
        "busybox:1.36",
        "registry.example/mindaro-tools:1",
        "mindaro:5000/shop",
        "shop@sha256:0123",
        "shop",
    ];
    let mut made = Vec::new();
    for number in 0..50 {
        let mut spec = json!({
            "schedulerName": "nobody",
            "automountServiceAccountToken": false,
            "containers": [{"name": "app", "image": images[number % images.len()], "args": ["sleep", number.to_string()]}],
        });
        if number % 2 == 0 {
            spec["initContainers"] = json!([{"name": "mindaro-build", "image": "busybox:1.36"}]);
        }
        if number % 3 == 0 {
            spec["volumes"] = json!([{"name": "azds", "emptyDir": {}}]);
        }
        let name = format!("foreign-{number}");
        let pod = json!({"metadata": {"name": name, "labels": {"number": number.to_string()}}, "spec": spec});
        let pod: Pod = serde_json::from_value(pod).expect("a pod");
        let pod = pods
            .create(&PostParams::default(), &pod)
            .await
            .expect("an administrator may");
        let mut pod = serde_json::to_value(pod).expect("JSON");
        let metadata = pod["metadata"].as_object_mut().expect("metadata");
        for new in [
            "uid",
            "creationTimestamp",
            "resourceVersion",
            "managedFields",
        ] {
            metadata.remove(new);
        }
        made.push(pod);
        let at_once = DeleteParams::default().grace_period(0);
        pods.delete(&name, &at_once)
            .await
            .expect("an administrator may");
    }
    made
}

/// How often the API server has called the webhook of azds, by its own count.
fn webhook_calls(cluster: &Cluster) -> f64 {
    let metrics = cluster.kubectl(&["get", "--raw", "/metrics"]);
    assert!(metrics.status.success(), "{}", metrics.stderr);
    let of_ours = metrics.stdout.lines().filter(|line| {
        line.starts_with("apiserver_admission_webhook_admission_duration_seconds_count")
            && line.contains("name=\"complete.azds.io\"")
    });
    of_ours
        .filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok())
        .sum()
}

#[tokio::test]
async fn twice_changes_nothing_and_removing_leaves_nothing() {
    let cluster = Cluster::get();
    // Whatever ran before: it begins without azds.
    cluster.remove_dev_spaces().json();
    let space = cluster.future_space().await;
    until("a cluster at rest", || async {
        let before = objects(&cluster);
        let seen = differences(&before, &objects(&cluster));
        let own = format!("Namespace//{}", space.namespace.name);
        let others = before
            .keys()
            .filter(|name| name.starts_with("Namespace//test-") && **name != own);
        let stirring: Vec<_> = others.chain(&seen).cloned().collect();
        match stirring.is_empty() {
            true => Ok(()),
            false => Err(stirring.join("\n")),
        }
    })
    .await;
    let foreign_before = foreign_pods(&space).await;
    let before = objects(&cluster);
    let images_before = images(&cluster);

    let first = space.set_up().json();
    assert_eq!(first["changed"], true);
    let installed = objects(&cluster);
    let second = space.set_up().json();
    assert_eq!(second["changed"], false);
    assert_eq!(differences(&installed, &objects(&cluster)), [""; 0]);

    // What someone removed by hand is brought back.
    let webhook = ["delete", "mutatingwebhookconfiguration", "azds-initializer"];
    let deleted = cluster.kubectl(&webhook);
    assert!(deleted.status.success(), "{}", deleted.stderr);
    assert_eq!(space.set_up().json()["changed"], true);

    let calls = webhook_calls(&cluster);
    assert_eq!(foreign_pods(&space).await, foreign_before);
    assert_eq!(
        webhook_calls(&cluster),
        calls,
        "it is not even called for others"
    );

    // A service that came and went leaves its image and what it was built from on the node.
    let service = space.python_service("shop", &[]);
    service.azds("up", &["-d"]).json();
    assert!(
        webhook_calls(&cluster) > calls,
        "it is called for those of an up"
    );
    service.azds("down", &[]).json();
    assert_eq!(images(&cluster).len(), images_before.len() + 1);

    match std::env::var_os("AZDS_TEST_ALL") {
        Some(_) => a_debugger_comes_from_its_image(&cluster, &space).await,
        None => eprintln!("not run: a debugger from its image (cargo xtask test --all)"),
    }

    let removed = cluster.remove_dev_spaces();
    assert!(
        !removed.stderr.contains("may be left"),
        "{}",
        removed.stderr
    );
    assert_eq!(removed.json()["changed"], true);
    assert_eq!(differences(&before, &objects(&cluster)), [""; 0]);
    assert_eq!(images(&cluster), images_before);
    assert_eq!(cluster.remove_dev_spaces().json()["changed"], false);
}
