//! Where a build says that sources are wrong, as diagnostics.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use azds_protocol::change::Mistake;
use tower_lsp::ls_types::{Diagnostic, DiagnosticSeverity, NumberOrString, Range, Uri};

use super::translate;
use crate::analysis::lines::{Encoding, Lines, Position};

/// The diagnostics of each file that has some. Blocking.
pub(super) fn diagnostics(
    mistakes: &[Mistake],
    encoding: Encoding,
) -> BTreeMap<PathBuf, Vec<Diagnostic>> {
    let mut all: BTreeMap<PathBuf, Vec<Diagnostic>> = BTreeMap::new();
    for mistake in mistakes {
        // What is not to be read has no lines: the diagnostic stands at its beginning.
        let text = std::fs::read_to_string(&mistake.file).unwrap_or_default();
        let found = all.entry(mistake.file.clone()).or_default();
        found.push(Diagnostic {
            range: range(&text, mistake, encoding),
            severity: Some(DiagnosticSeverity::ERROR),
            code: mistake.code.clone().map(NumberOrString::String),
            source: Some("azds build".to_owned()),
            message: mistake.message.clone(),
            ..Diagnostic::default()
        });
    }
    all
}

/// The URI of a file whose diagnostics are not those of its text: what analysis speaks of would be
/// taken away otherwise.
pub(super) fn uri(file: &Path) -> Option<Uri> {
    let is_ours = file
        .extension()
        .is_some_and(|it| it == "yaml" || it == "yml" || it == "tpl");
    (!is_ours).then(|| Uri::from_file_path(file))?
}

/// The word at the mistake's column, or its line.
fn range(text: &str, mistake: &Mistake, encoding: Encoding) -> Range {
    let lines = Lines::new(text, encoding);
    let start = lines.offset(Position {
        line: mistake.line.saturating_sub(1),
        character: 0,
    });
    let line = text[start..].lines().next().unwrap_or_default();
    let (from, to) = match mistake.column {
        None => (line.len() - line.trim_start().len(), line.trim_end().len()),
        Some(column) => {
            let column = usize::try_from(column).unwrap_or(usize::MAX);
            let mut rest = line.char_indices().skip(column.saturating_sub(1));
            let from = rest.next().map_or(line.len(), |(at, _)| at);
            let is_word = |char: char| char.is_alphanumeric() || char == '_';
            let word = line[from..].find(|char| !is_word(char));
            // A sign is a word of its own.
            let length = match word {
                Some(0) => line[from..].chars().next().map_or(0, char::len_utf8),
                Some(length) => length,
                None => line.len() - from,
            };
            (from, from + length)
        }
    };
    translate::range(&(start + from..start + to.max(from)), &lines)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mistake_stands_at_its_word_or_line() {
        let text = "class A {\n\tint ä = 😀 foo;\n}\n";
        let at = |line, column| {
            let mistake = Mistake {
                file: PathBuf::new(),
                line,
                column,
                code: None,
                message: String::new(),
            };
            let Range { start, end } = range(text, &mistake, Encoding::Utf16);
            ((start.line, start.character), (end.line, end.character))
        };
        assert_eq!(at(2, Some(2)), ((1, 1), (1, 4)));
        assert_eq!(at(2, Some(12)), ((1, 12), (1, 15)), "foo");
        assert_eq!(at(2, Some(15)), ((1, 15), (1, 16)), "a sign");
        assert_eq!(at(1, None), ((0, 0), (0, 9)));
        assert_eq!(at(2, Some(99)), ((1, 16), (1, 16)));
        assert_eq!(at(9, Some(9)), ((3, 0), (3, 0)));
    }
}
