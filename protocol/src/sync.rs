//! Keeping the files of a running container as the developer's are. Requests to the host, besides
//! those of [`crate::agent`]:
//!
//! | request | body → answer |
//! |---|---|
//! | `GET /v1/follow` | → lines of [`crate::agent::HostState`], now and whenever it changes |
//! | `GET /v1/sync` | → [`Synced`] |
//! | `POST /v1/sync` | a [`Batch`] in its form → [`Applied`] |
//! | `POST /v1/iterate` | [`Iterate`] → lines of [`IterateEvent`] |
//!
//! As long as somebody follows, the host stays when the service has ended: a container that starts
//! anew would have the files of its image again, and so the sources of before the mistake.
//!
//! What was brought to a running container since its image was built is kept in the Secret of the
//! `up`, as [`Kept`] in the form of a batch: every container that begins later has it, too.
//!
//! The form of a batch: the length of its JSON as u32 in big-endian order, the JSON, then the
//! contents of its files in the order of the entries, each as long as its entry says.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::Failure;
use crate::agent::Entry;

/// What is to be, or was, changed in a container. Paths are absolute there, without the first `/`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Batch {
    /// Files, links and folders as they are to be.
    pub entries: Vec<Entry>,
    /// What is to be gone; of a folder all that is in it.
    pub removed: Vec<String>,
    /// Folders that the developer has no more: to be gone if there is nothing in them by then.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub folders: Vec<String>,
}

/// How the container's files differ from those of its image, as far as batches made it so.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Synced {
    /// Where the service was started: what relative paths of the Dockerfile may begin at.
    pub working_dir: PathBuf,
    /// The sum of all batches.
    #[serde(flatten)]
    pub batch: Batch,
    /// Paths in folders that outlive the container, which batches changed in a container before this
    /// one: how they are now is not known, nor what was built from them.
    pub unsure: Vec<String>,
}

/// Key of the [`Kept`] in the Secret of an `up`; not there if nothing was brought.
pub const SECRET_CHANGES: &str = "changes";

/// What the developer's files are otherwise than when the image was built.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Kept {
    /// What builds in the container before the service is started.
    #[serde(flatten)]
    pub iterate: Iterate,
    /// The files.
    #[serde(flatten)]
    pub batch: Batch,
}

/// What became of a batch. It is done as a whole when this is answered.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Applied {
    /// Files that were written.
    pub files: u64,
    /// Their length in bytes.
    pub bytes: u64,
    /// What was removed.
    pub removed: u64,
}

/// What is done in the container after its sources changed.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Iterate {
    /// Commands that are run one after the other, while the service still runs. If one fails, the
    /// service stays as it is.
    pub build_commands: Vec<Vec<String>>,
}

/// One line of the answer to `POST /v1/iterate`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "kebab-case")]
pub enum IterateEvent {
    /// A build command was started.
    Began {
        /// Its words.
        command: Vec<String>,
    },
    /// A line of its output.
    Log {
        /// The line, without its end.
        line: String,
    },
    /// The service was started again. The last event.
    Restarted,
    /// It was not, and runs as before. The last event.
    Failed {
        /// Why.
        failure: Failure,
    },
}
