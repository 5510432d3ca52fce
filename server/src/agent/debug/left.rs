//! What is left of a session: a debugger that waits for it to come back, or for the next one.

use std::sync::Arc;
use std::time::Duration;

use azds_protocol::debug::DebuggerStart;
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::sleep;

use super::Service;
use super::debugger::Debugger;
use super::session::{Current, Running, Sessions};

/// How long a service stays under its debugger for a session whose connection was cut. A developer
/// whose machine slept longer finds it started again.
const RETURN_TIME: Duration = Duration::from_secs(15);

impl<S: Service> Sessions<S> {
    /// Leaves the service under its debugger, which nobody uses, for the next session: that one begins at
    /// once, and finds the process as it was.
    pub(super) fn rest(self: &Arc<Self>, left: Running, stream: &str) {
        let mut state = self.state();
        state.current = None;
        state.resting = Some((stream.to_owned(), left));
        drop(state);
        let (sessions, stream) = (Arc::clone(self), stream.to_owned());
        tokio::spawn(async move {
            sleep(sessions.rest).await;
            let left = sessions.state().resting.take_if(|(of, _)| *of == stream);
            if let Some((_, left)) = left {
                left.debugger.finish(&*sessions.service).await;
            }
        });
    }

    /// Keeps a debugger for its session, for a while.
    pub(super) fn park(self: &Arc<Self>, running: Running, stream: &str) {
        self.state().parked = Some(running);
        self.parked.notify_waiters();
        let (sessions, stream) = (Arc::clone(self), stream.to_owned());
        tokio::spawn(async move {
            sleep(RETURN_TIME).await;
            let running = sessions.unpark(|current| current.stream == stream);
            if let Some(Running {
                debugger, permit, ..
            }) = running
            {
                sessions.finish(Some(debugger), permit).await;
            }
        });
    }

    /// Starts the service as it was, if a debugger that is left is its parent, and lets others come.
    pub(super) async fn finish(&self, left: Option<Debugger>, permit: OwnedSemaphorePermit) {
        self.set_ending();
        if let Some(debugger) = left {
            debugger.finish(&*self.service).await;
        }
        self.state().current = None;
        drop(permit);
    }

    /// Takes the debugger that the last session left, if it is as it would be started now. Another one is
    /// seen to its end first.
    pub(super) async fn rested(
        &self,
        how: &DebuggerStart,
    ) -> Option<(OwnedSemaphorePermit, Debugger)> {
        let (_, left) = self.state().resting.take()?;
        let Running {
            debugger, permit, ..
        } = left;
        if left.how == *how && debugger.is_under(&*self.service) && debugger.listens() {
            return Some((permit, debugger));
        }
        debugger.finish(&*self.service).await;
        None
    }

    pub(super) fn unpark(&self, fits: impl FnOnce(&Current) -> bool) -> Option<Running> {
        let mut state = self.state();
        if !state.current.as_ref().is_some_and(fits) {
            return None;
        }
        state.parked.take()
    }
}
