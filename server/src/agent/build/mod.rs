//! `azds-agent build`: the init container that has the image of its pod built.
//!
//! It asks the builder of its node. What the builder has already needs no developer, so a pod that
//! is replaced later starts without one. Else it waits for the developer's machine, which reaches
//! it by port-forward, and passes the files on. A failed build does not end it: a restarted init
//! container would only build the same again.

mod attempt;
mod gate;
mod private;

use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use azds_protocol::agent::{
    AGENT_FOLDER, BUILD_PORT, BuildEvent, BuildRequest, BuildSpec, ImageStart, PULL_FOLDER,
    SECRET_BUILD, SECRET_FOLDER, SECRET_TOKEN,
};
use hyper::body::Incoming;
use hyper::{Method, Request, StatusCode};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::host::START_FILE;
use super::{files, http, install};
use crate::failure::{Context, Failure, Result};
use attempt::Attempt;
use gate::Gate;

const WHAT: &str = "the image was not built";
/// How long the developer's machine may stay away after the last attempt.
const WAIT: Duration = Duration::from_secs(10 * 60);
/// How long the last events may take to the developer's machine.
const FAREWELL: Duration = Duration::from_secs(2);

/// What `azds-agent build` is told by the webhook.
#[derive(Debug, Clone, clap::Args)]
pub struct Arguments {
    /// Image to build.
    #[arg(long)]
    image: String,
    /// Dockerfile, for those who read the pod's description.
    #[arg(long)]
    dockerfile: String,
    /// Registry that the image is pushed to, for those who read the pod's description.
    #[arg(long)]
    pushed_to: Option<String>,
    /// Address of the gate.
    #[arg(long, env = "AZDS_GATE")]
    gate: SocketAddr,
    /// Authority of the gate's certificate, PEM.
    #[arg(long, env = "AZDS_GATE_AUTHORITY")]
    authority: String,
    /// File with the token for the gate.
    #[arg(long, env = "AZDS_GATE_TOKEN")]
    gate_token: PathBuf,
}

/// The build of one pod.
struct Build {
    gate: Gate,
    request: BuildRequest,
    token: String,
    attempt: Mutex<Option<Arc<Attempt>>>,
    /// When an attempt began or ended last, and what came of it.
    built: watch::Sender<Option<ImageStart>>,
}

/// Runs until the image is there.
pub async fn run(arguments: Arguments) -> Result<()> {
    install::install(&PathBuf::from(AGENT_FOLDER).join("azds-agent"))?;
    let secret = PathBuf::from(SECRET_FOLDER);
    let object = format!("Secret mounted at {SECRET_FOLDER}");
    let spec = std::fs::read(secret.join(SECRET_BUILD)).or_fail(WHAT, &object)?;
    let spec: BuildSpec = serde_json::from_slice(&spec).or_fail(WHAT, &object)?;
    let token = std::fs::read_to_string(secret.join(SECRET_TOKEN)).or_fail(WHAT, &object)?;
    let (repository, _) = arguments
        .image
        .rsplit_once(':')
        .ok_or_else(|| Failure::ours(WHAT, &arguments.image, "the image has no tag"))?;
    let build = Arc::new(Build {
        gate: Gate::new(arguments.gate, &arguments.authority, arguments.gate_token)?,
        request: BuildRequest {
            repository: repository.to_owned(),
            spec,
            private: private::read(&secret, Path::new(PULL_FOLDER))?,
        },
        token: token.trim().to_owned(),
        attempt: Mutex::default(),
        built: watch::Sender::new(None),
    });
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, BUILD_PORT))
        .await
        .or_fail(WHAT, format!("port {BUILD_PORT}"))?;
    let end = CancellationToken::new();
    let connections = TaskTracker::new();
    let serving = tokio::spawn(serve(
        listener,
        Arc::clone(&build),
        end.clone(),
        connections.clone(),
    ));

    build.begin();
    let start = build.wait().await?;
    let text = serde_json::to_vec(&start).expect("lists of strings");
    let at = PathBuf::from(AGENT_FOLDER).join(START_FILE);
    files::write_whole(&at, &text).or_fail(WHAT, at.display().to_string())?;

    serving.abort();
    end.cancel();
    connections.close();
    let _ = tokio::time::timeout(FAREWELL, connections.wait()).await;
    Ok(())
}

impl Build {
    /// The attempt that runs, or a new one.
    fn begin(self: &Arc<Self>) -> Arc<Attempt> {
        let mut current = self.attempt.lock().expect("no holder of the lock panics");
        if let Some(attempt) = current.as_ref().filter(|attempt| !attempt.ended()) {
            return Arc::clone(attempt);
        }
        let attempt = Arc::new(Attempt::default());
        *current = Some(Arc::clone(&attempt));
        let (build, running) = (Arc::clone(self), Arc::clone(&attempt));
        tokio::spawn(async move {
            build.built.send_replace(None);
            let last = build
                .gate
                .build(&build.request, &running)
                .await
                .unwrap_or_else(|failure| BuildEvent::Failed { failure });
            let start = match &last {
                BuildEvent::Built { start, .. } => Some(start.clone()),
                _ => None,
            };
            running.tell(last);
            build.built.send_replace(start);
        });
        attempt
    }

    /// How the image starts, as soon as there is one.
    async fn wait(&self) -> Result<ImageStart> {
        let mut built = self.built.subscribe();
        loop {
            if let Some(start) = built.borrow_and_update().clone() {
                return Ok(start);
            }
            if tokio::time::timeout(WAIT, built.changed()).await.is_err() {
                let last = self
                    .attempt
                    .lock()
                    .expect("no holder of the lock panics")
                    .clone();
                if last.as_ref().is_some_and(|attempt| !attempt.ended()) {
                    continue;
                }
                return Err(last
                    .and_then(|attempt| attempt.failure())
                    .unwrap_or_else(|| {
                        Failure::ours(WHAT, &self.request.repository, "no attempt was made")
                    }));
            }
        }
    }
}

async fn serve(
    listener: TcpListener,
    build: Arc<Build>,
    end: CancellationToken,
    connections: TaskTracker,
) {
    loop {
        let stream = super::accept(&listener).await;
        let (build, end) = (Arc::clone(&build), end.clone());
        connections.spawn(async move {
            let respond = move |request| respond(request, Arc::clone(&build));
            if let Err(error) = http::serve(stream, respond, &end).await {
                tracing::debug!(%error, "a connection of a developer ended");
            }
        });
    }
}

async fn respond(request: Request<Incoming>, build: Arc<Build>) -> http::Answer {
    if let Err(answer) = http::check_version(&request) {
        return *answer;
    }
    if !http::bearer(&request).is_some_and(|token| http::same_secret(token, &build.token)) {
        let failure = Failure::new(
            "the build did not listen",
            "",
            "the token is not that of this up",
        )
        .try_to("Run up again.");
        return http::refuse(StatusCode::FORBIDDEN, &failure);
    }
    match (request.method(), request.uri().path()) {
        (&Method::POST, "/v1/context") | (&Method::PUT, "/v1/files") => {
            match build.gate.pass_on(request).await {
                Ok(answer) => answer,
                Err(failure) => http::refuse(StatusCode::BAD_GATEWAY, &failure),
            }
        }
        (&Method::POST, "/v1/build") => build.begin().follow(),
        _ => http::unknown(&request),
    }
}
