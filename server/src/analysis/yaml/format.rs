//! Putting a text in order: spaces at the ends of lines, steps of two columns, one line end at the end.
//!
//! Nothing but white space is changed, and the values stay what they were: that is looked at, not hoped.

use super::line::key_of;
use super::{Node, Parsed, Value, parse};
use crate::analysis::{Edit, edited};

/// Columns that a map or a list stands to the right of its key.
const STEP: usize = 2;

/// The edits that put a text in order. None for what is not YAML.
pub fn format(text: &str) -> Vec<Edit> {
    let before = parse(text);
    if before.error.is_some() {
        return Vec::new();
    }
    let fixed = fixed_lines(text, &before);
    // With new indents if they change nothing, else without them.
    for edits in [
        [indents(text, &fixed), ends(text, &fixed)].concat(),
        ends(text, &fixed),
    ] {
        let after = parse(&edited(text, &edits));
        if after.error.is_none() && same(&before, &after) {
            let mut edits: Vec<_> = edits;
            edits.retain(|edit| text.get(edit.range.clone()) != Some(edit.text.as_str()));
            edits.sort_by_key(|edit| edit.range.start);
            return edits;
        }
    }
    Vec::new()
}

fn same(before: &Parsed, after: &Parsed) -> bool {
    before.documents.len() == after.documents.len()
        && before
            .documents
            .iter()
            .zip(&after.documents)
            .all(|(before, after)| same_value(before, after))
}

fn same_value(before: &Node, after: &Node) -> bool {
    match (&before.value, &after.value) {
        (Value::Scalar(before), Value::Scalar(after)) => before == after,
        (Value::Sequence(before), Value::Sequence(after)) => {
            before.len() == after.len() && before.iter().zip(after).all(|(a, b)| same_value(a, b))
        }
        (Value::Mapping(before), Value::Mapping(after)) => {
            before.len() == after.len()
                && before
                    .iter()
                    .zip(after)
                    .all(|(a, b)| same_value(&a.key, &b.key) && same_value(&a.value, &b.value))
        }
        _ => false,
    }
}

/// Starts of lines that go on with a value of the line before: their white space may be part of it.
fn fixed_lines(text: &str, parsed: &Parsed) -> Vec<std::ops::Range<usize>> {
    let mut fixed = Vec::new();
    for root in &parsed.documents {
        root.walk(&mut |node| {
            let written = text.get(node.range.clone()).unwrap_or_default();
            let Value::Scalar(scalar) = &node.value else {
                if written.starts_with(['{', '[']) && written.contains('\n') {
                    fixed.push(node.range.clone());
                }
                return;
            };
            let line = text[..node.range.start].rfind('\n');
            // The range of a `|` text begins with its first line, and ends with its last.
            let is_block = !scalar.plain && !written.starts_with(['"', '\'']);
            match line {
                Some(line) if is_block => fixed.push(line..node.range.end),
                _ if written.contains('\n') => fixed.push(node.range.clone()),
                _ => {}
            }
        });
    }
    fixed
}

fn goes_on(fixed: &[std::ops::Range<usize>], start: usize) -> bool {
    fixed
        .iter()
        .any(|range| range.start < start && start < range.end)
}

/// Without spaces at the ends of lines, and with one line end at the end.
fn ends(text: &str, fixed: &[std::ops::Range<usize>]) -> Vec<Edit> {
    let mut edits = Vec::new();
    let mut start = 0;
    for line in text.split_inclusive('\n') {
        let content = line.trim_end_matches(['\r', '\n']);
        let kept = content.trim_end_matches([' ', '\t']);
        let end = start + content.len();
        // A text of many lines keeps what is at the ends of its lines.
        let inside = fixed
            .iter()
            .any(|range| range.start < end && end <= range.end);
        if kept.len() < content.len() && !inside {
            edits.push(replace(start + kept.len(), end, String::new()));
        }
        start += line.len();
    }
    let trimmed = text.trim_end_matches([' ', '\t', '\r', '\n']);
    let in_text = fixed.iter().any(|range| range.end > trimmed.len());
    if !trimmed.is_empty() && !in_text {
        let end = if text.contains("\r\n") { "\r\n" } else { "\n" };
        edits.retain(|edit| edit.range.start < trimmed.len());
        edits.push(replace(trimmed.len(), text.len(), end.to_owned()));
    }
    edits
}

