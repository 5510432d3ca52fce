//! What an `up` builds and with which values it installs: azds.yaml, its files and its tokens.

use std::io::Write;
use std::path::{Path, PathBuf};

use crate::analysis::azds_yaml::{Settings, Tokens};
use crate::commands::service::Service;
use crate::context::{self, BuildContext, Selection};
use crate::failure::{Context, Failure, Result};

const WHAT: &str = "the service was not started";
/// The configuration that is used where there is one and nothing was said.
const DEFAULT_CONFIGURATION: &str = "develop";
/// Says that no configuration is to be used.
const NO_CONFIGURATION: &str = "none";

/// The settings of the configuration that was asked for, tokens and variables unexpanded.
pub fn settings(service: &Service, asked: Option<&str>) -> Result<Settings> {
    let known: Vec<&str> = service.file.configurations().collect();
    let configuration = match asked {
        Some(NO_CONFIGURATION) => None,
        Some(name) if known.contains(&name) => Some(name),
        Some(name) => {
            let object = service.folder.join("azds.yaml").display().to_string();
            let why = format!("it has no configuration {name}");
            return Err(Failure::new(WHAT, object, why).try_to(format!(
                "Use one of: {}.",
                [known.as_slice(), &[NO_CONFIGURATION]].concat().join(", ")
            )));
        }
        None => known
            .contains(&DEFAULT_CONFIGURATION)
            .then_some(DEFAULT_CONFIGURATION),
    };
    Ok(service.file.settings(configuration))
}

/// Reads what belongs to the build. Blocking.
pub fn build_context(service: &Service, settings: &Settings) -> Result<BuildContext> {
    context::read(&Selection {
        root: &service.folder.join(&settings.context),
        dockerfile: &service.folder.join(&settings.dockerfile),
        use_git_ignore: settings.use_git_ignore,
        ignore: &settings.ignore,
    })
}

/// What the tokens stand for in a space with these parents, the root last.
pub fn tokens(tag: &str, space: &str, parents: &[String], host_suffix: &str) -> Tokens {
    let (space_prefix, root) = match parents.last() {
        Some(root) => (format!("{space}.s."), root.as_str()),
        None => (String::new(), space),
    };
    Tokens {
        tag: tag.to_owned(),
        space_prefix,
        root_space_prefix: format!("{root}."),
        host_suffix: host_suffix.to_owned(),
    }
}

/// The values files that there are, later ones winning, and what a person should know of them.
pub fn values_files(service: &Service, settings: &Settings) -> Result<(Vec<PathBuf>, Vec<String>)> {
    let (mut files, mut warnings) = (Vec::new(), Vec::new());
    for given in settings.values_in_order(|path| service.folder.join(path).is_file()) {
        let path = service.folder.join(&given.path);
        if !given.is_there {
            return Err(missing(&path));
        }
        if given.path != given.entry {
            warnings.push(format!(
                "container.values names {}, which is not there; {} is used.",
                given.entry,
                path.display()
            ));
        }
        files.push(path);
    }
    Ok((files, warnings))
}

/// A values file with the cluster's class of Ingress, for a chart that has the value and leaves it
/// empty. It is the lowest of all.
pub fn ingress_class(chart: &Path, class: &str) -> Result<Option<tempfile::NamedTempFile>> {
    // What is wrong with the chart's own values is helm's to say.
    let text = std::fs::read_to_string(chart.join("values.yaml")).unwrap_or_default();
    let values: serde_json::Value = serde_saphyr::from_str(&text).unwrap_or_default();
    let left_open = values.pointer("/ingress/className");
    if class.is_empty() || !left_open.is_some_and(|it| it.is_null() || it == "") {
        return Ok(None);
    }
    let values = serde_json::json!({"ingress": {"className": class}});
    let object = "a temporary file";
    let mut file = tempfile::NamedTempFile::new().or_fail(WHAT, object)?;
    write!(file, "{values}").or_fail(WHAT, object)?;
    Ok(Some(file))
}

