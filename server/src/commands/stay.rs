//! Stays with a service that is up, from one build of its image to the next.

use std::time::Instant;

use azds_protocol::change::{Change, Mistakes};
use azds_protocol::commands::UpArguments;
use jiff::Timestamp;

use super::mistakes;
use super::sync::{News, Sync, Tell, ms_since};
use super::up::{Attached, LogLine, follow_output};
use crate::commands::owner::background;
use crate::failure::{Failure, Result};
use crate::progress::Progress;

/// A service that is up, with its tunnels in this process, and kept up to date.
pub struct Stay {
    attached: Attached,
    arguments: UpArguments,
    /// Nothing, where changes can't be seen: then only the tunnels are kept.
    sync: Option<Sync>,
    /// When the last line of output was written that was shown.
    shown: Option<Timestamp>,
}

impl Stay {
    /// Begins to watch. The second value is what a person should know.
    pub async fn begin(attached: Attached, arguments: UpArguments) -> (Stay, Option<Failure>) {
        let mut stay = Stay {
            attached,
            arguments,
            sync: None,
            shown: None,
        };
        let warning = stay.watch().await.unwrap_or_else(Some);
        (stay, warning)
    }

    async fn watch(&mut self) -> Result<Option<Failure>> {
        let (sync, warning) = Sync::begin(self.attached.subject()).await?;
        self.sync = Some(sync);
        Ok(warning)
    }

    /// Brings every change to the container until one asks for another image, which is returned;
    /// nothing, if another azds has taken the tunnels over. Dropped, it leaves a change half-done.
    pub async fn until_rebuild(&mut self, tell: Tell<'_>, shows_output: bool) -> Option<Change> {
        let Stay {
            attached,
            sync,
            shown,
            ..
        } = self;
        let asked = async {
            match sync {
                Some(sync) => sync.until_rebuild(tell).await,
                None => std::future::pending().await,
            }
        };
        let output = async {
            match shows_output {
                true => {
                    let after = *shown;
                    let show = |line: LogLine| {
                        *shown = line.time.max(*shown);
                        tell(News::Output(line.to_string()));
                    };
                    follow_output(attached, after, show).await;
                }
                false => std::future::pending().await,
            }
        };
        tokio::select! {
            asked = asked => Some(asked),
            () = output => None,
            () = attached.owner.ended.cancelled() => None,
        }
    }

    /// Builds the image again. If that fails, all stays as it was, and the next change tries again.
    pub async fn rebuild(&mut self, asked: Change, progress: &Progress, tell: Tell<'_>) {
        tell(News::Rebuilding(asked.clone()));
        let begun = Instant::now();
        let built = match self.attached.again(&self.arguments, progress).await {
            Ok(()) => self.watch().await.map(drop),
            Err(failure) => Err(failure),
        };
        match built {
            Ok(()) => tell(News::Done(Change {
                ms: ms_since(begun),
                ..asked
            })),
            Err(_) if progress.cancellation().is_cancelled() => self.owe(asked),
            Err(failure) => {
                let UpArguments {
                    folder,
                    configuration,
                    ..
                } = &self.arguments;
                let mistakes = mistakes::of_up(&failure.why, folder, configuration.as_deref());
                tell(News::Mistaken(Mistakes { mistakes }));
                tell(News::Failed(failure));
                self.owe(asked);
            }
        }
    }

    /// Keeps in the cluster what was brought to the container, before this is dropped. Whoever has taken
    /// the tunnels over has seen to it.
    pub async fn end(&mut self) -> Result<()> {
        match &mut self.sync {
            Some(sync) if !self.attached.owner.ended.is_cancelled() => sync.keep().await,
            _ => Ok(()),
        }
    }

    /// Leaves the tunnels to a background process, unless another azds has them or closed them.
    pub async fn leave(self) -> Result<()> {
        let owner = &self.attached.owner;
        if owner.ended.is_cancelled() {
            return Ok(());
        }
        let ownership = owner.owned.ownership.clone();
        // Its ports have to be free.
        drop(self);
        background::start(ownership, None).await.map(drop)
    }

    fn owe(&mut self, asked: Change) {
        if let Some(sync) = &mut self.sync {
            sync.owe(asked);
        }
    }
}
