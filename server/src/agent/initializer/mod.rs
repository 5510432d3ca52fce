//! `azds-agent initializer`: the webhook that completes the pods of an `up`, the authority behind
//! its certificate and the gate's, and the status that each space gets.

mod certificates;
mod complete;
mod look;
mod placement;
mod probes;
mod pulled;
mod seeds;
mod spaces;
mod store;

use std::convert::Infallible;
use std::net::{Ipv6Addr, SocketAddr};
use std::sync::{Arc, RwLock};
use std::time::{Duration, SystemTime};

use azds_protocol::agent::{GATE_PORT, SpaceStatus, VERSION};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hyper::body::Incoming;
use hyper::{Method, Request, StatusCode};
use hyper_util::rt::{TokioExecutor, TokioIo};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;

use super::{http, tls};
use crate::failure::{Context, Failure, Result};
use complete::{Additions, complete, of_up};

/// Port of the webhook.
const PORT: u16 = 8443;
/// The largest review that is read; the API server's own limit for objects is 3 MiB.
const REVIEW_LIMIT: usize = 8 << 20;
/// How often the certificates are looked at.
const ROTATION: Duration = Duration::from_secs(60 * 60);
/// How long a caller may take for its TLS handshake.
const HANDSHAKE: Duration = Duration::from_secs(10);

/// What `azds-agent initializer` is told by the chart.
#[derive(Debug, Clone, clap::Args)]
pub struct Arguments {
    /// Image of the agent.
    #[arg(long)]
    image: String,
    /// Pull policy of that image.
    #[arg(long, default_value = "IfNotPresent")]
    pull_policy: String,
    /// Images of debuggers that pods get.
    #[arg(long = "debugger")]
    debuggers: Vec<String>,
    /// What $(hostSuffix) stands for.
    #[arg(long, default_value = "")]
    host_suffix: String,
    /// Class of the Ingresses that azds writes.
    #[arg(long, default_value = "")]
    ingress_class: String,
    /// Secret that the agent's image is pulled with; can be given again.
    #[arg(long = "pull-secret")]
    pull_secrets: Vec<String>,
    /// What a node must be like to have a builder: matchExpressions of a node selector, as JSON.
    #[arg(long, default_value = "[]", value_parser = expressions)]
    nodes: Value,
    /// Registry that images are pushed to and pulled from, HOST[:PORT]/FOLDER.
    #[arg(long)]
    builds_to: Option<String>,
    /// Namespace of the set-up.
    #[arg(long, env = "AZDS_NAMESPACE")]
    namespace: String,
    /// Address of the Service of the builders, which Kubernetes puts into the environment.
    #[arg(long, env = "AZDS_BUILDER_SERVICE_HOST")]
    gate: std::net::IpAddr,
}

fn expressions(text: &str) -> serde_json::Result<Value> {
    serde_json::from_str(text)
}

/// Runs until it fails.
pub async fn run(arguments: Arguments) -> Result<()> {
    let client = super::in_cluster_client()?;
    let store = store::Store::new(client.clone(), arguments.namespace.clone());
    let authority = store.authority().await?;
    let webhook = Arc::new(RwLock::new(webhook_certificate(
        &authority,
        &arguments.namespace,
    )?));
    let listener = TcpListener::bind(SocketAddr::from((Ipv6Addr::UNSPECIFIED, PORT)))
        .await
        .or_fail("the webhook did not start", format!("port {PORT}"))?;
    store.renew_gate_certificate(&authority).await?;
    store.trust_webhook(&authority.certificate).await?;

    let builds_to = arguments.builds_to;
    let reviewer = Arc::new(Reviewer {
        additions: Additions {
            image: arguments.image,
            pull_policy: arguments.pull_policy,
            debuggers: arguments.debuggers,
            gate: SocketAddr::new(arguments.gate, GATE_PORT).to_string(),
            authority: authority.certificate.clone(),
            pull_secrets: arguments.pull_secrets,
            nodes: arguments.nodes,
            builds_to: builds_to.clone(),
        },
        client: client.clone(),
    });
    let status = SpaceStatus {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        protocol: VERSION,
        host_suffix: arguments.host_suffix,
        ingress_class: arguments.ingress_class,
        parents: Vec::new(),
        checks: Vec::new(),
    };
    let (status, told) = watch::channel(status);
    let looker = look::Looker {
        store: store::Store::new(client.clone(), arguments.namespace.clone()),
        authority: authority.clone(),
        client: client.clone(),
        namespace: arguments.namespace.clone(),
        builds_to,
        replaced: tokio::sync::Mutex::default(),
    };
    let rotation = async {
        loop {
            tokio::time::sleep(ROTATION).await;
            store.renew_gate_certificate(&authority).await?;
            let renewed = webhook_certificate(&authority, &arguments.namespace)?;
            *webhook.write().expect("no holder of the lock panics") = renewed;
        }
    };
    tokio::select! {
        () = serve(&listener, &webhook, &reviewer) => Ok(()),
        () = spaces::tell(client, told) => Ok(()),
        () = looker.look(&status) => Ok(()),
        failed = rotation => failed,
    }
}

