//! Whether Helm accepts the charts that prep writes, and what it makes of them.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use azds::progress::Progress;
use azds_protocol::commands::PrepArguments;
use serde_json::{Value, json};

/// A copy of a service of `tests/apps` after `azds prep --public`.
struct Prepared {
    _root: tempfile::TempDir,
    chart: PathBuf,
}

fn prepared(name: &str) -> Prepared {
    let root = tempfile::tempdir().expect("a temporary folder");
    let folder = root.path().join(name);
    fs::create_dir(&folder).expect("a folder");
    let app = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("apps")
        .join(name);
    for entry in fs::read_dir(app).expect("a service of the tests") {
        let path = entry.expect("readable").path();
        if path.is_file() {
            let to = folder.join(path.file_name().expect("a file"));
            fs::copy(&path, to).expect("a copy");
        }
    }
    let arguments = PrepArguments {
        folder: folder.clone(),
        public: true,
        ..PrepArguments::default()
    };
    let result = tokio::runtime::Runtime::new()
        .expect("a runtime")
        .block_on(azds::commands::prep::prep(&arguments, &Progress::silent()))
        .expect("a plain project");
    assert_eq!(result.warnings, [""; 0]);
    Prepared {
        _root: root,
        chart: folder.join("charts").join(name),
    }
}

fn helm(arguments: &[&str]) -> Output {
    let helm = std::env::var_os("AZDS_HELM").unwrap_or_else(|| "helm".into());
    let output = Command::new(&helm).args(arguments).output();
    output.unwrap_or_else(|error| {
        panic!("{helm:?} does not run ({error}): install helm, or name one in AZDS_HELM")
    })
}

/// The objects of the chart with these values, by kind.
fn objects(prepared: &Prepared, values: &Value) -> Result<BTreeMap<String, Value>, String> {
    let file = prepared.chart.join("../test.json");
    fs::write(&file, values.to_string()).expect("a values file");
    let chart = prepared.chart.display().to_string();
    let values = file.display().to_string();
    let output = helm(&["template", "azds-0c712b-dev-x", &chart, "--values", &values]);
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).into_owned());
    }
    let text = String::from_utf8(output.stdout).expect("YAML is UTF-8");
    let objects: Vec<Value> = serde_saphyr::from_multiple(&text).expect("Helm writes YAML");
    let kind = |object: &Value| {
        object["kind"]
            .as_str()
            .expect("a Kubernetes object")
            .to_owned()
    };
    Ok(objects
        .into_iter()
        .map(|object| (kind(&object), object))
        .collect())
}

fn pod(objects: &BTreeMap<String, Value>) -> &Value {
    &objects["Deployment"]["spec"]["template"]
}

#[test]
fn helm_finds_nothing_wrong() {
    for name in [
        "producer",
        "consumer",
        "go-service",
        "java-service",
        "node-service",
        "python-service",
    ] {
        let prepared = prepared(name);
        let output = helm(&["lint", "--strict", &prepared.chart.display().to_string()]);
        let said = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success(), "{said}");
    }
}

#[test]
fn what_an_up_sets_comes_through() {
    let prepared = prepared("producer");
    let objects = objects(
        &prepared,
        &json!({
            "image": {"tag": "mindaro-0123456789abcdef", "pullPolicy": "Never"},
            "ingress": {"className": "nginx", "hosts": ["dev.producer.example.com"]},
        }),
    );
    let objects = objects.expect("plain values");
    let kinds: Vec<&str> = objects.keys().map(String::as_str).collect();
    assert_eq!(kinds, ["Deployment", "Ingress", "Service"]);
    let container = &pod(&objects)["spec"]["containers"][0];
    assert_eq!(container["image"], "producer:mindaro-0123456789abcdef");
    assert_eq!(container["imagePullPolicy"], "Never");
    assert_eq!(container["ports"][0]["containerPort"], 80);
    assert_eq!(container["env"], Value::Null);
    assert_eq!(pod(&objects)["metadata"]["annotations"], Value::Null);

    let service = &objects["Service"];
    assert_eq!(service["metadata"]["name"], "producer");
    assert_eq!(service["spec"]["type"], "ClusterIP");
    assert_eq!(service["spec"]["ports"][0]["port"], 80);
    assert_eq!(
        service["spec"]["selector"],
        pod(&objects)["metadata"]["labels"]
    );

    let ingress = &objects["Ingress"];
    assert_eq!(ingress["apiVersion"], "networking.k8s.io/v1");
    assert_eq!(ingress["metadata"]["annotations"], Value::Null);
    assert_eq!(ingress["spec"]["ingressClassName"], "nginx");
    assert_eq!(
        ingress["spec"]["rules"][0]["host"],
        "dev.producer.example.com"
    );
}

#[test]
fn secrets_become_variables_and_a_change_replaces_the_pod() {
    let prepared = prepared("consumer");
    let with = |address: Value| {
        objects(
            &prepared,
            &json!({"secrets": {"urls": {"producer": address}}}),
        )
    };
    let first = with(json!("http://producer")).expect("text");
    let reference = json!({"secretKeyRef": {"name": "consumer-urls", "key": "producer"}});
    assert_eq!(
        pod(&first)["spec"]["containers"][0]["env"],
        json!([{"name": "urls_producer", "valueFrom": reference}])
    );
    assert_eq!(first["Secret"]["metadata"]["name"], "consumer-urls");
    assert_eq!(first["Secret"]["data"]["producer"], "aHR0cDovL3Byb2R1Y2Vy");

    let second = with(json!("http://other")).expect("text");
    assert_ne!(
        pod(&first)["metadata"]["annotations"],
        pod(&second)["metadata"]["annotations"]
    );

    let refused = with(json!(8080)).expect_err("a number");
    assert!(
        refused.contains("secrets.urls.producer must be text"),
        "{refused}"
    );
}
