//! Where and why a text is not YAML.

use std::ops::Range;

use granit_parser::{ErrorKind, ScanError};

use crate::analysis::lines::floor_char_boundary;
use crate::analysis::{Edit, Fix};

/// Where and why a text is not YAML.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SyntaxError {
    /// Where.
    pub range: Range<usize>,
    /// Why.
    pub message: String,
    /// What makes it YAML, where that is plain.
    pub fix: Option<Fix>,
}

impl SyntaxError {
    pub(super) fn new(text: &str, error: &ScanError) -> SyntaxError {
        let at = error.marker().byte_offset().unwrap_or(text.len());
        if let Some(start) = bare_glob(text, at) {
            return SyntaxError::bare(text, start);
        }
        let fix = match error.kind() {
            ErrorKind::TabInBlockIndentation | ErrorKind::TabNotAllowed => spaces(text, at),
            _ => None,
        };
        SyntaxError {
            range: word_at(text, at),
            message: message(error),
            fix,
        }
    }

    /// Maps and lists in each other beyond what anybody reads.
    pub(super) fn too_deep(text: &str, at: usize) -> SyntaxError {
        SyntaxError {
            range: word_at(text, at),
            message: "this is nested too deep to be read".to_owned(),
            fix: None,
        }
    }

    /// A text without quotes that begins with a letter that means something else to YAML.
    pub(super) fn bare(text: &str, start: usize) -> SyntaxError {
        let range = glob_at(text, start);
        let letter = text[range.start..].chars().next().unwrap_or('!');
        SyntaxError {
            message: format!("a text that begins with `{letter}` must be in quotes"),
            fix: quoted(text, &range),
            range,
        }
    }
}

/// Where the text begins that an offset is in, if that begins as globs do: with `*`, an alias to YAML, or
/// `!`, a tag.
fn bare_glob(text: &str, at: usize) -> Option<usize> {
    let at = floor_char_boundary(text, at);
    let before = text[..at]
        .rfind([' ', '\t', '\n', '['])
        .map_or(0, |end| end + 1);
    text[before..].starts_with(['*', '!']).then_some(before)
}

/// Puts a text in quotes.
fn quoted(text: &str, range: &Range<usize>) -> Option<Fix> {
    let word = &text[range.clone()];
    let is_plain = !word.is_empty() && !word.contains(['"', '\\']);
    is_plain.then(|| fix("Put it in quotes", range.clone(), format!("\"{word}\"")))
}

/// The glob that begins at a place: up to a space, or to what ends it in a list. Braces belong to it as
/// long as they are closed in it.
fn glob_at(text: &str, start: usize) -> Range<usize> {
    let start = floor_char_boundary(text, start);
    let mut open = 0_usize;
    let end = text[start..].find(|letter: char| match letter {
        '{' => {
            open += 1;
            false
        }
        '}' if open > 0 => {
            open -= 1;
            false
        }
        ',' => open == 0,
        letter => letter == ']' || letter == '}' || letter.is_whitespace(),
    });
    start..start + end.unwrap_or(text.len() - start)
}

/// Two spaces for each tab of a line's indentation.
fn spaces(text: &str, at: usize) -> Option<Fix> {
    let at = floor_char_boundary(text, at);
    let start = text[..at].rfind('\n').map_or(0, |end| end + 1);
    let line = &text[start..];
    let indent = &line[..line.len() - line.trim_start_matches([' ', '\t']).len()];
    let range = start..start + indent.len();
    indent
        .contains('\t')
        .then(|| fix("Change tabs to spaces", range, indent.replace('\t', "  ")))
}

fn fix(title: &str, range: Range<usize>, text: String) -> Fix {
    Fix {
        title: title.to_owned(),
        edits: vec![Edit { range, text }],
        automatic: true,
    }
}

/// Why it is not YAML, in plain words where the parser's are a riddle to most.
fn message(error: &ScanError) -> String {
    let plain = match error.kind() {
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
