//! A base image from a registry that wants a login and has an authority of its own, and build secrets.

use std::process::Command;

use azds_tests::space::{azds, run};
use azds_tests::{Cluster, REGISTRY, registry_login};
use k8s_openapi::api::core::v1::{Pod, Secret};
use kube::api::{Api, ListParams};
use serde_json::json;

/// Pushes an image that no node has to the registry, and names it as the node knows it.
fn private_image(cluster: &Cluster) -> String {
    let docker = tempfile::tempdir().expect("a folder");
    let address = cluster.registry.as_str();
    let login = registry_login(address).to_string();
    std::fs::write(docker.path().join("config.json"), login).expect("a new file");
    let pushed = run(Command::new(azds())
        .args(["images", "push", "-o", "json", "--registry"])
        .arg(format!("{address}/base"))
        .arg("--registry-ca")
        .arg(&cluster.authority)
        .env("DOCKER_CONFIG", docker.path())
        .env("NO_PROXY", "*"));
    let image = pushed.json()["image"].as_str().expect("a name").to_owned();
    image.replace(address, REGISTRY)
}

#[tokio::test]
async fn a_private_base_is_pulled_with_the_charts_secret_and_secrets_stay_secret() {
    let cluster = Cluster::get();
    let space = cluster.space().await;
    let service = space.python_service("shop", &[]);
    let base = private_image(&cluster);
    let develop = service.read("Dockerfile.develop");
    let secrets = "RUN --mount=type=secret,id=feed --mount=type=secret,id=token \
        test \"$(cat /run/secrets/feed) $(cat /run/secrets/token)\" = 'of-a-secret of-dot-env'\n";
    let copy = "COPY --from=private /azds-agent /private-agent\n";
    service.write(
        "Dockerfile.develop",
        &format!("FROM {base} AS private\n{develop}{copy}{secrets}"),
    );
    service.write(".env", "FEED_TOKEN=of-dot-env\n");
    service.replace(
        "azds.yaml",
        "  dockerfile: Dockerfile\n",
        "  dockerfile: Dockerfile\n  secrets:\n    feed: ${secret.feed.token}\n    token: ${FEED_TOKEN}\n",
    );
    service.replace(
        "azds.yaml",
        "    replicaCount: 1\n",
        "    replicaCount: 1\n    imagePullSecrets:\n      - name: pull\n",
    );

    let missing = service.azds("up", &["-d"]).failure();
    let object = missing["object"].as_str().expect("an object");
    assert!(object.contains("Secret feed"), "{missing}");
    let _: Secret = space
        .namespace
        .create(json!({"metadata": {"name": "feed"}, "stringData": {"token": "of-a-secret"}}))
        .await;
    let _: Secret = space
        .namespace
        .create(json!({
            "metadata": {"name": "pull"},
            "type": "kubernetes.io/dockerconfigjson",
            "stringData": {".dockerconfigjson": registry_login(REGISTRY).to_string()},
        }))
        .await;
    service.azds("up", &["-d"]).json();

    let pods = Api::<Pod>::namespaced(space.namespace.client.clone(), &space.namespace.name);
    let pods = pods.list(&ListParams::default()).await.expect("pods");
    let shown = serde_json::to_string(&pods.items).expect("JSON");
    assert!(
        shown.contains("kubernetes.io/arch"),
        "it stays with the builders: {shown}"
    );
    assert!(
        !shown.contains("of-a-secret") && !shown.contains("of-dot-env"),
        "{shown}"
    );
    service.azds("down", &[]).json();
}
