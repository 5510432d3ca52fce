//! Python, by debugpy.

use std::path::Path;
use std::process::Command;

use azds_tests::Cluster;
use azds_tests::space::{Space, azds, run};

use super::table::PYTHON;
use super::{bring_up, in_pod, install, is_debugged, processes, stop_and_go, until_left};

#[tokio::test]
async fn a_breakpoint_stops_the_service_in_its_pod_and_leaves_it_running() {
    let cluster = Cluster::get();
    let space = cluster.space().await;
    let service = PYTHON.service(&space);
    let uri = bring_up(&service);
    let blocked = |mask: &str| mask.bytes().any(|digit| digit != b'0');
    for (command, mask) in processes(&space) {
        assert!(!blocked(&mask), "{command} blocks signals: {mask}");
    }

    install(&space, &["python"]);
    let (mut client, mut adapter) = PYTHON.attach(&space, &service);
    client.console("azds debugs python in shop-");
    assert!(is_debugged(&space));
    let (source, _) = PYTHON.marked(&service);
    stop_and_go(&mut client, &uri, source.as_ref(), PYTHON.currency);
    PYTHON.stops(&mut client, &uri, &space, &service);
    client.disconnect();
    drop(client);
    assert!(adapter.wait().expect("azds dap ends").success());
    until_left(&space, &uri).await;
    let before = service_process(&space);

    let (source, line) = PYTHON.marked(&service);
    let mut session = Command::new("node");
    session
        .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("debug-client.cjs"))
        .args([&cluster.debug_client, &azds(), &service.folder])
        .args([&space.namespace.name, &source, &line.to_string()])
        .arg(format!("{uri}/api/demo"));
    let developer = space.command();
    let environment = developer.get_envs();
    session.envs(environment.filter_map(|(name, value)| Some((name, value?))));
    let held = run(&mut session);
    assert!(held.status.success(), "{}", held.stderr);

    until_left(&space, &uri).await;
    let after = service_process(&space);
    assert_eq!(
        after, before,
        "the second session had the process of the first"
    );
    service.azds("down", &[]).json();
}

/// Id and start time of the service's process, which stays under its debugger.
fn service_process(space: &Space) -> String {
    let look = "for it in $(grep -l '[a]zds.py' /proc/[0-9]*/cmdline | cut -d/ -f3); do cut -d' ' -f1,22 /proc/$it/stat; done";
    in_pod(space, look)
}

#[tokio::test]
async fn a_session_follows_the_service_into_another_pod() {
    let cluster = Cluster::get();
    let space = cluster.space().await;
    let service = PYTHON.service(&space);
    let uri = bring_up(&service);
    install(&space, &["python"]);
    let (mut client, adapter) = PYTHON.attach(&space, &service);
    PYTHON.outlives(&mut client, &uri, &space, &service);
    PYTHON
        .survives(client, adapter, &uri, &space, &service)
        .await;
    service.azds("down", &[]).json();
}
