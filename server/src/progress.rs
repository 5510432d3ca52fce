//! Progress of an operation and its cancellation, as values that are passed in.
//!
//! The code that works never knows who watches: a terminal, an editor's progress bar, a debug
//! console or nobody. A step ends when its [`Step`] is dropped, so none is left spinning.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio_util::sync::CancellationToken;

use crate::failure::{Failure, Result};

/// Who is told of the progress.
pub trait Watcher: Send + Sync {
    /// A step began.
    fn began(&self, step: u64, title: &str);
    /// A step has something to say: what it is at, or a line of output.
    fn said(&self, step: u64, message: &str);
    /// A step ended, well or not.
    fn ended(&self, step: u64);
    /// Something that a person should know, which belongs to no step.
    fn warned(&self, message: &str);
    /// A question that a person should answer with yes or no; `None` if nobody is there to ask.
    fn asked(&self, _question: &str) -> Answer {
        Box::pin(std::future::ready(None))
    }
}

/// The answer to a question, once somebody has given it.
pub type Answer = Pin<Box<dyn Future<Output = Option<bool>> + Send>>;

/// Watches nothing.
struct Nobody;

impl Watcher for Nobody {
    fn began(&self, _: u64, _: &str) {}
    fn said(&self, _: u64, _: &str) {}
    fn ended(&self, _: u64) {}
    fn warned(&self, _: &str) {}
}

/// The progress of one operation. Cheap to clone.
#[derive(Clone)]
pub struct Progress {
    watcher: Arc<dyn Watcher>,
    cancellation: CancellationToken,
    steps: Arc<AtomicU64>,
}

impl Progress {
    /// Progress that `watcher` is told of, of an operation that ends when `cancellation` asks it to.
    pub fn new(watcher: Arc<dyn Watcher>, cancellation: CancellationToken) -> Progress {
        Progress {
            watcher,
            cancellation,
            steps: Arc::default(),
        }
    }

    /// Progress that nobody watches and nobody cancels.
    pub fn silent() -> Progress {
        Progress::new(Arc::new(Nobody), CancellationToken::new())
    }

    /// Asks a person to confirm something; `None` if nobody is there to ask.
    pub async fn confirm(&self, question: &str) -> Option<bool> {
        tokio::select! {
            answer = self.watcher.asked(question) => answer,
            () = self.cancellation.cancelled() => Some(false),
        }
    }

    /// Begins a step; it ends when the value is dropped.
    pub fn begin(&self, title: impl AsRef<str>) -> Step {
        let id = self.steps.fetch_add(1, Ordering::Relaxed);
        self.watcher.began(id, title.as_ref());
        Step {
            watcher: Arc::clone(&self.watcher),
            id,
        }
    }

    /// Tells a person something that belongs to no step and stops nothing.
    pub fn warn(&self, message: impl AsRef<str>) {
        self.watcher.warned(message.as_ref());
    }

    /// The token by which the operation is asked to end.
    pub fn cancellation(&self) -> &CancellationToken {
        &self.cancellation
    }

    /// Runs `work` until it is done or the operation is cancelled, in which case `what` did not
    /// happen. The work is dropped where it waits: use it only for what may be left there.
    pub async fn or_cancelled<T>(
        &self,
        what: &str,
        work: impl Future<Output = Result<T>>,
    ) -> Result<T> {
        tokio::select! {
            result = work => result,
            () = self.cancellation.cancelled() => {
                Err(Failure::new(what, "", "it was cancelled"))
            }
        }
    }
}

/// One step of an operation, from [`Progress::begin`] until it is dropped.
pub struct Step {
    watcher: Arc<dyn Watcher>,
    id: u64,
}

impl Step {
    /// Says what the step is at, or passes on a line of output.
    pub fn say(&self, message: impl AsRef<str>) {
        self.watcher.said(self.id, message.as_ref());
    }
}

impl Drop for Step {
    fn drop(&mut self) {
        self.watcher.ended(self.id);
    }
}
