//! The tree, and how it is made of the parser's events.

use std::collections::{HashMap, HashSet};
use std::ops::Range;

use granit_parser::{Event, Parser, ScalarStyle, Span, StructureStyle, options};

use super::SyntaxError;

/// Aliases are copied into the tree. A tree that grows past this many nodes by them is an attack
/// ("billion laughs"); aliases past it are read as null.
const MOST_COPIED_NODES: usize = 100_000;

/// Nothing that people write is nested so deep. What is would overflow the stack of those who walk it.
const DEEPEST: usize = 128;

/// A value and where it stands.
#[derive(Debug, Clone, PartialEq)]
pub struct Node {
    /// Where it stands. A copy made by an alias stands where its anchor is.
    pub range: Range<usize>,
    /// What it is.
    pub value: Value,
}

/// What a [`Node`] is.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// Anything but a list and a map.
    Scalar(Scalar),
    /// A list.
    Sequence(Vec<Node>),
    /// A map. Merge keys (`<<`) are resolved.
    Mapping(Vec<Entry>),
}

/// One entry of a map.
#[derive(Debug, Clone, PartialEq)]
pub struct Entry {
    /// The key; any node, but nearly always a scalar.
    pub key: Node,
    /// The value.
    pub value: Node,
}

/// A value that is neither list nor map.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scalar {
    /// The text, without quotes and escapes.
    pub text: String,
    /// Whether it stands without quotes, so that it can be a number, a bool or null.
    pub plain: bool,
}

impl Node {
    /// The value under a key of a map; the last one if the key stands there twice.
    pub fn get(&self, key: &str) -> Option<&Node> {
        self.entries()
            .iter()
            .rfind(|entry| entry.key.text() == Some(key))
            .map(|entry| &entry.value)
    }

    /// The entries of a map; none for anything else.
    pub fn entries(&self) -> &[Entry] {
        match &self.value {
            Value::Mapping(entries) => entries,
            _ => &[],
        }
    }

    /// The items of a list; none for anything else.
    pub fn items(&self) -> &[Node] {
        match &self.value {
            Value::Sequence(items) => items,
            _ => &[],
        }
    }

    /// The text of a scalar.
    pub fn text(&self) -> Option<&str> {
        match &self.value {
            Value::Scalar(scalar) => Some(&scalar.text),
            _ => None,
        }
    }

    /// Whether the value was left out or is null.
    pub fn is_null(&self) -> bool {
        matches!(&self.value, Value::Scalar(scalar) if scalar.to_json().is_null())
    }

    /// The value with the types that Helm's parser would give it.
    pub fn to_json(&self) -> serde_json::Value {
        match &self.value {
            Value::Scalar(scalar) => scalar.to_json(),
            Value::Sequence(nodes) => nodes.iter().map(Node::to_json).collect(),
            Value::Mapping(entries) => serde_json::Value::Object(
                entries
                    .iter()
                    .filter_map(|entry| Some((entry.key.text()?.to_owned(), entry.value.to_json())))
                    .collect(),
            ),
        }
    }

    /// Calls `visit` with this node and all values under it.
    pub fn walk<'n>(&'n self, visit: &mut impl FnMut(&'n Node)) {
        visit(self);
        match &self.value {
            Value::Scalar(_) => {}
            Value::Sequence(nodes) => nodes.iter().for_each(|node| node.walk(visit)),
            Value::Mapping(entries) => entries.iter().for_each(|entry| entry.value.walk(visit)),
        }
    }

    fn size(&self) -> usize {
        1 + match &self.value {
            Value::Scalar(_) => 0,
            Value::Sequence(nodes) => nodes.iter().map(Node::size).sum(),
            Value::Mapping(entries) => entries
                .iter()
                .map(|entry| entry.key.size() + entry.value.size())
                .sum(),
        }
    }

    fn null(at: usize) -> Node {
        Node {
            range: at..at,
            value: Value::Scalar(Scalar {
                text: String::new(),
                plain: true,
            }),
        }
    }
}

