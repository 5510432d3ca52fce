//! A foreground `up`: what is saved is answered by the container.

use std::fs;

use azds_tests::space::{Service, Space, get};
use azds_tests::staying::Staying;
use azds_tests::{Cluster, until};
use k8s_openapi::api::core::v1::Pod;
use kube::api::{Api, DeleteParams};

/// `azds up` of a service in its space.
fn stay(space: &Space, service: &Service<'_>) -> Staying {
    Staying::start(space.command().arg("up").arg(&service.folder))
}

fn step(tier: &str, file: &str) -> (String, String) {
    (tier.to_owned(), file.to_owned())
}

/// A file in the container; its text, or that it is not there.
fn in_container(space: &Space, path: &str) -> Result<String, String> {
    let cluster = Cluster::get();
    let output = cluster
        .command(&cluster.kubectl)
        .args(["--namespace", &space.namespace.name, "exec", "deploy/shop"])
        .args(["--container", "shop", "--", "cat", path])
        .output()
        .expect("kubectl starts");
    match output.status.success() {
        true => Ok(String::from_utf8_lossy(&output.stdout).into_owned()),
        false => Err(String::from_utf8_lossy(&output.stderr).into_owned()),
    }
}

#[tokio::test]
async fn what_is_saved_is_answered_by_the_container() {
    let cluster = Cluster::get();
    let space = cluster.space().await;
    let service = space.python_service("shop", &[]);
    service.replace(
        "azds.yaml",
        "        - \"!**/requirements*.txt\"",
        "        - \"static/**\"\n        - \"!**/requirements*.txt\"",
    );
    let up = stay(&space, &service);
    up.answers("EUR").await;

    service.replace("app.py", "\"EUR\"", "\"USD\"");
    assert_eq!(up.done(), step("restart", "app.py"));
    up.answers("USD").await;

    // A new folder with a file in it, which nothing has to be started again for.
    fs::create_dir_all(service.folder.join("static/css")).expect("a folder");
    service.write("static/css/site.css", "one");
    assert_eq!(up.done(), step("sync", "static/css/site.css"));
    assert_eq!(
        in_container(&space, "/app/static/css/site.css"),
        Ok("one".to_owned())
    );
    fs::remove_dir_all(service.folder.join("static")).expect("removed");
    assert_eq!(up.done(), step("sync", "static/css/site.css"));
    in_container(&space, "/app/static/css/site.css").expect_err("it is gone there, too");

    // A mistake ends the service, not the session; its correction is answered.
    let good = service.read("app.py");
    service.write("app.py", &format!("raise SystemExit(3)\n{good}"));
    assert_eq!(up.done(), step("restart", "app.py"));
    until("the service to be down", async || {
        match get(&up.uri, "/api/demo") {
            Ok((status, _)) if status.contains("200") => Err(status),
            _ => Ok(()),
        }
    })
    .await;
    service.write("app.py", &good.replace("\"USD\"", "\"CHF\""));
    assert_eq!(up.done(), step("restart", "app.py"));
    up.answers("CHF").await;

    // Another pod has the changes, too: it began with them if they were kept in time, and gets them
    // again if not.
    let pods = Api::<Pod>::namespaced(space.namespace.client.clone(), &space.namespace.name);
    let deleted = pods.delete(&up.pod, &DeleteParams::default()).await;
    deleted.expect("the pod can be deleted");
    until("the pod to be gone", async || {
        match pods.get_opt(&up.pod).await {
            Ok(None) => Ok(()),
            there => Err(format!("{there:?}")),
        }
    })
    .await;
    up.answers("CHF").await;

    service.write("requirements.txt", "# nothing yet\n");
    let mut done = up.done();
    if done == step("restart", "app.py") {
        done = up.done();
    }
    assert_eq!(done, step("rebuild", "requirements.txt"));
    up.answers("CHF").await;
    service.replace("app.py", "\"CHF\"", "\"SEK\"");
    assert_eq!(up.done(), step("restart", "app.py"));
    up.answers("SEK").await;
}
