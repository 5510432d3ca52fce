//! A service's life: up, changed, listed, down.

use std::fs::{self, File};

use azds_tests::space::{Service, get};
use azds_tests::{Cluster, pushing, until};
use k8s_openapi::api::core::v1::{Pod, Secret};
use kube::ResourceExt;
use kube::api::{Api, ListParams};
use serde_json::{Value, json};

/// The address of a service's one tunnel.
fn tunnel(up: &Value) -> String {
    let uris = up["uris"].as_array().expect("addresses");
    assert_eq!(uris.len(), 1, "{uris:?}");
    assert_eq!(uris[0]["status"], "Tunneled");
    uris[0]["uri"].as_str().expect("an address").to_owned()
}

fn currency(uri: &str) -> Value {
    let (status, body) = get(uri, "/api/demo").expect("the tunnel answers");
    assert!(status.contains("200"), "{status}\n{body}");
    let body: Value = serde_json::from_str(&body).expect("the service answers with JSON");
    body["currency"].clone()
}

/// Changes one file so that neither its length nor its time tell.
fn change_unnoticeably(service: &Service, from: &str, to: &str) -> u64 {
    let path = service.folder.join("app.py");
    let before = fs::metadata(&path).expect("a file");
    service.replace("app.py", &format!("\"{from}\""), &format!("\"{to}\""));
    let file = File::options().append(true).open(&path).expect("a file");
    file.set_modified(before.modified().expect("a time"))
        .expect("a time can be set");
    assert_eq!(fs::metadata(&path).expect("a file").len(), before.len());
    before.len()
}

#[tokio::test]
async fn a_service_comes_up_changes_and_goes() {
    let cluster = Cluster::get();
    let space = cluster.space().await;
    let service = space.python_service("shop", &[]);

    let first = service.azds("up", &["-d"]).json();
    let uri = tunnel(&first);
    assert_eq!(currency(&uri), "EUR");
    let count = &first["context"];
    assert!(count["sentFiles"].as_u64() > Some(1), "{count}");
    assert!(count["files"].as_u64() > Some(1), "{count}");
    assert_eq!(first["service"], "shop");
    assert_eq!(first["space"], json!(space.namespace.name));

    // Now a change of the sources asks for another image.
    service.replace("azds.yaml", "!**/requirements*.txt", "!**/*.py");
    let size = change_unnoticeably(&service, "EUR", "USD");
    let changed = service.azds("up", &["-d"]).json();
    assert_eq!(changed["context"]["sentFiles"], 1);
    assert_eq!(changed["context"]["sentBytes"], size);
    assert_ne!(changed["image"], first["image"]);
    assert_eq!(tunnel(&changed), uri, "the address stays");
    assert_eq!(currency(&uri), "USD");

    let pods = Api::<Pod>::namespaced(space.namespace.client.clone(), &space.namespace.name);
    let uid = async |up: &Value| {
        let name = up["pod"].as_str().expect("a pod's name");
        pods.get(name).await.expect("the pod is there").uid()
    };
    let before = uid(&changed).await;
    let unchanged = service.azds("up", &["-d"]).json();
    assert_eq!(unchanged["context"]["sentFiles"], 0);
    assert_eq!(uid(&unchanged).await, before, "nothing was replaced");
    assert_eq!(tunnel(&unchanged), uri);

    let listed = service.azds("list-up", &[]).json();
    let [row] = listed.as_array().expect("rows").as_slice() else {
        panic!("{listed}")
    };
    assert_eq!(
        (&row["name"], &row["status"]),
        (&json!("shop"), &json!("Running"))
    );
    let uris = service.azds("list-uris", &[]).json();
    assert_eq!(
        uris,
        json!([{"uri": uri, "status": "Tunneled", "service": "shop"}])
    );

    assert_eq!(space.processes().len(), 1, "the owner of the tunnel");
    assert_eq!(service.azds("down", &[]).json()["removed"], true);
    assert_eq!(space.processes(), [0; 0]);
    assert!(get(&uri, "/").is_err(), "the port is closed");
    assert_eq!(service.azds("list-up", &[]).json(), json!([]));
    assert_eq!(service.azds("down", &[]).json()["removed"], false);
    let secrets = Api::<Secret>::namespaced(space.namespace.client.clone(), &space.namespace.name);
    until("the Secrets to be gone", || async {
        let left = secrets.list(&ListParams::default()).await;
        let left = left.map_err(|error| error.to_string())?;
        let mut names: Vec<_> = left.iter().map(ResourceExt::name_any).collect();
        // The space's own, which no service brought.
        names.retain(|name| name != pushing::PULL);
        match names.is_empty() {
            true => Ok(()),
            false => Err(names.join(", ")),
        }
    })
    .await;
}

