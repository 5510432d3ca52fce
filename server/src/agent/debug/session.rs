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
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, sleep, timeout};
use tokio_util::sync::CancellationToken;

use super::debugger::{Debugger, NOT_STARTED};
use super::held::Held;
use super::{Service, stream};
use crate::failure::{Context, Failure, Result};

/// How long a new session waits for the debugger of one that ends.
const END_TIMEOUT: Duration = Duration::from_secs(30);
/// How long a started debugger waits for its stream to be opened.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// So long a second session of the same developer waits before it is refused: that the first was killed
/// is told of a moment later.
const TOLD: Duration = Duration::from_secs(2);
const LOOK: Duration = Duration::from_millis(50);

/// The sessions of one service: at most one, and the end of the last.
pub struct Sessions<S> {
    pub(super) service: Arc<S>,
    /// Held by a session until its debugger is gone.
    occupied: Arc<Semaphore>,
    state: Mutex<State>,
    /// Wakes those who wait for [`State::parked`].
    pub(super) parked: Notify,
    held: PathBuf,
    pub(super) rest: Duration,
}

#[derive(Default)]
pub(super) struct State {
    pub(super) started: u64,
    pub(super) current: Option<Current>,
    /// The debugger of the current session while its connection is cut.
    pub(super) parked: Option<Running>,
    /// The debugger that is left of the last session, by the name of its stream: of no session now.
    pub(super) resting: Option<(String, Running)>,
    pub(super) last_end: Option<DebuggerEnd>,
}

pub(super) struct Current {
    pub(super) name: String,
    pub(super) id: String,
    pub(super) stream: String,
    pub(super) ending: bool,
    /// Until the stream is opened.
    pub(super) waiting: Option<Running>,
    /// Ends the stream: its session comes over another connection.
    pub(super) cut: CancellationToken,
    pub(super) _held: Held,
}

/// A debugger, with the right to be the only one.
pub(super) struct Running {
    pub(super) debugger: Debugger,
    pub(super) how: DebuggerStart,
    pub(super) lease: bool,
    pub(super) permit: OwnedSemaphorePermit,
}

