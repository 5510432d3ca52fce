//! azds that pushes what it builds to a registry: nothing of a node is mounted, and a service lives as elsewhere.

use azds::cluster::pods::{self, PodState};
use azds_tests::pushing::{self, BUILDS};
use azds_tests::space::{Service, Space, run};
use azds_tests::staying::Staying;
use azds_tests::{Cluster, ask, until};
use k8s_openapi::api::core::v1::Pod;
use kube::ResourceExt;
use kube::api::{Api, DeleteParams, ListParams};
use serde_json::json;

async fn builder(space: &Space) -> Pod {
    let pods = Api::<Pod>::namespaced(space.namespace.client.clone(), "azds");
    let of_builder = ListParams::default().labels("app=azds-builder");
    let mut found = pods.list(&of_builder).await.expect("pods").items;
    found.retain(|pod| pod.metadata.deletion_timestamp.is_none());
    assert_eq!(found.len(), 1, "one for all nodes");
    found.remove(0)
}

/// The image and the pull policy of the service's container.
async fn image(space: &Space, pod: &str) -> (String, String) {
    let pods = Api::<Pod>::namespaced(space.namespace.client.clone(), &space.namespace.name);
    let pod = pods.get(pod).await.expect("the pod");
    let container = &pod.spec.expect("a spec").containers[0];
    let text = |text: &Option<String>| text.clone().unwrap_or_default();
    (text(&container.image), text(&container.image_pull_policy))
}

/// Has BuildKit run as a user of its own, and a change of the Dockerfile built by it.
async fn a_builder_without_privileges_builds(space: &Space, service: &Service<'_>) {
    let rootless = json!({"builds": {"rootless": true}});
    space.set_up_with("rootless", &rootless).json();
    let builder = builder(space).await.spec.expect("a spec");
    let privileged = builder.containers.iter().any(|container| {
        let context = container.security_context.as_ref();
        context.is_some_and(|context| context.privileged == Some(true))
    });
    assert!(!privileged);
    let dockerfile = service.read("Dockerfile.develop");
    service.write(
        "Dockerfile.develop",
        &format!("{dockerfile}RUN id -u > /who\n"),
    );
    let up = service.azds("up", &["-d"]).json();
    let uri = up["uris"][0]["uri"].as_str().expect("an address");
    let answer = ask(uri).join().expect("no panic");
    assert!(answer.contains("USD"), "{answer}");
}

#[tokio::test]
async fn a_service_lives_by_push_and_pull() {
    pushing::turn_on();
    let cluster = Cluster::get();
    // Whatever ran before: it begins without azds.
    cluster.remove_dev_spaces().json();
    let space = cluster.space().await;
    let mounted = builder(&space).await.spec.expect("a spec").volumes;
    let of_node = mounted.iter().flatten().filter(|it| it.host_path.is_some());
    assert_eq!(of_node.count(), 0);

    let service = space.python_service("shop", &[]);
    let up = Staying::start(space.command().arg("up").arg(&service.folder));
    up.answers("EUR").await;
    service.replace("app.py", "\"EUR\"", "\"USD\"");
    assert_eq!(up.done(), ("restart".to_owned(), "app.py".to_owned()));
    up.answers("USD").await;
    drop(up);

    let detached = service.azds("up", &["-d"]).json();
    let pod = detached["pod"].as_str().expect("a pod");
    let (name, policy) = image(&space, pod).await;
    let own = format!("{BUILDS}/{}:mindaro-", space.namespace.name);
    assert!(name.starts_with(&own), "{name}");
    assert_eq!(policy, "IfNotPresent");
    let list = run(cluster.ctr().args(["images", "list", "--quiet"]));
    let on_node: Vec<&str> = list
        .stdout
        .lines()
        .filter(|it| it.contains("/shop:mindaro-"))
        .collect();
    assert_eq!(on_node, [""; 0], "nothing is built into its store");

    let doctor = run(space.command().args(["doctor", "-o", "json"])).stdout;
    assert!(
        doctor.contains(&format!("pushes images to {BUILDS}")),
        "{doctor}"
    );

    // What one space has built is nothing for another's Dockerfile, though the builder's login could read it.
    let other = cluster.space().await;
    let thief = other.python_service("thief", &[]);
    let dockerfile = thief.read("Dockerfile.develop");
    thief.write(
        "Dockerfile.develop",
        &format!("FROM {name} AS theirs\n{dockerfile}COPY --from=theirs /app /theirs\n"),
    );
    let refused = thief.azds("up", &["-d"]).failure().to_string();
    assert!(refused.contains("for their own space only"), "{refused}");

    // The builder loses all it has, and the service's pod: no developer is needed, since the registry has the image.
    let of_azds = Api::<Pod>::namespaced(space.namespace.client.clone(), "azds");
    let lost = builder(&space).await.name_any();
    let at_once = DeleteParams::default().grace_period(0);
    of_azds.delete(&lost, &at_once).await.expect("deleted");
    let in_space = Api::<Pod>::namespaced(space.namespace.client.clone(), &space.namespace.name);
    in_space.delete(pod, &at_once).await.expect("deleted");
    until("another pod to be ready", async || {
        let all = in_space.list(&ListParams::default()).await.expect("pods");
        let others = all.items.iter().filter(|it| it.name_any() != pod);
        let states: Vec<_> = others.map(pods::state).collect();
        match states.contains(&PodState::Ready) {
            true => Ok(()),
            false => Err(format!("{states:?}")),
        }
    })
    .await;

    match std::env::var_os("AZDS_TEST_ALL") {
        Some(_) => a_builder_without_privileges_builds(&space, &service).await,
        None => eprintln!("not run: BuildKit without privileges (cargo xtask test --all)"),
    }

    service.azds("down", &[]).json();
    let removed = cluster.remove_dev_spaces();
    assert!(
        !removed.stderr.contains("may be left"),
        "{}",
        removed.stderr
    );
    assert_eq!(removed.json()["changed"], true);
}
