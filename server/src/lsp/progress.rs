//! The progress of an operation in the editor: `window/workDoneProgress` and `$/progress`.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::sync::mpsc::{self, UnboundedReceiver, UnboundedSender};
use tower_lsp::Client;
use tower_lsp::ls_types::notification;
use tower_lsp::ls_types::{
    MessageActionItem, MessageType, ProgressParams, ProgressParamsValue, ProgressToken,
    WorkDoneProgress, WorkDoneProgressBegin, WorkDoneProgressEnd, WorkDoneProgressReport,
};

use crate::progress::{Answer, Watcher};

/// So long an editor may take to make room for a progress; without an answer there is none.
const ANSWER: Duration = Duration::from_secs(5);

/// A build says thousands of lines a second, which nobody can read in a line of progress.
const BETWEEN_REPORTS: Duration = Duration::from_millis(50);

/// Tells the editor of the progress of one operation. The progress ends when this is dropped.
pub(super) struct WorkDone {
    client: Client,
    events: UnboundedSender<Event>,
}

enum Event {
    Said(String),
    Warned(String),
}

impl WorkDone {
    /// Begins to show a progress under the token that the editor gave, or under one of ours if it
    /// lets us make one. Gives the token under which the editor may cancel the operation.
    pub async fn begin(
        client: &Client,
        given: Option<ProgressToken>,
        can_create: bool,
        title: String,
    ) -> (Arc<WorkDone>, Option<ProgressToken>) {
        let token = match given {
            Some(token) => Some(token),
            None if can_create => create(client).await,
            None => None,
        };
        let (events, told) = mpsc::unbounded_channel();
        tokio::spawn(tell(client.clone(), token.clone(), title, told));
        let client = client.clone();
        (Arc::new(WorkDone { client, events }), token)
    }
}

impl Watcher for WorkDone {
    fn began(&self, _: u64, title: &str) {
        self.say(title);
    }

    fn said(&self, _: u64, message: &str) {
        self.say(message);
    }

    fn ended(&self, _: u64) {}

    fn warned(&self, message: &str) {
        _ = self.events.send(Event::Warned(message.to_owned()));
    }

    fn asked(&self, question: &str) -> Answer {
        let (client, question) = (self.client.clone(), question.to_owned());
        let action = |title: &str| MessageActionItem {
            title: title.to_owned(),
            properties: HashMap::new(),
        };
        let actions = vec![action(YES), action(NO)];
        Box::pin(async move {
            let asked = client.show_message_request(MessageType::WARNING, question, Some(actions));
            match asked.await {
                Ok(chosen) => Some(chosen.is_some_and(|it| it.title == YES)),
                // An editor that cannot ask.
                Err(_) => None,
            }
        })
    }
}

/// What a person may answer.
const YES: &str = "Yes, Go On";
const NO: &str = "No";

impl WorkDone {
    fn say(&self, message: &str) {
        _ = self.events.send(Event::Said(message.trim_end().to_owned()));
    }
}

/// A token that the editor knows. It is a text, since not every editor takes a number.
async fn create(client: &Client) -> Option<ProgressToken> {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    let token = ProgressToken::String(format!("azds-{number}"));
    let created = client.create_work_done_progress(token.clone());
    match tokio::time::timeout(ANSWER, created).await {
        Ok(Ok(())) => Some(token),
        Ok(Err(error)) => {
            tracing::warn!(%error, "the editor refuses to show a progress");
            None
        }
        Err(_) => {
            tracing::warn!("the editor does not answer window/workDoneProgress/create");
            None
        }
    }
}

async fn tell(
    client: Client,
    token: Option<ProgressToken>,
    title: String,
    mut told: UnboundedReceiver<Event>,
) {
    let report = async |value| {
        if let Some(token) = token.clone() {
            let value = ProgressParamsValue::WorkDone(value);
            let params = ProgressParams { token, value };
            client
                .send_notification::<notification::Progress>(params)
                .await;
        }
    };
    let begin = WorkDoneProgressBegin {
        title,
        cancellable: Some(true),
        ..WorkDoneProgressBegin::default()
    };
    report(WorkDoneProgress::Begin(begin)).await;
    while let Some(mut event) = told.recv().await {
        // Only the latest word is worth showing.
        while let Event::Said(_) = event
            && let Ok(later) = told.try_recv()
        {
            event = later;
        }
        match event {
            Event::Said(message) => {
                let message = Some(message);
                let value = WorkDoneProgressReport {
                    message,
                    ..WorkDoneProgressReport::default()
                };
                report(WorkDoneProgress::Report(value)).await;
                tokio::time::sleep(BETWEEN_REPORTS).await;
            }
            Event::Warned(message) => client.show_message(MessageType::WARNING, message).await,
        }
    }
    let end = WorkDoneProgressEnd { message: None };
    report(WorkDoneProgress::End(end)).await;
}
