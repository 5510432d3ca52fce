//! `azds check`: the language server's diagnostics for people and scripts.

mod human;
mod json;

use std::io::Write;
use std::path::{Component, Path, PathBuf};

use super::service::CONFIG_FILE;
use super::services::azds_yamls;
use crate::analysis::azds_yaml::{self, AzdsFile, Files};
use crate::analysis::{Problem, Severity, values};
use crate::failure::{Context, Failure, Result};

/// How far above a values file its azds.yaml is looked for: `charts/NAME/values.yaml` and some more.
const FOLDERS_ABOVE: usize = 4;

/// Arguments of `azds check`.
#[derive(Debug, Clone, clap::Args)]
pub struct Arguments {
    /// Files, or folders in which every azds.yaml and its values files are checked
    #[arg(default_value = ".")]
    pub paths: Vec<PathBuf>,
    /// Form of the answer
    #[arg(short, long, value_enum, default_value_t)]
    pub output: Output,
}

/// Form of the answer.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum Output {
    /// For people
    #[default]
    Human,
    /// An array of problems
    Json,
    /// SARIF 2.1.0, as code hosts read it
    Sarif,
}

/// A file and what is wrong with it.
pub struct Checked {
    /// Its path, as far as it was given.
    pub path: PathBuf,
    /// What it holds.
    pub text: String,
    /// What is wrong with it.
    pub problems: Vec<Problem>,
}

/// Checks and writes the answer. Gives whether there are errors.
pub fn run(arguments: &Arguments, out: &mut dyn Write, color: bool) -> Result<bool> {
    let checked = check(&arguments.paths)?;
    let answer = match arguments.output {
        Output::Human => human::render(&checked, color),
        Output::Json => json::problems(&checked),
        Output::Sarif => json::sarif(&checked),
    };
    writeln!(out, "{answer}").or_fail("the answer was not written", "standard output")?;
    let mut problems = checked.iter().flat_map(|file| &file.problems);
    Ok(problems.any(|problem| problem.severity == Severity::Error))
}

/// Checks files, and what is in folders, in the order of their paths.
pub fn check(paths: &[PathBuf]) -> Result<Vec<Checked>> {
    let mut files = Vec::new();
    for path in paths {
        if path.is_dir() {
            let found = files.len();
            for file in azds_yamls(path) {
                let folder = file.parent().unwrap_or(path).to_owned();
                let text = read(&file)?;
                let named = azds_yaml::analyse(&text).file.values_files();
                let there = named.iter().map(|name| clean(&folder.join(name)));
                files.extend(there.filter(|path| path.is_file()));
                files.push(clean(&file));
            }
            if files.len() == found {
                let why = format!("there is no {CONFIG_FILE} in it");
                return Err(nothing(path, why)
                    .try_to("Name the folder of a service, or run `azds prep` there first."));
            }
        } else if !path.exists() {
            let why = "there is no such file or folder";
            return Err(nothing(path, why).try_to("Name a file, or the folder of a service."));
        } else {
            files.push(path.clone());
        }
    }
    files.sort();
    files.dedup();
    files.into_iter().map(check_file).collect()
}

fn nothing(path: &Path, why: impl Into<String>) -> Failure {
    Failure::new("nothing was checked", path.display().to_string(), why)
}

fn check_file(path: PathBuf) -> Result<Checked> {
    let text = read(&path)?;
    let problems = problems_of(&path, &text).unwrap_or_else(|| values::analyse(&text));
    Ok(Checked {
        path,
        text,
        problems,
    })
}

/// What is wrong with the text of a file; `None` if it is neither an azds.yaml nor a values file of
/// one. Looks for the files that it names.
pub fn problems_of(path: &Path, text: &str) -> Option<Vec<Problem>> {
    let folder = path.parent().unwrap_or(Path::new(""));
    match path.file_name()?.to_str()? {
        CONFIG_FILE => {
            let analysis = azds_yaml::analyse(text);
            let mut problems = analysis.problems;
            problems.extend(analysis.file.missing_files(&On(folder)));
            problems.sort_by_key(|problem| problem.range.start);
            Some(problems)
        }
        "values.dev.yaml" | "secrets.dev.yaml" => Some(values::analyse(text)),
        _ if is_named_above(path) => Some(values::analyse(text)),
        _ => None,
    }
}

/// Whether an azds.yaml above a file has it as a values file.
fn is_named_above(path: &Path) -> bool {
    let Ok(path) = std::path::absolute(path) else {
        return false;
    };
    let folders = path.ancestors().skip(1).take(FOLDERS_ABOVE);
    folders
        .filter_map(|folder| Some((folder, read(&folder.join(CONFIG_FILE)).ok()?)))
        .any(|(folder, text)| {
            let file: AzdsFile = azds_yaml::analyse(&text).file;
            let mut named = file.values_files().into_iter();
            named.any(|name| clean(&folder.join(name)) == path)
        })
}

fn read(path: &Path) -> Result<String> {
    let name = path.display().to_string();
    std::fs::read_to_string(path).or_fail("the file was not read", name)
}

/// The path without `.` and, where there is something to take away, without `..`.
fn clean(path: &Path) -> PathBuf {
    let mut clean = PathBuf::new();
    for component in path.components() {
        match component {
            Component::CurDir => {}
            Component::ParentDir
                if matches!(clean.components().next_back(), Some(Component::Normal(_))) =>
            {
                clean.pop();
            }
            component => clean.push(component),
        }
    }
    clean
}

/// The files on disk, seen from a folder.
struct On<'a>(&'a Path);

impl Files for On<'_> {
    fn is_file(&self, path: &str) -> bool {
        self.0.join(path).is_file()
    }

    fn is_folder(&self, path: &str) -> bool {
        self.0.join(path).is_dir()
    }
}

#[cfg(test)]
mod tests;
