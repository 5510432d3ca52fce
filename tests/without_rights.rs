//! Whether azds needs each right that its own Roles give: takes one away at a time, and sees azds fail for want of it.

use std::collections::BTreeMap;
use std::process::{Command, Stdio};
use std::time::Duration;

use azds::cluster::pods::{PodState, is_leaving, state};
use azds_tests::space::{Space, azds, run};
use azds_tests::{Cluster, SOON, Undo, try_within};
use k8s_openapi::api::core::v1::Pod;
use kube::api::{Api, DeleteParams, ListParams};
use serde_json::{Value, json};

/// How long a part of azds' life may take before it has failed. What fails says why, so that slowness passes for nothing.
const LIMIT: Duration = Duration::from_secs(25);
/// A service whose user may write nothing of its image, and which has no rights for port 80.
const DOCKERFILE: &str = "FROM python:3.11-slim\nENV PORT=8080\nEXPOSE 8080\nWORKDIR /app\nCOPY . .\n\
    USER 1000\nCMD [\"python\", \"app.py\"]\n";
/// What the initializer and the builder are, beside their containers with a log.
const PARTS: [(&str, &str); 2] = [
    ("azds-initializer", "initializer"),
    ("azds-builder", "gate"),
];

fn kubectl(cluster: &Cluster, arguments: &[&str]) -> Result<String, String> {
    let answer = cluster.kubectl(arguments);
    match answer.status.success() {
        true => Ok(answer.stdout),
        false => Err(answer.stderr),
    }
}

/// A Role or ClusterRole of azds' own accounts.
struct Role {
    /// As it was shipped, without what the API server adds.
    object: Value,
}

impl Role {
    fn all(cluster: &Cluster) -> Vec<Role> {
        let list = kubectl(
            cluster,
            &[
                "get",
                "role,clusterrole",
                "--namespace=azds",
                "--output=json",
            ],
        );
        let list: Value = serde_json::from_str(&list.expect("an administrator may")).expect("JSON");
        let items = list["items"].as_array().expect("a list").iter();
        let own = |role: &&Value| {
            let name = role["metadata"]["name"].as_str().unwrap_or_default();
            PARTS.iter().any(|(part, _)| name == *part)
        };
        let bare = |role: &Value| {
            let metadata = &role["metadata"];
            let mut kept = json!({});
            for field in ["name", "namespace", "labels", "annotations"] {
                if !metadata[field].is_null() {
                    kept[field] = metadata[field].clone();
                }
            }
            let mut object = role.clone();
            object["metadata"] = kept;
            Role { object }
        };
        items.filter(own).map(bare).collect()
    }

    /// Each right as the numbers of its rule and verb, and as a person reads it.
    fn rights(&self) -> Vec<(usize, usize, String)> {
        let rules = self.object["rules"].as_array().expect("rules").iter();
        let of_rule = |(rule, it): (usize, &Value)| {
            let verbs = it["verbs"].as_array().expect("verbs").iter();
            let of_verb = |(verb, name): (usize, &Value)| {
                let right = format!(
                    "{} {}: {} {} {}",
                    self.object["kind"],
                    self.object["metadata"]["name"],
                    name,
                    it["resources"],
                    it["resourceNames"]
                );
                (rule, verb, right.replace('"', "").replace(" null", ""))
            };
            verbs.enumerate().map(of_verb).collect::<Vec<_>>()
        };
        rules.enumerate().flat_map(of_rule).collect()
    }

    fn without(&self, rule: usize, verb: usize) -> Value {
        let mut object = self.object.clone();
        let verbs = object["rules"][rule]["verbs"]
            .as_array_mut()
            .expect("verbs");
        verbs.remove(verb);
        if verbs.is_empty() {
            object["rules"].as_array_mut().expect("rules").remove(rule);
        }
        object
    }
}

fn replace(cluster: &Cluster, object: &Value) {
    let mut kubectl = cluster.command(&cluster.kubectl);
    kubectl
        .args(["replace", "--filename=-"])
        .stdout(Stdio::null());
    let mut child = kubectl
        .stdin(Stdio::piped())
        .spawn()
        .expect("kubectl starts");
    let input = child.stdin.take().expect("it is piped");
    serde_json::to_writer(input, object).expect("kubectl reads");
    assert!(child.wait().expect("it ends").success(), "{object}");
}