impl<S: Service> Sessions<S> {
    pub(super) fn new(service: Arc<S>, held: PathBuf, rest: Duration) -> Sessions<S> {
        // A host that was killed in a session left it.
        let _ = std::fs::remove_file(&held);
        Sessions {
            held,
            rest,
            service,
            occupied: Arc::new(Semaphore::new(1)),
            state: Mutex::default(),
            parked: Notify::new(),
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
        let begun = Instant::now();
        loop {
            match self.claim(&start) {
                Err(_) if self.is_by(&start.session) && begun.elapsed() < TOLD => {
                    sleep(LOOK).await;
                }
                claimed => break claimed?,
            }
        }
        let (permit, left) = match self.rested(&start.how).await {
            Some((permit, debugger)) => (permit, Some(debugger)),
            None => timeout(END_TIMEOUT, self.turn(&start.id))
                .await
                .map_err(|_| self.still_ending())??,
        };
        let stream = self.begin(&start);
        let debugger = match left {
            Some(left) => Ok(left),
            None => Debugger::launch(&*self.service, start.how.clone()).await,
        };
        let debugger = match debugger {
            Ok(debugger) => debugger,
            Err(failure) => {
                self.state().current = None;
                return Err(failure);
            }
        };
        if let Some(current) = &mut self.state().current {
            current.waiting = Some(Running {
                debugger,
                how: start.how,
                lease: start.lease,
                permit,
            });
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

    /// Refuses a second session; ends the stream of the first if it is the same session. One of the same
    /// developer's whose connection is cut does not come back when they begin another.
    fn claim(&self, start: &StartDebugger) -> Result<()> {
        let mut state = self.state();
        let State {
            current,
            parked,
            resting,
            ..
        } = &mut *state;
        match current {
            Some(session) if session.id == start.id => {
                session.cut.cancel();
                Ok(())
            }
            Some(session) if session.name == start.session && parked.is_some() => {
                *resting = parked.take().map(|left| (session.stream.clone(), left));
                *current = None;
                Ok(())
            }
            Some(current) if !current.ending => Err(Failure::new(
                NOT_STARTED,
                "the service",
                format!("{} is debugging it already", current.name),
            )
            .try_to("A service has one debug session at a time: end the other one first.")),
            _ => Ok(()),
        }
    }

    /// Waits until there is no other debugger, or only the one that waits for this session to come back.
    async fn turn(&self, id: &str) -> Result<(OwnedSemaphorePermit, Option<Debugger>)> {
        let parked = async {
            loop {
                // Before the look, so that nothing is missed in between.
                let notified = self.parked.notified();
                if let Some(running) = self.unpark(|current| current.id == id) {
                    return running;
                }
                notified.await;
            }
        };
        tokio::select! {
            biased;
            Running { debugger, permit, .. } = parked => {
                let is_there = debugger.listens();
                Ok((permit, is_there.then_some(debugger)))
            }
            permit = Arc::clone(&self.occupied).acquire_owned() => Ok((permit.or_fail(NOT_STARTED, "")?, None)),
        }
    }

    /// Whether the current session is this developer's.
    fn is_by(&self, name: &str) -> bool {
        self.name().as_deref() == Some(name)
    }

    /// Makes a session the current one; gives the name of its stream.
    fn begin(&self, start: &StartDebugger) -> String {
        let mut state = self.state();
        state.started += 1;
        let stream = format!("{STREAM_HOST}:{}", state.started);
        // First, since its end takes the file away that the next one writes.
        state.current = None;
        state.current = Some(Current {
            name: start.session.clone(),
            id: start.id.clone(),
            stream: stream.clone(),
            ending: false,
            waiting: None,
            cut: CancellationToken::new(),
            _held: Held::new(self.held.clone()),
        });
        stream
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

    /// Carries the stream, if there is one, until either side closes it; then sees the debugger off,
    /// or lets it wait for its session.
    async fn end(
        self: &Arc<Self>,
        running: Running,
        mut editor: Option<TokioIo<hyper::upgrade::Upgraded>>,
        stream: &str,
        unopened: String,
    ) {
        let Running {
            debugger,
            how,
            lease,
            permit,
        } = running;
        let cut = self.cut();
        let mut end = stream::End {
            why: unopened,
            is_cut: false,
        };
        let left = match (debugger, &mut editor) {
            (Debugger::Beside(child), editor) => {
                end.why = stream::pipe(*child, editor.as_mut(), &cut, || self.set_ending()).await;
                None
            }
            (debugger, Some(editor)) if lease => {
                end = stream::hold(editor, &cut).await;
                Some(debugger)
            }
            (debugger @ Debugger::Under { port, .. }, Some(editor)) => {
                end = stream::connect(port, editor, &cut).await;
                Some(debugger)
            }
            (debugger, _) => Some(debugger),
        };
        tracing::info!(stream, why = end.why, "debug session ended");
        self.state().last_end = Some(DebuggerEnd {
            stream: stream.to_owned(),
            why: end.why,
        });
        if let Some(mut editor) = editor {
            // Only now: whoever sees the end may ask for its reason. It may have gone first.
            let _ = editor.shutdown().await;
        }
        match left {
            Some(debugger @ Debugger::Under { resumes: true, .. })
                if end.is_cut || !self.rest.is_zero() =>
            {
                let left = Running {
                    debugger,
                    how,
                    lease,
                    permit,
                };
                match end.is_cut {
                    true => self.park(left, stream),
                    false => self.rest(left, stream),
                }
            }
            left => self.finish(left, permit).await,
        }
    }

    fn cut(&self) -> CancellationToken {
        let state = self.state();
        let current = state.current.as_ref();
        current
            .map(|current| current.cut.clone())
            .unwrap_or_default()
    }

    pub(super) fn set_ending(&self) {
        if let Some(current) = &mut self.state().current {
            current.ending = true;
        }
    }

    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
