//! The expressions of a template: pipelines, commands and the functions that matter for values.

use std::ops::Range;
use std::sync::Arc;

use super::reads::Step;
use super::scan::Body;
use super::scope::{Abstract, Val, below};
use super::template::{Kind, Token};

/// Tokens of an action that are read one after the other.
pub(super) struct Expression<'e, 'w, 't> {
    body: &'e mut Body<'w, 't>,
    tokens: &'t [Token],
    at: usize,
}

impl<'e, 'w, 't> Expression<'e, 'w, 't> {
    pub fn new(body: &'e mut Body<'w, 't>, tokens: &'t [Token]) -> Expression<'e, 'w, 't> {
        Expression {
            body,
            tokens,
            at: 0,
        }
    }

    /// Commands joined by `|`, up to what can't belong to them.
    pub fn pipeline(&mut self) -> Val {
        let mut val = self.command(None);
        while self.peek() == Some(Kind::Pipe) {
            self.at += 1;
            val = self.command(Some(val));
        }
        val
    }

    fn peek(&self) -> Option<Kind> {
        Some(self.tokens.get(self.at)?.kind)
    }

    fn text(&self, token: &Token) -> &'t str {
        token.text(self.body.text)
    }

    fn command(&mut self, piped: Option<Val>) -> Val {
        let Some(first) = self.tokens.get(self.at) else {
            return piped.unwrap_or_default();
        };
        let name = match first.kind {
            Kind::Word => {
                self.at += 1;
                Some(self.text(first))
            }
            _ => None,
        };
        let mut arguments = Vec::new();
        while let Some(kind) = self.peek() {
            match kind {
                Kind::Pipe | Kind::Close | Kind::Comma | Kind::Assign { .. } => break,
                _ => arguments.push(self.operand()),
            }
        }
        let end = match self.at.checked_sub(1).and_then(|at| self.tokens.get(at)) {
            Some(last) => last.range.end,
            None => first.range.end,
        };
        match name {
            Some(name) => {
                arguments.extend(piped);
                self.function(name, arguments, first.range.start..end)
            }
            None if arguments.len() == 1 && piped.is_none() => arguments.remove(0),
            // A method with arguments, such as `.Files.Get "x"`.
            None => {
                arguments.extend(piped);
                arguments.iter().for_each(|it| self.body.read(it));
                Val::unknown(first.range.start..end)
            }
        }
    }

    /// One operand with the fields that follow it without a space. Takes at least one token.
    fn operand(&mut self) -> Val {
        let token = &self.tokens[self.at];
        self.at += 1;
        let range = token.range.clone();
        let mut val = match token.kind {
            Kind::Open => {
                let val = self.pipeline();
                if self.peek() == Some(Kind::Close) {
                    self.at += 1;
                }
                val
            }
            Kind::Variable => Val {
                range,
                ..self.body.variable(self.text(token))
            },
            Kind::Dot => Val {
                range,
                ..self.body.dot.clone()
            },
            Kind::Field => {
                let dot = Val {
                    range,
                    ..self.body.dot.clone()
                };
                self.body
                    .field(&dot, &self.body.text[token.name()], token.name())
            }
            Kind::Text => {
                let content = self.body.text[token.name()].to_owned();
                Val::new(Abstract::Text(content, token.name()), range)
            }
            Kind::Word => self.function(self.text(token), Vec::new(), range),
            _ => Val::unknown(range),
        };
        while let Some(next) = self.tokens.get(self.at) {
            let follows = self.tokens[self.at - 1].range.end == next.range.start;
            if next.kind != Kind::Field || !follows {
                break;
            }
            self.at += 1;
            let name = &self.body.text[next.name()];
            val = self.body.field(&val, name, next.name());
        }
        val
    }

    fn function(&mut self, name: &str, mut args: Vec<Val>, range: Range<usize>) -> Val {
        let unknown = Val::unknown(range.clone());
        let val = match (name, args.as_slice()) {
            ("true" | "false" | "nil", _) => unknown,
            ("index" | "get", [base, keys @ ..]) => {
                let (base, keys) = (base.clone(), keys.to_vec());
                keys.iter().fold(base, |val, key| self.step(&val, key))
            }
            ("dig", [keys @ .., default, base]) => {
                let (base, keys, default) = (base.clone(), keys.to_vec(), default.clone());
                let mut val = base;
                for key in &keys {
                    val = self.step(&val, key);
                    self.body.test(&val);
                }
                val.or(default)
            }
            ("pluck", [key, maps @ ..]) => {
                let (key, maps) = (key.clone(), maps.to_vec());
                maps.iter().fold(unknown, |all, map| {
                    let val = self.step(map, &key);
                    self.body.test(&val);
                    all.or(val)
                })
            }
            ("hasKey", [map, key]) => {
                let val = self.step(&map.clone(), &key.clone());
                self.body.test(&val);
                unknown
            }
            ("set" | "unset", [map, key, values @ ..]) => {
                let (map, key, values) = (map.clone(), key.clone(), values.to_vec());
                let val = self.step(&map, &key);
                self.body.test(&val);
                values.iter().for_each(|value| self.body.read(value));
                map
            }
            ("default" | "coalesce" | "or" | "and" | "ternary" | "required", _) => {
                let mut all = unknown;
                for arg in &args {
                    self.body.test(arg);
                    all = all.or(arg.clone());
                }
                all
            }
            ("not" | "empty" | "kindIs" | "kindOf" | "typeIs" | "typeOf" | "typeIsLike", _) => {
                args.iter().for_each(|arg| self.body.test(arg));
                unknown
            }
            ("len" | "keys", _) => {
                args.iter().for_each(|arg| self.body.look_into(arg));
                unknown
            }
            ("values", [map]) => {
                let map = map.clone();
                self.body.look_into(&map);
                map
            }
            ("first" | "last" | "rest" | "initial", [list]) => {
                let list = list.clone();
                self.body.look_into(&list);
                list.clone().or(list.each())
            }
            (
                "merge" | "mustMerge" | "mergeOverwrite" | "mustMergeOverwrite" | "deepCopy"
                | "mustDeepCopy" | "concat" | "mustConcat",
                _,
            ) => args.into_iter().fold(unknown, Val::or),
            ("list" | "tuple", _) => Val::new(Abstract::List(Arc::new(args)), range.clone()),
            ("dict", _) => {
                let mut entries = Vec::new();
                let mut pairs = args.into_iter();
                while let (Some(key), Some(value)) = (pairs.next(), pairs.next()) {
                    match key.text() {
                        Some((key, _)) => entries.push((key.to_owned(), value)),
                        None => self.body.read(&value),
                    }
                }
                Val::new(Abstract::Dict(Arc::new(entries)), range.clone())
            }
            ("include", [name, context]) => {
                let (name, context) = (name.clone(), context.clone());
                match name.text() {
                    Some((name, _)) => self.body.call(name, context),
                    // A file of the chart, which is walked on its own.
                    None if self.body.text[name.range.clone()].contains("Template.BasePath") => {}
                    None => {
                        self.body.read(&name);
                        self.body.read(&context);
                    }
                }
                unknown
            }
            ("tpl", [template, ..]) => {
                let template = template.clone();
                self.body.read(&template);
                match template.paths().next() {
                    Some(_) => self.body.walk.reads.evaluates_values = true,
                    None => self.body.walk.reads.opaque = true,
                }
                unknown
            }
            ("toYaml" | "toJson" | "toString" | "quote" | "squote" | "print", _) => {
                args.iter().for_each(|arg| self.body.read(arg));
                args.drain(..).fold(unknown, Val::or)
            }
            _ => {
                args.iter().for_each(|arg| self.body.read(arg));
                unknown
            }
        };
        Val { range, ..val }
    }

    /// What stands under a key that is an argument.
    fn step(&mut self, val: &Val, key: &Val) -> Val {
        if let Some((key, at)) = key.text() {
            let val = self.body.field(val, key, at);
            return val;
        }
        self.body.read(key);
        let mut each = Val::unknown(val.range.clone());
        for path in val.paths() {
            let path = below(path, Step::Each);
            self.body.walk.reads.note(&path, false);
            each.may_be.push(Abstract::Values(path));
        }
        each
    }
}
