//! One debugger at a time: its start, its stream and its end.
//!
//! Two netcoredbg on one process freeze it for good, and so does a signal to a netcoredbg that is
//! attached. So a session is over only when its debugger is gone, and none is ever signalled.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use azds_protocol::debug::{
    DebuggerEnd, DebuggerStart, DebuggerStarted, STREAM_HOST, StartDebugger,
};
use hyper::Request;
use hyper::body::Incoming;
use hyper_util::rt::TokioIo;
use tokio::io::AsyncWriteExt;
use tokio::process::Child;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, sleep, timeout};

use super::{Replacement, Service, processes, stream};
use crate::failure::{Context, Failure, Result};

const NOT_STARTED: &str = "the debugger was not started";
/// How long a debugger may take until it listens; a cold Python on a busy node needs seconds.
const LISTEN_TIMEOUT: Duration = Duration::from_secs(30);
/// How long debugpy's adapter may outlive the service; the next start says so if it takes longer.
const FREE_TIMEOUT: Duration = Duration::from_secs(10);
/// How long a new session waits for the debugger of one that ends.
const END_TIMEOUT: Duration = Duration::from_secs(30);
/// How long a started debugger waits for its stream to be opened.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// What requests that waited at a breakpoint have to be answered before the service starts again.
const ANSWER_TIME: Duration = Duration::from_secs(1);

/// The sessions of one service: at most one, and the end of the last.
pub struct Sessions<S> {
    service: Arc<S>,
    /// Held by a session until its debugger is gone.
    occupied: Arc<Semaphore>,
    state: Mutex<State>,
    held: PathBuf,
}

#[derive(Default)]
struct State {
    started: u64,
    current: Option<Current>,
    last_end: Option<DebuggerEnd>,
}

struct Current {
    name: String,
    stream: String,
    ending: bool,
    /// Until the stream is opened.
    waiting: Option<Running>,
    _held: Held,
}

/// The file by which probes know that a debugger may hold the service, while this lives.
struct Held(PathBuf);

