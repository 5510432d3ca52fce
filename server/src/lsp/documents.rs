//! What is open in the editor.

use std::collections::{HashMap, VecDeque};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard};

use tokio::sync::{Notify, watch};
use tower_lsp::ls_types::{TextDocumentContentChangeEvent, Uri};

use super::rendering::Renderings;
use super::translate;
use super::troubles::Troubles;
use crate::analysis::Source;
use crate::analysis::lines::{self, Encoding};
use crate::commands::document::Listings;
use crate::commands::service::CONFIG_FILE;

/// The open documents, and which of them have to be looked at. A lock is never held over an `.await`.
#[derive(Default)]
pub(super) struct Documents {
    state: Mutex<State>,
    /// Wakes who looks at documents.
    changed: Notify,
    /// Counts what may have changed an answer: edits, and files that came or went.
    moves: watch::Sender<u64>,
    /// Files of build contexts, until one may have come or gone.
    pub listings: Listings,
    /// What Helm says of the services.
    pub renderings: Renderings,
    /// What is wrong with them in the cluster.
    pub troubles: Troubles,
}

#[derive(Default)]
struct State {
    open: HashMap<Uri, Document>,
    paths: HashMap<PathBuf, Uri>,
    waiting: VecDeque<Uri>,
    /// Of the last change of any document. A document's version can't tell whether a result is
    /// stale, since it begins anew when the document is opened again.
    revision: u64,
}

struct Document {
    path: Option<PathBuf>,
    source: Arc<Source>,
    version: i32,
    revision: u64,
    shown: bool,
}

/// A document as it was at some moment.
#[derive(Clone)]
pub(super) struct Snapshot {
    pub uri: Uri,
    /// Where it is, if it is a file.
    pub path: Option<PathBuf>,
    pub source: Arc<Source>,
    pub version: i32,
    revision: u64,
}

impl Snapshot {
    /// Version of what is not open.
    pub const ON_DISK: i32 = i32::MIN;

    /// A file that is not open.
    pub fn on_disk(uri: Uri, path: PathBuf, source: Source) -> Snapshot {
        Snapshot {
            uri,
            path: Some(path),
            source: Arc::new(source),
            version: Snapshot::ON_DISK,
            revision: 0,
        }
    }
}

/// What has to be done about a document.
pub(super) enum Work {
    /// It is open and has to be analysed.
    Analyse(Snapshot),
    /// It was closed: nothing is to be shown for it any more.
    Clear(Uri),
}

impl Documents {
    pub fn open(&self, uri: Uri, text: String, version: i32) {
        let mut state = self.state();
        let revision = state.next_revision();
        let shown = state.open.get(&uri).is_some_and(|document| document.shown);
        let path = path(&uri);
        if let Some(path) = path.clone() {
            state.paths.insert(path, uri.clone());
        }
        let document = Document {
            path,
            source: Arc::new(Source::new(text)),
            version,
            revision,
            shown,
        };
        state.open.insert(uri.clone(), document);
        self.wait_for(&mut state, uri);
    }

    /// Applies changes one after the other, each to the result of the one before, as LSP has it.
    pub fn change(
        &self,
        uri: Uri,
        version: i32,
        changes: Vec<TextDocumentContentChangeEvent>,
        encoding: Encoding,
    ) {
        let mut state = self.state();
        let revision = state.next_revision();
        let Some(document) = state.open.get_mut(&uri) else {
            tracing::warn!(
                uri = uri.as_str(),
                "a change of a document that is not open"
            );
            return;
        };
        let source = std::mem::take(&mut document.source);
        let mut text = Arc::try_unwrap(source)
            .map_or_else(|shared| shared.text().to_owned(), Source::into_text);
        for change in changes {
            match change.range {
                Some(range) => {
                    let start = translate::position(range.start);
                    let end = translate::position(range.end);
                    lines::change(&mut text, start, end, &change.text, encoding);
                }
                None => text = change.text,
            }
        }
        document.source = Arc::new(Source::new(text));
        if let Some(path) = &document.path {
            self.renderings.edited(path);
        }
        document.version = version;
        document.revision = revision;
        self.wait_for(&mut state, uri.clone());
        // What is said of others may depend on this one.
        for other in state.related(&uri) {
            self.wait_for(&mut state, other);
        }
    }

