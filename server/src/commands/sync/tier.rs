//! What a changed file asks for: to be copied into the container, the service to be started again
//! there, or the image to be built again. Each decision names the rule that made it.

use std::path::{Path, PathBuf};

pub use azds_protocol::change::Tier;

use crate::analysis::azds_yaml::{self, Settings};
use crate::failure::{Failure, Result};

const WHAT: &str = "the service is not kept up to date";

/// What is done, and because of what.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decision {
    /// What is done.
    pub tier: Tier,
    /// The rule, as a person reads it.
    pub rule: String,
}

/// Files that say what is installed or how it is built. Names in lower case.
const PROJECT_FILES: [&str; 27] = [
    "*.csproj",
    "*.fsproj",
    "*.vbproj",
    "*.sln",
    "*.slnx",
    "directory.build.props",
    "directory.packages.props",
    "nuget.config",
    "global.json",
    "package.json",
    "package-lock.json",
    "npm-shrinkwrap.json",
    "yarn.lock",
    "pnpm-lock.yaml",
    "requirements.txt",
    "pyproject.toml",
    "poetry.lock",
    "uv.lock",
    "pipfile",
    "pipfile.lock",
    "go.mod",
    "go.sum",
    "pom.xml",
    "build.gradle",
    "build.gradle.kts",
    "settings.gradle",
    "settings.gradle.kts",
];

/// The rules of one service.
pub struct Rules {
    folder: PathBuf,
    chart: PathBuf,
    dockerfile: PathBuf,
    values: Vec<PathBuf>,
    sync: Vec<SyncGlob>,
    iterates: bool,
}

struct SyncGlob {
    text: String,
    /// One that fits every file says nothing about a single one.
    catches_all: bool,
    files: azds_yaml::SyncGlob,
}

impl Rules {
    /// The rules of the service in `folder`.
    pub fn new(folder: &Path, settings: &Settings) -> Result<Rules> {
        let values = settings.values.iter().map(|it| &it.path);
        let container = &settings.container;
        Ok(Rules {
            folder: folder.to_owned(),
            chart: folder.join(&settings.chart),
            dockerfile: folder.join(&settings.dockerfile),
            values: values
                .chain(&settings.container_values)
                .map(|path| folder.join(path))
                .collect(),
            sync: container
                .sync
                .iter()
                .map(|text| SyncGlob::new(text))
                .collect::<Result<_>>()?,
            iterates: !container.processes_to_kill.is_empty()
                || !container.build_commands.is_empty(),
        })
    }

    /// What a change of a file asks for that says how the service is built or installed; `None` for
    /// all others, which count only as part of the build context.
    pub fn of_file(&self, path: &Path) -> Option<Decision> {
        let name = path
            .file_name()
            .and_then(|name| name.to_str())
            .unwrap_or_default();
        let own_ignore = self
            .dockerfile
            .file_name()
            .is_some_and(|it| name.strip_suffix(".dockerignore") == it.to_str());
        let rule = if path.starts_with(&self.chart) {
            "it belongs to the chart"
        } else if path == self.dockerfile {
            "it is the Dockerfile"
        } else if name == ".dockerignore" || name == ".gitignore" || own_ignore {
            "it says what belongs to the build"
        } else if self.values.iter().any(|values| values == path) {
            "it is a values file"
        } else if path.parent() == Some(&self.folder) && name == "azds.yaml" {
            "it says how the service is built"
        } else if path.parent() == Some(&self.folder) && name == ".env" {
            "it holds variables of azds.yaml"
        } else {
            return None;
        };
        Some(Decision {
            tier: Tier::Rebuild,
            rule: rule.to_owned(),
        })
    }

    /// What a change of a file of the build context asks for. `path` is relative to its root;
    /// `is_placed` says whether it is known where it lies in the image.
    pub fn of_source(&self, path: &str, is_placed: bool) -> Decision {
        let decision = |tier, rule: String| Decision { tier, rule };
        let matched = self.sync.iter().rev().find(|glob| glob.files.fits(path));
        if let Some(glob) = matched
            && glob.files.negated
        {
            let rule = format!("container.sync has {:?}", glob.text);
            return decision(Tier::Rebuild, rule);
        }
        let name = path
            .rsplit_once('/')
            .map_or(path, |(_, name)| name)
            .to_lowercase();
        let is_project_file = PROJECT_FILES
            .iter()
            .any(|known| match known.strip_prefix('*') {
                Some(end) => name.ends_with(end),
                None => name == *known,
            });
        if is_project_file {
            return decision(Tier::Rebuild, "it is a project file".to_owned());
        }
        if !is_placed {
            let rule = "no COPY of the Dockerfile says where it lies in the container";
            return decision(Tier::Rebuild, rule.to_owned());
        }
        match matched {
            Some(glob) if !glob.catches_all => {
                let rule = format!("container.sync has {:?}", glob.text);
                decision(Tier::Sync, rule)
            }
            _ if self.iterates => decision(Tier::Restart, "container.iterate".to_owned()),
            Some(glob) => {
                let rule = format!("container.sync has {:?}", glob.text);
                decision(Tier::Sync, rule)
            }
            None if !self.sync.is_empty() && self.sync.iter().all(|glob| glob.files.negated) => {
                let rule = "container.sync leaves out other files only";
                decision(Tier::Sync, rule.to_owned())
            }
            None => {
                let rule =
                    "azds.yaml has neither a glob of container.sync for it nor container.iterate";
                decision(Tier::Rebuild, rule.to_owned())
            }
        }
    }
}

