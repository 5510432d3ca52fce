//! Reading on after a syntax error, as texts have them while they are typed.
//!
//! The parser stops at the first error. So the smallest change of a single line is looked for that
//! lets it get furthest, and again at the next error. Only the first error is reported: the others
//! are often its consequences. Positions are mapped back to the text as it was given.

use std::ops::Range;

use super::SyntaxError;
use super::tree::{self, Node, Value};
use crate::analysis::lines::floor_char_boundary;

/// Errors that are repaired. Past them not even a person knows what was meant.
const MOST_REPAIRS: usize = 20;
/// Bytes that are read in all for a text: repairs are tried on a part of it, but each that is made has the
/// whole read again, and a long text with many errors would take long.
const MOST_BYTES: usize = 512 << 10;
/// Repairs that are tried on a part of the text; there are never so many.
const MOST_TRIES: usize = 10_000;
/// Lines after an error that are read to try a repair on a part of the text.
const LINES_AFTER: usize = 30;

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
    for _ in 0..MOST_REPAIRS {
        let Some(at) = broken else { break };
        let Some((number, repaired)) = draft.best_repair(&at, &mut readings) else {
            break;
        };
        let before = std::mem::replace(&mut draft.lines[number].text, repaired);
        let read = tree::read(&draft.text());
        let next = read.error.map(|error| Broken {
            line: draft.line_at(error.range.start),
            open_flow: read.open_flow.map(|at| draft.line_at(at)),
        });
        if next.as_ref().is_some_and(|next| next.line <= at.line) {
            // What helps the part does not help the whole.
            draft.lines[number].text = before;
            break;
        }
        (documents, broken) = (read.documents, next);
    }
    draft.map_back(&mut documents);
    (documents, Some(error))
}

/// Where a draft is broken, in lines.
struct Broken {
    line: usize,
    open_flow: Option<usize>,
}

/// The text with changed lines.
struct Draft<'t> {
    /// As it was given.
    given: &'t str,
    lines: Vec<Line>,
}

struct Line {
    /// Where the line stands in the given text, without its end.
    original: Range<usize>,
    original_indent: usize,
    text: String,
    end: &'static str,
}

