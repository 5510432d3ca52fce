//! Which kind a document is of, and who answers for each kind.

use std::ops::Range;
use std::sync::{Arc, OnceLock};

use super::answer::{Completion, Fold, Hint, Hover, Link, Place, PlacedLens, Renaming, Symbol};
use super::chart::template::Template;
use super::suppression::Suppressions;
use super::yaml::{self, Parsed};
use super::{Edit, Problem, Surroundings, azds_yaml, service, values};

/// What a document is for azds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// azds.yaml.
    AzdsYaml,
    /// A values file for the service's chart.
    Values,
    /// A template of the service's chart.
    Template,
    /// A Dockerfile of the service.
    Dockerfile,
    /// `launch.json` of VS Code.
    Launch,
    /// `tasks.json` of VS Code.
    Tasks,
}

impl Kind {
    /// Who answers for documents of this kind: the one place where that is said.
    fn features(self) -> &'static Features {
        match self {
            Kind::AzdsYaml => &azds_yaml::FEATURES,
            Kind::Values => &values::FEATURES,
            Kind::Template => &service::TEMPLATE,
            Kind::Dockerfile => &service::DOCKERFILE,
            Kind::Launch => &service::LAUNCH,
            Kind::Tasks => &service::TASKS,
        }
    }
}

/// What can be asked of a document. `at` is the cursor's offset.
pub struct Features {
    /// What is wrong.
    pub problems: fn(&Document<'_>) -> Vec<Problem>,
    /// What is known of the place.
    pub hover: fn(&Document<'_>, at: usize) -> Option<Hover>,
    /// What may be written there.
    pub completions: fn(&Document<'_>, at: usize) -> Vec<Completion>,
    /// Where what stands there is made or lies.
    pub definition: fn(&Document<'_>, at: usize) -> Vec<Place>,
    /// All places that name what stands there.
    pub references: fn(&Document<'_>, at: usize) -> Vec<Place>,
    /// How what stands there is renamed; with an empty name, whether it can be. `None` if nothing
    /// that has a name stands there.
    pub rename: fn(&Document<'_>, at: usize, name: &str) -> Option<Renaming>,
    /// What is shown between the words of the text.
    pub hints: fn(&Document<'_>) -> Vec<Hint>,
    /// Parts of the text that name files.
    pub links: fn(&Document<'_>) -> Vec<Link>,
    /// The outline.
    pub symbols: fn(&Document<'_>) -> Vec<Symbol>,
    /// What can be folded.
    pub folds: fn(&Document<'_>) -> Vec<Fold>,
    /// Ever larger ranges around the place.
    pub selections: fn(&Document<'_>, at: usize) -> Vec<Range<usize>>,
    /// What changes when the text is put in order.
    pub format: fn(&Document<'_>) -> Vec<Edit>,
    /// What can be done with the service, and above which place.
    pub lenses: fn(&Document<'_>) -> Vec<PlacedLens>,
}

impl Features {
    /// No answer to anything: what a kind that is not YAML begins with.
    pub const NONE: Features = Features {
        problems: |_| Vec::new(),
        hover: |_, _| None,
        completions: |_, _| Vec::new(),
        definition: |_, _| Vec::new(),
        references: |_, _| Vec::new(),
        rename: |_, _, _| None,
        hints: |_| Vec::new(),
        links: |_| Vec::new(),
        symbols: |_| Vec::new(),
        folds: |_| Vec::new(),
        selections: |_, _| Vec::new(),
        format: |_| Vec::new(),
        lenses: |_| Vec::new(),
    };

    /// What any YAML has.
    pub const YAML: Features = Features {
        symbols: |document| yaml::symbols(document.parsed()),
        folds: |document| yaml::folds(document.text(), document.parsed()),
        selections: |document, at| yaml::selections(document.text(), document.parsed(), at),
        format: |document| yaml::format(document.text()),
        ..Features::NONE
    };
}

/// A text, and what it was parsed to when somebody needed that first.
#[derive(Debug, Default)]
pub struct Source {
    text: String,
    parsed: OnceLock<Parsed>,
    template: OnceLock<Template>,
}

impl Source {
    /// A text that nobody has looked at yet.
    pub fn new(text: impl Into<String>) -> Source {
        Source {
            text: text.into(),
            ..Source::default()
        }
    }

    /// The text.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The text, to change it.
    pub fn into_text(self) -> String {
        self.text
    }

    /// The text as YAML.
    pub fn parsed(&self) -> &Parsed {
        self.parsed.get_or_init(|| yaml::parse(&self.text))
    }

    /// The text as a template of a chart.
    pub fn template(&self) -> &Template {
        self.template.get_or_init(|| Template::read(&self.text))
    }
}

/// A text with its kind and what lies around it: all that an answer is made of.
#[derive(Clone, Copy)]
pub struct Document<'a> {
    /// What it is for azds.
    pub kind: Kind,
    /// Its path, relative to the folder of the service.
    pub path: &'a str,
    /// The text.
    pub source: &'a Arc<Source>,
    /// What lies around it.
    pub around: &'a dyn Surroundings,
}

impl<'a> Document<'a> {
    /// The text.
    pub fn text(&self) -> &'a str {
        self.source.text()
    }

    /// The text as YAML.
    pub fn parsed(&self) -> &'a Parsed {
        self.source.parsed()
    }

    /// Whether it bears its name by chance: nothing is to be said about it.
    pub fn is_foreign(&self) -> bool {
        self.kind == Kind::AzdsYaml && azds_yaml::is_of_another(self.text())
    }

    /// What is wrong, in the order of the text, without what a comment suppresses.
    pub fn problems(&self) -> Vec<Problem> {
        let suppressions = Suppressions::of(self.text());
        let mut problems = super::in_order((self.kind.features().problems)(self));
        problems.retain(|problem| !suppressions.hide(problem));
        problems
    }

    /// What is known of a place.
    pub fn hover(&self, at: usize) -> Option<Hover> {
        (self.kind.features().hover)(self, at)
    }

    /// What may be written at a place, the best first.
    pub fn completions(&self, at: usize) -> Vec<Completion> {
        (self.kind.features().completions)(self, at)
    }

    /// Where what stands at a place is made or lies.
    pub fn definition(&self, at: usize) -> Vec<Place> {
        (self.kind.features().definition)(self, at)
    }

    /// All places that name what stands at a place.
    pub fn references(&self, at: usize) -> Vec<Place> {
        (self.kind.features().references)(self, at)
    }

    /// How what stands at a place is renamed; with an empty name, whether it can be.
    pub fn rename(&self, at: usize, name: &str) -> Option<Renaming> {
        (self.kind.features().rename)(self, at, name)
    }

    /// What is shown between the words of the text.
    pub fn hints(&self) -> Vec<Hint> {
        (self.kind.features().hints)(self)
    }

    /// Parts of the text that name files.
    pub fn links(&self) -> Vec<Link> {
        (self.kind.features().links)(self)
    }

    /// The outline.
    pub fn symbols(&self) -> Vec<Symbol> {
        (self.kind.features().symbols)(self)
    }

    /// What can be folded.
    pub fn folds(&self) -> Vec<Fold> {
        (self.kind.features().folds)(self)
    }

    /// Ever larger ranges around a place, each containing the one before.
    pub fn selections(&self, at: usize) -> Vec<Range<usize>> {
        (self.kind.features().selections)(self, at)
    }

    /// What changes when the text is put in order. The text means what it meant.
    pub fn format(&self) -> Vec<Edit> {
        (self.kind.features().format)(self)
    }

    /// What can be done with the service, and above which place.
    pub fn lenses(&self) -> Vec<PlacedLens> {
        (self.kind.features().lenses)(self)
    }
}
