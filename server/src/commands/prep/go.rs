//! A Go project, as far as its Dockerfiles depend on it.

use std::fs;
use std::path::Path;

use super::WHAT;
use super::project::{Project, read};
use crate::failure::{Context, Result};

/// The version where go.mod names none.
const GO: &str = "1.26";

/// A Go project.
pub(super) struct Go {
    /// Version of Go, major and minor.
    pub version: String,
    /// The package that is the service, as `go build` takes it.
    pub package: String,
}

impl Go {
    pub fn find(folder: &Path, warnings: &mut Vec<String>) -> Result<Option<Project>> {
        let Some(text) = read(&folder.join("go.mod"))? else {
            return Ok(None);
        };
        if text
            .lines()
            .any(|line| line.starts_with("replace") && line.contains("=> .."))
        {
            warnings.push(
                "go.mod refers to modules outside of its folder, which the build does not see: set build.context in azds.yaml to the folder above all of them, and write the COPY lines of the Dockerfiles from there."
                    .to_owned(),
            );
        }
        let package = match is_main(folder)? {
            true => ".".to_owned(),
            false => command(folder, warnings)?,
        };
        Ok(Some(Project::Go(Go {
            version: version(&text).unwrap_or_else(|| GO.to_owned()),
            package,
        })))
    }
}

/// The package below cmd/ that is a program: the only one, or the first by name.
fn command(folder: &Path, warnings: &mut Vec<String>) -> Result<String> {
    let mut programs = Vec::new();
    if let Ok(entries) = fs::read_dir(folder.join("cmd")) {
        for entry in entries.flatten() {
            if entry.path().is_dir() && is_main(&entry.path())? {
                programs.extend(entry.file_name().into_string());
            }
        }
    }
    programs.sort();
    let assumed = "correct the go build lines of the Dockerfiles if it is another.";
    match programs.as_slice() {
        [] => {
            warnings.push(format!(
                "No package main was found in this folder or below cmd, so this folder is assumed: {assumed}"
            ));
            return Ok(".".to_owned());
        }
        [_] => {}
        [first, ..] => warnings.push(format!(
            "There are {} programs below cmd, so {first} is assumed: {assumed}",
            programs.len()
        )),
    }
    Ok(format!("./cmd/{}", programs[0]))
}

/// Whether a folder's Go files are of package main.
fn is_main(folder: &Path) -> Result<bool> {
    let object = folder.display().to_string();
    for entry in fs::read_dir(folder).or_fail(WHAT, &object)? {
        let path = entry.or_fail(WHAT, &object)?.path();
        let name = path
            .file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        if !name.ends_with(".go") || name.ends_with("_test.go") {
            continue;
        }
        let text = read(&path)?.unwrap_or_default();
        if text.lines().any(|line| line.trim_end() == "package main") {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Major and minor version of go.mod's `go` line.
fn version(module: &str) -> Option<String> {
    let line = module
        .lines()
        .find_map(|line| line.trim().strip_prefix("go "))?;
    let mut parts = line.trim().split('.');
    Some(format!("{}.{}", parts.next()?, parts.next()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Version and package; how many warnings.
    fn found(files: &[(&str, &str)]) -> (String, usize) {
        let folder = tempfile::tempdir().expect("a temporary folder");
        for (name, text) in files {
            let path = folder.path().join(name);
            fs::create_dir_all(path.parent().expect("in the folder")).expect("its folder");
            fs::write(path, text).expect("a file");
        }
        let mut warnings = Vec::new();
        let Some(Project::Go(go)) = Go::find(folder.path(), &mut warnings).expect("readable files")
        else {
            panic!("no Go project");
        };
        (format!("{} {}", go.version, go.package), warnings.len())
    }

    #[test]
    fn version_and_package_follow_from_the_files() {
        let module = ("go.mod", "module example.test/shop\n\ngo 1.25.3\n");
        let main = "// The shop.\npackage main\n";
        assert_eq!(found(&[module, ("main.go", main)]), ("1.25 .".into(), 0));
        let files = [
            module,
            ("shop.go", "package shop"),
            ("cmd/shop/main.go", main),
        ];
        assert_eq!(found(&files), ("1.25 ./cmd/shop".into(), 0));
        let files = [module, ("cmd/b/b.go", main), ("cmd/a/a.go", main)];
        assert_eq!(found(&files), ("1.25 ./cmd/a".into(), 1));
        let files = [("go.mod", "module m\n"), ("main_test.go", main)];
        assert_eq!(found(&files), (format!("{GO} ."), 1));
    }
}
