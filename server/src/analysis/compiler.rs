//! What compilers write of sources that are wrong. All of them have one of a few forms.

/// A place that a compiler complains of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Complaint {
    /// The file, as the compiler names it.
    pub file: String,
    /// The line, from one.
    pub line: u32,
    /// The column, from one, if it is said.
    pub column: Option<u32>,
    /// The compiler's code.
    pub code: Option<String>,
    /// What is wrong.
    pub message: String,
}

/// The errors in a build's output, in its order, each once. What only looks like one names no file
/// that is there.
pub fn complaints(output: &str) -> Vec<Complaint> {
    let mut found: Vec<Complaint> = Vec::new();
    // A place whose error follows: of a traceback, of Node, of BuildKit.
    let mut place: Option<Complaint> = None;
    // An error whose place follows: rustc's.
    let mut error: Option<String> = None;
    for line in output.lines() {
        let line = without_colours(line);
        let line = line.trim_end();
        let text = line.trim_start();
        let text = text.strip_prefix("[ERROR] ").unwrap_or(text);
        let complaint = if let Some(here) = text.strip_prefix("--> ").and_then(place_alone) {
            error.take().map(|message| Complaint { message, ..here })
        } else if let Some(here) = traceback(text).or_else(|| place_alone(text)) {
            place = Some(here);
            None
        } else if let Some(message) = raised(line) {
            place.take().map(|here| Complaint {
                message: message.to_owned(),
                ..here
            })
        } else {
            if let Some(rest) = text.strip_prefix("error") {
                error = rest.split_once(": ").map(|(_, message)| message.to_owned());
            }
            with_parentheses(text).or_else(|| with_colons(text))
        };
        found.extend(complaint.filter(|it| !found.contains(it)));
    }
    found
}

fn without_colours(line: &str) -> String {
    let mut plain = String::with_capacity(line.len());
    let mut rest = line;
    while let Some((before, escape)) = rest.split_once("\u{1b}[") {
        plain.push_str(before);
        rest = escape
            .find(|char: char| char.is_ascii_alphabetic())
            .map_or("", |end| &escape[end + 1..]);
    }
    plain.push_str(rest);
    plain
}

/// `FILE(12,9): error CS1002: ; expected [PROJECT]`: MSBuild, tsc.
fn with_parentheses(text: &str) -> Option<Complaint> {
    let (place, said) = text.split_once("): error")?;
    let (file, numbers) = place.rsplit_once('(')?;
    let mut numbers = numbers.split(',').map(|number| number.trim().parse().ok());
    let (code, message) = said.split_once(": ")?;
    let message = match message.rsplit_once(" [") {
        Some((message, project)) if project.ends_with("proj]") => message,
        _ => message,
    };
    Some(Complaint {
        file: file.to_owned(),
        line: numbers.next()??,
        column: numbers.next().flatten(),
        code: some(code),
        message: message.to_owned(),
    })
}

/// `FILE:12:9: MESSAGE`, `FILE:12: error: MESSAGE`, `FILE:12:9 - error CODE: MESSAGE`,
/// `FILE:[12,9] MESSAGE`: Go, GCC, javac, tsc for people, Maven.
fn with_colons(text: &str) -> Option<Complaint> {
    let (file, rest) = text.split_once(':')?;
    let is_file = !file.is_empty() && !file.contains(char::is_whitespace);
    let (line, column, said) = match rest.strip_prefix('[') {
        Some(rest) => {
            let (numbers, said) = rest.split_once("] ")?;
            let (line, column) = numbers.split_once(',')?;
            (line.parse().ok()?, column.parse().ok(), said)
        }
        None => {
            let (line, rest) = number(rest)?;
            match rest.strip_prefix(':').and_then(number) {
                Some((column, rest)) => (line, Some(column), rest),
                None => (line, None, rest),
            }
        }
    };
    let said = said.trim_start_matches([':', ' ', '-']);
    let first = said.split(' ').next().unwrap_or_default();
    let is_harmless = ["warning", "note", "info"]
        .iter()
        .any(|word| first.to_lowercase().trim_end_matches(':').ends_with(word));
    if !is_file || said.is_empty() || is_harmless {
        return None;
    }
    let (code, message) = match said.strip_prefix("fatal error: ") {
        Some(message) => (None, message),
        None => match said.strip_prefix("error") {
            Some(rest) => rest
                .split_once(": ")
                .map_or((None, said), |(code, message)| (some(code), message)),
            None => (None, said),
        },
    };
    Some(Complaint {
        file: file.to_owned(),
        line,
        column,
        code,
        message: message.to_owned(),
    })
}

/// `File "FILE", line 3`: Python.
fn traceback(text: &str) -> Option<Complaint> {
    let (file, rest) = text.strip_prefix("File \"")?.split_once("\", line ")?;
    let (line, _) = number(rest)?;
    Some(at(file, line, None))
}