    pub fn close(&self, uri: Uri) {
        let mut state = self.state();
        let Some(document) = state.open.remove(&uri) else {
            return;
        };
        if let Some(path) = document.path {
            state.paths.remove(&path);
        }
        if document.shown {
            self.wait_for(&mut state, uri);
        }
    }

    /// Folders of the azds.yaml files that are open.
    pub fn service_folders(&self) -> Vec<PathBuf> {
        let state = self.state();
        let of_services = state
            .paths
            .keys()
            .filter(|path| path.ends_with(CONFIG_FILE));
        let folders = of_services.filter_map(|path| path.parent());
        folders.map(Path::to_owned).collect()
    }

    /// The text of a file, if it is open.
    pub fn source(&self, path: &Path) -> Option<Arc<Source>> {
        let state = self.state();
        let document = state.open.get(state.paths.get(path)?)?;
        Some(Arc::clone(&document.source))
    }

    /// Has all documents looked at again: files that they name may have come or gone.
    pub fn recheck(&self) {
        self.listings.clear();
        self.moves.send_modify(|moves| *moves += 1);
        let mut state = self.state();
        let open: Vec<_> = state.open.keys().cloned().collect();
        for uri in open {
            self.wait_for(&mut state, uri);
        }
    }

    pub fn snapshot(&self, uri: &Uri) -> Option<Snapshot> {
        self.state().snapshot(uri)
    }

    /// The next document to look at, as it is when its turn comes: what was waiting for an earlier
    /// state of it is not done twice.
    pub async fn next(&self) -> Work {
        loop {
            let changed = self.changed.notified();
            if let Some(work) = self.state().next() {
                return work;
            }
            changed.await;
        }
    }

    /// Whether a result for a snapshot is to be shown: the document is still as it was, and there
    /// is something to show or to take away.
    pub fn may_show(&self, snapshot: &Snapshot, ours: bool) -> bool {
        let mut state = self.state();
        let Some(document) = state.open.get_mut(&snapshot.uri) else {
            return false;
        };
        let show = document.revision == snapshot.revision && (ours || document.shown);
        if show {
            document.shown = ours;
        }
        show
    }

    /// Counts what may have changed an answer.
    pub fn moves(&self) -> watch::Receiver<u64> {
        self.moves.subscribe()
    }

    /// All that is open, as it is now.
    pub fn snapshots(&self) -> Vec<Snapshot> {
        let state = self.state();
        let open = state.open.keys();
        open.filter_map(|uri| state.snapshot(uri)).collect()
    }

    fn wait_for(&self, state: &mut State, uri: Uri) {
        self.moves.send_modify(|moves| *moves += 1);
        if !state.waiting.contains(&uri) {
            state.waiting.push_back(uri);
        }
        self.changed.notify_one();
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state
            .lock()
            .expect("nothing panics while it holds the lock")
    }
}

impl State {
    fn next_revision(&mut self) -> u64 {
        self.revision += 1;
        self.revision
    }

    /// The open documents of the folders above and below a document's.
    fn related(&self, uri: &Uri) -> Vec<Uri> {
        let folder_of = |document: &Document| Some(document.path.as_ref()?.parent()?.to_owned());
        let Some(folder) = self.open.get(uri).and_then(folder_of) else {
            return Vec::new();
        };
        let others = self.open.iter().filter(|(other, _)| *other != uri);
        let is_related = |document: &Document| {
            let other = folder_of(document);
            other.is_some_and(|other| other.starts_with(&folder) || folder.starts_with(&other))
        };
        let related = others.filter(|(_, document)| is_related(document));
        related.map(|(uri, _)| uri.clone()).collect()
    }

    fn next(&mut self) -> Option<Work> {
        let uri = self.waiting.pop_front()?;
        Some(match self.snapshot(&uri) {
            Some(snapshot) => Work::Analyse(snapshot),
            None => Work::Clear(uri),
        })
    }

