//! Which values a chart's templates read: the templates are walked as Helm would run them, with
//! every branch taken, and with what an expression may stand for in place of what it is.
//!
//! Where it is not sure it errs towards "is read": nobody is told that a key does nothing when it
//! may do something.

use std::collections::HashMap;
use std::ops::Range;

use super::expression::Expression;
use super::reads::{Mention, Path, Read, Reads, Step, When};
use super::scope::{Abstract, Val, below};
use super::template::{Action, Kind, Template, Token};

/// Named templates that are deeper in each other, or more walks through them, are cut off, and then
/// everything counts as read. Charts have some ten and some hundred.
const MOST_DEPTH: usize = 24;
const MOST_WALKS: usize = 4000;

/// What templates read of the values.
pub fn scan(sources: &[(&str, &Template)]) -> Reads {
    let mut walk = Walk::new(sources);
    for (template, (_, read)) in sources.iter().enumerate() {
        let actions = 0..read.actions.len();
        let root = Val::new(Abstract::Root, 0..0);
        Body::new(&mut walk, template, root, When::default()).run(actions);
    }
    // What nobody here calls is there for others, who call it as charts do: with everything.
    let mut names: Vec<_> = walk.defines.keys().copied().collect();
    names.sort_unstable();
    for name in names {
        if !walk.done.iter().any(|(done, ..)| *done == name) {
            let root = Val::new(Abstract::Root, 0..0);
            walk.call(name, root, &When::default(), 0);
        }
    }
    walk.reads
        .reads
        .sort_by_key(|read| (read.template, read.range.start));
    walk.reads.reads.dedup();
    walk.reads
}

/// What is common to all templates of a chart.
pub(super) struct Walk<'t> {
    sources: &'t [(&'t str, &'t Template)],
    /// Of each named template, where its body is.
    defines: HashMap<&'t str, (usize, Range<usize>)>,
    /// Which named templates were walked, with what, and whether under a condition.
    done: Vec<(&'t str, Vec<Abstract>, bool)>,
    walks: usize,
    pub reads: Reads,
}

impl<'t> Walk<'t> {
    fn new(sources: &'t [(&'t str, &'t Template)]) -> Walk<'t> {
        let mut defines = HashMap::new();
        for (number, &(text, template)) in sources.iter().enumerate() {
            for (at, action) in template.actions.iter().enumerate() {
                if let Some("define" | "block") = keyword(action, text)
                    && let Some(name) = action.tokens.get(1).filter(|it| it.kind == Kind::Text)
                {
                    let body = at + 1..end_of_block(template, text, at);
                    defines.insert(&text[name.name()], (number, body));
                }
            }
        }
        Walk {
            sources,
            defines,
            done: Vec::new(),
            walks: 0,
            reads: Reads::default(),
        }
    }

    /// Walks a named template; `argument` is its dot.
    pub fn call(&mut self, name: &str, argument: Val, when: &When, depth: usize) {
        let Some((&name, (template, body))) = self.defines.get_key_value(name) else {
            // A library's: what it reads can't be known.
            if argument.is_root() || argument.paths().any(|path| path.is_empty()) {
                self.reads.opaque = true;
            }
            for path in argument.paths() {
                self.reads.note(path, true);
            }
            return;
        };
        let (template, body) = (*template, body.clone());
        let conditional = when.more || !when.set.is_empty();
        let walked = (name, argument.may_be.clone(), conditional);
        if self.done.contains(&walked) {
            return;
        }
        if depth > MOST_DEPTH || self.walks > MOST_WALKS {
            self.reads.opaque = true;
            return;
        }
        self.done.push(walked);
        self.walks += 1;
        let mut body_of = Body::new(self, template, argument, when.clone());
        body_of.depth = depth + 1;
        body_of.run(body);
    }
}

/// A walk through one template.
pub(super) struct Body<'w, 't> {
    pub walk: &'w mut Walk<'t>,
    pub template: usize,
    pub text: &'t str,
    pub depth: usize,
    pub dot: Val,
    variables: Vec<(&'t str, Val)>,
    frames: Vec<Frame>,
    pub when: When,
    /// Whether a condition is being read: what it reads may be missing.
    pub testing: bool,
}

/// What holds again after the block that is open.
struct Frame {
    dot: Val,
    variables: usize,
    when: When,
}

impl<'w, 't> Body<'w, 't> {
    fn new(walk: &'w mut Walk<'t>, template: usize, dot: Val, when: When) -> Body<'w, 't> {
        let text = walk.sources[template].0;
        Body {
            walk,
            template,
            text,
            depth: 0,
            variables: vec![("$", dot.clone())],
            dot,
            frames: Vec::new(),
            when,
            testing: false,
        }
    }

