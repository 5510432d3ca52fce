//! The files of a chart.

use std::sync::Arc;

use super::Layer;
use crate::analysis::chart::reads::Reads;
use crate::analysis::chart::scan;
use crate::analysis::chart::template::Template;
use crate::analysis::yaml::Node;
use crate::analysis::{Source, Surroundings};

/// Folders below `templates/` are followed so far.
const MOST_DEPTH: usize = 8;

/// A chart, as far as it lies in a folder. One that is packed has no templates here.
#[derive(Debug, Default)]
pub struct Chart {
    /// Its folder, relative to that of azds.yaml.
    pub folder: String,
    /// Its templates, with their paths.
    pub templates: Vec<(String, Arc<Source>)>,
    /// `values.schema.json`.
    pub schema: Option<Arc<Source>>,
    /// Names under which charts that it depends on get their values.
    pub dependencies: Vec<String>,
    /// What the templates read of the values.
    pub reads: Reads,
}

impl Chart {
    /// Reads a chart's folder.
    pub(super) fn read(around: &dyn Surroundings, folder: &str) -> Chart {
        let mut chart = Chart {
            folder: folder.trim_end_matches('/').to_owned(),
            ..Chart::default()
        };
        if folder.is_empty() {
            return chart;
        }
        let templates = chart.file("templates");
        chart.collect(around, &templates, MOST_DEPTH);
        chart.schema = around.source(&chart.file("values.schema.json"));
        for name in ["Chart.yaml", "requirements.yaml"] {
            if let Some(source) = around.source(&chart.file(name)) {
                chart.depend(source.parsed().documents.first());
            }
        }
        let packed = around.entries(&chart.file("charts"));
        let packed = packed
            .iter()
            .map(|name| name.trim_end_matches('/').to_owned());
        chart.dependencies.extend(packed);
        chart
    }

    /// Path of one of its files.
    pub fn file(&self, name: &str) -> String {
        format!("{}/{name}", self.folder)
    }

    /// Number of a template.
    pub fn template(&self, path: &str) -> Option<usize> {
        self.templates.iter().position(|(known, _)| known == path)
    }

    fn collect(&mut self, around: &dyn Surroundings, folder: &str, depth: usize) {
        for name in around.entries(folder) {
            let path = format!("{folder}/{name}");
            match path.strip_suffix('/') {
                Some(folder) if depth > 0 => self.collect(around, folder, depth - 1),
                Some(_) => {}
                None => {
                    if let Some(source) = around.source(&path) {
                        self.templates.push((path, source));
                    }
                }
            }
        }
    }

    fn depend(&mut self, root: Option<&Node>) {
        let Some(dependencies) = root.and_then(|root| root.get("dependencies")) else {
            return;
        };
        for dependency in dependencies.items() {
            for key in ["alias", "name"] {
                let name = dependency.get(key).and_then(Node::text);
                self.dependencies.extend(name.map(str::to_owned));
            }
        }
    }

    /// Finds what the templates read. Where they evaluate texts of the values, these are templates, too.
    pub(super) fn scan(&mut self, layers: &[Layer]) {
        let of_files = self.templates.iter();
        let mut sources: Vec<(&str, &Template)> = of_files
            .map(|(_, source)| (source.text(), source.template()))
            .collect();
        let mut reads = scan(&sources);
        if reads.evaluates_values {
            let mut texts = Vec::new();
            for root in layers.iter().filter_map(Layer::root) {
                root.walk(&mut |node| {
                    texts.extend(node.text().filter(|text| text.contains("{{")));
                });
            }
            let templates: Vec<_> = texts.iter().map(|text| Template::read(text)).collect();
            sources.extend(texts.iter().copied().zip(&templates));
            reads = scan(&sources);
            let files = self.templates.len();
            reads.mentions.retain(|mention| mention.template < files);
            reads.reads.retain(|read| read.template < files);
        }
        self.reads = reads;
    }
}
