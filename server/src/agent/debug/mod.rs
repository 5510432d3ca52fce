//! The host's side of debugging: keeps debuggers, starts one for a session, carries its stream, and
//! leaves the service running when the session ends, however it ends.

mod debugger;
mod fit;
pub(super) mod held;
mod left;
pub(super) mod processes;
mod session;
mod store;
mod stream;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use azds_protocol::agent::{DEBUGGERS, HostState};
use azds_protocol::debug::{DebuggerFolder, STREAM_HOST, StartDebugger};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::{Method, Request, StatusCode};
use serde::Serialize;

use session::Sessions;

use crate::agent::http::{self, Answer};
use crate::failure::{Failure, Result};

/// A command line fits many times.
const MAX_REQUEST: usize = 1 << 20;

/// How a service is started in place of its own command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Replacement {
    /// Program and arguments.
    pub command: Vec<String>,
    /// Folder in which it is started, where it is not the service's own.
    pub working_dir: Option<String>,
    /// Added to the environment.
    pub env: std::collections::BTreeMap<String, String>,
}

/// The service that the host runs.
pub trait Service: Send + Sync + 'static {
    /// Ends the service and starts the replacement in its place, until [`Service::restore`].
    fn replace(&self, replacement: Replacement) -> impl Future<Output = Result<()>> + Send;
    /// Ends the replacement and starts the service as it was.
    fn restore(&self) -> impl Future<Output = Result<()>> + Send;
    /// What runs now.
    fn state(&self) -> HostState;
}

/// Debugging in one container.
pub struct Debug<S> {
    debuggers: PathBuf,
    sessions: Arc<Sessions<S>>,
}

impl<S: Service> Debug<S> {
    /// Debugging of a service, with debuggers kept below `folder`, which every container of the pod
    /// sees at the same place. The file `held` is there as long as a session is.
    /// For the time of `rest` after a session, a service that can stays under its debugger for the next one.
    pub fn new(service: Arc<S>, folder: &Path, held: PathBuf, rest: Duration) -> Debug<S> {
        Debug {
            debuggers: folder.join(DEBUGGERS),
            sessions: Arc::new(Sessions::new(service, held, rest)),
        }
    }

    /// Name of the session that debugs the service, for [`HostState::debugged_by`].
    pub fn debugged_by(&self) -> Option<String> {
        self.sessions.name()
    }

    /// Whether a request is for [`Debug::respond`].
    pub fn answers<B>(request: &Request<B>) -> bool {
        if request.method() == Method::CONNECT {
            request.uri().host() == Some(STREAM_HOST)
        } else {
            request.uri().path().starts_with("/v1/debug/")
        }
    }

    /// Answers a request of `azds_protocol::debug`. Token and version were checked before.
    pub async fn respond(&self, request: Request<Incoming>) -> Answer {
        self.answer(request)
            .await
            .unwrap_or_else(|(status, failure)| http::refuse(status, &failure))
    }

    async fn answer(&self, request: Request<Incoming>) -> Result<Answer, (StatusCode, Failure)> {
        let ours = |failure| (StatusCode::INTERNAL_SERVER_ERROR, failure);
        let refused = |failure| (StatusCode::CONFLICT, failure);
        if request.method() == Method::CONNECT {
            self.sessions.connect(request).map_err(refused)?;
            return Ok(http::empty(StatusCode::OK));
        }
        let path = request.uri().path().to_owned();
        let path = path.strip_prefix("/v1/debug/").unwrap_or_default();
        match (request.method(), path.split_once('/').unwrap_or((path, ""))) {
            (&Method::GET, ("processes", "")) => Ok(lines(&processes::list())),
            (&Method::GET, ("debuggers", "")) => {
                let names = store::names(&self.debuggers).into_iter();
                let there: Vec<_> = names.map(|name| self.debugger_folder(&name)).collect();
                Ok(http::json(StatusCode::OK, &there))
            }
            (&Method::PUT, ("debuggers", name)) => {
                let folder = store::unpack(&self.debuggers, name, request.into_body()).await;
                folder.map_err(ours)?;
                Ok(http::json(StatusCode::OK, &self.debugger_folder(name)))
            }
            (&Method::POST, ("sessions", "")) => {
                let start = http::read_json::<StartDebugger>(request.into_body(), MAX_REQUEST)
                    .await
                    .map_err(ours)?;
                let started = self.sessions.start(start).await.map_err(refused)?;
                Ok(http::json(StatusCode::OK, &started))
            }
            (&Method::GET, ("end", "")) => {
                Ok(http::json(StatusCode::OK, &self.sessions.last_end()))
            }
            _ => Err((StatusCode::NOT_FOUND, not_there(path))),
        }
    }

    fn debugger_folder(&self, name: &str) -> DebuggerFolder {
        DebuggerFolder {
            name: name.to_owned(),
            folder: self.debuggers.join(name).to_string_lossy().into_owned(),
        }
    }
}

fn not_there(what: &str) -> Failure {
    Failure::ours("the pod has no answer", what, "it is not there")
}

fn lines(values: &[impl Serialize]) -> Answer {
    let mut body = Vec::new();
    for value in values {
        serde_json::to_writer(&mut body, value).expect("types of the protocol are JSON");
        body.push(b'\n');
    }
    http::with_body(StatusCode::OK, Full::from(body))
}
