//! One attempt at a build: its events so far, for everybody who follows it.

use std::sync::Arc;

use azds_protocol::agent::{BuildEvent, StepState};
use tokio::sync::watch;

use crate::agent::http;
use crate::failure::Failure;

/// The events of an attempt, in their order.
pub struct Attempt {
    events: watch::Sender<Vec<BuildEvent>>,
}

impl Default for Attempt {
    fn default() -> Attempt {
        Attempt {
            events: watch::Sender::new(Vec::new()),
        }
    }
}

impl Attempt {
    /// Adds an event, and writes it to the container's log for those who read that.
    pub fn tell(&self, event: BuildEvent) {
        log(&event);
        self.events.send_modify(|events| events.push(event));
    }

    /// Whether the last event was told.
    pub fn ended(&self) -> bool {
        self.events.borrow().last().is_some_and(BuildEvent::is_last)
    }

    /// Why the attempt failed, if it did.
    pub fn failure(&self) -> Option<Failure> {
        match self.events.borrow().last() {
            Some(BuildEvent::Failed { failure }) => Some(failure.clone()),
            _ => None,
        }
    }

    /// All events from the first on, as lines, until the last.
    pub fn follow(self: Arc<Self>) -> http::Answer {
        let events = self.events.subscribe();
        http::lines(futures_util::stream::unfold(
            (events, 0),
            |(mut events, next)| async move {
                loop {
                    let event = events.borrow_and_update().get(next).cloned();
                    match event {
                        Some(event) => return Some((event, (events, next + 1))),
                        None if events.borrow().last().is_some_and(BuildEvent::is_last) => {
                            return None;
                        }
                        None => events.changed().await.ok()?,
                    }
                }
            },
        ))
    }
}

#[expect(
    clippy::print_stdout,
    reason = "the log of the init container is its output"
)]
fn log(event: &BuildEvent) {
    match event {
        BuildEvent::Step {
            name,
            state: StepState::Started,
            ..
        } => println!("{name}"),
        BuildEvent::Step {
            name,
            state: StepState::Cached,
            ..
        } => println!("CACHED {name}"),
        BuildEvent::Step {
            name,
            state: StepState::Failed,
            ..
        } => println!("FAILED {name}"),
        BuildEvent::Step {
            state: StepState::Done { .. },
            ..
        } => {}
        BuildEvent::Log { text, .. } => print!("{text}"),
        BuildEvent::Built { image, .. } => println!("Built {image}"),
        BuildEvent::Failed { failure } => println!("{failure}"),
    }
}
