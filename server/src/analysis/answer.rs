//! What a document answers when it is asked. Ranges are byte offsets into its text.

use std::collections::BTreeMap;
use std::ops::Range;

use super::Edit;

/// What is known of a place in the text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hover {
    /// What it is about.
    pub range: Range<usize>,
    /// What is known, in Markdown.
    pub markdown: String,
}

/// Something that may be written where the cursor is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Completion {
    /// As it is listed.
    pub label: String,
    /// What it is.
    pub kind: CompletionKind,
    /// One line about it; may be empty.
    pub detail: String,
    /// More about it, in Markdown; may be empty.
    pub documentation: String,
    /// How it is written. The range contains the cursor and is on its line.
    pub edit: Edit,
}

/// What a [`Completion`] is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CompletionKind {
    /// A key of a map.
    Key,
    /// A value.
    Value,
    /// A file.
    File,
    /// A folder.
    Folder,
    /// A token or a variable.
    Token,
}

/// A place in a file, which may be the document itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// Path of the file, seen as [`super::Surroundings`] sees it.
    pub path: String,
    /// Where in the file; empty at its start for the file as a whole.
    pub range: Range<usize>,
}

/// A word that is shown in the text and is not in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hint {
    /// Before which offset it is shown.
    pub at: usize,
    /// The word.
    pub label: String,
    /// More about it, in Markdown.
    pub markdown: String,
}

/// How something is renamed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Renaming {
    /// Where its name stands.
    pub range: Range<usize>,
    /// The edits, by the path of the file; or why there can't be any.
    pub edits: Result<BTreeMap<String, Vec<Edit>>, String>,
}

/// A part of the text that names a place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Link {
    /// The part of the text.
    pub range: Range<usize>,
    /// The place.
    pub target: Place,
}

/// An entry of the document's outline.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Symbol {
    /// Its name.
    pub name: String,
    /// A short value; may be empty.
    pub detail: String,
    /// What it is.
    pub kind: SymbolKind,
    /// All of it.
    pub range: Range<usize>,
    /// Its name in the text; inside of `range`.
    pub selection: Range<usize>,
    /// What is in it.
    pub children: Vec<Symbol>,
}

/// What a [`Symbol`] is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SymbolKind {
    /// A map.
    Map,
    /// A list.
    List,
    /// A single value.
    Value,
}

/// Lines that can be folded into the first of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fold {
    /// From the first line to the end of the last one.
    pub range: Range<usize>,
    /// Whether they are comments.
    pub comment: bool,
}

/// A lens, and the place above whose line it is offered.
pub type PlacedLens = (Range<usize>, Lens);

/// Something that can be done with the service, offered above a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lens {
    /// Write the files that are missing.
    Prep,
    /// Build and install it.
    Up,
    /// Start it and attach a debugger.
    Debug,
    /// Show its addresses.
    Uris,
}
