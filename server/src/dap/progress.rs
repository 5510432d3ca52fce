//! Progress of an `up` and an attach as DAP events.

use dap::events::{
    Event, OutputEventBody, ProgressEndEventBody, ProgressStartEventBody, ProgressUpdateEventBody,
};
use dap::types::OutputEventCategory;
use tokio::sync::mpsc::UnboundedSender;

use crate::progress::Watcher;

/// Turns progress into events for an editor, which shows them as its own kind of progress, or in the
/// debug console where it has none.
pub struct ProgressEvents {
    /// Where the events go.
    pub events: UnboundedSender<Event>,
    /// Whether the editor has progress events.
    pub supported: bool,
}

impl ProgressEvents {
    fn send(&self, event: Event) {
        // Who does not listen any more does not miss it.
        let _ = self.events.send(event);
    }

    fn console(&self, text: &str) {
        self.send(Event::Output(OutputEventBody {
            category: Some(OutputEventCategory::Console),
            output: format!("{}\n", text.trim_end()),
            ..OutputEventBody::default()
        }));
    }
}

impl Watcher for ProgressEvents {
    fn began(&self, step: u64, title: &str) {
        if self.supported {
            self.send(Event::ProgressStart(ProgressStartEventBody {
                progress_id: step.to_string(),
                title: title.to_owned(),
                cancellable: Some(true),
                ..ProgressStartEventBody::default()
            }));
        } else {
            self.console(title);
        }
    }

    fn said(&self, step: u64, message: &str) {
        if self.supported {
            self.send(Event::ProgressUpdate(ProgressUpdateEventBody {
                progress_id: step.to_string(),
                message: Some(message.to_owned()),
                percentage: None,
            }));
        } else {
            self.console(message);
        }
    }

    fn ended(&self, step: u64) {
        if self.supported {
            self.send(Event::ProgressEnd(ProgressEndEventBody {
                progress_id: step.to_string(),
                message: None,
            }));
        }
    }

    fn warned(&self, message: &str) {
        self.console(message);
    }
}