/// All that azds does in a cluster: it starts without a certificate, tells a new space, looks after its parts, builds,
/// knows where files are synced to, and takes back what it told. The first that fails ends it.
async fn live(cluster: &Cluster, space: &Space, app: &std::path::Path) -> Result<(), String> {
    let namespace = space.namespace.name.as_str();
    let administrator = |command: &str| {
        let mut azds = space.command();
        azds.env("KUBECONFIG", &cluster.kubeconfig).arg(command);
        azds.arg(app).args(["--space", namespace, "-o", "json"]);
        azds
    };
    let secrets = [
        "delete",
        "secret",
        "azds-authority",
        "azds-gate",
        "--namespace=azds",
        "--ignore-not-found",
    ];
    kubectl(cluster, &secrets)?;
    let pods: Api<Pod> = Api::namespaced(space.namespace.client.clone(), "azds");
    let parts = ListParams::default().labels("app in (azds-initializer, azds-builder)");
    let soon = DeleteParams::default().grace_period(1);
    let deleted = pods.delete_collection(&soon, &parts).await;
    deleted.map_err(|error| error.to_string())?;
    try_within(LIMIT, async || {
        let pods = pods.list(&parts).await.map_err(|error| error.to_string())?;
        let are_ready = pods
            .iter()
            .all(|pod| !is_leaving(pod) && state(pod) == PodState::Ready);
        match pods.items.len() == PARTS.len() && are_ready {
            true => Ok(()),
            false => Err("azds is not ready".to_owned()),
        }
    })
    .await?;

    kubectl(
        cluster,
        &["label", "namespace", namespace, "azds.io/space=true"],
    )?;
    try_within(LIMIT, async || {
        let path = "jsonpath={.data.status\\.json}";
        let status = kubectl(
            cluster,
            &[
                "get",
                "configmap",
                "azds-status",
                "--namespace",
                namespace,
                "--output",
                path,
            ],
        )?;
        let status: Value = serde_json::from_str(&status).map_err(|error| error.to_string())?;
        let checks = status["checks"].as_array().cloned().unwrap_or_default();
        let wrong = checks.iter().find(|check| !check["failure"].is_null());
        match (wrong, checks.len()) {
            (Some(wrong), _) => Err(format!("it says of itself: {wrong}")),
            (None, 0) => Err("it says nothing of itself".to_owned()),
            (None, _) => Ok(()),
        }
    })
    .await?;

    let up = run(administrator("up").arg("-d"));
    if !up.status.success() {
        return Err(format!("nothing is up: {}", up.stdout));
    }
    let pod = up.json()["pod"].as_str().unwrap_or_default().to_owned();
    let path = "jsonpath={.spec.initContainers[*].name}";
    let containers = kubectl(
        cluster,
        &[
            "get",
            "pod",
            &pod,
            "--namespace",
            namespace,
            "--output",
            path,
        ],
    )?;
    if !containers.contains("azds-seed") {
        return Err(format!(
            "nobody may write where files are synced to: {containers}"
        ));
    }
    let down = run(&mut administrator("down"));
    if !down.status.success() {
        return Err(format!("it is not down: {}", down.stdout));
    }

    kubectl(
        cluster,
        &["label", "namespace", namespace, "azds.io/space-"],
    )?;
    try_within(LIMIT, async || {
        let left = [
            "get",
            "configmap",
            "azds-status",
            "--namespace",
            namespace,
            "--ignore-not-found",
            "--output=name",
        ];
        match kubectl(cluster, &left)?.is_empty() {
            true => Ok(()),
            false => Err("what is no space any more has a status".to_owned()),
        }
    })
    .await
}

/// What azds' own parts have written, those that have ended too.
fn logs(cluster: &Cluster) -> String {
    let mut text = String::new();
    for (part, container) in PARTS {
        for previous in ["--previous=false", "--previous=true"] {
            let selector = format!("--selector=app={part}");
            let pods = ["get", "pod", "--namespace=azds", &selector, "--output=name"];
            for pod in kubectl(cluster, &pods).unwrap_or_default().lines() {
                let log = [
                    "logs",
                    pod,
                    "--namespace=azds",
                    "--container",
                    container,
                    previous,
                ];
                text += &kubectl(cluster, &log).unwrap_or_default();
            }
        }
    }
    text
}

#[tokio::test]
#[ignore = "starts azds in the cluster some 15 times"]
async fn without_any_of_its_rights_azds_fails() {
    let cluster = Cluster::get();
    let first = cluster.space().await;
    let app = first.app("shop", "python-service");
    for file in ["Dockerfile", "Dockerfile.develop"] {
        std::fs::write(app.join(file), DOCKERFILE).expect("a new file");
    }
    let prepared = run(Command::new(azds())
        .arg("prep")
        .arg(&app)
        .args(["-o", "json"]));
    prepared.json();

    let mut seen = BTreeMap::new();
    for role in Role::all(&cluster) {
        for (rule, verb, right) in role.rights() {
            let _undo = Undo(|| replace(&cluster, &role.object));
            replace(&cluster, &role.without(rule, verb));
            let space = cluster.future_space().await;
            let failed = live(&cluster, &space, &app).await.err();
            let why = failed.clone().unwrap_or_default() + &logs(&cluster);
            eprintln!(
                "{right}: {}",
                failed.as_deref().unwrap_or("azds lives without it")
            );
            seen.insert(right, (failed, why.contains("forbidden")));
        }
    }
    let space = cluster.future_space().await;
    let whole = try_within(SOON, async || live(&cluster, &space, &app).await).await;
    assert_eq!(whole, Ok(()), "with all of its rights");
    assert!(seen.len() >= 15, "{seen:#?}");
    let missed: Vec<_> = { seen.iter() }
        .filter(|(_, (failed, refused))| failed.is_none() || !refused)
        .collect();
    assert!(missed.is_empty(), "{missed:#?}");
}
