//! Edits of an open document, as editors send them.

use azds::analysis::lines::{Encoding, Position, change};

/// A text, and after each NUL an edit of it: a letter for each of the four numbers of its range, and what
/// comes there. The result is compared with one that goes through the text letter by letter.
pub fn edits(bytes: &[u8]) {
    let all = String::from_utf8_lossy(bytes);
    for encoding in [Encoding::Utf8, Encoding::Utf16] {
        let mut parts = all.split('\0');
        let mut text = parts.next().unwrap_or_default().to_owned();
        for part in parts {
            let mut letters = part.chars();
            let mut number = || letters.next().map_or(0, |letter| letter as u32 % 64);
            let mut position = || Position {
                line: number(),
                character: number(),
            };
            let (start, end) = (position(), position());
            let new = letters.as_str();
            let (from, to) = (offset(&text, start, encoding), offset(&text, end, encoding));
            let expected = format!("{}{new}{}", &text[..from], &text[to.max(from)..]);
            change(&mut text, start, end, new, encoding);
            assert!(text == expected, "{start:?} to {end:?} in {encoding:?}");
        }
    }
}

/// The place of a position, counted.
fn offset(text: &str, position: Position, encoding: Encoding) -> usize {
    let mut line = 0;
    let mut start = 0;
    for (at, letter) in text.char_indices() {
        if line == position.line {
            break;
        }
        if letter == '\n' {
            line += 1;
            start = at + 1;
        }
    }
    if line < position.line {
        return text.len();
    }
    let rest = text[start..]
        .split('\n')
        .next()
        .unwrap_or_default()
        .trim_end_matches('\r');
    let (mut column, mut at) = (0, start);
    for letter in rest.chars() {
        column += match encoding {
            Encoding::Utf8 => letter.len_utf8(),
            Encoding::Utf16 => letter.len_utf16(),
        };
        if column > position.character as usize {
            break;
        }
        at += letter.len_utf8();
    }
    at
}
