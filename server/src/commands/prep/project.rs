//! What is in the folder already: the project, and what an earlier prep or the user wrote.

use std::fs;
use std::io::ErrorKind;
use std::path::{Component, Path};

use serde::Deserialize;

use super::WHAT;
use super::dotnet::DotNet;
use super::go::Go;
use super::java::Java;
use super::node::Node;
use super::python::Python;
use crate::failure::{Context, Failure, Result};

/// Port of a service whose Dockerfile says nothing else.
const PORT: u16 = 80;
/// Longest label of a DNS name.
const LABEL: usize = 63;
/// Names that YAML would not take for text.
const YAML_WORDS: [&str; 9] = ["false", "n", "no", "null", "off", "on", "true", "y", "yes"];

/// A project whose language is known.
pub(super) enum Project {
    DotNet(DotNet),
    Go(Go),
    Java(Java),
    Node(Node),
    Python(Python),
}

/// Finds the project of one language in a folder.
type Find = fn(&Path, &mut Vec<String>) -> Result<Option<Project>>;

/// The languages that are known. Of several projects in a folder the first one counts: many services
/// have a package.json for their pages, or a requirements.txt for their documentation.
const LANGUAGES: [(&str, Find); 5] = [
    ("dotnet", DotNet::find),
    ("go", Go::find),
    ("java", Java::find),
    ("python", Python::find),
    ("node", Node::find),
];

impl Project {
    /// Finds the project of a folder, of the given language if one is given.
    pub fn find(
        folder: &Path,
        language: Option<&str>,
        warnings: &mut Vec<String>,
    ) -> Result<Option<Project>> {
        let languages: Vec<&(&str, Find)> = LANGUAGES
            .iter()
            .filter(|(name, _)| language.is_none_or(|language| language == *name))
            .collect();
        if languages.is_empty() {
            let why = "it is not a language that azds knows";
            return Err(Failure::new(WHAT, language.unwrap_or_default(), why)
                .try_to("Name dotnet, go, java, node or python, or none and write a Dockerfile."));
        }
        let mut found = None;
        for (_, find) in languages {
            if found.is_none() {
                found = find(folder, warnings)?;
            }
        }
        if let (None, Some(language)) = (&found, language) {
            return Err(Failure::new(
                WHAT,
                folder.display().to_string(),
                format!("there is no {language} project in it"),
            )
            .try_to("A project is known by its *.csproj, go.mod, pom.xml, build.gradle, package.json, requirements.txt (which may be empty) or pyproject.toml."));
        }
        Ok(found)
    }

    pub fn language(&self) -> &'static str {
        match self {
            Project::DotNet(_) => "dotnet",
            Project::Go(_) => "go",
            Project::Java(_) => "java",
            Project::Node(_) => "node",
            Project::Python(_) => "python",
        }
    }

    /// The project's own name, for a service whose folder has none that would do.
    pub fn name(&self) -> &str {
        match self {
            Project::DotNet(project) => &project.name,
            Project::Go(_) | Project::Java(_) | Project::Node(_) | Project::Python(_) => "",
        }
    }
}

/// What an earlier prep or the user wrote, and what follows from it for the rest.
pub(super) struct Existing {
    /// The chart that is named on the command line or in azds.yaml, relative to the folder.
    pub chart: Option<String>,
    /// Whether there is a Dockerfile.
    pub dockerfile: bool,
    /// The port that it exposes.
    pub port: u16,
}

impl Existing {
    pub fn find(
        folder: &Path,
        chart: Option<&Path>,
        warnings: &mut Vec<String>,
    ) -> Result<Existing> {
        let chart = match chart {
            Some(chart) => Some(existing_chart(folder, chart)?),
            None => chart_of_azds_yaml(folder, warnings)?,
        };
        let dockerfile = read(&folder.join("Dockerfile"))?;
        Ok(Existing {
            chart,
            port: dockerfile.as_deref().and_then(exposed_port).unwrap_or(PORT),
            dockerfile: dockerfile.is_some(),
        })
    }

    /// Name of the service: that of a chart that is there, else that of the chart's folder.
    pub fn service_name(&self, folder: &Path, chart: &str) -> String {
        #[derive(Deserialize)]
        struct Chart {
            name: String,
        }
        let text = fs::read_to_string(folder.join(chart).join("Chart.yaml")).unwrap_or_default();
        match serde_saphyr::from_str::<Chart>(&text) {
            Ok(chart) => chart.name,
            Err(_) => service_name(Path::new(chart), None),
        }
    }
}

/// The text of a file, if there is one.
pub(super) fn read(path: &Path) -> Result<Option<String>> {
    match fs::read(path) {
        Ok(text) => Ok(Some(String::from_utf8_lossy(&text).into_owned())),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error).or_fail(WHAT, path.display().to_string()),
    }
}

