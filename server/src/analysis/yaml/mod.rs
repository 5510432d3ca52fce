//! YAML as a tree with positions.

mod recover;
mod tree;

pub use tree::{Entry, Node, Scalar, Value};

use std::ops::Range;

/// What a text holds.
#[derive(Debug, Clone, PartialEq)]
pub struct Parsed {
    /// The root of each document.
    pub documents: Vec<Node>,
    /// The first place where the text is not YAML.
    pub error: Option<SyntaxError>,
}

/// Where and why a text is not YAML.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SyntaxError {
    /// Where.
    pub range: Range<usize>,
    /// Why.
    pub message: String,
}

/// Parses a text. What can't be read because of a syntax error is left out, but what follows it is
/// read on.
pub fn parse(text: &str) -> Parsed {
    let (documents, error) = recover::read(text);
    Parsed { documents, error }
}
