//! Sessions of which the editor hears no end, whatever happens to the service, to the cluster or to azds.

use std::process::{Command, Stdio};

use azds_tests::Cluster;

use super::table::PYTHON;
use super::{bring_up, install, kubectl, stop_and_go};

fn signal(pid: u32, name: &str) {
    let sent = Command::new("kill").args([name, &pid.to_string()]).status();
    assert!(sent.expect("kill is there").success());
}

/// A developer's machine that sleeps longer than anybody waits for it.
#[tokio::test]
#[ignore = "it sleeps for a minute"]
async fn a_session_outlives_the_sleep_of_the_developers_machine() {
    let cluster = Cluster::get();
    let space = cluster.space().await;
    let service = PYTHON.service(&space);
    let uri = bring_up(&service);
    install(&space, &["python"]);
    let (mut client, adapter) = PYTHON.attach(&space, &service);
    let (source, _) = PYTHON.marked(&service);
    stop_and_go(&mut client, &uri, source.as_ref(), PYTHON.currency);

    let asked = super::ask(&uri);
    client.event("stopped");
    signal(adapter.id(), "-STOP");
    // The host lets the service go on when nothing was heard for half a minute.
    let body = asked.join().expect("no panic");
    assert!(body.contains("EUR"), "{body}");
    std::thread::sleep(std::time::Duration::from_secs(30));
    signal(adapter.id(), "-CONT");
    client.console("attached again");
    stop_and_go(&mut client, &uri, source.as_ref(), PYTHON.currency);
    assert!(!client.has_seen("terminated") && !client.has_seen("exited"));
    client.disconnect();
    service.azds("down", &[]).json();
}

#[tokio::test]
async fn a_session_outlives_a_rollout_and_a_build_in_the_container() {
    let cluster = Cluster::get();
    let space = cluster.space().await;
    let service = PYTHON.service(&space);
    let mut up = space.command();
    let up = up.arg("up").arg(&service.folder).args(["-o", "json"]);
    let mut up = up.stdout(Stdio::piped()).spawn().expect("azds starts");
    let mut lines = std::io::BufReader::new(up.stdout.take().expect("it is piped"));
    let mut line = String::new();
    std::io::BufRead::read_line(&mut lines, &mut line).expect("it says where the service is");
    let said: serde_json::Value = serde_json::from_str(&line).expect("JSON");
    let uri = said["uris"][0]["uri"]
        .as_str()
        .expect("an address")
        .to_owned();
    std::thread::spawn(move || std::io::copy(&mut lines, &mut std::io::sink()));
    install(&space, &["python"]);
    let (mut client, _adapter) = PYTHON.attach(&space, &service);
    let (source, _) = PYTHON.marked(&service);
    stop_and_go(&mut client, &uri, source.as_ref(), PYTHON.currency);

    kubectl(&space, &["rollout", "restart", "deployment/shop"]);
    client.console("azds lost the debugger");
    client.console("attached again");
    stop_and_go(&mut client, &uri, source.as_ref(), PYTHON.currency);

    // A save, which the container takes over while somebody debugs it.
    service.replace("app.py", "\"price\": 49.90", "\"price\": 50.90");
    client.console("azds lost the debugger");
    client.console("attached again");
    stop_and_go(&mut client, &uri, source.as_ref(), PYTHON.currency);
    let answered = super::ask(&uri);
    let stop = client.stopped();
    client.go_on(&stop);
    let body = answered.join().expect("no panic");
    assert!(body.contains("50.9"), "{body}");
    assert!(!client.has_seen("terminated") && !client.has_seen("exited"));
    client.disconnect();
    signal(up.id(), "-INT");
    up.wait().expect("it ends");
    service.azds("down", &[]).json();
}
