//! Probes while a debugger holds the service.

use std::time::Duration;

use azds_tests::dap::{Client, line_of};
use azds_tests::{Cluster, ask};
use k8s_openapi::api::core::v1::{Event, Pod};
use kube::api::{Api, ListParams};
use serde_json::json;

/// Many times what the liveness probe below gives a service that does not answer.
const AT_A_BREAKPOINT: Duration = Duration::from_secs(10);

#[tokio::test]
async fn a_service_that_stands_at_a_breakpoint_is_not_killed_by_its_liveness_probe() {
    let cluster = Cluster::get();
    let space = cluster.space().await;
    let service = space.python_service("shop", &[]);
    service.replace(
        "charts/shop/templates/deployment.yaml",
        "          readinessProbe:",
        "          livenessProbe:
            httpGet: {path: /api/demo, port: http}
            periodSeconds: 1
            timeoutSeconds: 1
            failureThreshold: 2
          readinessProbe:",
    );
    let up = service.azds("up", &["-d"]).json();
    let uri = up["uris"][0]["uri"]
        .as_str()
        .expect("an address")
        .to_owned();
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
    let asked = ask(&uri);
    let stop = client.stopped();
    tokio::time::sleep(AT_A_BREAKPOINT).await;
    client.go_on(&stop);
    asked.join().expect("the service lives");
    client.disconnect();
    drop(client);
    assert!(adapter.wait().expect("azds dap ends").success());

    let kube = &space.namespace.client;
    let events = Api::<Event>::namespaced(kube.clone(), &space.namespace.name);
    let events = events.list(&ListParams::default()).await.expect("events");
    let killed = events
        .iter()
        .find(|it| it.reason.as_deref() == Some("Killing"));
    assert!(killed.is_none(), "{killed:?}");
    let pods = Api::<Pod>::namespaced(kube.clone(), &space.namespace.name);
    let pod = pods.get(up["pod"].as_str().expect("a pod")).await;
    let status = pod.expect("the same pod").status.expect("a status");
    let containers = status.container_statuses.expect("containers");
    assert_eq!(containers[0].restart_count, 0);
}
