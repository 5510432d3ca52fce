//! What agents read from the network: lists of files, contents, and batches for a running container.

use std::fs;
use std::future::Future;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use azds::agent::builder::store::{Layout, Store};
use azds::agent::host::Files;
use azds::context::{blob_of, manifest_digest};
use azds_protocol::agent::{
    BuildEvent, BuildRequest, BuildSpec, Entry, HostState, ImageStart, Manifest,
};
use azds_protocol::debug::StartDebugger;
use azds_protocol::exec::Exec;
use azds_protocol::sync::{Batch, IterateEvent, Kept, Synced};
use serde_json::{Value, json};
use tokio::runtime::Runtime;

use crate::change::{Choices, change};

static RUNTIME: LazyLock<Runtime> = LazyLock::new(|| {
    let mut builder = tokio::runtime::Builder::new_multi_thread();
    builder.worker_threads(1).build().expect("a runtime")
});
const CONTENTS: [&str; 3] = ["FROM scratch\n", "one", "two"];

/// The first byte says what the others are: a batch as it is or made by choices, frames as they are, or a
/// context made by choices.
pub fn agent(bytes: &[u8]) {
    let Some((kind, rest)) = bytes.split_first() else {
        return;
    };
    match kind % 4 {
        0 => batch(rest, true),
        1 => batch(&made_batch(rest), false),
        2 => {
            let place = Place::new();
            // What is no frame is refused.
            let _ = run(place.store().read("dev", rest));
            place.assert_unharmed();
            messages(rest);
        }
        _ => context(rest),
    }
}

fn run<T>(work: impl Future<Output = T>) -> T {
    RUNTIME.block_on(work)
}

/// A folder that is an agent's, beside one that it has no business in.
struct Place(tempfile::TempDir);

