//! YAML as a tree with positions.

mod cursor;
mod format;
mod line;
mod outline;
mod recover;
mod siblings;
mod spot;
mod syntax_error;
mod tree;

pub use cursor::{Cursor, Role, Step, cursor};
pub use format::format;
pub use line::top_keys;
pub use outline::{folds, symbols};
pub use siblings::siblings;
pub use spot::{Spot, selections, spot};
pub use syntax_error::SyntaxError;
pub use tree::{Entry, Node, Scalar, Value};

/// What a text holds.
#[derive(Debug, Clone, PartialEq)]
pub struct Parsed {
    /// The root of each document.
    pub documents: Vec<Node>,
    /// The first place where the text is not YAML.
    pub error: Option<SyntaxError>,
}

/// Parses a text. What can't be read because of a syntax error is left out, but what follows it is
/// read on.
pub fn parse(text: &str) -> Parsed {
    let (documents, error) = recover::read(text);
    Parsed { documents, error }
}
