//! The keys of azds.yaml: types, defaults and what they mean. Everything that knows keys reads the
//! [table]: checks, hovers, completions, docs. [`super::read`] asks for values by the same names.

mod table;

use crate::analysis::yaml::{Node, Value};

/// A key and what stands under it.
#[derive(Debug)]
pub(super) struct Key {
    pub name: &'static str,
    pub kind: Type,
    /// What counts where the key is not written, in Markdown; empty if nothing does.
    pub default: &'static str,
    /// What it is for, in Markdown.
    pub doc: &'static str,
    pub legacy: Option<Legacy>,
}

/// A key of 2018.
#[derive(Debug)]
pub(super) struct Legacy {
    /// What is to be written instead, or what has become of it.
    pub advice: &'static str,
    /// The key that it is called now, in the same map.
    pub renamed: Option<&'static str>,
}

/// What stands under a key.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Type {
    /// A text; some have values that are worth offering.
    Text(&'static [&'static str]),
    Path(PathTo),
    Bool,
    /// A list of texts; some have values that are worth offering.
    Texts(&'static [&'static str]),
    Globs,
    Glob,
    /// Values files.
    Paths,
    Commands,
    /// A map of texts with names of the user's.
    TextMap,
    /// A map with these keys and no others.
    Map(Keys),
    /// A map that the chart gives a meaning to; these keys are usual.
    Open(Keys),
    /// A map from names of the user's to maps with these keys.
    Named(Keys),
    /// Anything.
    Any,
}

/// What a path leads to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum PathTo {
    File,
    /// A values file; the path may end in `?`.
    Values,
    Folder,
    Chart,
}

/// The keys of a map, in the order in which they are usually written.
#[derive(Clone, Copy)]
pub(super) struct Keys(pub &'static [Key]);

impl PartialEq for Keys {
    fn eq(&self, other: &Keys) -> bool {
        std::ptr::eq(self.0, other.0)
    }
}

/// Without what is below: the types refer to each other, and a print of one would print all.
impl std::fmt::Debug for Keys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list()
            .entries(self.0.iter().map(|key| key.name))
            .finish()
    }
}

impl Keys {
    pub fn get(self, name: &str) -> Option<&'static Key> {
        self.0.iter().find(|key| key.name == name)
    }
}

impl Type {
    /// What a value must be, for a message.
    pub fn expected(self) -> &'static str {
        match self {
            Type::Text(_) | Type::Path(_) | Type::Glob => "a text",
            Type::Bool => "true or false",
            Type::Texts(_) | Type::Globs | Type::Paths => LIST,
            Type::Commands => COMMANDS,
            Type::TextMap | Type::Map(_) | Type::Open(_) | Type::Named(_) => "a map",
            Type::Any => "anything",
        }
    }

    /// The type of what stands under a key of a value of this type.
    pub fn under(self, name: &str) -> Option<Type> {
        match self {
            Type::Map(keys) | Type::Open(keys) => keys.get(name).map(|key| key.kind),
            Type::Named(keys) => Some(Type::Map(keys)),
            Type::TextMap => Some(Type::Text(&[])),
            _ => None,
        }
    }

    /// The type of an item of a list.
    pub fn item(self) -> Option<Type> {
        match self {
            Type::Texts(values) => Some(Type::Text(values)),
            Type::Globs => Some(Type::Glob),
            Type::Paths => Some(Type::Path(PathTo::Values)),
            Type::Commands => Some(Type::Texts(&[])),
            _ => None,
        }
    }

    /// The keys of a map of this type.
    pub fn keys(self) -> &'static [Key] {
        match self {
            Type::Map(keys) | Type::Open(keys) => keys.0,
            _ => &[],
        }
    }

    /// Whether what stands under a key is written on the lines below it.
    pub fn is_map(self) -> bool {
        matches!(
            self,
            Type::TextMap | Type::Map(_) | Type::Open(_) | Type::Named(_)
        )
    }

    /// Whether it is a list.
    pub fn is_list(self) -> bool {
        matches!(
            self,
            Type::Texts(_) | Type::Globs | Type::Paths | Type::Commands
        )
    }
}

pub(super) const LIST: &str = "a list of texts";
pub(super) const COMMANDS: &str = "a list of commands, each of them a list of texts";

/// The file as a whole.
pub(super) const ROOT: Type = Type::Map(table::ROOT_KEYS);

/// Calls `visit` with every value of which the schema knows the type, and with the key that it stands
/// under or is an item of. Values of another type than they should be are visited, too.
pub(super) fn visit<'n>(root: &'n Node, visit: &mut impl FnMut(&'static Key, Type, &'n Node)) {
    below(root, ROOT, None, visit);
}

fn below<'n>(
    node: &'n Node,
    kind: Type,
    key: Option<&'static Key>,
    visit: &mut impl FnMut(&'static Key, Type, &'n Node),
) {
    if let Some(key) = key {
        visit(key, kind, node);
    }
    match &node.value {
        Value::Scalar(_) => {}
        Value::Sequence(items) => {
            if let Some(kind) = kind.item() {
                items.iter().for_each(|item| below(item, kind, key, visit));
            }
        }
        Value::Mapping(entries) => {
            for entry in entries {
                let Some(name) = entry.key.text() else {
                    continue;
                };
                if let Some(under) = kind.under(name) {
                    let own = kind.keys().iter().find(|key| key.name == name);
                    below(&entry.value, under, own.or(key), visit);
                }
            }
        }
    }
}