impl Scalar {
    /// The value with the type that Helm's parser would give it: that of YAML 1.1, where `yes` and
    /// `off` are bools and `0755` is octal.
    pub fn to_json(&self) -> serde_json::Value {
        use serde_json::Value as Json;
        if !self.plain {
            return Json::String(self.text.clone());
        }
        match self.text.as_str() {
            "" | "~" | "null" | "Null" | "NULL" => return Json::Null,
            "true" | "True" | "TRUE" | "yes" | "Yes" | "YES" | "on" | "On" | "ON" | "y" | "Y" => {
                return Json::Bool(true);
            }
            "false" | "False" | "FALSE" | "no" | "No" | "NO" | "off" | "Off" | "OFF" | "n"
            | "N" => return Json::Bool(false),
            _ => {}
        }
        self.number()
            .map_or_else(|| Json::String(self.text.clone()), Json::Number)
    }

    fn number(&self) -> Option<serde_json::Number> {
        let digits = self.text.strip_prefix(['-', '+']).unwrap_or(&self.text);
        if !digits.starts_with(|c: char| c.is_ascii_digit() || c == '.') {
            return None;
        }
        let (radix, digits) = match digits.get(..2) {
            Some("0x" | "0X") => (16, &digits[2..]),
            Some("0o") => (8, &digits[2..]),
            Some("0b") => (2, &digits[2..]),
            _ if digits.len() > 1
                && digits.bytes().all(|b| b.is_ascii_digit())
                && digits.starts_with('0') =>
            {
                (8, &digits[1..])
            }
            _ => (10, digits),
        };
        let digits = digits.replace('_', "");
        let negative = self.text.starts_with('-');
        if let Ok(magnitude) = u64::from_str_radix(&digits, radix) {
            return if negative {
                0_i64.checked_sub_unsigned(magnitude).map(Into::into)
            } else {
                Some(magnitude.into())
            };
        }
        if radix != 10 {
            return None;
        }
        let float: f64 = digits.parse().ok()?;
        serde_json::Number::from_f64(if negative { -float } else { float })
    }
}

/// What a reading up to the first syntax error gives.
pub(super) struct Read {
    pub documents: Vec<Node>,
    pub error: Option<SyntaxError>,
    /// A text that lost its quotes and is read as a tag without a value.
    pub bare_tag: Option<SyntaxError>,
    /// Where the outermost flow collection begins that was open at the error.
    pub open_flow: Option<usize>,
}

/// Reads all documents up to the first syntax error.
pub(super) fn read(text: &str) -> Read {
    let mut builder = Builder::default();
    let options = options! { emit_comments: false };
    for event in Parser::new_from_str_with_options(text, options) {
        let error = match event {
            Ok((event, span)) if builder.open.len() < DEEPEST => {
                builder.take(event, &span);
                continue;
            }
            Ok((_, span)) => SyntaxError::too_deep(text, bytes(&span).start),
            Err(error) => SyntaxError::new(text, &error),
        };
        let open_flow = builder.open.iter().find(|open| open.flow);
        let open_flow = open_flow.map(|open| open.start);
        builder.close_all();
        return Read {
            documents: builder.documents,
            error: Some(error),
            bare_tag: None,
            open_flow,
        };
    }
    Read {
        documents: builder.documents,
        error: None,
        bare_tag: builder
            .bare_tag
            .map(|range| SyntaxError::bare(text, range.start)),
        open_flow: None,
    }
}

#[derive(Default)]
struct Builder {
    documents: Vec<Node>,
    open: Vec<Open>,
    anchors: HashMap<usize, Node>,
    copied: usize,
    bare_tag: Option<Range<usize>>,
}

struct Open {
    start: usize,
    /// A flow collection ends with its bracket, a block collection with its last child.
    flow: bool,
    anchor: usize,
    mapping: bool,
    /// For a mapping: keys and values in turn.
    children: Vec<Node>,
}

