//! How a document is asked: on a snapshot, on another thread, so that nothing waits for it.

use std::path::Path;
use std::sync::Arc;

use tower_lsp::jsonrpc::{Error, Result};
use tower_lsp::ls_types::{Location, Position, Range, Uri};

use super::documents::{Documents, Snapshot};
use super::translate;
use crate::analysis::Document;
use crate::analysis::answer::Place;
use crate::analysis::lines::{Encoding, Lines};
use crate::commands::document::{Found, Known};

/// A document as it was when a request came, with what is needed to answer it.
#[derive(Clone)]
pub(super) struct Question {
    pub snapshot: Snapshot,
    pub documents: Arc<Documents>,
    pub encoding: Encoding,
}

/// A document that is asked.
pub(super) struct Asked<'a> {
    pub document: Document<'a>,
    /// Its lines, as the editor counts columns.
    pub lines: Lines<'a>,
    pub uri: &'a Uri,
    pub encoding: Encoding,
    pub found: &'a Found<'a>,
}

impl Question {
    /// Has an answer made. `None` if azds has nothing to do with the document. A panic fails this request
    /// and no other.
    pub async fn answer<T: Send + 'static>(
        self,
        answer: impl FnOnce(&Asked<'_>) -> T + Send + 'static,
    ) -> Result<Option<T>> {
        let answering = tokio::task::spawn_blocking(move || self.answer_here(answer));
        answering.await.map_err(|error| {
            tracing::error!(%error, "a request was not answered");
            Error::internal_error()
        })
    }

    /// As [`Question::answer`], on this thread. Blocking.
    pub fn answer_here<T>(&self, answer: impl FnOnce(&Asked<'_>) -> T) -> Option<T> {
        let Snapshot {
            path, source, uri, ..
        } = &self.snapshot;
        let open = |path: &Path| self.documents.source(path);
        let helm = |folder: &Path| self.documents.renderings.said(folder);
        let trouble = |folder: &Path| self.documents.troubles.of(folder);
        let known = Known {
            open: &open,
            listings: &self.documents.listings,
            helm: &helm,
            trouble: &trouble,
        };
        let found = Found::at(path.as_ref()?, known)?;
        let document = found.document(source);
        if document.is_foreign() {
            return None;
        }
        Some(answer(&Asked {
            document,
            lines: Lines::new(source.text(), self.encoding),
            uri,
            encoding: self.encoding,
            found: &found,
        }))
    }
}

impl Asked<'_> {
    /// The offset of the editor's position.
    pub fn offset(&self, position: Position) -> usize {
        self.lines.offset(translate::position(position))
    }

    /// A place as the editor has it. `None` if its path can't be written as a URI.
    pub fn location(&self, place: &Place) -> Option<Location> {
        let range = match place.path == self.document.path {
            true => translate::range(&place.range, &self.lines),
            false if place.range.end == 0 => Range::default(),
            false => {
                let text = self.document.around.text(&place.path)?;
                translate::range(&place.range, &Lines::new(&text, self.encoding))
            }
        };
        let uri = Uri::from_file_path(self.found.resolve(&place.path))?;
        Some(Location { uri, range })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_panic_in_one_request_fails_that_request_alone() {
        let documents = Arc::new(Documents::default());
        let uri: Uri = "file:///shop/azds.yaml".parse().expect("a URI");
        documents.open(uri.clone(), "kind: helm-release\n".to_owned(), 1);
        let question = || Question {
            snapshot: documents.snapshot(&uri).expect("it is open"),
            documents: Arc::clone(&documents),
            encoding: Encoding::Utf16,
        };
        let panics = question().answer(|_| -> u8 { panic!("as the test wants it") });
        assert!(panics.await.is_err());
        let length = question().answer(|asked| asked.document.text().len());
        assert_eq!(length.await, Ok(Some("kind: helm-release\n".len())));
    }
}
