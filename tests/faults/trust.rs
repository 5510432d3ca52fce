//! Faults of certificates: of the gate before the builder, and of the API server.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use k8s_openapi::ByteString;
use k8s_openapi::api::core::v1::Secret;
use kube::api::{Api, Patch, PatchParams};
use rcgen::{CertificateParams, DnType, Issuer, KeyPair};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::{ServerConfig, crypto};

use crate::stage::{Seen, Stage, told};

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// When a certificate holds.
#[derive(Clone, Copy)]
enum When {
    Past,
    Future,
}

impl When {
    fn of(self, params: &mut CertificateParams) {
        let now = SystemTime::now();
        let (from, to) = match self {
            When::Past => (now - 2 * DAY, now - DAY),
            When::Future => (now + DAY, now + 2 * DAY),
        };
        params.not_before = from.into();
        params.not_after = to.into();
    }

    /// What rustls says of it.
    fn words(self) -> &'static str {
        match self {
            When::Past => "certificate expired",
            When::Future => "not valid yet",
        }
    }
}

pub async fn gate_certificate_expired(stage: &Stage) -> Seen {
    gate(stage, When::Past).await
}

pub async fn gate_certificate_early(stage: &Stage) -> Seen {
    gate(stage, When::Future).await
}

/// Puts another certificate into the gate's Secret, signed by the authority; its annotation still
/// says that it is fresh.
async fn gate(stage: &Stage, when: When) -> Seen {
    let secrets: Api<Secret> = Api::namespaced(stage.client.clone(), "azds");
    let authority = secrets.get("azds-authority").await.expect("the authority");
    let authority = authority.data.expect("a key");
    let text = |name: &str| String::from_utf8(authority[name].0.clone()).expect("PEM");
    let key = KeyPair::from_pem(&text("tls.key")).expect("a key");
    // As the authority was made: what it signs names its issuer by this.
    let mut of_authority = CertificateParams::default();
    let name = &mut of_authority.distinguished_name;
    name.push(DnType::CommonName, "azds");
    let issuer = Issuer::new(of_authority, key);
    let key = KeyPair::generate().expect("a key");
    let mut params = CertificateParams::new(["builder.azds".to_owned()]).expect("a name");
    when.of(&mut params);
    let certificate = params.signed_by(&key, &issuer).expect("a certificate");
    let data = json!({
        "tls.crt": ByteString(certificate.pem().into_bytes()),
        "tls.key": ByteString(key.serialize_pem().into_bytes()),
    });
    let patch = Patch::Merge(json!({"data": data}));
    let patched = secrets
        .patch("azds-gate", &PatchParams::default(), &patch)
        .await;
    patched.expect("an administrator may");
    let doctor = stage.doctor_says("builder on node1", when.words()).await;
    // The initializer gives it another one; the build waits for that.
    stage.up();
    Seen {
        outcome: "azds gets another certificate by itself; azds up waits for it".to_owned(),
        doctor,
    }
}

pub async fn api_certificate_expired(stage: &Stage) -> Seen {
    api(stage, When::Past).await
}

pub async fn api_certificate_early(stage: &Stage) -> Seen {
    api(stage, When::Future).await
}

/// Stands in for an API server whose certificate is out of its time.
async fn api(stage: &Stage, when: When) -> Seen {
    let key = KeyPair::generate().expect("a key");
    let mut params = CertificateParams::new(["127.0.0.1".to_owned()]).expect("a name");
    when.of(&mut params);
    let certificate = params.self_signed(&key).expect("a certificate");
    let pem = certificate.pem();
    let chain = CertificateDer::pem_slice_iter(pem.as_bytes()).collect::<Result<Vec<_>, _>>();
    let key = PrivateKeyDer::from_pem_slice(key.serialize_pem().as_bytes()).expect("a key");
    let config = ServerConfig::builder_with_provider(Arc::new(crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .expect("the provider's own")
        .with_no_client_auth()
        .with_single_cert(chain.expect("PEM"), key)
        .expect("a certificate");
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    let server = tokio::spawn(async move {
        let acceptor = TlsAcceptor::from(Arc::new(config));
        while let Ok((stream, _)) = listener.accept().await {
            // The client ends it.
            let _ = acceptor.accept(stream).await;
        }
    });
    let text = std::fs::read_to_string(stage.space.kubeconfig()).expect("a kubeconfig");
    let mut kubeconfig: Value = serde_json::from_str(&text).expect("the tests write JSON");
    let authority = serde_json::to_value(ByteString(pem.into_bytes())).expect("base64");
    kubeconfig["clusters"][0]["cluster"] =
        json!({"server": format!("https://{address}"), "certificate-authority-data": authority});
    let path = stage.space.kubeconfig().with_file_name("other.kubeconfig");
    std::fs::write(&path, kubeconfig.to_string()).expect("a file");
    let azds = |command: &'static str| {
        let mut azds = stage.space.command();
        azds.env("KUBECONFIG", &path)
            .arg(command)
            .arg(stage.service().folder)
            .args(["-o", "json"]);
        tokio::task::spawn_blocking(move || azds_tests::space::run(&mut azds))
    };
    let outcome = told(&azds("up").await.expect("no panic").failure());
    assert!(
        outcome.contains(when.words()) && outcome.contains("clock"),
        "{outcome}"
    );
    let said = azds("doctor").await.expect("no panic");
    let said: Value = serde_json::from_str(&said.stdout).expect("JSON");
    let checks = said["checks"].as_array().expect("checks");
    let check = checks
        .iter()
        .find(|it| it["name"] == "API server")
        .expect("a check");
    let doctor = told(&check["failure"]);
    assert!(doctor.contains(when.words()), "{doctor}");
    server.abort();
    Seen { outcome, doctor }
}
