//! Values and tokens, from the files of a developer to the objects in the cluster.

use azds_tests::Cluster;
use azds_tests::set_up::{HOST_SUFFIX, INGRESS_CLASS};
use azds_tests::space::{Service, Space, get};
use k8s_openapi::api::networking::v1::Ingress;
use kube::api::Api;
use serde_json::{Value, json};

const VALUES: &str = "secrets:\n  urls:\n    producer: \"http://producer\"\n";

/// A service that answers with its environment.
fn environment_service<'a>(space: &'a Space, name: &str) -> Service<'a> {
    let service = space.python_service(name, &[]);
    service.replace(
        "app.py",
        "\"currency\": currency",
        "\"currency\": os.environ.get(\"urls_producer\")",
    );
    service
}

fn url_of_producer(up: &Value) -> Value {
    let uri = up["uris"][0]["uri"].as_str().expect("an address");
    let (_, body) = get(uri, "/api/demo").expect("the tunnel answers");
    let body: Value = serde_json::from_str(&body).expect("the service answers with JSON");
    body["currency"].clone()
}

#[tokio::test]
async fn values_beside_azds_yaml_reach_the_process() {
    let space = Cluster::get().space().await;
    let service = environment_service(&space, "consumer");
    let up = service.azds("up", &["-d"]).json();
    assert_eq!(url_of_producer(&up), Value::Null);

    service.write("values.dev.yaml", VALUES);
    let up = service.azds("up", &["-d"]).json();
    assert_eq!(url_of_producer(&up), "http://producer");
    assert_eq!(up.get("warnings"), None);
    assert_eq!(service.azds("down", &[]).json()["removed"], true);
}

#[tokio::test]
async fn values_listed_as_in_2018_are_found_with_a_warning() {
    let space = Cluster::get().space().await;
    let service = environment_service(&space, "consumer");
    // As it was then: no list of values under install, one under container instead, with the chart's folder.
    let entries = "  values:\n    # Files beside this one; later ones win. With ? a file need not be there.\n    - values.dev.yaml?\n    - secrets.dev.yaml?\n";
    service.replace("azds.yaml", entries, "");
    service.replace(
        "azds.yaml",
        "    container:\n",
        "    container:\n      values:\n      - \"charts/consumer/values.dev.yaml\"\n",
    );
    service.write("values.dev.yaml", VALUES);
    let answer = service.azds("up", &["-d"]);
    let up = answer.json();
    assert_eq!(url_of_producer(&up), "http://producer");
    let warning = up["warnings"][0].as_str().expect("a warning");
    assert!(
        warning.contains("charts/consumer/values.dev.yaml"),
        "{warning}"
    );
    assert!(answer.stderr.contains(warning), "{}", answer.stderr);
    assert_eq!(service.azds("down", &[]).json()["removed"], true);
}

#[tokio::test]
async fn a_public_service_has_an_address_of_the_space() {
    let space = Cluster::get().space().await;
    let service = space.python_service("web", &["--public"]);
    let up = service.azds("up", &["-d"]).json();
    let client = space.namespace.client.clone();
    let ingress = Api::<Ingress>::namespaced(client, &space.namespace.name)
        .get("web")
        .await
        .expect("the chart has an Ingress");
    let spec = ingress.spec.expect("it has one");
    let host = format!("{}.web{HOST_SUFFIX}", space.namespace.name);
    assert_eq!(spec.ingress_class_name.as_deref(), Some(INGRESS_CLASS));
    let rules = spec.rules.expect("rules");
    assert_eq!(rules[0].host.as_deref(), Some(host.as_str()));
    // Nobody serves the Ingress here.
    let public = json!({"uri": format!("http://{host}/"), "status": "Pending", "service": "web"});
    let uris = service.azds("list-uris", &[]).json();
    assert_eq!(uris, json!([public, up["uris"][0]]));
    let trouble = service.trouble();
    let [(severity, message)] = trouble.as_slice() else {
        panic!("{trouble:?}");
    };
    assert_eq!(severity, "information");
    assert!(message.contains(&host), "{message}");
    assert_eq!(service.azds("down", &[]).json()["removed"], true);
}
