//! `processesToKill` against the name that the service's process has.

use super::Subject;
use crate::analysis::azds_yaml::layer::{Layer, Spanned};
use crate::analysis::{Code, Edit, Fix, Problem, Surroundings};

/// `dotnet run` starts the project's own program since .NET Core 3.0; before that it was `dotnet`.
const FIRST_WITH_PROGRAM: u32 = 3;

pub(super) fn check(subject: &Subject<'_>, around: &dyn Surroundings, problems: &mut Vec<Problem>) {
    let layers = subject.file.configurations.iter().map(|(_, layer)| layer);
    let asking: Vec<&Layer> = layers
        .chain([&subject.file.base])
        .filter(|it| runs_project(it))
        .collect();
    if asking.is_empty() {
        return;
    }
    let Some(program) = program(around) else {
        return;
    };
    for layer in asking {
        let killed = layer.processes_to_kill.as_deref().unwrap_or_default();
        let Some(dotnet) = killed.iter().find(|process| process.text == "dotnet") else {
            continue;
        };
        if killed.iter().any(|process| process.text == program) {
            continue;
        }
        problems.push(not_killed(dotnet, &program, subject.text));
    }
}

/// Whether the service is started with `dotnet run` or `dotnet watch`.
fn runs_project(layer: &Layer) -> bool {
    let command: Vec<&str> = layer.command.iter().flatten().map(String::as_str).collect();
    matches!(command.as_slice(), ["dotnet", "run" | "watch", ..])
}

fn not_killed(dotnet: &Spanned, program: &str, text: &str) -> Problem {
    let range = dotnet.range.clone();
    let message = format!(
        "`dotnet run` starts the project's own program, `{program}`, which is not among the processes that \
         are ended: the old one goes on and keeps its port."
    );
    let mut problem = Problem::warning(Code::ProcessNotKilled, range.clone(), message);
    let line = text[..range.start].rfind('\n').map_or(0, |end| end + 1);
    let before = &text[line..range.start];
    let added = match before.trim() {
        "-" => format!("\n{before}{program}"),
        _ => format!(", {program}"),
    };
    problem.fixes.push(Fix {
        title: format!("Add `{program}`"),
        edits: vec![Edit {
            range: range.end..range.end,
            text: added,
        }],
        automatic: true,
    });
    problem
}

/// Name of the program that the project beside azds.yaml is built to. `None` if there is not just one
/// project, or if its program is `dotnet`.
fn program(around: &dyn Surroundings) -> Option<String> {
    let entries = around.entries(".");
    let is_project = |name: &&String| name.ends_with(".csproj") || name.ends_with(".fsproj");
    let mut projects = entries.iter().filter(is_project);
    let project = projects.next().filter(|_| projects.next().is_none())?;
    let text = around.text(project)?;
    let framework = element(&text, "TargetFramework")?;
    let version = framework
        .strip_prefix("netcoreapp")
        .or_else(|| framework.strip_prefix("net"))?;
    let major: u32 = version.split('.').next()?.parse().ok()?;
    if major < FIRST_WITH_PROGRAM || element(&text, "UseAppHost") == Some("false") {
        return None;
    }
    let name = element(&text, "AssemblyName").filter(|name| !name.contains("$("));
    let stem = project.rsplit_once('.')?.0;
    Some(name.unwrap_or(stem).to_owned())
}

/// The text of the first element of a name. Project files are made by tools, and this much of XML is
/// enough for the names in them.
fn element<'t>(xml: &'t str, name: &str) -> Option<&'t str> {
    let open = format!("<{name}>");
    let after = &xml[xml.find(&open)? + open.len()..];
    Some(after[..after.find("</")?].trim())
}