impl SyncGlob {
    fn new(text: &str) -> Result<SyncGlob> {
        let object = format!("container.sync: {text}");
        let files = azds_yaml::SyncGlob::read(text).map_err(|why| {
            Failure::new(WHAT, object, why).try_to("Correct the glob in azds.yaml.")
        })?;
        let pattern = text.trim_start_matches('!').trim_start_matches("./");
        Ok(SyncGlob {
            text: text.to_owned(),
            catches_all: pattern.split('/').all(|part| matches!(part, "*" | "**")),
            files,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analysis::azds_yaml::analyse;

    fn rules(container: &str) -> Rules {
        let text = format!(
            "kind: helm-release\napiVersion: 1.1\nbuild:\n  context: .\n  dockerfile: Dockerfile.develop\ninstall:\n  chart: charts/shop\nconfigurations:\n  develop:\n    container: {container}\n"
        );
        let settings = analyse(&text).file.settings(Some("develop"));
        Rules::new(Path::new("/src/shop"), &settings).expect("globs")
    }

    #[test]
    fn a_source_is_copied_started_again_or_built_by_a_rule_that_is_named() {
        const DOTNET: &str = r#"{sync: ["**/Views/**", "**/wwwroot/**", "!**/*.{sln,csproj}"], iterate: {processesToKill: [dotnet], buildCommands: [[dotnet, build]]}}"#;
        const PYTHON: &str =
            r#"{sync: ["!**/requirements.txt"], iterate: {processesToKill: [python]}}"#;
        const JAVA: &str = r#"{sync: ["**/**"], iterate: {processesToKill: [java]}}"#;
        const RELOADS: &str = r#"{sync: ["!**/package.json"]}"#;
        const HTML: &str = r#"{sync: ["**/html/*"]}"#;
        let table = [
            (
                DOTNET,
                "Views/Home/Index.cshtml",
                Tier::Sync,
                "\"**/Views/**\"",
            ),
            (DOTNET, "wwwroot/site.js", Tier::Sync, "wwwroot"),
            (DOTNET, "Startup.cs", Tier::Restart, "container.iterate"),
            (DOTNET, "Shop.csproj", Tier::Rebuild, "!**/*.{sln,csproj}"),
            (
                DOTNET,
                "lib/Views/a.csproj",
                Tier::Rebuild,
                "!**/*.{sln,csproj}",
            ),
            (PYTHON, "app.py", Tier::Restart, "container.iterate"),
            (
                PYTHON,
                "requirements.txt",
                Tier::Rebuild,
                "!**/requirements.txt",
            ),
            (PYTHON, "pyproject.toml", Tier::Rebuild, "project file"),
            (
                JAVA,
                "src/main/App.java",
                Tier::Restart,
                "container.iterate",
            ),
            (JAVA, "pom.xml", Tier::Rebuild, "project file"),
            (
                RELOADS,
                "server.js",
                Tier::Sync,
                "leaves out other files only",
            ),
            (
                RELOADS,
                "web/package.json",
                Tier::Rebuild,
                "!**/package.json",
            ),
            (HTML, "web/html/index.html", Tier::Sync, "**/html/*"),
            (HTML, "web/html/a/b.html", Tier::Rebuild, "neither"),
            (HTML, "nginx.conf", Tier::Rebuild, "neither"),
            ("{}", "app.py", Tier::Rebuild, "neither"),
        ];
        for (container, path, tier, rule) in table {
            let decision = rules(container).of_source(path, true);
            assert_eq!(decision.tier, tier, "{path} with {container}: {decision:?}");
            assert!(decision.rule.contains(rule), "{path}: {decision:?}");
        }
        let unknown = rules(HTML).of_source("web/html/index.html", false);
        assert_eq!(unknown.tier, Tier::Rebuild);
    }

    #[test]
    fn what_says_how_it_is_built_is_built_again() {
        let rules = rules("{}");
        for path in [
            "/src/shop/azds.yaml",
            "/src/shop/.env",
            "/src/shop/Dockerfile.develop",
            "/src/shop/Dockerfile.develop.dockerignore",
            "/src/shop/lib/.gitignore",
            "/src/shop/charts/shop/templates/deployment.yaml",
            "/src/shop/values.dev.yaml",
        ] {
            let decision = rules.of_file(Path::new(path));
            assert_eq!(decision.map(|it| it.tier), Some(Tier::Rebuild), "{path}");
        }
        for path in [
            "/src/shop/Dockerfile",
            "/src/shop/lib/azds.yaml",
            "/src/shop/app.py",
        ] {
            assert_eq!(rules.of_file(Path::new(path)), None, "{path}");
        }
    }
}