impl Draft<'_> {
    fn new(text: &str) -> Draft<'_> {
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
        Draft { given: text, lines }
    }

    fn text(&self) -> String {
        let mut text = String::with_capacity(self.lines.iter().map(|it| it.text.len() + 2).sum());
        for line in &self.lines {
            text.push_str(&line.text);
            text.push_str(line.end);
        }
        text
    }

    /// The line that an offset of the draft is in.
    fn line_at(&self, offset: usize) -> usize {
        let mut start = 0;
        for (number, line) in self.lines.iter().enumerate() {
            start += line.text.len() + line.end.len();
            if offset < start {
                return number;
            }
        }
        self.lines.len().saturating_sub(1)
    }

    /// The line and its new text that let the parser get furthest; of those the one that leaves most
    /// entries; of those the first. `None` if none of those that may still be read gets past the error.
    fn best_repair(&self, broken: &Broken, readings: &mut usize) -> Option<(usize, String)> {
        let part = self.part(broken);
        // A part can stand for the whole only if it is broken at the same place.
        if part.len() < self.lines.len()
            && self
                .try_repair(&part, None)
                .is_some_and(|(reached, _)| reached == broken.line)
        {
            *readings = readings.checked_sub(1)?;
            return self.best_of(broken, &part, &mut { MOST_TRIES });
        }
        let all: Vec<usize> = (0..self.lines.len()).collect();
        self.best_of(broken, &all, readings)
    }

    fn best_of(
        &self,
        broken: &Broken,
        part: &[usize],
        readings: &mut usize,
    ) -> Option<(usize, String)> {
        let mut best = None;
        for number in self.suspects(broken) {
            for text in self.repairs_of(number) {
                if *readings == 0 {
                    break;
                }
                *readings -= 1;
                let Some(score) = self.try_repair(part, Some((number, &text))) else {
                    continue;
                };
                if score.0 > broken.line && best.as_ref().is_none_or(|(most, _)| score > *most) {
                    best = Some((score, (number, text)));
                }
            }
        }
        best.map(|(_, repair)| repair)
    }

    /// The line at which the parser stops in a part of the text, with another text for one line, and how
    /// many entries it has found. `usize::MAX` if it does not stop.
    fn try_repair(&self, part: &[usize], repair: Option<(usize, &str)>) -> Option<(usize, usize)> {
        let mut text = String::new();
        let mut ends = Vec::with_capacity(part.len());
        for &number in part {
            let line = self.lines.get(number)?;
            text.push_str(match repair {
                Some((repaired, text)) if repaired == number => text,
                _ => &line.text,
            });
            text.push_str(line.end);
            ends.push(text.len());
        }
        let read = tree::read(&text);
        let reached = read.error.map_or(usize::MAX, |error| {
            let at = ends.partition_point(|end| *end <= error.range.start);
            part.get(at).or(part.last()).copied().unwrap_or_default()
        });
        Some((reached, read.documents.iter().map(entries).sum()))
    }

    /// Numbers of the lines that an error is judged by: those that may have caused it, the keys above that
    /// they stand under, and some lines after it.
    fn part(&self, broken: &Broken) -> Vec<usize> {
        let first = self
            .suspects(broken)
            .into_iter()
            .min()
            .unwrap_or(broken.line);
        let last = (broken.line + LINES_AFTER).min(self.lines.len().saturating_sub(1));
        let mut part: Vec<usize> = (first..=last).collect();
        let content = |number: usize| self.lines[number].text.trim_start();
        let plain =
            |number: &usize| !content(*number).is_empty() && !content(*number).starts_with('#');
        let Some(shown) = (first..=last).find(plain) else {
            return part;
        };
        // The indentation of what was taken last, and whether it was an item of a list.
        let mut outer = indent(&self.lines[shown].text);
        let mut item = content(shown).starts_with('-');
        for number in (0..first).rev().filter(plain) {
            let here = indent(&self.lines[number].text);
            let is_item = content(number).starts_with('-');
            // A list may stand in the column of its key.
            if here < outer || here == outer && item && !is_item {
                part.push(number);
                (outer, item) = (here, is_item);
            }
            if outer == 0 && !item {
                break;
            }
        }
        part.sort_unstable();
        part
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

    /// Gives nodes the places in the given text that their places in the draft come from.
    fn map_back(&self, nodes: &mut [Node]) {
        let mut start = 0;
        let starts: Vec<usize> = self
            .lines
            .iter()
            .map(|line| {
                let here = start;
                start += line.text.len() + line.end.len();
                here
            })
            .collect();
        for node in nodes {
            self.map_node(node, &starts);
        }
    }

    fn map_node(&self, node: &mut Node, starts: &[usize]) {
        let start = self.original(node.range.start, starts);
        let end = self.original(node.range.end, starts);
        node.range = start..end.max(start);
        match &mut node.value {
            Value::Scalar(_) => {}
            Value::Sequence(nodes) => nodes.iter_mut().for_each(|it| self.map_node(it, starts)),
            Value::Mapping(entries) => {
                for entry in entries {
                    self.map_node(&mut entry.key, starts);
                    self.map_node(&mut entry.value, starts);
                }
            }
        }
    }

    fn original(&self, offset: usize, starts: &[usize]) -> usize {
        let number = starts
            .partition_point(|start| *start <= offset)
            .saturating_sub(1);
        let Some(line) = self.lines.get(number) else {
            return 0;
        };
        let column = offset - starts[number];
        let new_indent = indent(&line.text);
        let column = if column <= new_indent {
            column.min(line.original_indent)
        } else {
            column - new_indent + line.original_indent
        };
        // A line that was repaired has its characters elsewhere.
        let place = (line.original.start + column).min(line.original.end);
        floor_char_boundary(self.given, place)
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
