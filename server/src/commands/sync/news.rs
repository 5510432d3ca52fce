//! What is told of a service that is kept up to date.

use azds_protocol::change::{Change, Mistakes, Tier};

use crate::failure::Failure;

/// What there is to tell.
#[derive(Debug, Clone)]
pub enum News {
    /// A change was brought to the container.
    Done(Change),
    /// The image is built again, since this asks for it.
    Rebuilding(Change),
    /// A change could not be brought there. The next change tries again.
    Failed(Failure),
    /// Where the build that is about to fail says that sources are wrong.
    Mistaken(Mistakes),
    /// A line of output, of a build command or of the service.
    Output(String),
    /// The service has ended with this exit code; the next change starts it again.
    Ended(u8),
}

/// Who is told.
pub type Tell<'a> = &'a (dyn Fn(News) + Send + Sync);

/// A change's files, for a person.
pub fn files_of(change: &Change) -> String {
    match change.others {
        0 => change.file.clone(),
        1 => format!("{} and another file", change.file),
        others => format!("{} and {others} other files", change.file),
    }
}

/// A change that was brought to the container, for a person.
pub fn line_of(change: &Change) -> String {
    let what = match change.tier {
        Tier::Sync => "synced",
        Tier::Restart => "synced and started again",
        Tier::Rebuild => "built again",
    };
    let Change { rule, ms, .. } = change;
    format!("{}: {what} in {ms} ms ({rule})", files_of(change))
}