    fn run(&mut self, actions: Range<usize>) {
        let template = self.walk.sources[self.template].1;
        let mut at = actions.start;
        while at < actions.end {
            let action = &template.actions[at];
            let tokens = action.tokens.as_slice();
            match keyword(action, self.text) {
                Some("define") => at = end_of_block(template, self.text, at),
                Some("block") => {
                    self.template_call(&tokens[1..]);
                    at = end_of_block(template, self.text, at);
                }
                Some("template") => self.template_call(&tokens[1..]),
                Some(word @ ("if" | "with" | "range")) => {
                    self.frames.push(Frame {
                        dot: self.dot.clone(),
                        variables: self.variables.len(),
                        when: self.when.clone(),
                    });
                    self.open(word, &tokens[1..]);
                }
                Some("else") => {
                    if let Some(frame) = self.frames.last() {
                        self.dot = frame.dot.clone();
                        self.variables.truncate(frame.variables);
                        self.when = frame.when.clone();
                    }
                    self.when.more = true;
                    if let Some(next) = tokens.get(1)
                        && matches!(next.text(self.text), "if" | "with")
                    {
                        self.open(next.text(self.text), &tokens[2..]);
                    }
                }
                Some("end") => {
                    if let Some(frame) = self.frames.pop() {
                        self.dot = frame.dot;
                        self.variables.truncate(frame.variables);
                        self.when = frame.when;
                    }
                }
                Some("break" | "continue") => {}
                _ => self.statement(tokens),
            }
            at += 1;
        }
    }

    /// The head of a block.
    fn open(&mut self, word: &str, tokens: &'t [Token]) {
        let (names, tokens) = self.names(tokens);
        self.testing = true;
        let val = self.pipeline(tokens);
        if word == "range" {
            self.look_into(&val);
        } else {
            // What is only tested is not read with all that stands under it.
            self.test(&val);
        }
        self.testing = false;
        match val.may_be.as_slice() {
            [Abstract::Values(path)] if !path.is_empty() => self.when.set.push(path.clone()),
            _ => self.when.more = true,
        }
        let value = if word == "range" { val.each() } else { val };
        let mut names = names.into_iter();
        if word == "range" && names.len() == 2 {
            let key = names.next().unwrap_or_default();
            self.variables.push((key, Val::unknown(0..0)));
        }
        if let Some(name) = names.next() {
            self.variables.push((name, value.clone()));
        }
        if word != "if" {
            self.dot = value;
        }
    }

    fn statement(&mut self, tokens: &'t [Token]) {
        let declares = tokens.iter().find_map(|token| match token.kind {
            Kind::Assign { declares } => Some(declares),
            _ => None,
        });
        let (names, tokens) = self.names(tokens);
        let val = self.pipeline(tokens);
        match names.first() {
            None => self.read(&val),
            Some(&name) if declares == Some(false) => {
                let known = self.variables.iter_mut().rfind(|(known, _)| *known == name);
                if let Some((_, old)) = known {
                    // It may be either, depending on the branch.
                    *old = old.clone().or(val);
                }
            }
            Some(&name) => self.variables.push((name, val)),
        }
    }

    /// The names before `:=` or `=`, and what stands after it.
    fn names(&self, tokens: &'t [Token]) -> (Vec<&'t str>, &'t [Token]) {
        let is_assign = |token: &Token| matches!(token.kind, Kind::Assign { .. });
        let Some(at) = tokens.iter().take(4).position(is_assign) else {
            return (Vec::new(), tokens);
        };
        let variables = tokens[..at].iter().filter(|it| it.kind == Kind::Variable);
        let names = variables.map(|token| token.text(self.text)).collect();
        (names, &tokens[at + 1..])
    }