/// `FILE:3` and nothing else, or `FILE:3:5`: Node, rustc, BuildKit.
fn place_alone(text: &str) -> Option<Complaint> {
    let text = text.strip_prefix("file://").unwrap_or(text);
    let (file, rest) = text.split_once(':')?;
    let (line, rest) = number(rest)?;
    let column = rest.strip_prefix(':').and_then(number);
    let end = column.map_or(rest, |(_, end)| end);
    let is_file = !file.is_empty() && !file.contains(char::is_whitespace);
    (is_file && end.is_empty()).then(|| at(file, line, column.map(|(column, _)| column)))
}

/// `SyntaxError: MESSAGE` at the beginning of a line, or what BuildKit ends with.
fn raised(line: &str) -> Option<&str> {
    let (name, message) = line.split_once(": ")?;
    if name.eq_ignore_ascii_case("error") && message.starts_with("failed to ") {
        return Some(message);
    }
    let is_name = name
        .bytes()
        .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.'));
    let is_error = name.ends_with("Error") || name.ends_with("Exception");
    (is_name && is_error).then_some(line)
}

fn at(file: &str, line: u32, column: Option<u32>) -> Complaint {
    Complaint {
        file: file.to_owned(),
        line,
        column,
        code: None,
        message: String::new(),
    }
}

/// The number at the beginning, and the rest.
fn number(text: &str) -> Option<(u32, &str)> {
    let end = text
        .find(|char: char| !char.is_ascii_digit())
        .unwrap_or(text.len());
    Some((text[..end].parse().ok()?, &text[end..]))
}

fn some(text: &str) -> Option<String> {
    let text = text.trim();
    (!text.is_empty()).then(|| text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(output: &str) -> Vec<String> {
        let found = complaints(output).into_iter();
        let shown = found.map(|it| {
            let column = it
                .column
                .map(|column| format!(":{column}"))
                .unwrap_or_default();
            let code = it.code.map(|code| format!(" {code}")).unwrap_or_default();
            format!("{}:{}{column}{code} {}", it.file, it.line, it.message)
        });
        shown.collect()
    }

    #[test]
    fn the_errors_of_many_compilers() {
        let table = [
            (
                "/src/A.cs(12,9): error CS1002: ; expected [/src/A.csproj]\n/src/A.cs(3,1): warning CS0168: unused [/src/A.csproj]\n  /src/A.cs(12,9): error CS1002: ; expected [/src/A.csproj]\n",
                &["/src/A.cs:12:9 CS1002 ; expected"][..],
            ),
            (
                "# shop\n./main.go:12:5: undefined: x\n",
                &["./main.go:12:5 undefined: x"],
            ),
            (
                "src/a.ts:3:5 - \u{1b}[91merror\u{1b}[0m TS2304: Cannot find name 'x'.\n",
                &["src/a.ts:3:5 TS2304 Cannot find name 'x'."],
            ),
            (
                "a.c:1:2: warning: unused\na.c:3:4: error: 'x' undeclared\na.c:5: fatal error: no x.h\n",
                &["a.c:3:4 'x' undeclared", "a.c:5 no x.h"],
            ),
            (
                "[ERROR] /app/src/App.java:[12,9] cannot find symbol\nApp.java:4: error: ';' expected\n",
                &[
                    "/app/src/App.java:12:9 cannot find symbol",
                    "App.java:4 ';' expected",
                ],
            ),
            (
                "Traceback (most recent call last):\n  File \"/app/a.py\", line 1, in <module>\n  File \"/app/b.py\", line 3\n    def (\n        ^\nSyntaxError: invalid syntax\n",
                &["/app/b.py:3 SyntaxError: invalid syntax"],
            ),
            (
                "/app/server.js:12\n  foo(;\n      ^\n\nSyntaxError: Unexpected token ';'\n    at wrapSafe (node:internal:1)\n",
                &["/app/server.js:12 SyntaxError: Unexpected token ';'"],
            ),
            (
                "error[E0425]: cannot find value `x`\n  --> src/main.rs:3:5\n   |\n",
                &["src/main.rs:3:5 cannot find value `x`"],
            ),
            (
                "Dockerfile:3\n----\n   1 | FROM x\nerror: failed to solve: dockerfile parse error on line 3: unknown instruction: FORM\n",
                &[
                    "Dockerfile:3 failed to solve: dockerfile parse error on line 3: unknown instruction: FORM",
                ],
            ),
            ("app.py:3: DeprecationWarning: old\nall is well: 3\n", &[]),
        ];
        for (output, expected) in table {
            assert_eq!(shown(output), expected, "{output}");
        }
    }
}