fn existing_chart(folder: &Path, chart: &Path) -> Result<String> {
    let object = chart.display().to_string();
    let relative = chart.strip_prefix(folder).unwrap_or(chart);
    if relative.is_absolute() {
        return Err(
            Failure::new(WHAT, object, "the chart is named by an absolute path")
                .try_to("Name it relative to the folder of the service."),
        );
    }
    if !folder.join(relative).join("Chart.yaml").is_file() {
        return Err(Failure::new(WHAT, object, "there is no Chart.yaml in it")
            .try_to("Name the folder of a Helm chart, relative to that of the service."));
    }
    let parts = relative
        .components()
        .filter(|part| *part != Component::CurDir);
    let parts: Vec<_> = parts
        .map(|part| part.as_os_str().to_string_lossy())
        .collect();
    Ok(parts.join("/"))
}

fn chart_of_azds_yaml(folder: &Path, warnings: &mut Vec<String>) -> Result<Option<String>> {
    #[derive(Deserialize)]
    struct AzdsYaml {
        install: Install,
    }
    #[derive(Deserialize)]
    struct Install {
        chart: String,
    }
    let Some(text) = read(&folder.join("azds.yaml"))? else {
        return Ok(None);
    };
    match serde_saphyr::from_str::<AzdsYaml>(&text) {
        // The original's Windows tools wrote back-slashes.
        Ok(azds_yaml) => Ok(Some(azds_yaml.install.chart.replace('\\', "/"))),
        Err(_) => {
            warnings.push(
                "azds.yaml stays as it is, but names no chart under install.chart: run azds check."
                    .to_owned(),
            );
            Ok(None)
        }
    }
}

/// The port of a Dockerfile's last EXPOSE, if it is a plain number.
fn exposed_port(dockerfile: &str) -> Option<u16> {
    let exposed = dockerfile.lines().rev().find_map(|line| {
        let (instruction, ports) = line.trim().split_once(char::is_whitespace)?;
        instruction.eq_ignore_ascii_case("EXPOSE").then_some(ports)
    })?;
    let first = exposed.split_whitespace().next()?;
    first
        .split('/')
        .next()?
        .parse()
        .ok()
        .filter(|port| *port > 0)
}

/// The name of a folder, or failing that of the project, as a DNS label (RFC 1035): lower-case
/// letters, digits and hyphens, a letter first.
pub(super) fn service_name(folder: &Path, project: Option<&str>) -> String {
    let folder = folder.file_name().unwrap_or_default().to_string_lossy();
    [folder.as_ref(), project.unwrap_or_default()]
        .into_iter()
        .map(label)
        .find(|name| !name.is_empty())
        .unwrap_or_else(|| "service".to_owned())
}

fn label(name: &str) -> String {
    let lower = name.to_lowercase();
    let parts = lower.split(|c: char| !c.is_ascii_alphanumeric());
    let mut label = parts
        .filter(|part| !part.is_empty())
        .collect::<Vec<_>>()
        .join("-");
    let is_word_of_yaml = YAML_WORDS.contains(&label.as_str());
    if is_word_of_yaml || label.starts_with(|c: char| c.is_ascii_digit()) {
        label.insert_str(0, "app-");
    }
    label.truncate(LABEL);
    label.trim_end_matches('-').to_owned()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_service_is_named_after_its_folder() {
        let name = |folder: &str, project| service_name(Path::new(folder), project);
        assert_eq!(name("/src/producer", Some("Other")), "producer");
        assert_eq!(name("/src/Contoso.Bikes_API", None), "contoso-bikes-api");
        assert_eq!(name("/src/3d viewer", None), "app-3d-viewer");
        assert_eq!(name("/src/On", None), "app-on");
        assert_eq!(name("/src/服务", Some("Web")), "web");
        assert_eq!(name("/", None), "service");
    }

    #[test]
    fn the_port_is_the_one_of_the_last_expose() {
        assert_eq!(
            exposed_port("FROM a\nexpose 5000\nFROM b\n  EXPOSE 8080/tcp 9090"),
            Some(8080)
        );
        assert_eq!(exposed_port("FROM a\nEXPOSE $PORT"), None);
        assert_eq!(exposed_port("FROM a"), None);
    }

    proptest! {
        #[test]
        fn every_folder_gives_a_dns_label(folder in "[^/\0]{1,80}") {
            let name = service_name(Path::new(&folder), None);
            prop_assert!(!name.is_empty() && name.len() <= LABEL, "{name}");
            prop_assert!(name.starts_with(|c: char| c.is_ascii_lowercase()), "{name}");
            prop_assert!(!name.ends_with('-'), "{name}");
            let fit = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
            prop_assert!(name.chars().all(fit), "{name}");
        }
    }
}
