//! A service as its folder describes it, and the names that follow from that.

use std::path::{Path, PathBuf};

use serde::Deserialize;

use crate::analysis::azds_yaml::{AzdsFile, analyse};
use crate::analysis::{Problem, Severity};
use crate::failure::{Action, Context, Failure, Result};

/// Name of the file that makes a folder a service's.
pub const CONFIG_FILE: &str = "azds.yaml";
/// Helm's limit for the name of a release.
const RELEASE_NAME_LIMIT: usize = 53;

/// A service as its folder describes it.
pub struct Service {
    /// The folder, absolute and without links.
    pub folder: PathBuf,
    /// Its azds.yaml.
    pub file: AzdsFile,
    /// Folder of its chart.
    pub chart: PathBuf,
    /// Its name, which is its chart's.
    pub name: String,
}

impl Service {
    /// Reads a folder's azds.yaml and chart. Blocking. `what` does not happen if they are wrong.
    pub fn read(folder: &Path, what: &str) -> Result<Service> {
        let (service, problems, text) = Service::read_leniently(folder, what)?;
        let error = problems
            .iter()
            .find(|problem| problem.severity == Severity::Error);
        match error {
            Some(problem) => Err(refusal(&service.folder, what, problem, &text)),
            None => Ok(service),
        }
    }

    /// As [`Service::read`], but what is wrong in azds.yaml stops nothing as long as the chart is
    /// found: enough to remove or to list a service.
    pub fn find(folder: &Path, what: &str) -> Result<Service> {
        Service::read_leniently(folder, what).map(|(service, ..)| service)
    }

    fn read_leniently(folder: &Path, what: &str) -> Result<(Service, Vec<Problem>, String)> {
        let folder = dunce::canonicalize(folder).or_fail(what, folder.display().to_string())?;
        let path = folder.join(CONFIG_FILE);
        let object = path.display().to_string();
        let text = std::fs::read_to_string(&path).map_err(|error| match error.kind() {
            std::io::ErrorKind::NotFound => {
                Failure::new(what, "", format!("Config file not found: {object}"))
                    .try_to("Run azds prep in the folder of the service first.")
                    .offer(Action::Prep)
            }
            _ => Failure::new(what, object.as_str(), error.to_string()),
        })?;
        let analysis = analyse(&text);
        if analysis.file.is_foreign() {
            return Err(Failure::new(what, object, "its kind is not helm-release")
                .try_to("It belongs to another tool; run azds in the folder of a service."));
        }
        let settings = analysis.file.settings(None);
        let first_error = || {
            let problem = analysis
                .problems
                .iter()
                .find(|problem| problem.severity == Severity::Error)?;
            Some(refusal(&folder, what, problem, &text))
        };
        if settings.chart.is_empty() {
            return Err(first_error().unwrap_or_else(|| {
                Failure::new(what, object, "it has no install.chart")
                    .try_to("Name the folder of the chart there: install: chart: charts/NAME.")
            }));
        }
        let chart = folder.join(&settings.chart);
        let name = chart_name(&chart, what)?;
        let service = Service {
            folder,
            file: analysis.file,
            chart,
            name,
        };
        Ok((service, analysis.problems, text))
    }

    /// Name of the service's Helm release in a space.
    pub fn release(&self, space: &str) -> String {
        release_name(&self.folder, space, &self.name)
    }
}

fn refusal(folder: &Path, what: &str, problem: &Problem, text: &str) -> Failure {
    let before = &text[..problem.range.start.min(text.len())];
    let line = before.matches('\n').count() + 1;
    let object = format!("{}:{line}", folder.join(CONFIG_FILE).display());
    let remedy = match problem.fixes.first() {
        Some(fix) => format!("{}.", fix.title.trim_end_matches('.')),
        None => "Correct the line; azds check shows all that is wrong.".to_owned(),
    };
    Failure::new(what, object, problem.message.as_str()).try_to(remedy)
}

#[derive(Deserialize)]
struct Chart {
    name: String,
}

fn chart_name(chart: &Path, what: &str) -> Result<String> {
    let path = chart.join("Chart.yaml");
    let object = path.display().to_string();
    let text = std::fs::read_to_string(&path)
        .or_fail(what, object.as_str())
        .map_err(|failure| {
            failure.try_to("Correct install.chart in azds.yaml, or let azds prep write a chart.")
        })?;
    let chart: Chart = serde_saphyr::from_str(&text).or_fail(what, object)?;
    Ok(chart.name)
}

/// `azds-<6 hex of the folder>-<space>-<chart>`, cut with a hash where Helm would refuse it.
fn release_name(folder: &Path, space: &str, chart: &str) -> String {
    let folder = blake3::hash(folder.as_os_str().as_encoded_bytes()).to_hex();
    let name = format!("azds-{}-{space}-{chart}", &folder[..6]).to_lowercase();
    if name.len() <= RELEASE_NAME_LIMIT {
        return name;
    }
    let hash = blake3::hash(name.as_bytes()).to_hex();
    let mut end = RELEASE_NAME_LIMIT - 7;
    while !name.is_char_boundary(end) {
        end -= 1;
    }
    format!(
        "{}-{}",
        name[..end].trim_end_matches(['-', '.']),
        &hash[..6]
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_releases_fit_helm_and_differ() {
        let short = release_name(Path::new("/src/producer"), "dev", "producer");
        assert!(short.starts_with("azds-") && short.ends_with("-dev-producer"));
        assert_eq!(short.len(), "azds-123456-dev-producer".len());
        let long =
            |chart: &str| release_name(Path::new("/src"), "a-rather-long-space-name-here", chart);
        let (a, b) = (
            long("a-service-with-a-long-name-1"),
            long("a-service-with-a-long-name-2"),
        );
        assert!(a.len() <= RELEASE_NAME_LIMIT && b.len() <= RELEASE_NAME_LIMIT);
        assert_ne!(a, b);
    }

    fn folder(azds_yaml: Option<&str>) -> tempfile::TempDir {
        let folder = tempfile::tempdir().expect("a folder");
        let chart = folder.path().join("charts/producer");
        std::fs::create_dir_all(&chart).expect("a folder");
        std::fs::write(chart.join("Chart.yaml"), "name: producer\nversion: 0.1.0\n")
            .expect("a file");
        if let Some(text) = azds_yaml {
            std::fs::write(folder.path().join(CONFIG_FILE), text).expect("a file");
        }
        folder
    }

    const GOOD: &str = "kind: helm-release\napiVersion: 1.1\nbuild:\n  context: .\n  dockerfile: Dockerfile\ninstall:\n  chart: charts/producer\n";

    #[test]
    fn a_service_is_named_by_its_chart() {
        let folder = folder(Some(GOOD));
        let service = Service::read(folder.path(), "up did not start").expect("a service");
        assert_eq!(service.name, "producer");
    }

    #[test]
    fn what_is_wrong_is_named_with_file_and_line() {
        let missing = Service::read(folder(None).path(), "nothing was started")
            .err()
            .expect("no file");
        assert!(
            missing.why.starts_with("Config file not found: "),
            "{missing}"
        );
        assert!(missing.remedy.contains("azds prep"));
        let folder = folder(Some(&GOOD.replace("context: .", "context: [.]")));
        let wrong = Service::read(folder.path(), "nothing was started")
            .err()
            .expect("a wrong type");
        assert!(wrong.object.ends_with("azds.yaml:4"), "{wrong}");
        assert!(
            Service::find(folder.path(), "").is_ok(),
            "down works all the same"
        );
    }
}
