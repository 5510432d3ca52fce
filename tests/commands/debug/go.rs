//! Go, by delve.

use azds_tests::Cluster;
use azds_tests::space::get;

use super::table::GO;
use super::{ask, bring_up, install, stop_and_go, until_restored};

#[tokio::test]
async fn delve_stops_a_go_service_that_starts_again_as_it_was() {
    let cluster = Cluster::get();
    let space = cluster.space().await;
    let service = GO.service(&space);
    let uri = bring_up(&service);
    let delve = cluster.delve.display().to_string();
    install(&space, &["go", "--from", &delve]);
    let (mut client, mut adapter) = GO.attach(&space, &service);
    let (source, _) = GO.marked(&service);
    stop_and_go(&mut client, &uri, source.as_ref(), GO.currency);
    GO.stops(&mut client, &uri, &space, &service);

    let asked = ask(&uri);
    client.event("stopped");
    client.disconnect();
    drop(client);
    assert!(adapter.wait().expect("azds dap ends").success());
    let body = asked.join().expect("no panic");
    assert!(
        body.contains("EUR"),
        "who waited at the breakpoint is answered: {body}"
    );
    until_restored(&space, &uri).await;
    service.azds("down", &[]).json();
}

#[tokio::test]
#[ignore = "three starts of the service"]
async fn a_go_session_outlives_panic_end_and_pod() {
    let cluster = Cluster::get();
    let space = cluster.space().await;
    let service = GO.service(&space);
    let uri = bring_up(&service);
    let delve = cluster.delve.display().to_string();
    install(&space, &["go", "--from", &delve]);
    let (mut client, adapter) = GO.attach(&space, &service);
    let (source, _) = GO.marked(&service);
    stop_and_go(&mut client, &uri, source.as_ref(), GO.currency);

    // A panic that nobody recovers is delve's exception, and the end of the process.
    let to = uri.clone();
    let asked = std::thread::spawn(move || get(&to, "/api/fail"));
    let stop = client.stopped_for("exception");
    client.go_on(&stop);
    let _ = asked.join().expect("no panic");
    client.console("azds lost the debugger");
    client.console("attached again");
    stop_and_go(&mut client, &uri, source.as_ref(), GO.currency);

    GO.outlives(&mut client, &uri, &space, &service);
    GO.survives(client, adapter, &uri, &space, &service).await;
    service.azds("down", &[]).json();
}
