//! `processesToKill` against the name that the service's process has.

use super::Subject;
use crate::analysis::azds_yaml::layer::{Layer, Spanned};
use crate::analysis::project::Project;
use crate::analysis::{Code, Edit, Fix, Problem, Surroundings};

pub(super) fn check(subject: &Subject<'_>, around: &dyn Surroundings, problems: &mut Vec<Problem>) {
    let layers = subject.file.configurations.iter().map(|(_, layer)| layer);
    let asking: Vec<&Layer> = layers
        .chain([&subject.file.base])
        .filter(|it| runs_project(it))
        .collect();
    if asking.is_empty() {
        return;
    }
    let project = Project::beside(around);
    let Some(program) = project.as_ref().and_then(Project::program) else {
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
        problems.push(not_killed(dotnet, program, subject.text));
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
