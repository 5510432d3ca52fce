//! What is said or changed in several files at once: references and renaming.

use std::collections::HashMap;

use tower_lsp::jsonrpc::{Error, ErrorCode, Result};
use tower_lsp::ls_types::{
    InlayHint, InlayHintLabel, InlayHintTooltip, Location, Position, PrepareRenameResponse,
    TextEdit, Uri, WorkspaceEdit,
};

use super::ask::Asked;
use super::translate;
use crate::analysis::answer::{Hint, Renaming};
use crate::analysis::lines::Lines;

/// LSP's `RequestFailed`.
const REQUEST_FAILED: i64 = -32803;

/// All places that name what stands at a position.
pub(super) fn references(asked: &Asked<'_>, position: Position) -> Vec<Location> {
    let places = asked.document.references(asked.offset(position));
    let locations = places.iter().filter_map(|place| asked.location(place));
    locations.collect()
}

/// Where the name is that would be renamed; refused if it can't be.
pub(super) fn prepare(
    asked: &Asked<'_>,
    position: Position,
) -> Result<Option<PrepareRenameResponse>> {
    let Some(renaming) = asked.document.rename(asked.offset(position), "") else {
        return Ok(None);
    };
    let Renaming { range, edits } = renaming;
    edits.map_err(refused)?;
    let range = translate::range(&range, &asked.lines);
    Ok(Some(PrepareRenameResponse::Range(range)))
}

/// The edits that rename what stands at a position.
pub(super) fn rename(
    asked: &Asked<'_>,
    position: Position,
    name: &str,
) -> Result<Option<WorkspaceEdit>> {
    // An empty name asks whether it can be renamed at all.
    if name.is_empty() {
        return Err(refused("A key can't be empty.".to_owned()));
    }
    let Some(renaming) = asked.document.rename(asked.offset(position), name) else {
        return Ok(None);
    };
    let mut changes: HashMap<Uri, Vec<TextEdit>> = HashMap::new();
    for (path, edits) in renaming.edits.map_err(refused)? {
        let source = asked.document.around.source(&path);
        let text = match path == asked.document.path {
            true => asked.document.text(),
            false => source.as_ref().map_or("", |source| source.text()),
        };
        let lines = Lines::new(text, asked.encoding);
        let edits = edits.iter().map(|edit| translate::edit(edit, &lines));
        let edits = edits.collect();
        // Half of the edits would be worse than none.
        let uri = Uri::from_file_path(asked.found.resolve(&path));
        let uri =
            uri.ok_or_else(|| refused(format!("The path {path} can't be written as a URI.")))?;
        changes.insert(uri, edits);
    }
    Ok(Some(WorkspaceEdit {
        changes: Some(changes),
        ..WorkspaceEdit::default()
    }))
}

/// What is shown between the words of the text.
pub(super) fn hint(hint: Hint, lines: &Lines<'_>) -> InlayHint {
    InlayHint {
        position: translate::range(&(hint.at..hint.at), lines).start,
        label: InlayHintLabel::String(hint.label),
        kind: None,
        text_edits: None,
        tooltip: Some(InlayHintTooltip::MarkupContent(translate::markdown(
            hint.markdown,
        ))),
        padding_left: None,
        padding_right: None,
        data: None,
    }
}

fn refused(why: String) -> Error {
    Error {
        code: ErrorCode::ServerError(REQUEST_FAILED),
        message: why.into(),
        data: None,
    }
}
