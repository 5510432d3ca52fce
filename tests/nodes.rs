//! A cluster of two nodes: where pods go, and what follows them. Needs `cargo xtask cluster up --nodes 2`.

use std::collections::BTreeSet;
use std::process::Command;

use azds_tests::dap::{Client, line_of};
use azds_tests::space::{Service, Space, get, run};
use azds_tests::{Cluster, until};
use k8s_openapi::api::core::v1::{Node, Pod};
use kube::ResourceExt;
use kube::api::{Api, DeleteParams, ListParams, Patch, PatchParams};
use serde_json::json;

/// The second node's containerd; its folder lies in the first one's.
fn on_second(cluster: &Cluster) -> Command {
    let folder = cluster.kubeconfig.parent().expect("the cluster's folder");
    let mut ctr = cluster.ctr();
    ctr.env(
        "CONTAINERD_ADDRESS",
        folder.join("node2/containerd-state/containerd.sock"),
    );
    ctr
}

/// Lets no new pod onto a node, or does again.
async fn cordon(space: &Space, node: &str, closed: bool) {
    let nodes = Api::<Node>::all(space.namespace.client.clone());
    let patch = Patch::Merge(json!({"spec": {"unschedulable": closed}}));
    let patched = nodes.patch(node, &PatchParams::default(), &patch).await;
    patched.expect("an administrator may");
}

/// The nodes of the service's pods that are ready.
async fn places(space: &Space) -> BTreeSet<String> {
    let pods = Api::<Pod>::namespaced(space.namespace.client.clone(), &space.namespace.name);
    let pods = pods.list(&ListParams::default()).await.expect("pods");
    let staying = pods
        .items
        .iter()
        .filter(|it| it.metadata.deletion_timestamp.is_none());
    staying
        .filter_map(|pod| pod.spec.as_ref()?.node_name.clone())
        .collect()
}

/// Drains a node of the service: closes it, and takes the pods away.
async fn drain(space: &Space, node: &str) {
    cordon(space, node, true).await;
    let pods = Api::<Pod>::namespaced(space.namespace.client.clone(), &space.namespace.name);
    for pod in pods.list(&ListParams::default()).await.expect("pods") {
        let deleted = pods.delete(&pod.name_any(), &DeleteParams::default()).await;
        deleted.expect("an administrator may");
    }
}

async fn answers(uri: &str) {
    until("the service", || async {
        match get(uri, "/api/demo") {
            Ok((status, _)) if status.contains("200") => Ok(()),
            other => Err(format!("{other:?}")),
        }
    })
    .await;
}

fn address(service: &Service<'_>) -> String {
    let up = service.azds("up", &["-d"]).json();
    up["uris"][0]["uri"]
        .as_str()
        .expect("an address")
        .to_owned()
}

#[tokio::test]
async fn a_service_goes_from_node_to_node_and_its_debug_session_with_it() {
    let cluster = Cluster::get();
    let nodes = cluster.kubectl(&["get", "nodes", "--output=name"]);
    if nodes.stdout.lines().count() < 2 {
        eprintln!("not run: it needs two nodes (cargo xtask cluster up --nodes 2)");
        return;
    }
    let folder = tempfile::tempdir().expect("a folder");
    let archive = folder.path().join("azds.tar");
    let saved = run(Command::new(azds_tests::space::azds())
        .args(["images", "save"])
        .arg(&archive));
    assert!(saved.status.success(), "{}", saved.stderr);
    let imported = run(on_second(&cluster).args(["images", "import"]).arg(&archive));
    assert!(imported.status.success(), "{}", imported.stderr);

    let space = cluster.space().await;
    let service = space.python_service("shop", &[]);
    for node in ["node1", "node2"] {
        cordon(&space, node, false).await;
    }
    // Replicas on both nodes: each is built on its own.
    service.replace("azds.yaml", "    replicaCount: 1", "    replicaCount: 2");
    service.replace(
        "charts/shop/templates/deployment.yaml",
        "      containers:\n",
        "      topologySpreadConstraints:\n        - {maxSkew: 1, topologyKey: kubernetes.io/hostname, whenUnsatisfiable: DoNotSchedule, labelSelector: {}}\n      containers:\n",
    );
    answers(&address(&service)).await;
    assert_eq!(places(&space).await.len(), 2);
    assert_eq!(service.azds("down", &[]).json()["removed"], true);

    // Placement and drain: another node has to be given what it lacks, by the next up.
    let service = space.python_service("cart", &[]);
    cordon(&space, "node2", true).await;
    let uri = address(&service);
    answers(&uri).await;
    assert_eq!(places(&space).await, BTreeSet::from(["node1".to_owned()]));
    cordon(&space, "node2", false).await;
    drain(&space, "node1").await;
    assert_eq!(address(&service), uri, "the address stays");
    answers(&uri).await;
    assert_eq!(places(&space).await, BTreeSet::from(["node2".to_owned()]));

    // Back to a node that has the image: a debug session follows without a word.
    let installed = space
        .command()
        .args(["debugger", "install", "python"])
        .output();
    assert!(installed.expect("azds starts").status.success());
    let (mut client, mut adapter) = Client::start(&mut space.command());
    let source = service.folder.join("app.py");
    let line = line_of(&service.read("app.py"), "BP1");
    let arguments = json!({"folder": service.folder, "space": space.namespace.name});
    client.attach(arguments, &source.to_string_lossy(), line);
    cordon(&space, "node1", false).await;
    drain(&space, "node2").await;
    // Until then the pod that goes could be the one that stops.
    client.console("attached again");
    let asked = std::thread::spawn(move || {
        let begun = std::time::Instant::now();
        while begun.elapsed() < azds_tests::SOON {
            // It is answered only while nothing is stopped.
            let _ = get(&uri, "/api/demo");
            std::thread::sleep(std::time::Duration::from_millis(200));
        }
    });
    let stop = client.stopped();
    assert_eq!(stop.frame["line"], line);
    assert_eq!(places(&space).await, BTreeSet::from(["node1".to_owned()]));
    client.go_on(&stop);
    client.disconnect();
    drop(client);
    assert!(adapter.wait().expect("azds dap ends").success());
    asked.join().expect("no panic");
    cordon(&space, "node2", false).await;
    assert_eq!(service.azds("down", &[]).json()["removed"], true);
}
