//! The other keys of the map that a cursor is in, by lines and indentation alone.

use super::cursor::Cursor;
use super::line::{key_of, unquoted};

/// Keys of the map in a block that the cursor is in, but not the one that it is on.
pub fn siblings<'t>(text: &'t str, cursor: &Cursor) -> Vec<&'t str> {
    let line_start = text[..cursor.written.start]
        .rfind('\n')
        .map_or(0, |at| at + 1);
    if cursor.flow {
        let open = text[line_start..cursor.written.start].rfind('{');
        let inside = open.map_or("", |at| &text[line_start + at + 1..cursor.written.start]);
        let keys = inside.split(',').filter_map(|entry| entry.split_once(':'));
        return keys.map(|(key, _)| unquoted(key.trim())).collect();
    }
    let mut found = Vec::new();
    let above = text[..line_start].lines().rev();
    let below = text[line_start..].lines().skip(1);
    // The cursor may be on the first key of an item, which nothing above it is a sibling of.
    let first = text[line_start..cursor.written.start].contains('-');
    if !first {
        collect(above, cursor.indent, true, &mut found);
    }
    collect(below, cursor.indent, false, &mut found);
    found
}

/// Keys at an indentation up to the end of their map. Upwards that is a dash before the first key, which
/// belongs to it; downwards the dash is of the next item.
fn collect<'t>(
    lines: impl Iterator<Item = &'t str>,
    indent: usize,
    upwards: bool,
    found: &mut Vec<&'t str>,
) {
    for line in lines {
        let content = line.trim_start();
        if content.is_empty() || content.starts_with('#') {
            continue;
        }
        let column = line.len() - content.len();
        let (column, content, item) = match content.strip_prefix("- ") {
            Some(rest) if upwards && column < indent => (
                line.len() - rest.trim_start().len(),
                rest.trim_start(),
                true,
            ),
            _ => (column, content, false),
        };
        if column < indent {
            return;
        }
        if column == indent {
            found.extend(key_of(content).map(|(key, _)| unquoted(key)));
        }
        if item {
            return;
        }
    }
}
