//! Reading on after a syntax error, as texts have them while they are typed.
//!
//! The parser stops at the first error. So the smallest change of a single line is looked for that
//! lets it get furthest, and again at the next error. Only the first error is reported: the others
//! are often its consequences. Positions are mapped back to the text as it was given.

use std::ops::Range;

use super::SyntaxError;
use super::tree::{self, Node, Value};

/// A repair costs some thirty readings of the text. When so many bytes were read, no more errors
/// are repaired: that is twenty in a file of the usual size, and a fraction of a second.
const MOST_BYTES: usize = 4 << 20;

/// Reads all documents, with repairs where that is needed.
pub(super) fn read(text: &str) -> (Vec<Node>, Option<SyntaxError>) {
    let first = tree::read(text);
    let Some(error) = first.error else {
        return (first.documents, first.bare_tag);
    };
    let mut draft = Draft::new(text);
    let mut broken = Some(Broken {
        line: draft.line_at(error.range.start),
        open_flow: first.open_flow.map(|at| draft.line_at(at)),
    });
    let mut documents = first.documents;
    let mut readings = MOST_BYTES / text.len().max(1);
    while let Some(at) = broken {
        let Some(better) = draft.best_repair(&at, &mut readings) else {
            break;
        };
        (draft, documents, broken) = better;
    }
    for node in &mut documents {
        draft.map_back(node);
    }
    (documents, Some(error))
}

/// Where a draft is broken, in lines.
struct Broken {
    line: usize,
    open_flow: Option<usize>,
}

/// The text with changed lines.
#[derive(Clone)]
struct Draft {
    lines: Vec<Line>,
}

#[derive(Clone)]
struct Line {
    /// Where the line stands in the given text, without its end.
    original: Range<usize>,
    original_indent: usize,
    text: String,
    end: &'static str,
}

impl Draft {
    fn new(text: &str) -> Draft {
        let mut start = 0;
        let lines = text
            .split_inclusive('\n')
            .map(|line| {
                let end = ["\r\n", "\n", ""]
                    .into_iter()
                    .find(|end| line.ends_with(end))
                    .unwrap_or_default();
                let content = &line[..line.len() - end.len()];
                let original = start..start + content.len();
                start += line.len();
                Line {
                    original,
                    original_indent: indent(content),
                    text: content.to_owned(),
                    end,
                }
            })
            .collect();
        Draft { lines }
    }

    fn text(&self) -> String {
        self.lines
            .iter()
            .flat_map(|line| [line.text.as_str(), line.end])
            .collect()
    }

    /// The line that an offset of the draft is in.
    fn line_at(&self, offset: usize) -> usize {
        self.line_and_start(offset).0
    }

    fn line_and_start(&self, offset: usize) -> (usize, usize) {
        let mut start = 0;
        for (number, line) in self.lines.iter().enumerate() {
            let next = start + line.text.len() + line.end.len();
            if offset < next || number + 1 == self.lines.len() {
                return (number, start);
            }
            start = next;
        }
        (0, 0)
    }

    /// The repair that lets the parser get furthest; of those the one that leaves most entries; of
    /// those the first. `None` if none of those that may still be read gets past the error.
    fn best_repair(
        &self,
        broken: &Broken,
        readings: &mut usize,
    ) -> Option<(Draft, Vec<Node>, Option<Broken>)> {
        let mut best = None;
        for number in self.suspects(broken) {
            for text in self.repairs_of(number) {
                if *readings == 0 {
                    break;
                }
                *readings -= 1;
                let mut draft = self.clone();
                draft.lines[number].text = text;
                let read = tree::read(&draft.text());
                let next = read.error.map(|error| Broken {
                    line: draft.line_at(error.range.start),
                    open_flow: read.open_flow.map(|at| draft.line_at(at)),
                });
                let reached = next.as_ref().map_or(usize::MAX, |next| next.line);
                if reached <= broken.line {
                    continue;
                }
                let score = (reached, read.documents.iter().map(entries).sum::<usize>());
                if best.as_ref().is_none_or(|(most, _)| score > *most) {
                    best = Some((score, (draft, read.documents, next)));
                }
            }
        }
        best.map(|(_, repair)| repair)
    }

    /// The lines that may have caused an error: where it was noticed, the one before it that is
    /// not blank, and where the flow collection began that is still open.
    fn suspects(&self, broken: &Broken) -> Vec<usize> {
        let before = (0..broken.line)
            .rev()
            .find(|&number| !self.lines[number].text.trim().is_empty());
        let mut suspects = Vec::new();
        for number in [Some(broken.line), before, broken.open_flow]
            .into_iter()
            .flatten()
        {
            if number < self.lines.len() && !suspects.contains(&number) {
                suspects.push(number);
            }
        }
        suspects
    }

    /// Other texts for a line, those first that lose least.
    fn repairs_of(&self, number: usize) -> Vec<String> {
        let text = &self.lines[number].text;
        let content = text.trim();
        if content.is_empty() {
            return Vec::new();
        }
        let old = indent(text);
        let mut repairs = Vec::new();
        if text[..old].contains('\t') {
            repairs.push(format!("{}{content}", text[..old].replace('\t', "  ")));
        }
        let closed = [":", "]", "}", "\"", "'"];
        repairs.extend(closed.map(|end| format!("{}{end}", text.trim_end())));
        repairs.extend(
            self.indents_before(number)
                .into_iter()
                .filter(|&new| new != old || text[..old].contains('\t'))
                .map(|new| format!("{:new$}{content}", "")),
        );
        if let Some((key, _)) = text.split_once(": ") {
            repairs.push(format!("{key}:"));
        }
        repairs.push(String::new());
        repairs
    }

    /// The indentations of the lines before, and one step more than the last one's.
    fn indents_before(&self, number: usize) -> Vec<usize> {
        let mut indents = Vec::new();
        for line in self.lines[..number].iter().rev() {
            if line.text.trim().is_empty() {
                continue;
            }
            let indent = indent(&line.text);
            if indents.is_empty() {
                indents.extend([indent, indent + 2]);
            } else if !indents.contains(&indent) {
                indents.push(indent);
            }
            if indent == 0 {
                break;
            }
        }
        indents
    }

    fn map_back(&self, node: &mut Node) {
        let start = self.original(node.range.start);
        let end = self.original(node.range.end);
        node.range = start..end.max(start);
        match &mut node.value {
            Value::Scalar(_) => {}
            Value::Sequence(nodes) => nodes.iter_mut().for_each(|node| self.map_back(node)),
            Value::Mapping(entries) => {
                for entry in entries {
                    self.map_back(&mut entry.key);
                    self.map_back(&mut entry.value);
                }
            }
        }
    }

    fn original(&self, offset: usize) -> usize {
        let (number, start) = self.line_and_start(offset);
        let Some(line) = self.lines.get(number) else {
            return 0;
        };
        let column = offset - start;
        let new_indent = indent(&line.text);
        let column = if column <= new_indent {
            column.min(line.original_indent)
        } else {
            column - new_indent + line.original_indent
        };
        (line.original.start + column).min(line.original.end)
    }
}

fn indent(line: &str) -> usize {
    line.len() - line.trim_start_matches([' ', '\t']).len()
}

fn entries(node: &Node) -> usize {
    match &node.value {
        Value::Scalar(_) => 0,
        Value::Sequence(nodes) => nodes.iter().map(entries).sum(),
        Value::Mapping(children) => children.iter().map(|entry| 1 + entries(&entry.value)).sum(),
    }
}
