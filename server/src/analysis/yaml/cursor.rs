//! Where a cursor is in YAML that is being typed.
//!
//! Read from the lines and their indentation alone, without a parser: half-typed text has a place in the
//! file, too, and a completion must not wait for a long file to be parsed.

use std::ops::Range;

use super::line::{key_of, scalar_length, unquoted};

/// A step on the way from the root.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// To the value under a key.
    Key(String),
    /// To an item of a list.
    Item,
}

/// Where a cursor is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cursor {
    /// What leads to the map, list or value that it is in.
    pub path: Vec<Step>,
    /// What may be written there.
    pub role: Role,
    /// What is written there already, of a key or a value; contains the cursor.
    pub written: Range<usize>,
    /// Whether it is inside of `{}` or `[]`.
    pub flow: bool,
    /// Column of the first character of what is written.
    pub indent: usize,
}

/// What may be written where a cursor is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// A key or a value, or the `-` of a list.
    Start,
    /// The key of something that has its colon already.
    Key,
    /// A value.
    Value,
}

/// Where a cursor is; `None` in a comment or in a text of many lines.
pub fn cursor(text: &str, at: usize) -> Option<Cursor> {
    let mut scan = Scan {
        text,
        at,
        levels: Vec::new(),
        flow: Vec::new(),
        block_scalar: None,
    };
    let mut start = 0;
    for line in text.split_inclusive('\n') {
        let content = line.trim_end_matches(['\r', '\n']);
        let has_cursor = (start..=start + content.len()).contains(&at) || at < start + line.len();
        match scan.line(start, content, has_cursor) {
            Next::Found(cursor) => return cursor,
            Next::Line if has_cursor => return None,
            Next::Line => {}
        }
        start += line.len();
    }
    // The empty line after the last one.
    match scan.line(start, "", true) {
        Next::Found(cursor) => cursor,
        Next::Line => None,
    }
}

struct Scan<'t> {
    text: &'t str,
    at: usize,
    levels: Vec<Level>,
    flow: Vec<Flow>,
    /// Indentation of what a text of many lines belongs to: it goes on while lines are deeper.
    block_scalar: Option<usize>,
}

struct Level {
    indent: usize,
    step: Step,
}

struct Flow {
    map: bool,
    key: Option<String>,
}

enum Next {
    Line,
    Found(Option<Cursor>),
}

