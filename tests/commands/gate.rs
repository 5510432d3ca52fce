//! The gate in front of a node's BuildKit, called as the build in a pod calls it.

use std::sync::Arc;

use azds::cluster::agent::{Agent, full};
use azds::context;
use azds::failure::Result;
use azds_protocol::agent::{
    Blob, BuildEvent, BuildRequest, BuildSpec, Entry, GATE_AUDIENCE, GATE_PORT, GATE_SERVER_NAME,
    Manifest, Private,
};
use azds_tests::{Cluster, Namespace, pushing};
use k8s_openapi::api::core::v1::{Pod, Secret};
use kube::api::{Api, ListParams};
use kube::{Client, ResourceExt};
use serde_json::{Value, json};
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName};
use tokio_rustls::rustls::{ClientConfig, RootCertStore, crypto};

const DOCKERFILE: &[u8] = b"FROM scratch\nCOPY Dockerfile /\n";

/// A connection to the gate with this token, checked as a pod checks it.
async fn gate(client: &Client, token: &str) -> Agent {
    let secrets = Api::<Secret>::namespaced(client.clone(), "azds");
    let authority = secrets.get("azds-authority").await.expect("the authority");
    let data = authority.data.expect("a certificate");
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(&data["tls.crt"].0) {
        roots.add(certificate.expect("PEM")).expect("a certificate");
    }
    let provider = Arc::new(crypto::ring::default_provider());
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("the provider's own")
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = vec![b"h2".to_vec()];

    let pods = Api::<Pod>::namespaced(client.clone(), "azds");
    let builders = ListParams::default().labels("app=azds-builder");
    let builders = pods.list(&builders).await.expect("pods");
    let builder = builders.items[0].name_any();
    let mut forward = pods
        .portforward(&builder, &[GATE_PORT])
        .await
        .expect("a port-forward");
    let stream = forward.take_stream(GATE_PORT).expect("it was asked for");
    let name = ServerName::try_from(GATE_SERVER_NAME).expect("a name");
    let stream = TlsConnector::from(Arc::new(config))
        .connect(name, stream)
        .await
        .expect("the certificate is the gate's");
    Agent::connect(stream, token, "gate")
        .await
        .expect("a connection")
}

/// A token as the kubelet gets it for a pod's volume.
async fn token_of_a_pod(namespace: &Namespace) -> String {
    let pod: Pod = namespace
        .create(json!({
            "metadata": {"name": "caller"},
            "spec": {"containers": [{"name": "caller", "image": "busybox:1.36", "command": ["sleep", "3600"]}]},
        }))
        .await;
    let reference = json!({"apiVersion": "v1", "kind": "Pod", "name": "caller", "uid": pod.uid()});
    namespace.token("default", spec(reference)).await
}

fn spec(bound_to: Value) -> Value {
    json!({"audiences": [GATE_AUDIENCE], "boundObjectRef": bound_to})
}

fn manifest() -> Manifest {
    let dockerfile = Blob {
        digest: context::digest_of(DOCKERFILE),
        size: DOCKERFILE.len() as u64,
    };
    Manifest {
        dockerfile: dockerfile.clone(),
        entries: vec![Entry::File {
            path: "Dockerfile".to_owned(),
            blob: dockerfile,
            executable: false,
        }],
    }
}

async fn offer(client: &Client, token: &str) -> Result<usize> {
    let missing = gate(client, token).await.offer(&manifest()).await?;
    Ok(missing.blobs.len())
}

#[tokio::test]
async fn only_pods_of_a_space_are_served() {
    let cluster = Cluster::get();
    let space = cluster.space().await;
    let client = &space.namespace.client;
    let token = token_of_a_pod(&space.namespace).await;
    assert_eq!(offer(client, &token).await.expect("a pod of a space"), 1);

    let outside = cluster.namespace(&[]).await;
    let outsider = token_of_a_pod(&outside).await;
    let failure = offer(client, &outsider).await.expect_err("no space");
    assert!(failure.why.contains("not a space"), "{failure}");

    let without_pod = space.namespace.token("default", spec(Value::Null)).await;
    for token in ["nonsense", &without_pod] {
        let failure = offer(client, token).await.expect_err("not a pod's token");
        assert!(failure.what.contains("did not serve"), "{failure}");
    }
    let for_the_api = space.namespace.token("default", json!({"audiences": []}));
    let failure = offer(client, &for_the_api.await)
        .await
        .expect_err("another audience");
    assert!(failure.what.contains("did not serve"), "{failure}");
}

#[tokio::test]
async fn the_tag_of_an_image_is_the_gates_own() {
    let space = Cluster::get().space().await;
    let token = token_of_a_pod(&space.namespace).await;
    let gate = gate(&space.namespace.client, &token).await;
    let manifest = manifest();
    let mut frame = blake3::hash(DOCKERFILE).as_bytes().to_vec();
    frame.extend((DOCKERFILE.len() as u64).to_be_bytes());
    frame.extend(DOCKERFILE);
    gate.offer(&manifest).await.expect("taken");
    let received = gate.send_files(full(frame)).await.expect("taken");
    assert_eq!(
        (received.files, received.bytes),
        (1, DOCKERFILE.len() as u64)
    );

    let spec = BuildSpec {
        release: "azds-000000-another-space-shop".to_owned(),
        context: context::manifest_digest(&manifest),
        args: Default::default(),
        command: Vec::new(),
    };
    let of_another = context::tag("another-space", &spec);
    let build = async |repository: &str| {
        let request = BuildRequest {
            repository: repository.to_owned(),
            spec: spec.clone(),
            private: Private::default(),
        };
        let request = serde_json::to_vec(&request).expect("JSON");
        gate.build(full(request), |_| {}).await
    };
    let own = context::tag(&space.namespace.name, &spec);
    assert_ne!(own, of_another);
    let with_tag = build(&format!("shop:{of_another}")).await;
    let expected = if pushing::is_on() {
        // What the pod calls it does not matter.
        assert!(with_tag.is_ok(), "{with_tag:?}");
        format!("{}/{}:{own}", pushing::BUILDS, space.namespace.name)
    } else {
        let failure = with_tag.expect_err("a tag");
        assert!(
            failure.why.contains("not the name of an image repository"),
            "{failure}"
        );
        format!("docker.io/library/shop:{own}")
    };
    let last = build("shop").await.expect("built");
    let BuildEvent::Built { image, .. } = last else {
        panic!("{last:?}")
    };
    assert_eq!(image, expected);
}
