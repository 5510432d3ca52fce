//! From a place in a file to the value that it is about.

use std::ops::Range;

use super::layers::path_at;
use super::{Layer, Service};
use crate::analysis::chart::reads::{Mention, Path, Step};

/// A key and where it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Key {
    /// Its path in the values.
    pub path: Path,
    /// Where its name stands.
    pub range: Range<usize>,
}

impl Service {
    /// The key at an offset of a template, a values file, or `install.set`.
    pub fn key_at(&self, file: &str, at: usize) -> Option<Key> {
        if let Some(template) = self.chart.template(file) {
            let mention = self.chart.reads.mentions.iter().find(|mention| {
                mention.template == template && mention.start <= at && at <= mention.end
            })?;
            return Some(Key {
                path: mention.path.clone(),
                range: mention.range(),
            });
        }
        self.layers_of(file).find_map(|(_, layer)| {
            let root = layer.root()?;
            if at < root.range.start || root.range.end < at {
                return None;
            }
            let (path, range) = path_at(root, at)?;
            Some(Key { path, range })
        })
    }

    /// The layers that a file has, with their numbers.
    pub fn layers_of<'s>(&'s self, file: &'s str) -> impl Iterator<Item = (usize, &'s Layer)> {
        let layers = self.layers.iter().enumerate();
        layers.filter(move |(_, layer)| layer.path == file)
    }

    /// Where templates name a key.
    pub fn mentions_of<'s>(&'s self, path: &'s [Step]) -> impl Iterator<Item = &'s Mention> {
        let mentions = self.chart.reads.mentions.iter();
        mentions.filter(move |mention| same(&mention.path, path))
    }
}

/// Whether a path of a template and one of a file name the same key: `*` stands for any.
fn same(of_template: &[Step], path: &[Step]) -> bool {
    of_template.len() == path.len()
        && of_template
            .iter()
            .zip(path)
            .all(|(a, b)| a == b || *a == Step::Each)
}
