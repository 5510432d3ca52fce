//! Logs: standard error for whoever looks on, and a file for whoever asks later what happened.

use std::fs::{File, OpenOptions, create_dir_all, rename};
use std::path::PathBuf;

use azds::system::{Folder, create_private_folder, private};
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::time::{FormatTime, SystemTime};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, Layer, fmt};

/// What the file keeps if nobody asks for more.
const KEPT: &str = "azds=debug,warn";
/// At this size, in bytes, the next process begins a new file and keeps one old one.
const FULL: u64 = 4 << 20;

/// Logs what `usual` lets through, or `AZDS_LOG`, to standard error: standard output belongs to the
/// answer or to the protocol. `command` is what the lines of the file are marked with.
pub fn init(command: &'static str, usual: &str) {
    let filter =
        |usual: &str| EnvFilter::try_from_env("AZDS_LOG").unwrap_or_else(|_| EnvFilter::new(usual));
    let shown = fmt::layer()
        .with_writer(std::io::stderr)
        // Colours would need a feature of the crate: without it, asking for them is a panic.
        .with_ansi(false)
        .with_filter(filter(usual));
    // Without a home there is no file, and nothing that would need one.
    let kept = open().map(|file| {
        fmt::layer()
            .with_writer(file)
            .with_ansi(false)
            .with_timer(Stamp { command })
            .with_filter(filter(KEPT))
    });
    tracing_subscriber::registry().with(shown).with(kept).init();
}

/// The log that is written now, and the one before it.
pub fn files() -> Vec<PathBuf> {
    let now = path();
    let before = now.as_ref().map(|path| path.with_extension("log.1"));
    now.into_iter().chain(before).collect()
}

/// `azds/azds.log` in the user's state folder.
fn path() -> Option<PathBuf> {
    Some(Folder::State.path()?.join("azds.log"))
}

fn open() -> Option<File> {
    let path = path()?;
    let folder = path.parent()?;
    create_dir_all(folder.parent()?).ok()?;
    create_private_folder(folder).ok()?;
    if path.metadata().is_ok_and(|file| file.len() > FULL) {
        // Another process may have been faster, and then there is nothing to do.
        let _ = rename(&path, path.with_extension("log.1"));
    }
    let mut options = OpenOptions::new();
    private(options.append(true).create(true)).open(path).ok()
}

/// Several processes write the one file: each line says when, which command and which process.
struct Stamp {
    command: &'static str,
}

impl FormatTime for Stamp {
    fn format_time(&self, writer: &mut Writer<'_>) -> std::fmt::Result {
        SystemTime.format_time(writer)?;
        write!(writer, " {}[{}]", self.command, std::process::id())
    }
}