impl Place {
    fn new() -> Place {
        let place = Place(tempfile::tempdir().expect("a folder"));
        for folder in ["root/app", "outside"] {
            fs::create_dir_all(place.path().join(folder)).expect("a folder");
        }
        for file in ["root/app/a.py", "outside/kept"] {
            fs::write(place.path().join(file), "kept").expect("a file");
        }
        place
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    fn root(&self) -> PathBuf {
        self.path().join("root")
    }

    fn store(&self) -> Store {
        Store::new(self.root())
    }

    fn assert_unharmed(&self) {
        let names = |folder: &Path| {
            let entries = fs::read_dir(folder).expect("it is there");
            let names = entries.map(|entry| entry.expect("it can be read").file_name());
            let mut names: Vec<_> = names.collect();
            names.sort();
            names
        };
        assert_eq!(names(self.path()), ["outside", "root"]);
        let outside = self.path().join("outside");
        assert_eq!(names(&outside), ["kept"]);
        let kept = fs::read(outside.join("kept")).expect("it is there");
        assert_eq!(kept, b"kept");
    }
}

fn file(path: &str, content: &str) -> Entry {
    Entry::File {
        path: path.to_owned(),
        blob: blob_of(content.as_bytes()),
        executable: path.ends_with(".sh"),
    }
}

fn link(path: &str, target: &str) -> Entry {
    Entry::Symlink {
        path: path.to_owned(),
        target: target.to_owned(),
    }
}

fn folder(path: &str) -> Entry {
    Entry::Directory {
        path: path.to_owned(),
    }
}

/// The list, its length, and contents that need not be its own.
fn made_batch(bytes: &[u8]) -> Vec<u8> {
    let mut choices = Choices(bytes);
    let batch = Batch {
        entries: vec![
            file("app/a.py", CONTENTS[1]),
            file("app/lib/b.sh", CONTENTS[2]),
            link("app/link", "lib"),
            folder("app/empty"),
        ],
        removed: vec!["app/gone".to_owned(), "app/lib/x".to_owned()],
        folders: vec!["app/old".to_owned()],
    };
    let mut list = json!(batch);
    list["build_commands"] = json!([["true"]]);
    change(&mut list, &mut choices);
    let list = list.to_string();
    let length = u32::try_from(list.len()).expect("short").to_be_bytes();
    let mut contents = CONTENTS[1..].concat();
    contents.truncate(6 - choices.below(3));
    [&length, list.as_bytes(), contents.as_bytes()].concat()
}

/// A container's files, before and after. Its root has no outside: a link to there leads nowhere in a
/// container, so that a batch which makes one proves nothing.
fn batch(bytes: &[u8], is_raw: bool) {
    let place = Place::new();
    let files = Files::new(place.root());
    let applied = run(files.read(bytes));
    let batch = run(files.synced()).batch;
    let leads_out = batch.entries.iter().any(
        |entry| matches!(entry, Entry::Symlink { target, .. } if target.starts_with('/') || target.contains("..")),
    );
    if !leads_out {
        place.assert_unharmed();
    }
    if let Ok(applied) = applied {
        let sizes = batch.entries.iter().map(|entry| match entry {
            Entry::File { blob, .. } => blob.size,
            Entry::Symlink { .. } | Entry::Directory { .. } => 0,
        });
        assert!(
            sizes.sum::<u64>() <= applied.bytes,
            "more is known than was sent"
        );
    }
    if is_raw {
        messages(bytes);
    }
}

/// A context is offered, its contents are sent, and it is laid out.
fn context(bytes: &[u8]) {
    let mut choices = Choices(bytes);
    let place = Place::new();
    let store = place.store();
    let mut manifest = json!(Manifest {
        dockerfile: blob_of(CONTENTS[0].as_bytes()),
        entries: vec![
            link("a-link", "b"),
            folder("b"),
            file("b/a.py", CONTENTS[1]),
            file("b/run.sh", CONTENTS[2]),
            link("c", "../outside"),
        ],
    });
    change(&mut manifest, &mut choices);
    let mut frames = Vec::new();
    for content in CONTENTS {
        let size = content.len() as u64;
        frames.extend_from_slice(blake3::hash(content.as_bytes()).as_bytes());
        frames.extend_from_slice(&size.to_be_bytes());
        frames.extend_from_slice(content.as_bytes());
    }
    for _ in 0..choices.below(3) {
        let at = choices.below(frames.len());
        frames[at] = frames[at].wrapping_add(choices.below(256) as u8);
    }
    let Ok(manifest) = serde_json::from_value::<Manifest>(manifest) else {
        return;
    };
    let spec = BuildSpec {
        release: "azds-1-dev-shop".to_owned(),
        context: manifest_digest(&manifest),
        args: Default::default(),
        command: Vec::new(),
    };
    let kept = run(store.keep("dev", manifest));
    // What arrives changed is refused.
    let _ = run(store.read("dev", frames.as_slice()));
    match run(store.lay_out("dev", &spec)) {
        Ok(Layout::Ready(to)) => {
            assert!(kept.is_ok(), "a list that was refused is laid out");
            let below = to.context.canonicalize().expect("it is there");
            assert!(below.starts_with(place.root().canonicalize().expect("there")));
        }
        Ok(Layout::Missing(_)) | Err(_) => {}
    }
    place.assert_unharmed();
}

/// Everything else that is read as JSON, by either side.
fn messages(bytes: &[u8]) {
    let Ok(value) = serde_json::from_slice::<Value>(bytes) else {
        return;
    };
    macro_rules! read {
        ($($kind:ty),*) => {$(
            if let Ok(read) = serde_json::from_value::<$kind>(value.clone()) {
                let again = serde_json::to_value(&read).expect("types of the protocol are JSON");
                let again = serde_json::from_value::<$kind>(again).expect("it was written by us");
                assert_eq!(read, again);
            }
        )*};
    }
    read!(
        BuildEvent,
        BuildRequest,
        BuildSpec,
        HostState,
        ImageStart,
        Manifest
    );
    read!(Batch, Kept, Synced, IterateEvent, StartDebugger, Exec);
}
