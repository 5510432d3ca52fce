//! Comments that keep problems from being shown.
//!
//! `# azds-ignore CODE…` stands at the end of the line it is about, or alone on the line above it;
//! `# azds-ignore-file CODE…` anywhere. Without a code, all problems are meant.

use std::ops::Range;

use super::{Edit, Fix, Problem};

const LINE: &str = "azds-ignore";
const FILE: &str = "azds-ignore-file";

/// What the comments of a text keep from being shown.
pub(super) struct Suppressions<'t> {
    all: Vec<Suppression<'t>>,
}

struct Suppression<'t> {
    /// Where problems begin that are meant; `None` for anywhere.
    lines: Option<Range<usize>>,
    /// Empty for all.
    codes: Vec<&'t str>,
}

impl<'t> Suppressions<'t> {
    /// Reads the comments of a text.
    pub fn of(text: &'t str) -> Suppressions<'t> {
        let mut all = Vec::new();
        // Most texts have none, and need not be looked at line by line.
        if !text.contains(LINE) {
            return Suppressions { all };
        }
        let mut start = 0;
        // Those that wait for the line they are about.
        let mut alone: Vec<Suppression<'t>> = Vec::new();
        for line in text.split_inclusive('\n') {
            let range = start..start + line.len();
            start = range.end;
            let comment = comment_in(line);
            if !comment.as_ref().is_some_and(|comment| comment.alone) {
                all.extend(alone.drain(..).map(|suppression| Suppression {
                    lines: Some(range.clone()),
                    ..suppression
                }));
            }
            let Some(comment) = comment else { continue };
            let words = comment.text.split([' ', '\t', ',']);
            let mut words = words.filter(|word| !word.is_empty());
            let directive = words.next().unwrap_or_default();
            let suppression = Suppression {
                lines: (directive == LINE).then_some(range),
                codes: words.collect(),
            };
            match directive {
                LINE if comment.alone => alone.push(suppression),
                LINE | FILE => all.push(suppression),
                _ => {}
            }
        }
        Suppressions { all }
    }

    /// Whether a comment keeps the problem from being shown.
    pub fn hide(&self, problem: &Problem) -> bool {
        self.all.iter().any(|suppression| {
            let here = suppression.lines.as_ref();
            here.is_none_or(|lines| lines.contains(&problem.range.start))
                && (suppression.codes.is_empty()
                    || suppression.codes.contains(&problem.code.as_str()))
        })
    }
}

struct Comment<'t> {
    text: &'t str,
    /// Whether nothing stands before it on its line.
    alone: bool,
}

/// The comment of a line that may be meant for azds. A `#` in a text that is written like one of these
/// comments counts as one.
fn comment_in(line: &str) -> Option<Comment<'_>> {
    line.match_indices('#').find_map(|(at, _)| {
        let before = &line[..at];
        let text = line[at + 1..].trim();
        let begins = before.is_empty() || before.ends_with([' ', '\t']);
        let alone = before.trim().is_empty();
        let ours = text.starts_with(LINE);
        (begins && (ours || alone)).then_some(Comment { text, alone })
    })
}

/// The edits that keep problems of a kind from being shown: on one line, and in the whole file.
pub fn suppressing(text: &str, problem: &Problem) -> [Fix; 2] {
    let code = problem.code;
    let at = problem.range.start.min(text.len());
    let start = text[..at].rfind('\n').map_or(0, |end| end + 1);
    let line = &text[start..];
    let line = &line[..line.find('\n').unwrap_or(line.len())];
    let indent = &line[..line.len() - line.trim_start().len()];
    let end = if line.ends_with('\r') { "\r\n" } else { "\n" };
    [
        fix(
            format!("Ignore {code} here"),
            start,
            format!("{indent}# {LINE} {code}{end}"),
        ),
        fix(
            format!("Ignore {code} in this file"),
            0,
            format!("# {FILE} {code}{end}"),
        ),
    ]
}

fn fix(title: String, at: usize, text: String) -> Fix {
    Fix {
        title,
        edits: vec![Edit {
            range: at..at,
            text,
        }],
        automatic: false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analysis::Code;

    fn hidden(text: &str) -> bool {
        let at = text.find("bad").expect("the text has it");
        let problem = Problem::warning(Code::UnknownKey, at..at + 3, "");
        Suppressions::of(text).hide(&problem)
    }

    #[test]
    fn a_comment_is_about_its_line_or_the_one_below_or_the_file() {
        assert!(!hidden("bad: 1\n"));
        assert!(hidden("bad: 1 # azds-ignore\n"));
        assert!(hidden("bad: 1 # azds-ignore unknown-key\n"));
        assert!(hidden("bad: 1 # azds-ignore wrong-type, unknown-key\r\n"));
        assert!(!hidden("bad: 1 # azds-ignore wrong-type\n"));
        assert!(!hidden("a: 1 # azds-ignore\nbad: 1\n"));
        assert!(hidden("# azds-ignore unknown-key\nbad: 1\n"));
        assert!(hidden("# azds-ignore unknown-key\n# why\nbad: 1\n"));
        assert!(!hidden("# azds-ignore\na: 1\nbad: 1\n"));
        assert!(hidden("a: 1\nbad: 1\n  # azds-ignore-file unknown-key\n"));
        assert!(!hidden("bad: '# azds-ignored'\n"));
    }

    #[test]
    fn what_the_fixes_write_is_understood() {
        let text = "a:\n  bad: 1\n";
        let at = text.find("bad").expect("the text has it");
        let problem = Problem::warning(Code::UnknownKey, at..at + 3, "");
        for fix in suppressing(text, &problem) {
            let fixed = crate::analysis::edited(text, &fix.edits);
            assert!(hidden(&fixed), "{fixed}");
        }
    }
}
