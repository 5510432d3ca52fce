//! `azds-agent builder`: the gate in front of BuildKit.
//!
//! Whoever reaches BuildKit can write any image into the node's store, or into the registry that images are
//! pushed to, which would be the takeover of what runs there. So BuildKit listens on a unix socket only, and the gate stands before it: it knows the
//! caller by the token of its pod, serves spaces only, and works out the image's tag itself.

mod buildkit;
mod callers;
mod push;
pub mod store;

use std::net::{Ipv6Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::{Arc, RwLock};
use std::time::Duration;

use azds_protocol::agent::{
    BuildEvent, BuildRequest, BuildSpec, GATE_PORT, ImageStart, Manifest, Missing,
};
use hyper::body::Incoming;
use hyper::{Method, Request, StatusCode};
use k8s_openapi::api::core::v1::Secret;
use kube::Api;
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_util::sync::CancellationToken;

use super::{GATE_SECRET, http, tls};
use crate::context;
use crate::failure::{Context, Failure, Result};
use buildkit::{BuildKit, Order};
use callers::{Caller, Callers};
use push::Push;
use store::{LaidOut, Layout, Store};

/// The largest list of files that is read: some 400,000 files.
const MANIFEST_LIMIT: usize = 64 << 20;
/// The largest build request that is read.
const REQUEST_LIMIT: usize = 1 << 20;
/// How long a caller may take for its TLS handshake.
const HANDSHAKE: Duration = Duration::from_secs(10);
/// How often a certificate is looked for, while there is none and afterwards.
const FIRST_CERTIFICATE: Duration = Duration::from_secs(1);
/// How often what nobody has used for long is looked for.
const SWEEP: Duration = Duration::from_secs(6 * 60 * 60);
/// The initializer replaces one that nobody accepts: builds wait a minute for it.
const NEXT_CERTIFICATE: Duration = Duration::from_secs(15);
/// How often it is looked whether a context has come, while the registry is asked for the image.
const ARRIVAL: Duration = Duration::from_millis(200);
/// With less than this left on the disk, in bytes, hardly any context or image finds room.
const LOW: u64 = 256 << 20;

/// What `azds-agent builder` is told by the chart.
#[derive(Debug, Clone, clap::Args)]
pub struct Arguments {
    /// Folder of the contexts that were sent.
    #[arg(long)]
    store: PathBuf,
    /// Address of BuildKit: unix:///path.
    #[arg(long)]
    buildkit: String,
    /// Registry that images are pushed to, HOST[:PORT]/FOLDER, instead of being built into the node's store.
    #[arg(long)]
    registry: Option<String>,
    /// Docker's configuration with the login for that registry.
    #[arg(long)]
    login: Option<PathBuf>,
    /// Build argument NAME=VALUE that every build gets; can be given again.
    #[arg(long = "build-arg", value_name = "NAME=VALUE")]
    build_args: Vec<String>,
    /// Namespace of the set-up.
    #[arg(long, env = "AZDS_NAMESPACE")]
    namespace: String,
}

/// What one connection needs.
struct Gate {
    callers: Callers,
    store: Store,
    buildkit: BuildKit,
}

/// Runs until it fails.
pub async fn run(arguments: Arguments) -> Result<()> {
    let client = super::in_cluster_client()?;
    let secrets = Api::namespaced(client.clone(), &arguments.namespace);
    let certificate = Arc::new(RwLock::new(first_certificate(&secrets).await));
    let gate = Arc::new(Gate {
        callers: Callers::new(client),
        store: Store::new(arguments.store),
        buildkit: BuildKit {
            address: arguments.buildkit,
            args: arguments.build_args,
            push: arguments.registry.map(|registry| Push {
                registry,
                login: arguments.login,
            }),
        },
    });
    let listener = TcpListener::bind(SocketAddr::from((Ipv6Addr::UNSPECIFIED, GATE_PORT)))
        .await
        .or_fail("the gate did not start", format!("port {GATE_PORT}"))?;
    tokio::spawn(renew(secrets, Arc::clone(&certificate)));
    tokio::spawn(sweep(Arc::clone(&gate)));
    loop {
        let stream = super::accept(&listener).await;
        let config = Arc::clone(&certificate.read().expect("no holder of the lock panics"));
        let gate = Arc::clone(&gate);
        tokio::spawn(async move {
            let handshake = TlsAcceptor::from(config).accept(stream);
            let Ok(Ok(stream)) = tokio::time::timeout(HANDSHAKE, handshake).await else {
                return;
            };
            let respond = move |request| respond(request, Arc::clone(&gate));
            if let Err(error) = http::serve(stream, respond, &CancellationToken::new()).await {
                tracing::debug!(%error, "a connection to the gate ended");
            }
        });
    }
}

/// The certificate that the initializer wrote, or will have written in a moment.
async fn first_certificate(secrets: &Api<Secret>) -> Arc<ServerConfig> {
    loop {
        match certificate(secrets).await {
            Ok(config) => return config,
            Err(failure) => {
                tracing::info!(%failure, "waiting for the initializer");
                tokio::time::sleep(FIRST_CERTIFICATE).await;
            }
        }
    }
}

async fn sweep(gate: Arc<Gate>) {
    loop {
        if let Err(failure) = gate.store.sweep().await {
            tracing::warn!(%failure, "what was not used for long stays");
        }
        tokio::time::sleep(SWEEP).await;
    }
}

async fn renew(secrets: Api<Secret>, certificate_in_use: Arc<RwLock<Arc<ServerConfig>>>) {
    loop {
        tokio::time::sleep(NEXT_CERTIFICATE).await;
        match certificate(&secrets).await {
            Ok(config) => {
                *certificate_in_use
                    .write()
                    .expect("no holder of the lock panics") = config;
            }
            Err(failure) => tracing::warn!(%failure, "the certificate stays as it is"),
        }
    }
}

async fn certificate(secrets: &Api<Secret>) -> Result<Arc<ServerConfig>> {
    let what = "the gate has no certificate";
    let secret = secrets.get(GATE_SECRET).await.or_fail(what, GATE_SECRET)?;
    let (certificate, key) = super::pair_of(&secret.data.unwrap_or_default())
        .ok_or_else(|| Failure::ours(what, GATE_SECRET, "the Secret holds none"))?;
    tls::server(&certificate, &key, &[tls::H2])
}

async fn respond(request: Request<Incoming>, gate: Arc<Gate>) -> http::Answer {
    if let Err(answer) = http::check_version(&request) {
        return *answer;
    }
    if (request.method(), request.uri().path()) == (&Method::GET, "/v1/health") {
        return health(&gate.store);
    }
    let caller = match gate.callers.identify(http::bearer(&request)).await {
        Ok(caller) => caller,
        Err(failure) => return http::refuse(StatusCode::FORBIDDEN, &failure),
    };
    let answer = match (request.method(), request.uri().path()) {
        (&Method::POST, "/v1/context") => take_manifest(request, &gate, &caller).await,
        (&Method::PUT, "/v1/files") => take_files(request, &gate, &caller).await,
        (&Method::POST, "/v1/build") => build(request, gate, &caller).await,
        _ => Ok(http::unknown(&request)),
    };
    answer.unwrap_or_else(|failure| {
        let failure = match failure.why.contains("No space left on device") {
            true => failure
                .try_to("The disk of the node is full: have an administrator make room on it."),
            false => failure,
        };
        http::refuse(StatusCode::BAD_REQUEST, &failure)
    })
}

/// Whether there is room for what is to be built. Tells nothing else, since anybody may ask.
fn health(store: &Store) -> http::Answer {
    match store.room() {
        Ok(room) if room >= LOW => http::empty(StatusCode::OK),
        Ok(room) => {
            let why = format!("its disk is full: {} MiB are left", room >> 20);
            let failure = Failure::new("no image is built on the node", "the builder's store", why)
                .try_to("Have an administrator make room on the node.");
            http::refuse(StatusCode::SERVICE_UNAVAILABLE, &failure)
        }
        Err(failure) => http::refuse(StatusCode::SERVICE_UNAVAILABLE, &failure),
    }
}

async fn take_manifest(
    request: Request<Incoming>,
    gate: &Gate,
    caller: &Caller,
) -> Result<http::Answer> {
    let manifest: Manifest = http::read_json(request.into_body(), MANIFEST_LIMIT).await?;
    let missing = gate.store.keep(&caller.namespace, manifest).await?;
    Ok(http::json(StatusCode::OK, &missing))
}

async fn take_files(
    request: Request<Incoming>,
    gate: &Gate,
    caller: &Caller,
) -> Result<http::Answer> {
    let received = gate
        .store
        .receive(&caller.namespace, request.into_body())
        .await?;
    tracing::info!(namespace = caller.namespace, ?received, "took files");
    Ok(http::json(StatusCode::OK, &received))
}

async fn build(
    request: Request<Incoming>,
    gate: Arc<Gate>,
    caller: &Caller,
) -> Result<http::Answer> {
    let BuildRequest {
        repository,
        spec,
        private,
    } = http::read_json(request.into_body(), REQUEST_LIMIT).await?;
    let tag = context::tag(&caller.namespace, &spec);
    let image = match &gate.buildkit.push {
        Some(push) => super::pushed_image(&push.registry, &caller.namespace, &tag),
        None => format!("{}:{tag}", buildkit::full_name(&repository)?),
    };
    let (events, lines) = mpsc::channel::<BuildEvent>(256);
    let laid_out = match find(&gate, &caller.namespace, &spec, &image).await? {
        Found::Context(laid_out) => laid_out,
        Found::Image(start) => {
            tracing::info!(namespace = caller.namespace, image, "was pushed before");
            let _ = events.send(BuildEvent::Built { image, start }).await;
            return Ok(http::lines(http::received(lines)));
        }
        Found::Missing(missing) => {
            return Ok(http::refuse(
                StatusCode::CONFLICT,
                &lacking(&image, &missing),
            ));
        }
    };
    tracing::info!(
        namespace = caller.namespace,
        pod = caller.pod,
        image,
        "builds"
    );
    tokio::spawn(async move {
        let order = Order {
            from: &laid_out,
            image: &image,
            args: &spec.args,
            private: &private,
        };
        gate.buildkit.build(&order, &events).await;
    });
    Ok(http::lines(http::received(lines)))
}

/// What there is of an image that is asked for.
enum Found {
    /// What it is built from.
    Context(LaidOut),
    /// The image itself, in the registry.
    Image(ImageStart),
    /// Not even all of what it is built from.
    Missing(Missing),
}

/// Looks for the context, and where that is not known for the image in the registry: the builder may be a new one,
/// and the developer away. Whichever is there first ends it.
async fn find(gate: &Gate, space: &str, spec: &BuildSpec, image: &str) -> Result<Found> {
    let ask = async || {
        Ok(match gate.store.lay_out(space, spec).await? {
            Layout::Ready(laid_out) => Found::Context(laid_out),
            Layout::Missing(missing) => Found::Missing(missing),
        })
    };
    let found = ask().await?;
    if gate.buildkit.push.is_none() || matches!(found, Found::Context(_)) {
        return Ok(found);
    }
    let arrives = async {
        loop {
            tokio::time::sleep(ARRIVAL).await;
            match ask().await {
                Ok(Found::Missing(_)) => {}
                found => return found,
            }
        }
    };
    tokio::select! {
        found = arrives => found,
        start = gate.buildkit.look_for(image) => match start {
            Some(start) => Ok(Found::Image(start)),
            None => ask().await,
        },
    }
}

/// The builder lacks files, and only the developer's machine has them.
fn lacking(image: &str, missing: &Missing) -> Failure {
    let why = match missing.blobs.len() {
        0 => "the builder does not know its files".to_owned(),
        count => format!("the builder lacks {count} of its files"),
    };
    Failure::new("the image was not built", image, why).try_to("Run up again, which sends them.")
}