    fn snapshot(&self, uri: &Uri) -> Option<Snapshot> {
        let document = self.open.get(uri)?;
        Some(Snapshot {
            uri: uri.clone(),
            path: document.path.clone(),
            source: Arc::clone(&document.source),
            version: document.version,
            revision: document.revision,
        })
    }
}

/// Where a document is, if it is a file.
pub(super) fn path(uri: &Uri) -> Option<PathBuf> {
    let is_file = uri.scheme().as_str().eq_ignore_ascii_case("file");
    is_file.then(|| Some(uri.to_file_path()?.into_owned()))?
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use tower_lsp::ls_types::{Position, Range};

    use super::*;

    fn uri() -> Uri {
        "file:///shop/azds.yaml".parse().expect("a URI")
    }

    async fn next(documents: &Documents) -> Snapshot {
        match documents.next().await {
            Work::Analyse(snapshot) => snapshot,
            Work::Clear(_) => panic!("it is open"),
        }
    }

    #[tokio::test]
    async fn late_changes_replace_waiting_work_and_make_results_stale() {
        let documents = Documents::default();
        documents.open(uri(), "a".to_owned(), 1);
        let first = next(&documents).await;
        for (version, text) in [(2, "b"), (3, "c")] {
            let change = TextDocumentContentChangeEvent {
                range: None,
                range_length: None,
                text: text.to_owned(),
            };
            documents.change(uri(), version, vec![change], Encoding::Utf16);
        }
        assert!(!documents.may_show(&first, true));
        let last = next(&documents).await;
        assert_eq!((last.version, last.source.text()), (3, "c"));
        assert!(documents.may_show(&last, true));
        assert!(documents.state().waiting.is_empty());
    }

    #[tokio::test]
    async fn a_document_that_was_opened_again_is_another_one() {
        let documents = Documents::default();
        documents.open(uri(), "a".to_owned(), 1);
        let before = next(&documents).await;
        documents.close(uri());
        documents.open(uri(), "b".to_owned(), 1);
        assert!(!documents.may_show(&before, true));
        assert!(documents.may_show(&next(&documents).await, true));
        documents.close(uri());
        assert!(matches!(documents.next().await, Work::Clear(_)));
    }

    /// A change as an editor that counts columns one way tells it: a range, and what comes there.
    fn told(
        text: &str,
        range: std::ops::Range<usize>,
        new: &str,
        encoding: Encoding,
    ) -> TextDocumentContentChangeEvent {
        // Counted by hand, not by what is tested.
        let position = |offset: usize| {
            let before = &text[..offset];
            let line = &before[before.rfind('\n').map_or(0, |at| at + 1)..];
            let character = match encoding {
                Encoding::Utf8 => line.len(),
                Encoding::Utf16 => line.encode_utf16().count(),
            };
            Position::new(before.matches('\n').count() as u32, character as u32)
        };
        TextDocumentContentChangeEvent {
            range: Some(Range::new(position(range.start), position(range.end))),
            range_length: None,
            text: new.to_owned(),
        }
    }

    proptest! {
        /// Edits, one by one and several at once, come to the same as the whole text.
        #[test]
        fn edits_come_to_the_same_as_the_whole_text(
            start in "[a\u{e4}\u{1f600}\n]{0,30}",
            edits in proptest::collection::vec((0..40_usize, 0..10_usize, "[b\u{e9}\u{1f680}\n]{0,4}"), 1..12),
            at_once in 1..4_usize,
        ) {
            for encoding in [Encoding::Utf8, Encoding::Utf16] {
                let documents = Documents::default();
                documents.open(uri(), start.clone(), 0);
                let mut text = start.clone();
                for (version, edits) in edits.chunks(at_once).enumerate() {
                    let mut changes = Vec::new();
                    for (at, length, new) in edits {
                        let from = text.floor_char_boundary((*at).min(text.len()));
                        let to = text.floor_char_boundary((from + length).min(text.len()));
                        changes.push(told(&text, from..to, new, encoding));
                        text.replace_range(from..to, new);
                    }
                    documents.change(uri(), version as i32 + 1, changes, encoding);
                }
                let snapshot = documents.snapshot(&uri()).expect("it is open");
                prop_assert_eq!(snapshot.source.text(), text.as_str());
            }
        }
    }
}
