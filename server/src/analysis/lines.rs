//! Lines and columns, as editors count them.

use line_index::{LineIndex, TextSize, WideEncoding, WideLineCol};

/// In what an editor counts columns.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Encoding {
    /// Bytes.
    Utf8,
    /// UTF-16 code units: what every editor can do.
    #[default]
    Utf16,
}

/// A place in a text, both from zero.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Position {
    /// The line.
    pub line: u32,
    /// The column, in an [`Encoding`].
    pub character: u32,
}

/// The lines of a text, to go from byte offsets to positions and back.
pub struct Lines<'t> {
    text: &'t str,
    index: LineIndex,
    encoding: Encoding,
}

impl<'t> Lines<'t> {
    /// The lines of a text.
    pub fn new(text: &'t str, encoding: Encoding) -> Lines<'t> {
        Lines {
            text,
            index: LineIndex::new(text),
            encoding,
        }
    }

    /// The position of an offset; that of the end for one past it.
    pub fn position(&self, offset: usize) -> Position {
        let offset = floor_char_boundary(self.text, offset);
        let at = self.index.line_col(size(offset));
        let character = match self.encoding {
            Encoding::Utf8 => at.col,
            Encoding::Utf16 => self
                .index
                .to_wide(WideEncoding::Utf16, at)
                .map_or(at.col, |wide| wide.col),
        };
        Position {
            line: at.line,
            character,
        }
    }

    /// The offset of a position. As LSP has it, a column past the end of its line is the end of the
    /// line; a line past the end of the text is the end of the text.
    pub fn offset(&self, position: Position) -> usize {
        let Some(line) = self.index.line(position.line) else {
            return self.text.len();
        };
        let start = usize::from(line.start());
        let line = self.text[start..usize::from(line.end())].trim_end_matches(['\r', '\n']);
        let column = match self.encoding {
            Encoding::Utf8 => position.character as usize,
            Encoding::Utf16 => {
                let wide = WideLineCol {
                    line: position.line,
                    col: position.character,
                };
                self.index
                    .to_utf8(WideEncoding::Utf16, wide)
                    .map_or(line.len(), |at| at.col as usize)
            }
        };
        start + floor_char_boundary(line, column)
    }
}

/// Puts `new` in the place of what stands between two positions of a text.
pub fn change(text: &mut String, start: Position, end: Position, new: &str, encoding: Encoding) {
    let lines = Lines::new(text, encoding);
    let (start, end) = (lines.offset(start), lines.offset(end));
    text.replace_range(start..end.max(start), new);
}

/// The last offset up to `at` that is between two characters.
pub fn floor_char_boundary(text: &str, at: usize) -> usize {
    let mut floor = at.min(text.len());
    while !text.is_char_boundary(floor) {
        floor -= 1;
    }
    floor
}

/// Texts of 4 GiB are not opened in editors; their ends would be wrong, nothing worse.
fn size(offset: usize) -> TextSize {
    TextSize::new(u32::try_from(offset).unwrap_or(u32::MAX))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn columns_are_counted_as_the_editor_counts_them() {
        let text = "a: 'ä😀b'\r\nc";
        let at = text.find('b').expect("it is there");
        let utf16 = Lines::new(text, Encoding::Utf16).position(at);
        let utf8 = Lines::new(text, Encoding::Utf8).position(at);
        assert_eq!((utf16.line, utf16.character), (0, 7));
        assert_eq!((utf8.line, utf8.character), (0, 10));
        let past = Position {
            line: 0,
            character: 99,
        };
        assert_eq!(
            Lines::new(text, Encoding::Utf16).offset(past),
            text.find('\r').expect("too")
        );
        let below = Position {
            line: 9,
            character: 0,
        };
        assert_eq!(Lines::new(text, Encoding::Utf16).offset(below), text.len());
    }

    proptest! {
        #[test]
        fn there_and_back(text in "[a\u{e4}\u{1f600}\n]{0,20}", at in 0..60_usize) {
            let at = text.floor_char_boundary(at.min(text.len()));
            for encoding in [Encoding::Utf8, Encoding::Utf16] {
                let lines = Lines::new(&text, encoding);
                prop_assert_eq!(lines.offset(lines.position(at)), at);
            }
        }

        #[test]
        fn any_position_is_a_place_in_the_text(
            text in "[a\u{e4}\u{1f600}\r\n]{0,20}", line in 0..9_u32, character in 0..9_u32,
        ) {
            for encoding in [Encoding::Utf8, Encoding::Utf16] {
                let offset = Lines::new(&text, encoding).offset(Position { line, character });
                prop_assert!(text.is_char_boundary(offset));
            }
        }
    }
}
