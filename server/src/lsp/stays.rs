//! The services that the server keeps up to date, from `azds.server.up` on.

use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};

use azds_protocol::change::{
    Change, Mistake, Mistakes, SERVICE_CHANGED, ServiceChanged, ServiceState,
};
use azds_protocol::commands::{DetachResult, ServiceArguments, UpArguments, UpResult};
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
use tokio_util::sync::CancellationToken;
use tower_lsp::ls_types::notification::Notification;
use tower_lsp::ls_types::{MessageType, Uri};

use super::mistakes;
use super::operations::Operations;
use crate::commands::mistakes::of_up;
use crate::commands::stay::Stay;
use crate::commands::sync::{News, files_of, line_of};
use crate::commands::up::{up, up_attached};
use crate::failure::{Failure, Result};
use crate::progress::Progress;

/// What is kept up to date.
#[derive(Default)]
pub(super) struct Stays {
    /// By its folder, how each is ended, and which of those that followed each other it is.
    running: Mutex<HashMap<PathBuf, (u64, CancellationToken)>>,
    begun: AtomicU64,
    /// By its folder, the files of each service that have diagnostics of a build.
    shown: Mutex<HashMap<PathBuf, HashSet<Uri>>>,
}

impl Stays {
    fn running(&self) -> MutexGuard<'_, HashMap<PathBuf, (u64, CancellationToken)>> {
        self.running
            .lock()
            .expect("nothing panics while it holds the lock")
    }
}

/// `azds/serviceChanged`
enum Changed {}

impl Notification for Changed {
    type Params = ServiceChanged;
    const METHOD: &'static str = SERVICE_CHANGED;
}

/// A service, as the editor knows it.
struct Whom {
    folder: PathBuf,
    service: String,
}

impl Operations {
    /// `azds.server.up`: brings a service up, and keeps it up to date from then on.
    pub async fn up(
        self: &Arc<Self>,
        arguments: &UpArguments,
        progress: &Progress,
    ) -> Result<UpResult> {
        if arguments.detach {
            let built = up(arguments, progress).await;
            self.built(arguments, built.as_ref().err()).await;
            return built;
        }
        let attached = up_attached(arguments, progress).await;
        self.built(arguments, attached.as_ref().err()).await;
        let attached = attached?;
        let result = attached.result.clone();
        let (stay, warning) = Stay::begin(attached, arguments.clone()).await;
        if let Some(warning) = warning {
            progress.warn(warning.to_string());
        }
        let whom = Whom {
            folder: arguments.folder.clone(),
            service: result.service.clone(),
        };
        let number = self.stays.begun.fetch_add(1, Ordering::Relaxed);
        let ended = self.ending().child_token();
        // One that was there before has lost its tunnels to this one, and ends by itself.
        let running = (number, ended.clone());
        self.stays.running().insert(whom.folder.clone(), running);
        let operations = Arc::clone(self);
        self.run(async move {
            operations.stay(stay, &whom, ended).await;
            operations.left(&whom, number).await;
        });
        Ok(result)
    }

    /// `azds.server.detach`: keeps a service up to date no more.
    pub async fn detach(&self, arguments: &ServiceArguments) -> Result<DetachResult> {
        let running = self.stays.running();
        let stay = running.get(&arguments.folder);
        let detached = stay.is_some_and(|(_, stay)| !stay.is_cancelled());
        stay.inspect(|(_, stay)| stay.cancel());
        Ok(DetachResult { detached })
    }

    async fn stay(&self, mut stay: Stay, whom: &Whom, ended: CancellationToken) {
        let (sender, receiver) = unbounded_channel();
        let tell = |news| {
            // The receiver goes on until this end is dropped.
            let _ = sender.send(news);
        };
        let keep = async {
            while !ended.is_cancelled() {
                let asked = tokio::select! {
                    asked = stay.until_rebuild(&tell, false) => asked,
                    () = ended.cancelled() => None,
                };
                let Some(asked) = asked else { break };
                let title = format!("azds: building {} again", whom.service);
                let shown = self.show(None, title, ended.child_token()).await;
                stay.rebuild(asked, &shown.progress, &tell).await;
            }
            if let Err(failure) = stay.end().await {
                tell(News::Failed(failure));
            }
            // An editor's window that is opened again finds the tunnels where they were.
            if let Err(failure) = stay.leave().await {
                tell(News::Failed(failure));
            }
            ended.cancel();
        };
        tokio::select! {
            () = keep => {}
            () = self.tell(whom, receiver) => {}
        }
    }