fn missing(path: &Path) -> Failure {
    Failure::new(
        WHAT,
        path.display().to_string(),
        "this values file is not there",
    )
    .try_to("Write it, or end its entry in azds.yaml with ? to make it optional.")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn service(azds_yaml: &str, files: &[&str]) -> (tempfile::TempDir, Service) {
        let folder = tempfile::tempdir().expect("a folder");
        let chart = folder.path().join("charts/consumer");
        std::fs::create_dir_all(&chart).expect("a folder");
        std::fs::write(chart.join("Chart.yaml"), "name: consumer\nversion: 0.1.0\n")
            .expect("a file");
        std::fs::write(folder.path().join("azds.yaml"), azds_yaml).expect("a file");
        for file in files {
            std::fs::write(folder.path().join(file), "").expect("a file");
        }
        let service = Service::read(folder.path(), WHAT).expect("a service");
        (folder, service)
    }

    const BASE: &str = "kind: helm-release\napiVersion: 1.1\nbuild:\n  context: .\n  dockerfile: Dockerfile\ninstall:\n  chart: charts/consumer\n";

    fn names(files: &[PathBuf]) -> Vec<&str> {
        files
            .iter()
            .filter_map(|file| file.file_name()?.to_str())
            .collect()
    }

    #[test]
    fn the_entry_of_2018_and_todays_default_both_work() {
        let todays = format!("{BASE}  values:\n  - values.dev.yaml?\n  - secrets.dev.yaml?\n");
        let (_folder, it) = service(&todays, &["values.dev.yaml"]);
        let (files, warnings) = values_files(&it, &it.file.settings(None)).expect("files");
        assert_eq!(
            (names(&files), warnings.len()),
            (vec!["values.dev.yaml"], 0)
        );

        let old = format!(
            "{BASE}configurations:\n  develop:\n    container:\n      values:\n      - \"charts/consumer/old.dev.yaml\"\n"
        );
        let (_folder, it) = service(&old, &["old.dev.yaml"]);
        let develop = settings(&it, None).expect("develop is there");
        let (files, warnings) = values_files(&it, &develop).expect("files");
        assert_eq!((names(&files), warnings.len()), (vec!["old.dev.yaml"], 1));
        let none = settings(&it, Some("none")).expect("none is always there");
        assert!(values_files(&it, &none).expect("files").0.is_empty());
        let failure = settings(&it, Some("debug")).expect_err("no such configuration");
        assert!(failure.remedy.contains("develop, none"), "{failure}");
    }

    #[test]
    fn hosts_of_a_child_space_name_it_and_the_root() {
        let host = |space: &str, parents: &[&str]| {
            let parents: Vec<_> = parents.iter().map(|it| (*it).to_owned()).collect();
            let it = tokens("t", space, &parents, ".x");
            format!(
                "{}{}shop{}",
                it.space_prefix, it.root_space_prefix, it.host_suffix
            )
        };
        assert_eq!(host("dev", &[]), "dev.shop.x");
        assert_eq!(host("alice", &["dev"]), "alice.s.dev.shop.x");
        assert_eq!(host("fix", &["alice", "dev"]), "fix.s.dev.shop.x");
    }

    #[test]
    fn a_values_file_that_is_asked_for_must_be_there() {
        let (_folder, it) = service(&format!("{BASE}  values:\n  - must.yaml\n"), &[]);
        let failure = values_files(&it, &it.file.settings(None)).expect_err("not there");
        assert!(failure.object.ends_with("must.yaml"), "{failure}");
    }

    #[test]
    fn the_class_of_ingress_is_given_to_charts_that_leave_it_open() {
        let chart = tempfile::tempdir().expect("a folder");
        for (values, given) in [
            ("ingress:\n  className: \"\"\n", true),
            ("ingress:\n  className: other\n", false),
            ("ingress:\n  enabled: true\n", false),
        ] {
            std::fs::write(chart.path().join("values.yaml"), values).expect("a file");
            let file = ingress_class(chart.path(), "nginx").expect("a file");
            assert_eq!(file.is_some(), given, "{values}");
        }
        let file = ingress_class(chart.path(), "").expect("no class");
        assert!(file.is_none());
    }
}
