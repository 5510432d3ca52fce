//! A Python project, as far as its Dockerfiles depend on it.

use std::path::Path;

use super::project::{Project, read};
use crate::failure::Result;

/// Files that start a service, by custom; the first that is there does.
const ENTRIES: [&str; 6] = [
    "manage.py",
    "app.py",
    "main.py",
    "server.py",
    "run.py",
    "__main__.py",
];

/// A Python project.
pub(super) struct Python {
    /// Whether pyproject.toml lists what it depends on, instead of requirements.txt.
    pub is_pyproject: bool,
    /// How it is started, before the port is known.
    start: Start,
}

enum Start {
    Program(&'static str),
    Django,
    Flask(&'static str),
    Uvicorn(&'static str),
}

impl Python {
    pub fn find(folder: &Path, warnings: &mut Vec<String>) -> Result<Option<Project>> {
        let requirements = read(&folder.join("requirements.txt"))?;
        let is_pyproject = requirements.is_none();
        let text = match requirements {
            Some(text) => text,
            None => match read(&folder.join("pyproject.toml"))? {
                Some(text) => text,
                None => return Ok(None),
            },
        };
        if is_pyproject && text.contains("[tool.poetry.dependencies]") {
            warnings.push(
                "The packages that pyproject.toml lists for Poetry are not installed: list them under dependencies of [project], or in requirements.txt."
                    .to_owned(),
            );
        }
        let entry = ENTRIES.into_iter().find(|name| folder.join(name).is_file());
        let entry = entry.unwrap_or_else(|| {
            warnings.push(
                "No file was found that starts the service, so main.py is assumed: correct CMD in the Dockerfiles and command in azds.yaml if it is another."
                    .to_owned(),
            );
            "main.py"
        });
        let module = entry.trim_end_matches(".py");
        let start = if entry == "manage.py" {
            Start::Django
        } else if depends_on(&text, &["uvicorn", "fastapi"]) {
            Start::Uvicorn(module)
        } else if depends_on(&text, &["flask"]) {
            Start::Flask(module)
        } else {
            Start::Program(entry)
        };
        Ok(Some(Project::Python(Python {
            is_pyproject,
            start,
        })))
    }

    /// Program and arguments of a service that listens on `port`.
    pub fn command(&self, port: u16) -> Vec<String> {
        let line = match self.start {
            Start::Program(file) => format!("python {file}"),
            Start::Django => format!("python manage.py runserver 0.0.0.0:{port}"),
            Start::Flask(module) => {
                format!("python -m flask --app {module} run --host 0.0.0.0 --port {port}")
            }
            Start::Uvicorn(module) => {
                format!("python -m uvicorn {module}:app --host 0.0.0.0 --port {port}")
            }
        };
        line.split(' ').map(str::to_owned).collect()
    }
}

/// Whether a list of dependencies has one of these packages.
fn depends_on(text: &str, packages: &[&str]) -> bool {
    let words = text
        .lines()
        .filter(|line| !line.trim_start().starts_with('#'));
    words
        .flat_map(|line| line.split(|c: char| !c.is_ascii_alphanumeric() && !"-_.".contains(c)))
        .any(|word| {
            packages
                .iter()
                .any(|package| word.eq_ignore_ascii_case(package))
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn command(files: &[(&str, &str)]) -> Option<(String, usize)> {
        let folder = tempfile::tempdir().expect("a temporary folder");
        for (name, text) in files {
            std::fs::write(folder.path().join(name), text).expect("a file");
        }
        let mut warnings = Vec::new();
        match Python::find(folder.path(), &mut warnings).expect("readable files")? {
            Project::Python(python) => Some((python.command(80).join(" "), warnings.len())),
            _ => None,
        }
    }

    #[test]
    fn the_command_follows_from_files_and_dependencies() {
        let one = |text: &str| Some((text.to_owned(), 0));
        assert_eq!(command(&[("main.py", "")]), None);
        let files = [
            ("requirements.txt", "# flask\nflask-like==1\n"),
            ("app.py", ""),
        ];
        assert_eq!(command(&files), one("python app.py"));
        let files = [("requirements.txt", "Flask>=2.2\n"), ("app.py", "")];
        let flask = "python -m flask --app app run --host 0.0.0.0 --port 80";
        assert_eq!(command(&files), one(flask));
        let files = [
            ("pyproject.toml", "dependencies = [\"fastapi[standard]\"]"),
            ("main.py", ""),
        ];
        let uvicorn = "python -m uvicorn main:app --host 0.0.0.0 --port 80";
        assert_eq!(command(&files), one(uvicorn));
        let files = [
            ("requirements.txt", "django"),
            ("manage.py", ""),
            ("app.py", ""),
        ];
        assert_eq!(
            command(&files),
            one("python manage.py runserver 0.0.0.0:80")
        );
        let files = [("requirements.txt", "")];
        assert_eq!(command(&files), Some(("python main.py".to_owned(), 1)));
    }
}
