//! The actions `{{ … }}` of a Go template, in tokens. What stands between them is never looked at.
//!
//! It cannot fail: an action that is not closed ends with its line, as when it is typed.

use std::ops::Range;

/// A template's actions.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Template {
    /// In the order of the text; comments are left out.
    pub actions: Vec<Action>,
}

/// What stands between `{{` and `}}`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Action {
    /// With its braces.
    pub range: Range<usize>,
    /// What is in it.
    pub tokens: Vec<Token>,
}

/// A word or a sign of an action.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Token {
    /// What it is.
    pub kind: Kind,
    /// Where it stands.
    pub range: Range<usize>,
}

/// What a [`Token`] is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// `.` alone.
    Dot,
    /// `.name`
    Field,
    /// `$` or `$name`
    Variable,
    /// A function, a keyword, `true`, `nil`.
    Word,
    /// `"…"` or `` `…` ``
    Text,
    /// `(`
    Open,
    /// `)`
    Close,
    /// `|`
    Pipe,
    /// `:=` and `=`
    Assign {
        /// Whether the variable is a new one.
        declares: bool,
    },
    /// `,`
    Comma,
    /// A number, or anything that is not Go's.
    Other,
}

impl Token {
    /// The token as it is written.
    pub fn text<'t>(&self, text: &'t str) -> &'t str {
        text.get(self.range.clone()).unwrap_or_default()
    }

    /// Where the name of a field stands, without its dot; where the content of a text stands,
    /// without its quotes; the whole token for anything else.
    pub fn name(&self) -> Range<usize> {
        let Range { start, end } = self.range;
        match self.kind {
            Kind::Field => start + 1..end,
            Kind::Text if end - start >= 2 => start + 1..end - 1,
            _ => start..end,
        }
    }
}

impl Template {
    /// Reads a text.
    pub fn read(text: &str) -> Template {
        let mut actions = Vec::new();
        let mut at = 0;
        while let Some(start) = text[at..].find("{{").map(|found| at + found) {
            let inside = start + 2;
            let trimmed = text[inside..].strip_prefix('-').unwrap_or(&text[inside..]);
            if trimmed.trim_start().starts_with("/*") {
                at = match text[inside..].find("*/") {
                    Some(end) => {
                        let end = inside + end + 2;
                        text[end..].find("}}").map_or(end, |close| end + close + 2)
                    }
                    None => text.len(),
                };
                continue;
            }
            let (tokens, end) = Lexer { text, at: inside }.action();
            actions.push(Action {
                range: start..end,
                tokens,
            });
            at = end;
        }
        Template { actions }
    }
}

struct Lexer<'t> {
    text: &'t str,
    at: usize,
}

impl Lexer<'_> {
    /// The tokens up to `}}`, and where the action ends.
    fn action(mut self) -> (Vec<Token>, usize) {
        let mut tokens = Vec::new();
        // Where the action ends if it is never closed.
        let mut end_of_line = None;
        if self.rest().starts_with('-')
            && !self.rest()[1..].starts_with(|c: char| c.is_ascii_digit())
        {
            self.at += 1;
        }
        loop {
            let rest = self.rest();
            let Some(first) = rest.chars().next() else {
                break;
            };
            if rest.starts_with("}}") {
                return (tokens, self.at + 2);
            }
            if rest.starts_with("-}}") {
                return (tokens, self.at + 3);
            }
            if rest.starts_with("{{") {
                break;
            }
            if first.is_whitespace() {
                if first == '\n' {
                    end_of_line.get_or_insert((tokens.len(), self.at));
                }
                self.at += first.len_utf8();
                continue;
            }
            let start = self.at;
            let kind = self.token(first);
            tokens.push(Token {
                kind,
                range: start..self.at,
            });
        }
        let (length, end) = end_of_line.unwrap_or((tokens.len(), self.at));
        tokens.truncate(length);
        (tokens, end)
    }

    fn rest(&self) -> &str {
        &self.text[self.at..]
    }

    /// Reads one token, at least one character.
    fn token(&mut self, first: char) -> Kind {
        let rest = self.rest();
        let name_at = |from: usize| {
            let name = &rest[from..];
            from + name
                .find(|c: char| !c.is_alphanumeric() && c != '_')
                .unwrap_or(name.len())
        };
        let (kind, length) = match first {
            '.' => match name_at(1) {
                1 => (Kind::Dot, 1),
                length => (Kind::Field, length),
            },
            '$' => (Kind::Variable, name_at(1)),
            quote @ ('"' | '`') => {
                let length = quoted(rest, quote, quote == '"');
                let is_closed = length > 1 && rest[..length].ends_with(quote);
                (if is_closed { Kind::Text } else { Kind::Other }, length)
            }
            '\'' => (Kind::Other, quoted(rest, '\'', true)),
            '(' => (Kind::Open, 1),
            ')' => (Kind::Close, 1),
            '|' => (Kind::Pipe, 1),
            ',' => (Kind::Comma, 1),
            '=' => (Kind::Assign { declares: false }, 1),
            ':' if rest.starts_with(":=") => (Kind::Assign { declares: true }, 2),
            c if c.is_alphabetic() || c == '_' => (Kind::Word, name_at(0)),
            c if c.is_ascii_digit() => (Kind::Other, name_at(0)),
            c => (Kind::Other, c.len_utf8()),
        };
        self.at += length;
        kind
    }
}

/// Length of a quoted text; to the end of the line if it is not closed.
fn quoted(text: &str, quote: char, escapes: bool) -> usize {
    let mut letters = text.char_indices().skip(1);
    while let Some((at, letter)) = letters.next() {
        match letter {
            '\\' if escapes => _ = letters.next(),
            '\n' if escapes => return at,
            letter if letter == quote => return at + letter.len_utf8(),
            _ => {}
        }
    }
    text.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tokens(text: &str) -> Vec<Vec<&str>> {
        let actions = Template::read(text).actions;
        let of = |action: &Action| action.tokens.iter().map(|t| t.text(text)).collect();
        actions.iter().map(of).collect()
    }

    #[test]
    fn actions_are_cut_into_tokens() {
        assert_eq!(
            tokens(
                "a: {{- $x := index .Values.a \"b}}\" | default `c` -}}\n{{/* {{ .no }} */}}{{ (.a).b }}"
            ),
            [
                vec![
                    "$x", ":=", "index", ".Values", ".a", "\"b}}\"", "|", "default", "`c`"
                ],
                vec!["(", ".a", ")", ".b"],
            ]
        );
    }

    #[test]
    fn what_is_not_closed_ends_with_its_line() {
        assert_eq!(
            tokens("a: {{ .Values.im\nb: 1\n{{ .x }}"),
            [vec![".Values", ".im"], vec![".x"]]
        );
        assert_eq!(tokens("{{ .a {{ .b }}"), [[".a"], [".b"]]);
        assert_eq!(tokens("{{ \"a\nb: x"), [["\"a"]]);
        assert_eq!(tokens("{{ .a."), [[".a", "."]]);
        assert_eq!(tokens("{{- /* never closed"), [[""; 0]; 0]);
    }

    #[test]
    fn minus_belongs_to_the_braces_or_to_the_number() {
        assert_eq!(tokens("{{-3}}{{- -3 -}}"), [["-", "3"], ["-", "3"]]);
    }
}
