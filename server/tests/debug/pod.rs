//! A pod without a cluster: the real host side over an in-memory HTTP/2 connection, with a service
//! that is a local process.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use azds::agent::debug::{Debug, Replacement, Service};
use azds::commands::debugger::Installed;
use azds::dap::{Connection, Host, Services, Sources, Target};
use azds::failure::{Context, Failure, Result};
use azds::progress::Progress;
use azds_protocol::agent::HostState;
use azds_protocol::commands::UpArguments;
use azds_protocol::debug::AttachArguments;
use bytes::Bytes;
use futures_util::future::BoxFuture;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::client::conn::http2::SendRequest;
use hyper::service::service_fn;
use hyper::{Method, Request, Response};
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::process::{Child, Command};
use tokio::task::JoinHandle;

/// A supervisor of one local process.
pub struct LocalService {
    original: Replacement,
    child: tokio::sync::Mutex<Option<Child>>,
    state: Mutex<HostState>,
}

impl LocalService {
    pub async fn start(command: &[&str], folder: &Path) -> Arc<LocalService> {
        let original = Replacement {
            command: command.iter().map(ToString::to_string).collect(),
            working_dir: Some(folder.display().to_string()),
            env: Default::default(),
        };
        let state = HostState {
            ended: None,
            pid: None,
            command: original.command.clone(),
            working_dir: folder.display().to_string(),
            starts: 0,
            debugged_by: None,
        };
        let service = Arc::new(LocalService {
            original: original.clone(),
            child: Default::default(),
            state: Mutex::new(state),
        });
        service.replace(original).await.expect("the service starts");
        service
    }

    pub async fn stop(&self) {
        if let Some(mut child) = self.child.lock().await.take() {
            child.kill().await.expect("it is ours");
        }
    }

    pub fn starts(&self) -> u32 {
        self.state().starts
    }
}

impl Service for LocalService {
    async fn replace(&self, replacement: Replacement) -> Result<()> {
        self.stop().await;
        let folder = replacement.working_dir.expect("the tests give it");
        let child = Command::new(&replacement.command[0])
            .args(&replacement.command[1..])
            .current_dir(folder)
            .envs(replacement.env)
            .stdin(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .or_fail("the service did not start", &replacement.command[0])?;
        {
            let mut state = self.state.lock().expect("no panic");
            state.pid = child.id().map(u32::cast_signed);
            state.starts += 1;
        }
        *self.child.lock().await = Some(child);
        Ok(())
    }

    async fn restore(&self) -> Result<()> {
        self.replace(self.original.clone()).await
    }

    fn state(&self) -> HostState {
        self.state.lock().expect("no panic").clone()
    }
}

/// A pod with its agent, to which any number of developers connect.
pub struct Pod {
    pub debug: Arc<Debug<LocalService>>,
    pub service: Arc<LocalService>,
    pub agent_folder: tempfile::TempDir,
}

impl Pod {
    /// For the time of `rest` the service stays under its debugger after a session.
    pub fn new(service: Arc<LocalService>, rest: Duration) -> Pod {
        let agent_folder = tempfile::tempdir().expect("a temporary folder");
        let debug = Arc::new(Debug::new(
            Arc::clone(&service),
            agent_folder.path(),
            agent_folder.path().join(HELD),
            rest,
        ));
        Pod {
            debug,
            service,
            agent_folder,
        }
    }

