//! A release that an ended helm left behind.

use std::process::{Command, Stdio};

use azds_tests::{Cluster, until};

#[tokio::test]
async fn a_release_that_was_left_pending_is_repaired() {
    let cluster = Cluster::get();
    let space = cluster.space().await;
    let service = space.python_service("shop", &[]);
    let up = service.azds("up", &["-d"]).json();
    let release = up["release"].as_str().expect("up names its release");
    let namespace = space.namespace.name.as_str();

    // A helm that waits for a pod which will never be there, and is killed.
    let mut helm = cluster.command(&cluster.helm);
    helm.args(["--namespace", namespace, "upgrade", release])
        .arg(service.folder.join("charts/shop"))
        .args(["--reuse-values", "--set", "image.tag=nowhere", "--wait"])
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    let mut helm = helm.spawn().expect("helm starts");
    until("the release to be pending", async || {
        let of_release = format!("owner=helm,name={release},status=pending-upgrade");
        let mut get = cluster.command(&cluster.kubectl);
        get.args([
            "--namespace",
            namespace,
            "get",
            "secrets",
            "-l",
            &of_release,
            "-o",
            "name",
        ]);
        match said(&mut get).is_empty() {
            true => Err("it is not".to_owned()),
            false => Ok(()),
        }
    })
    .await;
    helm.kill().expect("helm waits");
    helm.wait().expect("helm ends");

    let again = service.azds("up", &["-d"]);
    assert!(
        again.stderr.contains("was left pending-upgrade"),
        "{}",
        again.stderr
    );
    again.json();
    let rows = service.azds("list-up", &[]).json();
    assert_eq!(rows[0]["status"], "Running", "{rows}");
}

fn said(command: &mut Command) -> String {
    let output = command.output().expect("kubectl starts");
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}
