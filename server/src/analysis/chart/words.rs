//! What Helm says of a chart that it can't render, and where that is.

use std::ops::Range;

/// A failure of `helm template`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Words {
    /// Path of the file in the chart, such as `templates/service.yaml`.
    pub path: String,
    /// The line, from one; none if Helm names only the file, or a line of what it rendered.
    pub line: Option<usize>,
    /// The byte in the line, from zero.
    pub column: Option<usize>,
    /// The expression that could not be evaluated.
    pub expression: Option<String>,
    /// Why.
    pub message: String,
}

impl Words {
    /// Finds the place in Helm's error: a path that begins with the chart's name, and perhaps a line
    /// and a column. `None` if it names no file of the chart.
    pub fn read(said: &str) -> Option<Words> {
        // The innermost of nested templates is named last, and is where the mistake is; its name
        // stands there again without a line.
        let all = || {
            said.rmatch_indices("/templates/")
                .map(|(at, _)| Words::at(said, at))
        };
        let with_line = all().flatten().find(|words| words.line.is_some());
        with_line.or_else(|| all().flatten().next())
    }

    fn at(said: &str, at: usize) -> Option<Words> {
        let start = said[..at]
            .rfind([' ', '(', '"', ':'])
            .map_or(0, |start| start + 1);
        let rest = &said[start..];
        let end = rest.find([':', ')', ' ', '"']).unwrap_or(rest.len());
        // A chart that this one depends on has files of its own.
        let path = rest[..end].split_once('/')?.1;
        let mut numbers = rest[end..].split(':').skip(1);
        let number = |text: Option<&str>| -> Option<usize> {
            let text = text?;
            let end = text
                .find(|c: char| !c.is_ascii_digit())
                .unwrap_or(text.len());
            text[..end].parse().ok()
        };
        let line = number(numbers.next());
        let column = line.and_then(|_| number(numbers.next()));
        let expression = rest
            .split_once("at <")
            .and_then(|(_, rest)| rest.split_once(">:"));
        let message = match expression {
            Some((_, message)) => message,
            None => rest[end..].trim_start_matches(|c: char| ":)0123456789".contains(c)),
        };
        Some(Words {
            path: path.to_owned(),
            line,
            column,
            expression: expression.map(|(expression, _)| expression.to_owned()),
            message: message.trim().to_owned(),
        })
    }

    /// Where that is in the file's text: the expression, else what stands there, else the first line.
    pub fn range(&self, text: &str) -> Range<usize> {
        let Some(line) = self.line else {
            return 0..text.lines().next().map_or(0, str::len);
        };
        let mut start = 0;
        let mut lines = text.split_inclusive('\n');
        for before in lines.by_ref().take(line.saturating_sub(1)) {
            start += before.len();
        }
        let content = lines.next().unwrap_or_default().trim_end();
        let end = start + content.len();
        let from = start + self.column.unwrap_or_default().min(content.len());
        let words = self.expression.as_deref().unwrap_or_default();
        // Helm cuts long expressions off.
        let words = words.trim_end_matches("...");
        match content.find(words).filter(|_| !words.is_empty()) {
            Some(at) => start + at..start + at + words.len(),
            None if text.is_char_boundary(from) && from < end => from..end,
            None => end - content.trim_start().len()..end,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn helm_names_the_place_in_many_ways() {
        for (said, path, line, column, message) in [
            (
                "template: shop/templates/deployment.yaml:3:10: executing \"shop/templates/deployment.yaml\" at <.Values.a.b>: nil pointer evaluating interface {}.b",
                "templates/deployment.yaml",
                Some(3),
                Some(10),
                "nil pointer evaluating interface {}.b",
            ),
            (
                "execution error at (shop/templates/secrets.yaml:12:4): secrets.a must be text",
                "templates/secrets.yaml",
                Some(12),
                Some(4),
                "secrets.a must be text",
            ),
            (
                "parse error at (shop/templates/a.yaml:5): unclosed action",
                "templates/a.yaml",
                Some(5),
                None,
                "unclosed action",
            ),
            (
                "YAML parse error on shop/templates/service.yaml: error converting YAML to JSON: yaml: line 4: did not find expected key",
                "templates/service.yaml",
                None,
                None,
                "error converting YAML to JSON: yaml: line 4: did not find expected key",
            ),
        ] {
            let words = Words::read(said).expect("it names a file");
            assert_eq!(
                (words.path.as_str(), words.line, words.column),
                (path, line, column),
                "{said}"
            );
            assert_eq!(words.message, message);
        }
        assert_eq!(Words::read("values don't meet the specifications"), None);
    }
}
