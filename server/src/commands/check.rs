//! `azds check`: the language server's diagnostics for people and scripts.

mod human;
mod json;

use std::collections::{BTreeSet, HashMap};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use futures_util::StreamExt;

use super::document::{Found, Known, Listings, clean, files_of};
use super::service::CONFIG_FILE;
use super::services::azds_yamls;
use super::trouble::{Troubles, Watch};
use super::up;
use crate::analysis::{Kind, Problem, Severity, Source, azds_yaml};
use crate::failure::{Context, Failure, Result};
use crate::progress::Progress;

/// Arguments of `azds check`.
#[derive(Debug, Clone, clap::Args)]
pub struct Arguments {
    /// Files, or folders in which every azds.yaml and its values files are checked
    #[arg(default_value = ".")]
    pub paths: Vec<PathBuf>,
    /// Form of the answer
    #[arg(short, long, value_enum, default_value_t)]
    pub output: Output,
    /// Also say what is wrong with the services in the cluster
    #[arg(long)]
    pub cluster: bool,
}

/// So many charts are rendered at once.
const AT_ONCE: usize = 4;

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
pub async fn run(
    arguments: &Arguments,
    out: &mut dyn Write,
    color: bool,
    progress: &Progress,
) -> Result<bool> {
    let files = files(&arguments.paths)?;
    let outside = Outside::ask(&files, arguments.cluster, progress).await?;
    let checked = check_files(files, &outside)?;
    write(&checked, arguments.output, out, color)
}

fn write(checked: &[Checked], output: Output, out: &mut dyn Write, color: bool) -> Result<bool> {
    let answer = match output {
        Output::Human => human::render(checked, color),
        Output::Json => json::problems(checked),
        Output::Sarif => json::sarif(checked),
    };
    writeln!(out, "{answer}").or_fail("the answer was not written", "standard output")?;
    let mut problems = checked.iter().flat_map(|file| &file.problems);
    Ok(problems.any(|problem| problem.severity == Severity::Error))
}

/// Checks files, and what is in folders, in the order of their paths, by what is in them alone.
pub fn check(paths: &[PathBuf]) -> Result<Vec<Checked>> {
    check_files(files(paths)?, &Outside::default())
}

fn files(paths: &[PathBuf]) -> Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for path in paths {
        if path.is_dir() {
            let found = files.len();
            files.extend(files_in(path));
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
    Ok(files)
}

fn check_files(files: Vec<PathBuf>, outside: &Outside) -> Result<Vec<Checked>> {
    let listings = Listings::default();
    let known = Known {
        open: &|_| None,
        listings: &listings,
        helm: &|folder| outside.helm.get(folder).cloned(),
        trouble: &|folder| outside.troubles.get(folder).cloned().unwrap_or_default(),
    };
    let checked = files.into_iter().map(|file| check_file(file, known));
    checked.collect()
}

/// What others say of services, by their folders.
#[derive(Default)]
struct Outside {
    helm: HashMap<PathBuf, String>,
    troubles: Troubles,
}

impl Outside {
    /// Asks Helm, if there is one, and the cluster, if that is wanted.
    async fn ask(files: &[PathBuf], cluster: bool, progress: &Progress) -> Result<Outside> {
        let listings = Listings::default();
        let known = Known {
            open: &|_| None,
            listings: &listings,
            helm: &|_| None,
            trouble: &|_| Vec::new(),
        };
        let folders = files
            .iter()
            .filter_map(|file| Some(Found::at(file, known)?.folder));
        let folders: BTreeSet<PathBuf> = folders.collect();
        let rendered = futures_util::stream::iter(folders.clone()).map(|folder| async move {
            // A failure says nothing of the chart; what is wrong in azds.yaml is told anyway.
            let said = up::render(&folder, progress.cancellation()).await;
            Some((folder, said.ok()??))
        });
        let rendered: Vec<_> = rendered.buffer_unordered(AT_ONCE).collect().await;
        let troubles = match cluster {
            true => Watch::default().look(folders.into_iter().collect()).await?,
            false => Troubles::new(),
        };
        Ok(Outside {
            helm: rendered.into_iter().flatten().collect(),
            troubles,
        })
    }
}

fn nothing(path: &Path, why: impl Into<String>) -> Failure {
    Failure::new("nothing was checked", path.display().to_string(), why)
}

fn check_file(path: PathBuf, known: Known<'_>) -> Result<Checked> {
    let text = read(&path)?;
    // What nobody names is checked as what it may be.
    let found = Found::at(&path, known).unwrap_or_else(|| {
        let folder = path.parent().unwrap_or(Path::new(""));
        Found::of(Kind::Values, folder.to_owned(), &path, known)
    });
    let problems = found
        .document(&Arc::new(Source::new(text.as_str())))
        .problems();
    Ok(Checked {
        path,
        text,
        problems,
    })
}

/// The azds.yaml files in a folder, without what Git ignores, and the values files that they name and
/// that are there. Blocking.
pub fn files_in(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for file in azds_yamls(folder) {
        let own = file.parent().unwrap_or(folder);
        let text = std::fs::read_to_string(&file).unwrap_or_default();
        let azds_yaml = azds_yaml::analyse(&text).file;
        if !azds_yaml.is_foreign() {
            files.extend(files_of(own, &azds_yaml));
        }
        files.push(clean(&file));
    }
    files.sort();
    files.dedup();
    files
}

fn read(path: &Path) -> Result<String> {
    let name = path.display().to_string();
    std::fs::read_to_string(path).or_fail("the file was not read", name)
}

#[cfg(test)]
mod tests;