    /// A developer's connection. It is lost when the handle is aborted.
    pub async fn connect(&self) -> (Http, JoinHandle<()>) {
        let (here, mut port_forward) = tokio::io::duplex(64 << 10);
        let (mut pod, there) = tokio::io::duplex(64 << 10);
        let port_forward = tokio::spawn(async move {
            // Its loss is what some tests are about.
            let _ = tokio::io::copy_bidirectional(&mut port_forward, &mut pod).await;
        });
        let (debug, service) = (Arc::clone(&self.debug), Arc::clone(&self.service));
        let answer = service_fn(move |request: Request<Incoming>| {
            let (debug, service) = (Arc::clone(&debug), Arc::clone(&service));
            async move {
                if Debug::<LocalService>::answers(&request) {
                    return Ok::<_, std::convert::Infallible>(debug.respond(request).await);
                }
                assert_eq!(request.uri().path(), "/v1/state");
                let state = serde_json::to_vec(&service.state()).expect("plain");
                Ok(Response::new(BodyExt::boxed(Full::<Bytes>::from(state))))
            }
        });
        tokio::spawn(async move {
            let builder = hyper::server::conn::http2::Builder::new(TokioExecutor::new());
            // It ends when the developer is gone, however that came.
            let _ = builder.serve_connection(TokioIo::new(there), answer).await;
        });
        let (requests, connection) =
            hyper::client::conn::http2::handshake(TokioExecutor::new(), TokioIo::new(here))
                .await
                .expect("in memory");
        tokio::spawn(connection);
        (Http(requests), port_forward)
    }

    /// Waits until nobody debugs the service.
    pub async fn until_free(&self) {
        for _ in 0..3000 {
            if self.debug.debugged_by().is_none() {
                return;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("{:?} still debugs the service", self.debug.debugged_by());
    }
}

/// The file in the agent's folder by which probes know of a session.
pub const HELD: &str = "held-0";

#[derive(Clone)]
pub struct Http(SendRequest<Full<Bytes>>);

impl Connection for Http {
    fn request<'a>(
        &'a self,
        method: Method,
        target: &'a str,
        body: Bytes,
    ) -> BoxFuture<'a, Result<Response<Incoming>>> {
        let mut requests = self.0.clone();
        let uri = match method {
            Method::CONNECT => target.to_owned(),
            _ => format!("http://pod{target}"),
        };
        Box::pin(async move {
            let request = Request::builder()
                .method(method)
                .uri(uri)
                .body(Full::new(body));
            let request = request.expect("a good address");
            let response = requests
                .send_request(request)
                .await
                .or_fail("no answer", "the pod")?;
            if response.status().is_success() {
                return Ok(response);
            }
            let body = response
                .into_body()
                .collect()
                .await
                .or_fail("no answer", "the pod")?;
            Err(serde_json::from_slice::<Failure>(&body.to_bytes()).expect("a failure"))
        })
    }
}

/// The rest of azds, as far as an adapter sees it.
pub struct OnePod {
    /// The developer's connection; another one after it was lost.
    pub connection: Arc<Mutex<Http>>,
    pub folder: PathBuf,
    /// What is installed on the developer's machine.
    pub debugger: Option<Installed>,
}

impl Services for OnePod {
    async fn up(&self, arguments: UpArguments, progress: &Progress) -> Result<()> {
        let step = progress.begin(format!("Up in {}", arguments.folder.display()));
        step.say("as it is");
        if arguments.folder == self.folder {
            Ok(())
        } else {
            Err(Failure::new(
                "up failed",
                arguments.folder.display().to_string(),
                "not this one",
            ))
        }
    }

    async fn connect(&self, _: &AttachArguments, _: &Progress) -> Result<Target> {
        Ok(Target {
            pod: "producer-1".to_owned(),
            pods: 1,
            sources: Sources::of(self.folder.clone()),
            host: Host::new(self.connection.lock().expect("no panic").clone()),
        })
    }

    fn debugger(&self, runtime: &str) -> Result<Installed> {
        let installed = self.debugger.clone().filter(|it| it.name == runtime);
        installed.ok_or_else(|| Failure::new("no debugger", runtime, "none is installed"))
    }
}

/// GET of a local address, with the whole answer.
pub async fn get(port: u16, path: &str) -> std::io::Result<String> {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).await?;
    stream
        .write_all(format!("GET {path} HTTP/1.0\r\n\r\n").as_bytes())
        .await?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await?;
    Ok(answer)
}

/// GET that waits until the service listens.
pub async fn get_when_up(port: u16, path: &str) -> String {
    for _ in 0..3000 {
        if let Ok(answer) = get(port, path).await {
            return answer;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("nothing listens on {port}");
}