impl Builder {
    fn take(&mut self, event: Event<'_>, span: &Span) {
        let range = bytes(span);
        match event {
            Event::Scalar(text, style, anchor, tag) => {
                let string_tag = tag
                    .as_ref()
                    .is_some_and(|tag| tag.core_suffix() == Some("str"));
                if text.is_empty() && tag.is_some_and(|tag| tag.is_custom()) {
                    let tag = span.tag_span().map_or(range.clone(), |tag| bytes(&tag));
                    self.bare_tag.get_or_insert(tag);
                }
                let scalar = Scalar {
                    text: text.into_owned(),
                    plain: style == ScalarStyle::Plain && !string_tag,
                };
                let value = Value::Scalar(scalar);
                self.add(Node { range, value }, anchor);
            }
            Event::Alias(anchor) => {
                let copy = self.anchors.get(&anchor).filter(|node| {
                    self.copied += node.size();
                    self.copied <= MOST_COPIED_NODES
                });
                let node = copy.cloned().unwrap_or_else(|| Node::null(range.start));
                self.add(node, 0);
            }
            Event::SequenceStart(style, anchor, _) => self.open(range, style, anchor, false),
            Event::MappingStart(style, anchor, tag) => {
                // `!*.{a,b}` is a tag and a map after it.
                if let Some(at) = span.tag_span().map(|tag| bytes(&tag))
                    && tag.is_some_and(|tag| tag.is_custom())
                    && at.end == range.start
                {
                    self.bare_tag.get_or_insert(at);
                }
                self.open(range, style, anchor, true);
            }
            Event::SequenceEnd | Event::MappingEnd => self.close(range.end),
            _ => {}
        }
    }

    fn open(&mut self, range: Range<usize>, style: StructureStyle, anchor: usize, mapping: bool) {
        self.open.push(Open {
            start: range.start,
            flow: style == StructureStyle::Flow,
            anchor,
            mapping,
            children: Vec::new(),
        });
    }

    fn close(&mut self, end: usize) {
        let Some(open) = self.open.pop() else { return };
        let start = match open.children.first() {
            Some(first) if !open.flow && !open.mapping => open.start.min(first.range.start),
            Some(first) if !open.flow => first.range.start,
            _ => open.start,
        };
        let end = match open.children.iter().map(|child| child.range.end).max() {
            Some(last) if !open.flow => last,
            _ => end,
        };
        let value = if open.mapping {
            Value::Mapping(entries(open.children))
        } else {
            Value::Sequence(open.children)
        };
        let range = start..end.max(start);
        self.add(Node { range, value }, open.anchor);
    }

    fn add(&mut self, node: Node, anchor: usize) {
        if anchor != 0 {
            self.anchors.insert(anchor, node.clone());
        }
        match self.open.last_mut() {
            Some(open) => open.children.push(node),
            None => self.documents.push(node),
        }
    }

    fn close_all(&mut self) {
        while let Some(open) = self.open.last() {
            let end = open.children.last().map_or(open.start, |n| n.range.end);
            self.close(end);
        }
    }
}

fn bytes(span: &Span) -> Range<usize> {
    let start = span.start.byte_offset().unwrap_or_default();
    start..span.end.byte_offset().unwrap_or(start).max(start)
}

/// Pairs keys with values and resolves merge keys, whose entries stand back behind those written out.
fn entries(children: Vec<Node>) -> Vec<Entry> {
    let mut entries = Vec::new();
    let mut merged = Vec::new();
    let mut children = children.into_iter();
    while let Some(key) = children.next() {
        let value = children.next().unwrap_or_else(|| Node::null(key.range.end));
        let merge =
            matches!(&key.value, Value::Scalar(scalar) if scalar.plain && scalar.text == "<<");
        match value.value {
            Value::Mapping(more) if merge => merged.extend(more),
            Value::Sequence(maps) if merge => {
                merged.extend(maps.into_iter().flat_map(|map| match map.value {
                    Value::Mapping(more) => more,
                    _ => Vec::new(),
                }));
            }
            _ => entries.push(Entry { key, value }),
        }
    }
    if !merged.is_empty() {
        let own = entries.iter().filter_map(|entry| entry.key.text());
        let mut known: HashSet<String> = own.map(str::to_owned).collect();
        let text = |entry: &Entry| entry.key.text().unwrap_or_default().to_owned();
        entries.extend(merged.into_iter().filter(|entry| known.insert(text(entry))));
    }
    entries
}
