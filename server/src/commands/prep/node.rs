//! A Node project, as far as its Dockerfiles depend on it.

use std::path::Path;

use serde_json::Value;

use super::WHAT;
use super::project::{Project, read};
use crate::failure::{Context, Result};

/// The version where a project names none: the one with long-term support.
const NODE: &str = "24";
/// Files that start a service, by custom; the first that is there does.
const ENTRIES: [&str; 4] = ["server.js", "app.js", "index.js", "main.js"];

/// A Node project.
pub(super) struct Node {
    /// Major version of Node.
    pub version: String,
    /// What installs its packages.
    pub packages: Packages,
    /// Program and arguments of the service.
    pub command: Vec<String>,
}

/// The lists of packages that a project has.
#[derive(Clone, Copy)]
pub(super) enum Packages {
    /// package.json alone.
    Npm,
    /// With package-lock.json.
    NpmLocked,
    Pnpm,
    Yarn,
}

impl Packages {
    /// The lists as COPY names them, and the command that installs.
    pub fn install(self) -> (&'static str, &'static str) {
        match self {
            Packages::Npm => ("package.json", "npm install"),
            Packages::NpmLocked => ("package.json package-lock.json", "npm ci"),
            Packages::Pnpm => (
                "package.json pnpm-lock.yaml",
                "corepack enable && pnpm install --frozen-lockfile",
            ),
            Packages::Yarn => (
                "package.json yarn.lock",
                "corepack enable && yarn install --frozen-lockfile",
            ),
        }
    }

    /// What leaves out the packages that only development needs.
    pub fn production(self) -> &'static str {
        match self {
            Packages::Npm | Packages::NpmLocked => " --omit=dev",
            Packages::Pnpm => " --prod",
            Packages::Yarn => " --production",
        }
    }
}

impl Node {
    pub fn find(folder: &Path, warnings: &mut Vec<String>) -> Result<Option<Project>> {
        let file = folder.join("package.json");
        let Some(text) = read(&file)? else {
            return Ok(None);
        };
        let package: Value =
            serde_json::from_str(&text).or_fail(WHAT, file.display().to_string())?;
        let has = |name: &str| folder.join(name).is_file();
        let packages = if has("pnpm-lock.yaml") {
            Packages::Pnpm
        } else if has("yarn.lock") {
            Packages::Yarn
        } else if has("package-lock.json") {
            Packages::NpmLocked
        } else {
            Packages::Npm
        };
        let command = command(&package, has).unwrap_or_else(|| {
            warnings.push(
                "No file was found that starts the service, so server.js is assumed: correct CMD in the Dockerfiles and command in azds.yaml if it is another."
                    .to_owned(),
            );
            words("node server.js")
        });
        Ok(Some(Project::Node(Node {
            version: version(&package).unwrap_or_else(|| NODE.to_owned()),
            packages,
            command,
        })))
    }
}

/// How the service starts: as `npm start` does, but without npm where that is one plain call of Node,
/// since npm passes no signal on.
fn command(package: &Value, has: impl Fn(&str) -> bool) -> Option<Vec<String>> {
    if let Some(start) = package["scripts"]["start"].as_str() {
        let is_plain = !start.contains(|c: char| "\"'$&|;<>*`(\\".contains(c));
        let is_node = start.split_whitespace().next() == Some("node");
        return Some(words(if is_plain && is_node {
            start
        } else {
            "npm start"
        }));
    }
    let entry = package["main"].as_str().filter(|main| has(main));
    let entry = entry.or_else(|| ENTRIES.into_iter().find(|name| has(name)))?;
    Some(vec!["node".to_owned(), entry.to_owned()])
}

/// The major version that `engines` asks for: the first number of it.
fn version(package: &Value) -> Option<String> {
    let engines = package["engines"]["node"].as_str()?;
    let start = engines.find(|c: char| c.is_ascii_digit())?;
    let digits = engines[start..]
        .split(|c: char| !c.is_ascii_digit())
        .next()?;
    Some(digits.to_owned())
}

fn words(line: &str) -> Vec<String> {
    line.split_whitespace().map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Version, installation and command; how many warnings.
    fn found(files: &[(&str, &str)]) -> (String, usize) {
        let folder = tempfile::tempdir().expect("a temporary folder");
        for (name, text) in files {
            std::fs::write(folder.path().join(name), text).expect("a file");
        }
        let mut warnings = Vec::new();
        let Some(Project::Node(node)) =
            Node::find(folder.path(), &mut warnings).expect("readable files")
        else {
            panic!("no Node project");
        };
        let (_, install) = node.packages.install();
        let text = format!("{} | {install} | {}", node.version, node.command.join(" "));
        (text, warnings.len())
    }

    #[test]
    fn the_command_follows_from_package_json_and_files() {
        for (files, expected) in [
            (
                &[(
                    "package.json",
                    r#"{"scripts": {"start": "node src/server.js --x"}}"#,
                )][..],
                "24 | npm install | node src/server.js --x",
            ),
            (
                &[
                    (
                        "package.json",
                        r#"{"engines": {"node": ">=18.3 <21"}, "scripts": {"start": "next start"}}"#,
                    ),
                    ("package-lock.json", "{}"),
                ],
                "18 | npm ci | npm start",
            ),
            (
                &[
                    (
                        "package.json",
                        r#"{"main": "lib.js", "scripts": {"test": "x"}}"#,
                    ),
                    ("app.js", ""),
                    ("yarn.lock", ""),
                ],
                "24 | corepack enable && yarn install --frozen-lockfile | node app.js",
            ),
            (
                &[
                    ("package.json", r#"{"main": "lib.js"}"#),
                    ("lib.js", ""),
                    ("pnpm-lock.yaml", ""),
                ],
                "24 | corepack enable && pnpm install --frozen-lockfile | node lib.js",
            ),
        ] {
            assert_eq!(found(files), (expected.to_owned(), 0));
        }
        let (nothing, warnings) = found(&[("package.json", "{}")]);
        assert_eq!(
            (nothing.as_str(), warnings),
            ("24 | npm install | node server.js", 1)
        );
    }
}
