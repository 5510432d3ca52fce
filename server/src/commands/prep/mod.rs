//! `azds prep`: writes what `azds up` needs, and never over anything that is there.

mod dotnet;
mod files;
mod go;
mod java;
mod node;
mod project;
mod python;
mod upgrade;
mod write;

use std::fs;
use std::path::{Component, Path};

use azds_protocol::commands::{PrepArguments, PrepResult};

use crate::failure::{Context, Failure, Result};
use crate::progress::Progress;

use files::Generated;
use project::{Existing, Project};

/// What did not happen, if something fails.
const WHAT: &str = "the service was not prepared";

/// Writes Dockerfiles, chart and azds.yaml into the folder of a service.
pub async fn prep(arguments: &PrepArguments, progress: &Progress) -> Result<PrepResult> {
    let _step = progress.begin(match (arguments.dry_run, arguments.upgrade) {
        (true, _) => "Finding out what to write",
        (false, true) => "Upgrading azds.yaml",
        (false, false) => "Writing Dockerfiles, chart and azds.yaml",
    });
    let arguments = arguments.clone();
    tokio::task::spawn_blocking(move || prepare(&arguments))
        .await
        .map_err(|error| Failure::ours(WHAT, "", error.to_string()))?
}

fn prepare(arguments: &PrepArguments) -> Result<PrepResult> {
    let given = arguments.folder.display().to_string();
    if !arguments.folder.is_dir() {
        return Err(Failure::new(WHAT, given, "there is no such folder")
            .try_to("Name the folder of the service, which has its project file."));
    }
    let folder = dunce::canonicalize(&arguments.folder).or_fail(WHAT, &given)?;
    if arguments.upgrade {
        return upgrade::upgrade_file(&folder, arguments.dry_run);
    }
    let mut warnings = Vec::new();
    let project = Project::find(&folder, arguments.language.as_deref(), &mut warnings)?;
    let existing = Existing::find(&folder, arguments.chart.as_deref(), &mut warnings)?;
    let chart = existing.chart.clone().unwrap_or_else(|| {
        let project = project.as_ref().map(Project::name);
        format!("charts/{}", project::service_name(&folder, project))
    });
    let service = existing.service_name(&folder, &chart);
    let generated = Generated {
        name: &service,
        chart: &chart,
        port: existing.port,
        public: arguments.public,
        project: project.as_ref(),
    };

    let mut files = Vec::new();
    let mut kept = Vec::new();
    match &project {
        Some(project) => files.extend(generated.dockerfiles(project)),
        None if existing.dockerfile => kept.push("Dockerfile".to_owned()),
        None => warnings.push(NO_LANGUAGE.to_owned()),
    }
    files.push(generated.dockerignore());
    if folder.join(&chart).join("Chart.yaml").exists() {
        // A chart is somebody's whole: a template added to it could be one that was taken away.
        kept.push(format!("{chart}/"));
        if arguments.public {
            warnings.push(format!(
                "The chart in {chart} stays as it is: for a public address, its values must switch its Ingress on."
            ));
        }
    } else if is_within(&chart) {
        files.extend(generated.chart());
    } else {
        warnings.push(format!(
            "azds.yaml names the chart {chart}, which is not there and outside of this folder: correct install.chart, or put a chart there."
        ));
    }
    files.push(generated.azds_yaml());

    let mut written = Vec::new();
    for (path, text) in files {
        let is_new = if arguments.dry_run {
            fs::symlink_metadata(folder.join(&path)).is_err()
        } else {
            write::write_new(&folder, &path, &text)?
        };
        if is_new { &mut written } else { &mut kept }.push(path);
    }
    Ok(PrepResult {
        folder,
        service,
        language: project.map(|project| project.language().to_owned()),
        written,
        kept,
        warnings,
    })
}

/// The language of a folder's project, if azds knows it. Blocking.
pub fn language(folder: &Path) -> Option<&'static str> {
    let project = Project::find(folder, None, &mut Vec::new()).ok()??;
    Some(project.language())
}

/// Whether a path stays in the folder that it is relative to.
fn is_within(path: &str) -> bool {
    let mut parts = Path::new(path).components();
    parts.all(|part| matches!(part, Component::Normal(_) | Component::CurDir))
}

/// As the original said it, and what to do.
const NO_LANGUAGE: &str = "Dockerfile could not be generated due to unsupported language. \
    Run prep in the folder that has the project file (*.csproj, package.json, go.mod, pom.xml, build.gradle, requirements.txt, \
    which may be empty, or pyproject.toml), or write a Dockerfile for a service that listens on port 80.";

#[cfg(test)]
mod tests;