#[tokio::test]
async fn a_change_comes_to_the_running_pod_and_to_every_later_one() {
    let cluster = Cluster::get();
    let space = cluster.space().await;
    let service = space.python_service("shop", &[]);
    let pods = Api::<Pod>::namespaced(space.namespace.client.clone(), &space.namespace.name);
    let first = service.azds("up", &["-d"]).json();
    let uri = tunnel(&first);

    let size = change_unnoticeably(&service, "EUR", "USD");
    let changed = service.azds("up", &["-d"]).json();
    let sent = |up: &Value| {
        (
            up["context"]["sentFiles"].clone(),
            up["context"]["sentBytes"].clone(),
        )
    };
    assert_eq!(sent(&changed), (json!(1), json!(size)));
    assert_eq!(changed["pod"], first["pod"], "nothing was replaced");
    assert_eq!(changed["image"], first["image"], "nothing was built");
    assert_eq!(currency(&uri), "USD");
    let unchanged = service.azds("up", &["-d"]).json();
    assert_eq!(sent(&unchanged), (json!(0), json!(0)));

    // A pod that begins later has the change from its beginning, with no developer at hand.
    let name = changed["pod"].as_str().expect("a pod's name");
    pods.delete(name, &Default::default())
        .await
        .expect("deleted");
    until("another pod to answer", || async {
        let answer = get(&uri, "/api/demo").map_err(|error| error.to_string())?;
        let others = pods.list(&ListParams::default()).await;
        let others = others.map_err(|error| error.to_string())?;
        let is_left = others.iter().any(|pod| pod.name_any() == name);
        match !is_left && answer.0.contains("200") {
            true => Ok(()),
            false => Err(answer.0),
        }
    })
    .await;
    assert_eq!(currency(&uri), "USD");

    // As it was when the image was built: nothing is kept any more.
    change_unnoticeably(&service, "USD", "EUR");
    let back = service.azds("up", &["-d"]).json();
    assert_eq!(currency(&uri), "EUR");
    assert_eq!(back["image"], first["image"]);
    let (_, tag) = first["image"]
        .as_str()
        .and_then(|it| it.rsplit_once(':'))
        .expect("a tag");
    let secrets = Api::<Secret>::namespaced(space.namespace.client.clone(), &space.namespace.name);
    let secret = secrets.get(&format!("azds-{tag}")).await.expect("there");
    let keys: Vec<_> = secret.data.iter().flatten().map(|(key, _)| key).collect();
    assert_eq!(keys, ["build.json", "token"]);

    // A mistake is told of as a failure, and its correction helps, whatever became of the pod meanwhile.
    service.replace("app.py", "\"EUR\"", "\"EUR\" +");
    let failure = service.azds("up", &["-d"]).failure();
    let why = failure["why"].as_str().expect("a reason");
    assert!(why.contains("SyntaxError"), "{failure:#}");
    service.replace("app.py", "\"EUR\" +", "\"EUR\"");
    service.azds("up", &["-d"]).json();
    assert_eq!(currency(&uri), "EUR");

    service.azds("down", &[]).json();
}