    async fn left(&self, whom: &Whom, number: u64) {
        let is_last = {
            let mut running = self.stays.running();
            let last = running.get(&whom.folder).map(|(last, _)| *last);
            if last == Some(number) {
                running.remove(&whom.folder);
            }
            last == Some(number)
        };
        if !is_last {
            return;
        }
        let left = format!("{} is kept up to date no more.", whom.service);
        self.client.log_message(MessageType::INFO, left).await;
        self.changed(whom, ServiceState::Detached, None, None).await;
    }

    async fn tell(&self, whom: &Whom, mut news: UnboundedReceiver<News>) {
        self.changed(whom, ServiceState::Current, None, None).await;
        while let Some(news) = news.recv().await {
            self.tell_one(whom, news).await;
        }
    }

    async fn tell_one(&self, whom: &Whom, news: News) {
        let name = &whom.service;
        let (kind, line) = match &news {
            News::Done(change) => (MessageType::INFO, line_of(change)),
            News::Rebuilding(change) => {
                let line = format!(
                    "{} changed: building again ({})",
                    files_of(change),
                    change.rule
                );
                (MessageType::INFO, line)
            }
            News::Failed(failure) => (MessageType::ERROR, failure.to_string()),
            News::Output(line) => (MessageType::LOG, line.clone()),
            News::Ended(code) => {
                let line =
                    format!("it has ended with exit code {code}; the next change starts it again");
                (MessageType::WARNING, line)
            }
            News::Mistaken(Mistakes { mistakes }) => {
                return self.show_mistakes(&whom.folder, mistakes.clone()).await;
            }
        };
        self.client
            .log_message(kind, format!("{name}: {line}"))
            .await;
        match news {
            News::Done(change) => {
                self.show_mistakes(&whom.folder, Vec::new()).await;
                self.changed(whom, ServiceState::Current, Some(change), None)
                    .await;
            }
            News::Rebuilding(change) => {
                self.changed(whom, ServiceState::Building, Some(change), None)
                    .await;
            }
            News::Failed(failure) => {
                self.changed(whom, ServiceState::Failed, None, Some(failure))
                    .await;
            }
            News::Ended(_) => self.changed(whom, ServiceState::Ended, None, None).await,
            News::Output(_) | News::Mistaken(_) => {}
        }
    }

    async fn changed(
        &self,
        whom: &Whom,
        state: ServiceState,
        change: Option<Change>,
        failure: Option<Failure>,
    ) {
        if !self.editor().follows_services {
            return;
        }
        let params = ServiceChanged {
            folder: whom.folder.clone(),
            service: whom.service.clone(),
            state,
            change,
            failure,
        };
        self.client.send_notification::<Changed>(params).await;
    }

    /// An `up` has ended: shows where its build says that sources are wrong, or takes that away.
    async fn built(&self, arguments: &UpArguments, failure: Option<&Failure>) {
        let mistakes = match failure {
            Some(failure) => {
                let (why, folder) = (failure.why.clone(), arguments.folder.clone());
                let configuration = arguments.configuration.clone();
                let found = move || of_up(&why, &folder, configuration.as_deref());
                tokio::task::spawn_blocking(found).await.unwrap_or_default()
            }
            None => Vec::new(),
        };
        self.show_mistakes(&arguments.folder, mistakes).await;
    }

    /// Shows the mistakes of a service, and no others of it.
    async fn show_mistakes(&self, folder: &Path, mistakes: Vec<Mistake>) {
        let encoding = self.editor().encoding;
        let found = move || mistakes::diagnostics(&mistakes, encoding);
        let found = tokio::task::spawn_blocking(found).await.unwrap_or_default();
        let found: HashMap<Uri, _> = found
            .into_iter()
            .filter_map(|(file, found)| Some((mistakes::uri(&file)?, found)))
            .collect();
        let now: HashSet<Uri> = found.keys().cloned().collect();
        let before = self
            .stays
            .shown
            .lock()
            .expect("nothing panics while it holds the lock")
            .insert(folder.to_owned(), now.clone());
        for gone in before.unwrap_or_default().difference(&now) {
            self.client
                .publish_diagnostics(gone.clone(), Vec::new(), None)
                .await;
        }
        for (uri, found) in found {
            self.client.publish_diagnostics(uri, found, None).await;
        }
    }
}
