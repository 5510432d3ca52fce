//! `azds doctor` as a developer without a right in namespace azds, and the archive it writes.

use std::collections::BTreeMap;

use azds_tests::Cluster;
use azds_tests::space::{Service, Space, run};
use k8s_openapi::api::rbac::v1::{PolicyRule, Role, RoleBinding};
use kube::api::Api;
use serde_json::{Value, json};

/// What each check of doctor's came to: `ok`, or what it says instead.
fn checks(service: &Service<'_>, arguments: &[&str]) -> BTreeMap<String, String> {
    let answer = service.azds("doctor", arguments);
    let result: Value = serde_json::from_str(&answer.stdout).expect("JSON");
    let checks = result["checks"].as_array().expect("checks").iter();
    let told = checks.map(|check| {
        let name = check["name"].as_str().expect("a name").to_owned();
        let told = match (&check["failure"], &check["unknown"]) {
            (Value::Null, Value::Null) => "ok".to_owned(),
            (failure, Value::Null) => failure.to_string(),
            (_, unknown) => format!("unknown {unknown}"),
        };
        (name, told)
    });
    told.collect()
}

#[tokio::test]
async fn a_service_that_is_well_from_its_files_to_its_tunnels() {
    let space = Cluster::get().space().await;
    let service = space.python_service("shop", &["--public"]);
    let secret = "correct-horse-battery";
    service.replace(
        "azds.yaml",
        "    image:\n",
        &format!("    secrets:\n      db:\n        password: {secret}\n    image:\n"),
    );
    service.azds("up", &["-d"]).json();
    // The initializer's first look may still be to come.
    let wanted = "builder on node1";
    let checks = azds_tests::until(wanted, async || {
        let checks = checks(&service, &[]);
        match checks.contains_key(wanted) {
            true => Ok(checks),
            false => Err(format!("{checks:#?}")),
        }
    })
    .await;
    for name in [
        "azds.yaml",
        "helm",
        "kubeconfig",
        "API server",
        "space",
        "rights",
        "webhook",
        "webhook configuration",
        wanted,
        "prepull on node1",
        "network policies of azds",
        "network policies",
        "release",
        "pods",
        "tunnels",
        "debugger",
    ] {
        assert_eq!(
            checks.get(name).map(String::as_str),
            Some("ok"),
            "{name}: {checks:#?}"
        );
    }
    // No DNS knows the name that the tests' cluster gives it.
    assert!(
        checks["DNS and Ingress"].contains("does not answer"),
        "{checks:#?}"
    );

    let archive = space.folder("handed-on").join("azds.tar");
    let answer = service.azds("doctor", &["--bundle", &archive.display().to_string()]);
    assert_eq!(
        answer.status.code(),
        Some(1),
        "the public address: {answer:?}"
    );
    let listed = run(std::process::Command::new("tar").arg("-tf").arg(&archive));
    for file in [
        "doctor.json",
        "azds.yaml",
        "azds.log",
        "cluster/pods.json",
        "cluster/events.json",
    ] {
        assert!(listed.stdout.contains(file), "{}", listed.stdout);
    }
    let whole = std::fs::read(&archive).expect("an archive");
    let whole = String::from_utf8_lossy(&whole);
    assert!(whole.contains("mindaro-build"), "the pods are in it");
    let kubeconfig = std::fs::read_to_string(space.kubeconfig()).expect("a kubeconfig");
    let kubeconfig: Value = serde_json::from_str(&kubeconfig).expect("the tests write JSON");
    let token = kubeconfig["users"][0]["user"]["token"]
        .as_str()
        .expect("a token");
    for secret in [secret, token] {
        assert!(!whole.contains(secret), "a secret is in the archive");
    }
    assert_eq!(service.azds("down", &[]).json()["removed"], true);
}

/// A developer of the space who lacks one rule of the Role.
async fn without(space: &Space, number: usize) -> (PolicyRule, std::path::PathBuf) {
    let namespace = &space.namespace;
    let roles = Api::<Role>::namespaced(namespace.client.clone(), &namespace.name);
    let mut rules = roles
        .get("azds-developer")
        .await
        .expect("the Role")
        .rules
        .expect("rules");
    let dropped = rules.remove(number);
    let name = format!("without-{number}");
    let kubeconfig = space.write_kubeconfig(&name).await;
    namespace
        .create::<Role>(json!({"metadata": {"name": name}, "rules": rules}))
        .await;
    namespace
        .create::<RoleBinding>(json!({
            "metadata": {"name": name},
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": name},
            "subjects": [{"kind": "ServiceAccount", "name": name, "namespace": namespace.name}],
        }))
        .await;
    (dropped, kubeconfig)
}

#[tokio::test]
async fn each_rule_that_is_missing_is_found_and_said_before_anything_starts() {
    let space = Cluster::get().space().await;
    let service = space.python_service("shop", &[]);
    let roles = Api::<Role>::namespaced(space.namespace.client.clone(), &space.namespace.name);
    let rules = roles
        .get("azds-developer")
        .await
        .expect("the Role")
        .rules
        .expect("rules");
    assert!(rules.len() <= 12, "{rules:?}");
    for number in 0..rules.len() {
        let (dropped, kubeconfig) = without(&space, number).await;
        let azds = |command: &str, arguments: &[&str]| {
            let mut azds = space.command();
            azds.env("KUBECONFIG", &kubeconfig)
                .arg(command)
                .arg(&service.folder)
                .args(arguments);
            run(azds.args(["-o", "json"]))
        };
        let resource = dropped.resources.as_ref().expect("resources")[0].clone();
        let said = azds("doctor", &[]).stdout;
        let said: Value = serde_json::from_str(&said).expect("JSON");
        let checks = said["checks"].as_array().expect("checks");
        let rights = checks
            .iter()
            .find(|it| it["name"] == "rights")
            .expect("a check");
        let remedy = rights["failure"]["try"].as_str().unwrap_or_default();
        assert!(
            remedy.contains(&format!("resources: [{resource}]")),
            "{resource}: {rights}"
        );
        // What only some charts and doctor need does not keep a service from starting.
        if ["ingresses", "networkpolicies"].contains(&&*resource) {
            continue;
        }
        let failure = azds("up", &["-d"]).failure();
        assert!(
            failure.to_string().contains(&resource),
            "{resource}: {failure}"
        );
    }
    assert_eq!(service.azds("list-up", &[]).json(), json!([]));
}
