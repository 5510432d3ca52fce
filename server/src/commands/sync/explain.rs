//! `azds explain`: what a change of a file would ask for, without a cluster.

use std::path::{Path, PathBuf};

use serde::Serialize;

use super::{Decision, Rules, Tier, target};
use crate::commands::service::{CONFIG_FILE, Service};
use crate::commands::up;
use crate::context::{self, Selection};
use crate::failure::{Context, Failure, Result};

const WHAT: &str = "the files were not explained";

/// What a change of one file would ask for.
#[derive(Debug, Serialize)]
pub struct Explained {
    /// The file, as it was named.
    pub file: PathBuf,
    /// What would be done; nothing for a file that has no part in the service.
    pub tier: Option<Tier>,
    /// The rule by which it would.
    pub rule: String,
}

/// Explains files of the services that they belong to: those of the nearest azds.yaml above. Blocking.
pub fn explain(files: &[PathBuf], configuration: Option<&str>) -> Result<Vec<Explained>> {
    files.iter().map(|file| one(file, configuration)).collect()
}

fn one(file: &Path, configuration: Option<&str>) -> Result<Explained> {
    let object = file.display().to_string();
    let path = std::path::absolute(file).or_fail(WHAT, &object)?;
    // A file that is not there can be explained as well: its folder is what has links.
    let folder = path.parent().unwrap_or(&path);
    let folder = dunce::canonicalize(folder).or_fail(WHAT, &object)?;
    let path = folder.join(path.file_name().unwrap_or_default());
    let home = folder
        .ancestors()
        .find(|folder| folder.join(CONFIG_FILE).is_file());
    let home = home.ok_or_else(|| {
        Failure::new(
            WHAT,
            &object,
            format!("no folder above it has an {CONFIG_FILE}"),
        )
        .try_to("Name a file of a service, or run azds prep in the service's folder.")
    })?;
    let service = Service::read(home, WHAT)?;
    let settings = up::settings(&service, configuration)?;
    let rules = Rules::new(&service.folder, &settings)?;
    let explained = |decision: Option<Decision>, rule: &str| Explained {
        file: file.to_owned(),
        tier: decision.as_ref().map(|decision| decision.tier),
        rule: decision.map_or_else(|| rule.to_owned(), |decision| decision.rule),
    };
    if let Some(decision) = rules.of_file(&path) {
        return Ok(explained(Some(decision), ""));
    }
    let root = service.folder.join(&settings.context);
    let root = dunce::canonicalize(&root).or_fail(WHAT, root.display().to_string())?;
    let dockerfile = service.folder.join(&settings.dockerfile);
    let Some(relative) = context::below(&root, &path) else {
        return Ok(explained(None, "it lies outside of the build context"));
    };
    let selection = Selection {
        root: &root,
        dockerfile: &dockerfile,
        use_git_ignore: settings.use_git_ignore,
        ignore: &settings.ignore,
    };
    if path.exists() && context::read_at(&selection, [&*relative], |_| None)?.is_empty() {
        let rule = "an ignore file or build.ignore leaves it out of the build";
        return Ok(explained(None, rule));
    }
    // Where relative paths of the base image begin is known in the cluster only.
    let is_placed = target(&settings, &dockerfile)?.of(&relative, "").is_some();
    Ok(explained(Some(rules.of_source(&relative, is_placed)), ""))
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn files_are_explained_by_the_rules_of_their_service() {
        let folder = tempfile::tempdir().expect("a folder");
        let write = |path: &str, text: &str| {
            let path = folder.path().join(path);
            fs::create_dir_all(path.parent().expect("a folder")).expect("made");
            fs::write(path, text).expect("written");
        };
        write(
            "azds.yaml",
            "kind: helm-release\napiVersion: 1.1\nbuild:\n  context: .\n  dockerfile: Dockerfile\ninstall:\n  chart: charts/shop\nconfigurations:\n  develop:\n    container:\n      iterate:\n        processesToKill: [python]\n",
        );
        write("charts/shop/Chart.yaml", "name: shop\nversion: 0.1.0\n");
        write("Dockerfile", "FROM x\nWORKDIR /app\nCOPY src/ .\n");
        write(".dockerignore", "**/*.log\n");
        for path in ["src/app.py", "src/x.log", "README.md"] {
            write(path, "");
        }
        let tier = |path: &str| {
            let explained = explain(&[folder.path().join(path)], None).expect("explained");
            explained[0].tier
        };
        assert_eq!(tier("src/app.py"), Some(Tier::Restart));
        assert_eq!(
            tier("src/new.py"),
            Some(Tier::Restart),
            "before it is there"
        );
        assert_eq!(tier("src/x.log"), None);
        assert_eq!(tier("README.md"), Some(Tier::Rebuild), "no COPY has it");
        assert_eq!(tier("charts/shop/values.yaml"), Some(Tier::Rebuild));
        let outside = tempfile::tempdir().expect("a folder");
        explain(&[outside.path().join("a")], None).expect_err("no service");
    }
}