impl Scan<'_> {
    fn line(&mut self, start: usize, line: &str, has_cursor: bool) -> Next {
        let content = line.trim_start_matches([' ', '\t']);
        let indent = line.len() - content.len();
        let column = self.at.saturating_sub(start);
        if let Some(parent) = self.block_scalar {
            let deeper = match content.is_empty() {
                true => !has_cursor || column > parent,
                false => indent > parent,
            };
            if deeper {
                return Next::Line;
            }
            self.block_scalar = None;
        }
        if !self.flow.is_empty() {
            // A bracket that was left open would take all that follows with it.
            let outside = self.levels.last().map_or(0, |level| level.indent);
            if content.is_empty() || indent > outside || key_of(content).is_none() {
                return self.flow(start, line, 0, has_cursor);
            }
            self.flow.clear();
        }
        if content.is_empty() || has_cursor && column < indent {
            if has_cursor {
                self.levels.retain(|level| level.indent < column);
                let at = self.at;
                return self.found(Role::Start, at..at, column);
            }
            return Next::Line;
        }
        if content.starts_with('#') {
            return Next::Line;
        }
        if line.starts_with("---") || line.starts_with("...") {
            self.levels.clear();
            return Next::Line;
        }
        self.content(start, line, indent, has_cursor)
    }

    /// What stands on a line from a column on, outside of brackets.
    fn content(&mut self, start: usize, line: &str, mut indent: usize, has_cursor: bool) -> Next {
        loop {
            let content = &line[indent..];
            let is_item = content == "-" || content.starts_with("- ");
            while self.levels.last().is_some_and(|level| {
                level.indent > indent
                    || level.indent == indent && (!is_item || level.step == Step::Item)
            }) {
                self.levels.pop();
            }
            if !is_item {
                break;
            }
            if has_cursor && self.at <= start + indent {
                let at = self.at;
                return self.found(Role::Start, at..at, indent);
            }
            self.levels.push(Level {
                indent,
                step: Step::Item,
            });
            let rest = &content[1..];
            let skipped = 1 + rest.len() - rest.trim_start().len();
            indent += skipped;
            if rest.trim().is_empty() {
                let at = self.at;
                return match has_cursor {
                    true => self.found(Role::Start, at..at, at - start),
                    false => Next::Line,
                };
            }
        }
        let content = &line[indent..];
        let Some((key, after)) = key_of(content) else {
            return self.value(start, line, indent, indent, Role::Start, has_cursor);
        };
        let key_end = start + indent + key.len();
        if has_cursor && self.at <= key_end {
            return self.found(Role::Key, start + indent..key_end, indent);
        }
        self.levels.push(Level {
            indent,
            step: Step::Key(unquoted(key).to_owned()),
        });
        self.value(start, line, indent + after, indent, Role::Value, has_cursor)
    }

    /// A value that begins at a column, or after the spaces there.
    fn value(
        &mut self,
        start: usize,
        line: &str,
        column: usize,
        parent: usize,
        role: Role,
        has_cursor: bool,
    ) -> Next {
        let rest = &line[column..];
        let mut begin = column + rest.len() - rest.trim_start().len();
        // Anchors and tags stand before the value.
        while line[begin..].starts_with(['&', '!'])
            && let Some(word) = line[begin..].find(' ')
        {
            begin += word;
            begin += line[begin..].len() - line[begin..].trim_start().len();
        }
        let content = &line[begin..];
        if content.starts_with(['|', '>']) {
            let parent = match role {
                // `- |` belongs to its dash, which is left of it.
                Role::Start => self.levels.last().map_or(0, |level| level.indent),
                _ => parent,
            };
            self.block_scalar = Some(parent);
            return Next::Line;
        }
        if content.starts_with(['[', '{']) && (!has_cursor || self.at > start + begin) {
            return self.flow(start, line, begin, has_cursor);
        }
        if !has_cursor {
            return Next::Line;
        }
        if content.is_empty() || self.at < start + begin {
            let at = self.at;
            return self.found(role, at..at, at - start);
        }
        let length = scalar_length(content);
        let end = start + begin + length;
        if self.at > end {
            let between = &self.text[end..self.at];
            if between.contains('#') || !between.trim().is_empty() {
                return Next::Found(None);
            }
            let at = self.at;
            // After a space a plain text goes on, which completes nothing.
            return self.found(role, start + begin..at, begin);
        }
        self.found(role, start + begin..end, begin)
    }

    /// What stands on a line from a column on, with brackets open or about to be.
    fn flow(&mut self, start: usize, line: &str, column: usize, has_cursor: bool) -> Next {
        let mut at = column;
        // Where the entry begins that is being read.
        let mut begin: Option<usize> = None;
        while at < line.len() {
            if has_cursor && start + at >= self.at && begin.is_none() && !self.flow.is_empty() {
                break;
            }
            let rest = &line[at..];
            let letter = rest.chars().next().unwrap_or_default();
            let delimiter = matches!(letter, '{' | '}' | '[' | ']' | ',');
            if has_cursor && start + at >= self.at && (delimiter || letter == ':') {
                break;
            }
            match letter {
                '{' | '[' if begin.is_none() => self.flow.push(Flow {
                    map: letter == '{',
                    key: None,
                }),
                '}' | ']' => {
                    begin = None;
                    self.flow.pop();
                    if self.flow.is_empty() {
                        return match has_cursor && start + at + 1 < self.at {
                            true => Next::Found(None),
                            false => Next::Line,
                        };
                    }
                }
                ',' => {
                    begin = None;
                    if let Some(flow) = self.flow.last_mut() {
                        flow.key = None;
                    }
                }
                ':' if rest[1..].is_empty()
                    || rest[1..].starts_with([' ', ',', '}', '"', '\'']) =>
                {
                    let key = begin.take().map_or("", |begin| line[begin..at].trim());
                    let key = unquoted(key).to_owned();
                    if let Some(flow) = self.flow.last_mut().filter(|flow| flow.map) {
                        flow.key = Some(key);
                    }
                }
                '#' if at > 0 && line[..at].ends_with(' ') => {
                    return match has_cursor && self.at > start + at {
                        true => Next::Found(None),
                        false => Next::Line,
                    };
                }
                '"' | '\'' if begin.is_none() => {
                    let length = scalar_length(rest).max(1);
                    begin = Some(at);
                    if has_cursor && self.at <= start + at + length {
                        break;
                    }
                    at += length;
                    continue;
                }
                letter if !letter.is_whitespace() => {
                    begin.get_or_insert(at);
                }
                _ => {}
            }
            at += letter.len_utf8();
        }
        if !has_cursor {
            return Next::Line;
        }
        let cursor = self.at;
        let (written, indent) = match begin {
            None => (cursor..cursor, cursor - start),
            Some(begin) => {
                let rest = &line[begin..];
                let length = match rest.starts_with(['"', '\'']) {
                    true => scalar_length(rest),
                    false => {
                        let end = rest.find(['{', '}', '[', ']', ',']).unwrap_or(rest.len());
                        let end = rest[..end].find(": ").unwrap_or(end);
                        let end = rest[..end].find(" #").unwrap_or(end);
                        rest[..end].trim_end().trim_end_matches(':').len()
                    }
                };
                let end = (start + begin + length).max(cursor);
                (start + begin..end, begin)
            }
        };
        let role = match self.flow.last() {
            Some(flow) if flow.map && flow.key.is_none() => {
                match self.text[written.end..]
                    .trim_start_matches(' ')
                    .starts_with(':')
                {
                    true => Role::Key,
                    false => Role::Start,
                }
            }
            _ => Role::Value,
        };
        self.found(role, written, indent)
    }

    fn found(&mut self, role: Role, written: Range<usize>, indent: usize) -> Next {
        let blocks = self.levels.drain(..).map(|level| level.step);
        let mut path: Vec<Step> = blocks.collect();
        for flow in &self.flow {
            match &flow.key {
                Some(key) => path.push(Step::Key(key.clone())),
                None if !flow.map => path.push(Step::Item),
                None => {}
            }
        }
        Next::Found(Some(Cursor {
            path,
            role,
            written,
            flow: !self.flow.is_empty(),
            indent,
        }))
    }
}

#[cfg(test)]
mod tests;