/// A fresh certificate for the webhook. It is kept in memory only: whoever serves makes its own.
fn webhook_certificate(
    authority: &certificates::Pair,
    namespace: &str,
) -> Result<Arc<ServerConfig>> {
    let name = format!("azds-initializer.{namespace}.svc");
    let pair = certificates::sign(authority, &[name], SystemTime::now())?;
    tls::server(&pair.certificate, &pair.key, &[tls::H2, b"http/1.1"])
}

async fn serve(
    listener: &TcpListener,
    certificate: &RwLock<Arc<ServerConfig>>,
    reviewer: &Arc<Reviewer>,
) {
    loop {
        let stream = super::accept(listener).await;
        let config = Arc::clone(&certificate.read().expect("no holder of the lock panics"));
        let reviewer = Arc::clone(reviewer);
        tokio::spawn(async move {
            let handshake = TlsAcceptor::from(config).accept(stream);
            let Ok(Ok(stream)) = tokio::time::timeout(HANDSHAKE, handshake).await else {
                return;
            };
            let service = hyper::service::service_fn(move |request| {
                let reviewer = Arc::clone(&reviewer);
                async move { Ok::<_, Infallible>(respond(request, &reviewer).await) }
            });
            let served = hyper_util::server::conn::auto::Builder::new(TokioExecutor::new())
                .serve_connection(TokioIo::new(stream), service)
                .await;
            if let Err(error) = served {
                tracing::debug!(error, "a connection to the webhook ended");
            }
        });
    }
}

async fn respond(request: Request<Incoming>, reviewer: &Reviewer) -> http::Answer {
    match (request.method(), request.uri().path()) {
        (&Method::POST, "/complete") => {
            match http::read_json::<Value>(request.into_body(), REVIEW_LIMIT).await {
                Ok(review) => http::json(StatusCode::OK, &reviewer.answer(&review).await),
                Err(failure) => http::refuse(StatusCode::BAD_REQUEST, &failure),
            }
        }
        (&Method::GET, "/healthz") => http::empty(StatusCode::OK),
        _ => http::unknown(&request),
    }
}

/// Who answers the API server.
struct Reviewer {
    additions: Additions,
    client: kube::Client,
}

impl Reviewer {
    /// The answer to an AdmissionReview (admission.k8s.io/v1).
    async fn answer(&self, review: &Value) -> Value {
        let request = &review["request"];
        let pod = &request["object"];
        let known = match (of_up(pod), request["namespace"].as_str()) {
            (Some((_, tag)), Some(space)) => seeds::find(&self.client, space, tag).await,
            _ => None,
        };
        let space = request["namespace"].as_str().unwrap_or_default();
        let patch = complete(pod, space, &self.additions, known.as_ref());
        let mut response = json!({"uid": request["uid"], "allowed": true});
        if !patch.is_empty() {
            tracing::info!(
                namespace = %request["namespace"],
                pod = %pod["metadata"]["generateName"],
                "completed a pod"
            );
            response["patchType"] = json!("JSONPatch");
            response["patch"] = json!(STANDARD.encode(Value::from(patch).to_string()));
        }
        json!({
            "apiVersion": "admission.k8s.io/v1",
            "kind": "AdmissionReview",
            "response": response,
        })
    }
}

/// What a call to the API server is about, for failures of the initializer.
fn api_failure(object: impl Into<String>, error: &kube::Error) -> Failure {
    Failure::new(
        "the initializer did not keep its objects",
        object,
        crate::failure::chain(error),
    )
}
