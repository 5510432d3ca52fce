//! A service as a whole: azds.yaml, its values files, its chart and what else lies in its folder.
//!
//! One model for all of them: which files Helm is given, in which order, what each of them sets,
//! and what the chart's templates read of it.

mod chart;
mod complete;
mod cursor;
mod features;
mod files;
mod hover;
mod layers;
mod problems;
mod rename;
mod schema;
mod secrets;

use std::sync::Arc;

pub use chart::Chart;
pub use cursor::Key;
pub(super) use features::{DOCKERFILE, LAUNCH, TASKS, TEMPLATE, in_service};
pub use files::DEVELOPMENT;
pub use layers::{Layer, Origin, Setting, path_at};
pub use problems::Found;
pub use secrets::SecretVariable;

use super::azds_yaml::{self, AzdsFile, Given, Settings};
use super::{Source, Surroundings};

/// Name of the file that makes a folder a service's.
pub const AZDS_YAML: &str = "azds.yaml";
/// The configuration that `up` takes where there is one and nothing was said.
const DEVELOP: &str = "develop";

/// A service as an `up` without a word about its configuration would take it.
pub struct Service {
    /// What azds.yaml says.
    pub file: AzdsFile,
    /// What follows from it.
    pub settings: Settings,
    /// azds.yaml.
    pub azds_yaml: Arc<Source>,
    /// The values files that azds.yaml names.
    pub given: Vec<Given>,
    /// What sets values, later ones winning.
    pub layers: Vec<Layer>,
    /// Values files for development that lie in the chart's folder and are not used.
    pub unused_files: Vec<String>,
    /// The chart.
    pub chart: Chart,
    /// Whether it is a .NET project.
    pub is_dotnet: bool,
}

impl Service {
    /// Reads a service. `None` if there is no azds.yaml that is ours.
    pub fn read(folder: &dyn Surroundings) -> Option<Service> {
        let azds_yaml = folder.source(AZDS_YAML)?;
        let file = azds_yaml::file_of(&azds_yaml);
        if file.is_foreign() {
            return None;
        }
        let configuration = file.configurations().find(|name| *name == DEVELOP);
        let settings = file.settings(configuration);
        let given = settings.values_in_order(|path| folder.source(path).is_some());
        let chart = Chart::read(folder, &settings.chart);
        let mut layers = Vec::new();
        let mut push = |path: &str, origin: Origin| {
            if let Some(source) = folder.source(path) {
                layers.push(Layer::new(path, source, origin));
            }
        };
        if !settings.chart.is_empty() {
            push(&chart.file("values.yaml"), Origin::Chart);
        }
        for given in given.iter().filter(|given| given.is_there) {
            push(&given.path, Origin::Given);
        }
        push(AZDS_YAML, Origin::Set(None));
        if configuration.is_some() {
            push(AZDS_YAML, Origin::Set(Some(DEVELOP)));
        }
        let is_dotnet = folder.entries(".").iter().any(|name| {
            [".csproj", ".fsproj", ".vbproj"]
                .iter()
                .any(|end| name.ends_with(end))
        });
        let in_chart = DEVELOPMENT.map(|name| chart.file(name));
        let is_unused = |path: &String| {
            !settings.chart.is_empty()
                && folder.source(path).is_some()
                && !given
                    .iter()
                    .any(|given| given.path.trim_start_matches("./") == path)
                && !layers.iter().any(|layer| layer.path == *path)
        };
        let unused_files = in_chart.into_iter().filter(is_unused).collect();
        let mut service = Service {
            file,
            settings,
            azds_yaml,
            given,
            layers,
            unused_files,
            chart,
            is_dotnet,
        };
        service.chart.scan(&service.layers);
        Some(service)
    }

    /// Paths of the files that problems are looked for in: azds.yaml, all values files that are used,
    /// and the templates.
    pub fn paths(&self) -> Vec<&str> {
        let mut paths = vec![AZDS_YAML];
        let values = self.layers.iter().map(|layer| layer.path.as_str());
        let templates = self.chart.templates.iter().map(|(path, _)| path.as_str());
        for path in values.chain(templates) {
            if !paths.contains(&path) {
                paths.push(path);
            }
        }
        paths
    }
}

#[cfg(test)]
mod corpus;
#[cfg(test)]
mod tests;
