//! JSON with comments, as editors keep their settings in, read by the parser for YAML: it gives
//! positions, and reads on after an error.

use crate::analysis::yaml::{self, Parsed};

/// Reads a text. Positions are those of the text.
pub fn parse(text: &str) -> Parsed {
    yaml::parse(&blanked(text))
}

/// The text with blanks for comments, tabs and commas that nothing follows. Its length stays.
fn blanked(text: &str) -> String {
    let mut bytes = text.as_bytes().to_vec();
    let mut at = 0;
    let mut last_comma = None;
    while at < bytes.len() {
        match bytes[at] {
            b'"' => {
                at += 1;
                while at < bytes.len() && bytes[at] != b'"' && bytes[at] != b'\n' {
                    at += if bytes[at] == b'\\' { 2 } else { 1 };
                }
                last_comma = None;
            }
            b'/' if matches!(bytes.get(at + 1), Some(b'/' | b'*')) => {
                let ends = if bytes[at + 1] == b'/' { "\n" } else { "*/" };
                let rest = &text.as_bytes()[at + 2..];
                let length = rest
                    .windows(ends.len())
                    .position(|it| it == ends.as_bytes());
                let end = length.map_or(bytes.len(), |length| match ends {
                    "\n" => at + 2 + length,
                    _ => at + 4 + length,
                });
                let comment = bytes[at..end].iter_mut().filter(|byte| **byte != b'\n');
                comment.for_each(|byte| *byte = b' ');
                at = end;
                continue;
            }
            b',' => last_comma = Some(at),
            b'}' | b']' => {
                if let Some(comma) = last_comma.take() {
                    bytes[comma] = b' ';
                }
            }
            b'\t' => bytes[at] = b' ',
            b' ' | b'\n' | b'\r' => {}
            _ => last_comma = None,
        }
        at += 1;
    }
    // Only whole characters were blanked.
    String::from_utf8(bytes).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_and_last_commas_are_no_errors_and_positions_stay() {
        let text = "// ä\n{\n\t\"a\": [1, 2,], /* b\n */ \"url\": \"http://x\", // c\n}\n";
        let parsed = parse(text);
        assert_eq!(parsed.error, None);
        let root = &parsed.documents[0];
        assert_eq!(root.get("a").map(|it| it.items().len()), Some(2));
        let url = root.get("url").expect("it is there");
        assert_eq!(&text[url.range.clone()], "\"http://x\"");
        assert_eq!(blanked("{\"a\\"), "{\"a\\");
    }
}