    fn template_call(&mut self, tokens: &'t [Token]) {
        let Some(name) = tokens.first().filter(|it| it.kind == Kind::Text) else {
            return;
        };
        let argument = self.pipeline(&tokens[1..]);
        self.call(&self.text[name.name()], argument);
    }

    pub fn call(&mut self, name: &str, argument: Val) {
        let when = self.when.clone();
        self.walk.call(name, argument, &when, self.depth);
    }

    fn pipeline(&mut self, tokens: &'t [Token]) -> Val {
        Expression::new(self, tokens).pipeline()
    }

    pub fn variable(&self, name: &str) -> Val {
        let known = self.variables.iter().rfind(|(known, _)| *known == name);
        known.map_or_else(|| Val::unknown(0..0), |(_, val)| val.clone())
    }

    /// A field of a value.
    pub fn field(&mut self, val: &Val, name: &str, at: Range<usize>) -> Val {
        let mut field = Val::unknown(val.range.start.min(at.start)..at.end);
        if val.may_be.is_empty() && name == "Values" {
            field.may_be.push(Abstract::Values(Vec::new()));
        }
        for it in &val.may_be {
            match it {
                Abstract::Root if name == "Values" => {
                    field.may_be.push(Abstract::Values(Vec::new()));
                }
                Abstract::Values(path) => {
                    let path = below(path, Step::Key(name.to_owned()));
                    self.mention(path.clone(), at.clone());
                    field.may_be.push(Abstract::Values(path));
                }
                Abstract::Dict(entries) => {
                    for (_, value) in entries.iter().filter(|(key, _)| key == name) {
                        field.may_be.extend(value.may_be.iter().cloned());
                    }
                }
                Abstract::Root | Abstract::Other => field.may_be.push(Abstract::Other),
                Abstract::Text(..) | Abstract::List(_) => {}
            }
        }
        field
    }

    fn mention(&mut self, path: Path, at: Range<usize>) {
        self.walk.reads.note(&path, false);
        self.walk.reads.mentions.insert(Mention {
            template: self.template,
            start: at.start,
            end: at.end,
            path,
        });
    }

    /// Something is done with a value and with everything under it.
    pub fn read(&mut self, val: &Val) {
        for it in &val.may_be {
            match it {
                Abstract::Root => self.walk.reads.opaque = true,
                Abstract::Values(path) => {
                    self.walk.reads.note(path, true);
                    if self.testing {
                        self.walk.reads.optional.insert(path.clone());
                    } else {
                        self.walk.reads.reads.push(Read {
                            template: self.template,
                            range: val.range.clone(),
                            path: path.clone(),
                            when: self.when.clone(),
                        });
                    }
                }
                Abstract::Dict(entries) => entries.iter().for_each(|(_, value)| self.read(value)),
                Abstract::List(items) => items.iter().for_each(|item| self.read(item)),
                Abstract::Other | Abstract::Text(..) => {}
            }
        }
    }

    /// Only whether the value is there matters.
    pub fn test(&mut self, val: &Val) {
        for path in val.paths() {
            self.walk.reads.note(path, false);
            self.walk.reads.optional.insert(path.clone());
        }
    }

    /// Only its keys or the number of its items matter.
    pub fn look_into(&mut self, val: &Val) {
        self.test(val);
        for path in val.paths() {
            self.walk.reads.note(&below(path, Step::Each), false);
        }
    }
}

fn keyword<'t>(action: &Action, text: &'t str) -> Option<&'t str> {
    let first = action.tokens.first()?;
    (first.kind == Kind::Word).then(|| first.text(text))
}

/// The action that ends the block which one opens; the template's end if none does.
fn end_of_block(template: &Template, text: &str, open: usize) -> usize {
    let mut depth = 0;
    for (at, action) in template.actions.iter().enumerate().skip(open) {
        match keyword(action, text) {
            Some("if" | "with" | "range" | "define" | "block") => depth += 1,
            Some("end") => {
                depth -= 1;
                if depth == 0 {
                    return at;
                }
            }
            _ => {}
        }
    }
    template.actions.len()
}
