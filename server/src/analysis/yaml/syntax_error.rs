//! Where and why a text is not YAML.

use std::ops::Range;

use granit_parser::{ErrorKind, ScanError};

use crate::analysis::lines::floor_char_boundary;

/// Where and why a text is not YAML.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SyntaxError {
    /// Where.
    pub range: Range<usize>,
    /// Why.
    pub message: String,
}

impl SyntaxError {
    pub(super) fn new(text: &str, error: &ScanError) -> SyntaxError {
        let at = error.marker().byte_offset().unwrap_or(text.len());
        SyntaxError {
            range: word_at(text, at),
            message: message(error),
        }
    }
}

/// Why it is not YAML, in plain words where the parser's are a riddle to most.
fn message(error: &ScanError) -> String {
    let plain = match error.kind() {
        ErrorKind::UnknownAnchor => "a text that begins with `*` must be in quotes",
        ErrorKind::SimpleKeyExpected => "a key must be followed by `:`",
        ErrorKind::ExpectedBlockMappingKey => {
            "this is no key of the map that it stands in; is the indentation right?"
        }
        ErrorKind::ExpectedBlockSequenceEntry => {
            "this is no item of the list that it stands in; is the indentation right?"
        }
        ErrorKind::MappingValueNotAllowed => {
            "no `:` may stand here; is the indentation right, or does the text need quotes?"
        }
        ErrorKind::TabInBlockIndentation | ErrorKind::TabNotAllowed => {
            "no tab may stand in the indentation; use spaces"
        }
        _ => return error.info(),
    };
    plain.to_owned()
}

/// The word at an offset, for an error of which only the start is known; the line's last character
/// where there is none.
fn word_at(text: &str, at: usize) -> Range<usize> {
    let start = floor_char_boundary(text, at);
    let word = text[start..]
        .find(char::is_whitespace)
        .unwrap_or(text.len() - start);
    if word > 0 {
        return start..start + word;
    }
    let before = text[..start].trim_end();
    let last = before.chars().next_back().map_or(0, char::len_utf8);
    before.len() - last..before.len()
}
