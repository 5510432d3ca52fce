//! The cluster itself: what every other test on it takes for granted.

use azds_tests::{Cluster, until};
use k8s_openapi::api::core::v1::{Pod, Service};
use k8s_openapi::api::networking::v1::Ingress;
use kube::api::{Api, LogParams};
use serde_json::json;

#[tokio::test]
async fn a_service_answers_other_pods_by_its_dns_name() {
    let namespace = Cluster::get().namespace(&[]).await;
    let serve =
        "mkdir /tmp/www && echo hello >/tmp/www/index.html && exec httpd -f -p 8080 -h /tmp/www";
    namespace
        .create::<Pod>(json!({
            "metadata": {"name": "web", "labels": {"app": "web"}},
            "spec": {"terminationGracePeriodSeconds": 0, "containers": [
                {"name": "web", "image": "busybox:1.36", "command": ["sh", "-c", serve]},
            ]},
        }))
        .await;
    namespace
        .create::<Service>(json!({
            "metadata": {"name": "web"},
            "spec": {"selector": {"app": "web"}, "ports": [{"name": "http", "port": 80, "targetPort": 8080}]},
        }))
        .await;
    namespace.pod_in_phase("web", "Running").await;
    // Retried, since a pod runs before the Service's rules are in place.
    let ask = "until wget -q -O - http://web; do sleep 0.2; done";
    namespace
        .create::<Pod>(json!({
            "metadata": {"name": "client"},
            "spec": {"restartPolicy": "Never", "containers": [
                {"name": "client", "image": "busybox:1.36", "command": ["sh", "-c", ask]},
            ]},
        }))
        .await;
    namespace.pod_in_phase("client", "Succeeded").await;
    let pods = Api::<Pod>::namespaced(namespace.client.clone(), &namespace.name);
    let answer = pods
        .logs("client", &LogParams::default())
        .await
        .expect("the pod's log is readable");
    assert_eq!(answer.lines().last(), Some("hello"));
}

#[tokio::test]
async fn the_relayed_api_reaches_services() {
    let namespace = Cluster::get().namespace(&[]).await;
    let serve = "echo hello >/tmp/index.html; exec httpd -f -p 8080 -h /tmp";
    namespace
        .create::<Pod>(json!({
            "metadata": {"name": "web"},
            "spec": {"terminationGracePeriodSeconds": 0, "containers": [
                {"name": "web", "image": "busybox:1.36", "command": ["sh", "-c", serve]},
            ]},
        }))
        .await;
    namespace.pod_in_phase("web", "Running").await;
    let pods = Api::<Pod>::namespaced(namespace.client.clone(), &namespace.name);
    let answer = until("an answer through a port-forward", || async {
        use tokio::io::{AsyncReadExt, AsyncWriteExt};
        let mut forward = pods
            .portforward("web", &[8080])
            .await
            .map_err(|error| error.to_string())?;
        let mut stream = forward.take_stream(8080).expect("the port was asked for");
        stream
            .write_all(b"GET / HTTP/1.0\r\n\r\n")
            .await
            .map_err(|error| error.to_string())?;
        let mut answer = String::new();
        stream
            .read_to_string(&mut answer)
            .await
            .map_err(|error| error.to_string())?;
        if answer.is_empty() {
            Err("the connection was closed".to_owned())
        } else {
            Ok(answer)
        }
    })
    .await;
    assert!(answer.ends_with("hello\n"), "{answer}");
}

#[tokio::test]
async fn an_ingress_is_served_at_the_relayed_port() {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let cluster = Cluster::get();
    let namespace = cluster.namespace(&[]).await;
    let serve = "echo hello >/tmp/index.html; exec httpd -f -p 8080 -h /tmp";
    namespace
        .create::<Pod>(json!({
            "metadata": {"name": "web", "labels": {"app": "web"}},
            "spec": {"terminationGracePeriodSeconds": 0, "containers": [
                {"name": "web", "image": "busybox:1.36", "command": ["sh", "-c", serve]},
            ]},
        }))
        .await;
    namespace
        .create::<Service>(json!({
            "metadata": {"name": "web"},
            "spec": {"selector": {"app": "web"}, "ports": [{"name": "http", "port": 80, "targetPort": 8080}]},
        }))
        .await;
    let host = format!("{}.example.test", namespace.name);
    namespace
        .create::<Ingress>(json!({
            "metadata": {"name": "web"},
            "spec": {"rules": [{"host": host, "http": {"paths": [
                {"path": "/", "pathType": "Prefix", "backend": {"service": {"name": "web", "port": {"name": "http"}}}},
            ]}}]},
        }))
        .await;
    let address = cluster.ingress.trim_start_matches("http://");
    until("the page, by the Ingress", || async {
        let ask = async {
            let mut stream = tokio::net::TcpStream::connect(address).await?;
            let request = format!("GET / HTTP/1.0\r\nHost: {host}\r\n\r\n");
            stream.write_all(request.as_bytes()).await?;
            let mut answer = String::new();
            stream.read_to_string(&mut answer).await?;
            std::io::Result::Ok(answer)
        };
        let answer = ask.await.map_err(|error| error.to_string())?;
        answer.ends_with("hello\n").then_some(()).ok_or(answer)
    })
    .await;
}