impl Held {
    fn new(file: PathBuf) -> Held {
        // Without it a probe may fail at a breakpoint, but a session is possible.
        if let Err(error) = std::fs::write(&file, "") {
            tracing::warn!(%error, "probes do not know of the debugger");
        }
        Held(file)
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

/// A debugger, with the right to be the only one.
struct Running {
    debugger: Debugger,
    permit: OwnedSemaphorePermit,
}

enum Debugger {
    Beside(Box<Child>),
    Restart { port: u16 },
}

impl<S: Service> Sessions<S> {
    pub(super) fn new(service: Arc<S>, held: PathBuf) -> Sessions<S> {
        // A host that was killed in a session left it.
        let _ = std::fs::remove_file(&held);
        Sessions {
            held,
            service,
            occupied: Arc::new(Semaphore::new(1)),
            state: Mutex::default(),
        }
    }

    pub(super) fn name(&self) -> Option<String> {
        self.state()
            .current
            .as_ref()
            .map(|current| current.name.clone())
    }

    pub(super) fn last_end(&self) -> Option<DebuggerEnd> {
        self.state().last_end.clone()
    }

    /// Starts a debugger. Goes on when the caller goes away, so that a service that was stopped for
    /// it is started again.
    pub(super) async fn start(self: &Arc<Self>, start: StartDebugger) -> Result<DebuggerStarted> {
        let sessions = Arc::clone(self);
        let starting = tokio::spawn(async move { sessions.start_one(start).await });
        starting.await.or_fail(NOT_STARTED, "")?
    }

    async fn start_one(self: Arc<Self>, start: StartDebugger) -> Result<DebuggerStarted> {
        self.refuse_second()?;
        let permit = timeout(END_TIMEOUT, Arc::clone(&self.occupied).acquire_owned())
            .await
            .map_err(|_| self.still_ending())?
            .or_fail(NOT_STARTED, "")?;
        let stream = {
            let mut state = self.state();
            state.started += 1;
            let stream = format!("{STREAM_HOST}:{}", state.started);
            state.current = Some(Current {
                name: start.session,
                stream: stream.clone(),
                ending: false,
                waiting: None,
                _held: Held::new(self.held.clone()),
            });
            stream
        };
        let debugger = match self.launch(start.how).await {
            Ok(debugger) => debugger,
            Err(failure) => {
                self.state().current = None;
                return Err(failure);
            }
        };
        if let Some(current) = &mut self.state().current {
            current.waiting = Some(Running { debugger, permit });
        }
        let (sessions, unopened) = (Arc::clone(&self), stream.clone());
        tokio::spawn(async move {
            sleep(CONNECT_TIMEOUT).await;
            if let Some(running) = sessions.take(&unopened) {
                let why = "nobody opened its stream".to_owned();
                sessions.end(running, None, &unopened, why).await;
            }
        });
        Ok(DebuggerStarted { stream })
    }

    fn refuse_second(&self) -> Result<()> {
        match &self.state().current {
            Some(current) if !current.ending => Err(Failure::new(
                NOT_STARTED,
                "the service",
                format!("{} is debugging it already", current.name),
            )
            .try_to("A service has one debug session at a time: end the other one first.")),
            _ => Ok(()),
        }
    }

    fn still_ending(&self) -> Failure {
        let name = self.name().unwrap_or_default();
        Failure::new(
            NOT_STARTED,
            "the service",
            format!(
                "the debugger of {name} has not ended {} seconds after its session",
                END_TIMEOUT.as_secs()
            ),
        )
        .try_to("Run Up again; that replaces the pod.")
    }

    async fn launch(&self, how: DebuggerStart) -> Result<Debugger> {
        match how {
            DebuggerStart::Beside { command, env } => {
                Ok(Debugger::Beside(Box::new(stream::start(&command, &env)?)))
            }
            DebuggerStart::Restart {
                command,
                working_dir,
                env,
                port,
            } => {
                if processes::listens(port) {
                    return Err(Failure::new(
                        NOT_STARTED,
                        format!("port {port} of the pod"),
                        "something listens there already",
                    ));
                }
                let starts = self.service.state().starts;
                let restarted = async {
                    self.service
                        .replace(Replacement {
                            command,
                            working_dir,
                            env,
                        })
                        .await?;
                    self.until_listening(port, starts).await
                };
                if let Err(failure) = restarted.await {
                    self.restore().await;
                    until_free(port).await;
                    return Err(failure);
                }
                Ok(Debugger::Restart { port })
            }
        }
    }

    async fn until_listening(&self, port: u16, starts_before: u32) -> Result<()> {
        let deadline = Instant::now() + LISTEN_TIMEOUT;
        while !processes::listens(port) {
            let state = self.service.state();
            let why = if state.pid.is_none() || state.starts > starts_before + 1 {
                "the service ended as soon as it was started under its debugger".to_owned()
            } else if Instant::now() > deadline {
                format!(
                    "it does not listen after {} seconds",
                    LISTEN_TIMEOUT.as_secs()
                )
            } else {
                sleep(Duration::from_millis(10)).await;
                continue;
            };
            return Err(Failure::new(NOT_STARTED, state.command.join(" "), why)
                .try_to("The last lines of the service's own output say more."));
        }
        Ok(())
    }

    /// Takes the session's debugger to carry its stream over a connection that is to be.
    pub(super) fn connect(self: &Arc<Self>, mut request: Request<Incoming>) -> Result<()> {
        let stream = request
            .uri()
            .authority()
            .map(ToString::to_string)
            .unwrap_or_default();
        let Some(running) = self.take(&stream) else {
            return Err(Failure::new(
                "the debugger cannot be reached",
                stream,
                "its session is over, or its stream was opened before",
            )
            .try_to("Start the debug session again."));
        };
        let sessions = Arc::clone(self);
        let upgrade = hyper::upgrade::on(&mut request);
        tokio::spawn(async move {
            match upgrade.await {
                Ok(editor) => {
                    let editor = TokioIo::new(editor);
                    sessions
                        .end(running, Some(editor), &stream, String::new())
                        .await;
                }
                Err(error) => {
                    sessions
                        .end(running, None, &stream, error.to_string())
                        .await;
                }
            }
        });
        Ok(())
    }

    fn take(&self, stream: &str) -> Option<Running> {
        let mut state = self.state();
        let current = state
            .current
            .as_mut()
            .filter(|current| current.stream == stream)?;
        current.waiting.take()
    }

    /// Carries the stream, if there is one, until either side closes it; then sees the debugger off.
    async fn end(
        &self,
        running: Running,
        mut editor: Option<TokioIo<hyper::upgrade::Upgraded>>,
        stream: &str,
        unopened: String,
    ) {
        let mut why = unopened;
        let port = match running.debugger {
            Debugger::Beside(child) => {
                why = stream::pipe(*child, editor.as_mut(), || self.set_ending()).await;
                None
            }
            Debugger::Restart { port } => {
                if let Some(editor) = &mut editor {
                    why = stream::connect(port, editor).await;
                }
                self.set_ending();
                Some(port)
            }
        };
        tracing::info!(stream, why, "debug session ended");
        self.state().last_end = Some(DebuggerEnd {
            stream: stream.to_owned(),
            why,
        });
        if let Some(mut editor) = editor {
            // Only now: whoever sees the end may ask for its reason. It may have gone first.
            let _ = editor.shutdown().await;
        }
        if let Some(port) = port {
            sleep(ANSWER_TIME).await;
            self.restore().await;
            until_free(port).await;
        }
        self.state().current = None;
        drop(running.permit);
    }

    async fn restore(&self) {
        if let Err(failure) = self.service.restore().await {
            tracing::error!("{failure}");
        }
    }

    fn set_ending(&self) {
        if let Some(current) = &mut self.state().current {
            current.ending = true;
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Waits until a debugger is gone that outlives the service by a moment and holds the port.
async fn until_free(port: u16) {
    let deadline = Instant::now() + FREE_TIMEOUT;
    while processes::listens(port) && Instant::now() < deadline {
        sleep(Duration::from_millis(10)).await;
    }
}