/// Indents in steps of [`STEP`]. A list stays where it is if it stands under its key.
fn indents(text: &str, fixed: &[std::ops::Range<usize>]) -> Vec<Edit> {
    let mut edits = Vec::new();
    // Old and new column of each map and list that the line is in.
    let mut levels: Vec<(usize, usize)> = Vec::new();
    // Comments go with the line that follows them.
    let mut comments: Vec<(usize, usize)> = Vec::new();
    let mut moved = 0_isize;
    let mut start = 0;
    for line in text.split_inclusive('\n') {
        let content = line.trim_end_matches(['\r', '\n']).trim_start_matches(' ');
        let old = line.trim_end_matches(['\r', '\n']).len() - content.len();
        let at = start;
        start += line.len();
        if goes_on(fixed, at) {
            // It moves with the line that it goes on.
            let new = old.saturating_add_signed(moved);
            if !content.is_empty() {
                edits.push(replace(at, at + old, " ".repeat(new)));
            }
            continue;
        }
        if content.is_empty() {
            continue;
        }
        if content.starts_with('#') {
            comments.push((at, old));
            continue;
        }
        if content.starts_with("---") || content.starts_with("...") {
            levels.clear();
            comments.clear();
            continue;
        }
        while levels.last().is_some_and(|(column, _)| *column > old) {
            levels.pop();
        }
        let new = match levels.last() {
            Some((column, new)) if *column == old => *new,
            Some((_, new)) => new + STEP,
            None => 0,
        };
        if levels.last().is_none_or(|(column, _)| *column != old) {
            levels.push((old, new));
        }
        for (at, column) in comments.drain(..) {
            let column_new = if column == old { new } else { column };
            edits.push(replace(at, at + column, " ".repeat(column_new)));
        }
        edits.push(replace(at, at + old, " ".repeat(new)));
        moved = new as isize - old as isize;
        // A map that begins after a dash has its own column.
        let (mut column, mut column_new, mut rest) = (old, new, content);
        while let Some(after) = rest.strip_prefix('-').filter(|it| it.starts_with(' ')) {
            let inner = after.trim_start_matches(' ');
            let skipped = rest.len() - inner.len();
            if inner.is_empty() || inner.starts_with('#') {
                break;
            }
            let is_collection = key_of(inner).is_some() || inner.starts_with("- ");
            let dash = at + column + 1;
            if is_collection {
                edits.push(replace(dash, dash + skipped - 1, " ".to_owned()));
                column += skipped;
                column_new += STEP;
                levels.push((column, column_new));
                rest = inner;
            } else {
                break;
            }
        }
    }
    edits
}

fn replace(start: usize, end: usize, text: String) -> Edit {
    Edit {
        range: start..end,
        text,
    }
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::*;

    fn check(text: &str, expected: Expect) {
        let edits = format(text);
        for edit in &edits {
            let old = &text[edit.range.clone()];
            assert!(
                old.trim().is_empty() && edit.text.trim().is_empty(),
                "{edit:?}"
            );
        }
        let once = edited(text, &edits);
        expected.assert_eq(&once);
        assert_eq!(format(&once), [], "a second time changes nothing");
    }

    #[test]
    fn steps_are_of_two_columns_and_comments_go_along() {
        check(
            "kind: helm-release   \nbuild:\n    # where\n    context: .  # here\n    args:\n          A: b\ninstall:\n   values:\n   - a.yaml\n   -   b: 1\n       c: 2\n\n\n",
            expect![[r#"
                kind: helm-release
                build:
                  # where
                  context: .  # here
                  args:
                    A: b
                install:
                  values:
                  - a.yaml
                  - b: 1
                    c: 2
            "#]],
        );
    }

    #[test]
    fn texts_of_many_lines_mean_what_they_meant() {
        check(
            "a:\n    b: |\n        one  \n          two\n    c: \"x\n      y\"\n    d: [1,\n        2]\n",
            expect![[r#"
                a:
                  b: |
                      one  
                        two
                  c: "x
                    y"
                  d: [1,
                      2]
            "#]],
        );
    }

    #[test]
    fn what_is_not_yaml_is_left_alone() {
        check("a: [  \n", expect!["a: [  \n"]);
        check("", expect![""]);
    }

    #[test]
    fn line_ends_stay_what_they_are() {
        check("a:\r\n    b: 1 \r\n", expect!["a:\r\n  b: 1\r\n"]);
    }
}
