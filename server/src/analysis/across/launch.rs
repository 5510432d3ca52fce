//! `program` and `cwd` of launch.json against the Dockerfile's `WORKDIR` and the project.

use std::ops::Range;

use super::jsonc;
use crate::analysis::project::Project;
use crate::analysis::yaml::Node;
use crate::analysis::{Code, Problem};

/// Paths of .NET entries that lead nowhere: after the project was moved to another framework, got another
/// name, or has another place in the image. What can't be known is not judged.
pub fn mismatches(text: &str, project: Option<&Project>, workdir: Option<&str>) -> Vec<Problem> {
    let parsed = jsonc::parse(text);
    let root = parsed.documents.first();
    let entries = root.and_then(|root| root.get("configurations"));
    let entries = entries.map(Node::items).unwrap_or_default().iter();
    let of_dotnet = entries.filter(|it| it.get("type").and_then(Node::text) == Some("coreclr"));
    let mut found = Vec::new();
    // The settings for one operating system stand in a map of their own.
    let nodes = of_dotnet.flat_map(|it| {
        let systems = ["windows", "osx", "linux"].map(|system| it.get(system));
        systems.into_iter().flatten().chain([it])
    });
    for node in nodes {
        if let Some((program, start)) = path(node, "program", text) {
            if let Some(project) = project {
                found.extend(built(&program, start, project));
            }
            found.extend(workdir.and_then(|it| outside(&program, start, "program", it)));
        }
        if let Some((cwd, start)) = path(node, "cwd", text) {
            found.extend(workdir.and_then(|it| outside(&cwd, start, "cwd", it)));
        }
    }
    found
}

/// A path and where its first letter stands. `None` for one that is written with escapes.
fn path(entry: &Node, key: &str, text: &str) -> Option<(String, usize)> {
    let node = entry.get(key)?;
    let said = node.text()?;
    let start = node.range.start + text.get(node.range.clone())?.find(said)?;
    Some((said.to_owned(), start))
}

/// `…/bin/Debug/FRAMEWORK/NAME.dll` of another framework or name than the project's.
fn built(program: &str, start: usize, project: &Project) -> Vec<Problem> {
    let mut parts = Vec::new();
    let mut at = start;
    for part in program.split('/') {
        parts.push((part, at..at + part.len()));
        at += part.len() + 1;
    }
    let [
        ..,
        ("bin", _),
        _,
        (framework, of_framework),
        (name, of_name),
    ] = parts.as_slice()
    else {
        return Vec::new();
    };
    let mut found = Vec::new();
    let mut differs = |is: &str, should: String, range: &Range<usize>| {
        let message = format!(
            "{} is built to `{should}`, not to `{is}`: the debugger finds no such file.",
            project.file
        );
        let problem = Problem::warning(Code::LaunchMismatch, range.clone(), message);
        let title = format!("Change to `{should}`");
        found.push(problem.fixed_by(title, range.clone(), should));
    };
    let is_framework = framework.starts_with("net") && framework.contains('.');
    if is_framework
        && let Some(last) = project.frameworks.last()
        && !project.frameworks.iter().any(|it| it == framework)
    {
        differs(framework, last.clone(), of_framework);
    }
    let should = format!("{}.dll", project.assembly);
    if name.ends_with(".dll") && !name.contains('$') && *name != should {
        differs(name, should, of_name);
    }
    found
}

/// A path in the container that is neither below nor above the folder that the image starts in.
fn outside(path: &str, start: usize, key: &str, workdir: &str) -> Option<Problem> {
    let folder = path.split_once("/bin/").map_or(path, |(folder, _)| folder);
    let folder = folder.trim_end_matches('/');
    let is_below = |path: &str, folder: &str| {
        path.strip_prefix(folder)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    };
    if !folder.starts_with('/')
        || folder.contains('$')
        || is_below(folder, workdir)
        || is_below(workdir, folder)
    {
        return None;
    }
    let range = start..start + folder.len();
    let message = format!(
        "The Dockerfile's WORKDIR is `{workdir}`: `{key}` names a folder that the image may not have."
    );
    let problem = Problem::warning(Code::LaunchMismatch, range.clone(), message);
    Some(
        problem
            .fixed_by(format!("Change to `{workdir}`"), range, workdir)
            .not_automatic(),
    )
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::*;
    use crate::analysis::fixture::check;

    fn shop() -> Project {
        Project::beside(&crate::analysis::fixture::There {
            texts: [(
                "Shop.csproj".to_owned(),
                "<TargetFramework>net8.0</TargetFramework>".to_owned(),
            )]
            .into(),
            ..Default::default()
        })
        .expect("there is one")
    }

    #[test]
    fn paths_that_lead_nowhere_are_told() {
        check(
            expect![[r#"
                {"configurations": [
                    {"type": "coreclr", "program": "/src/bin/Debug/netcoreapp2.1/Shop.dll", "cwd": "/src"},
                #                                                  ^^^^^^^^^^^^^ launch-mismatch (warning): Shop.csproj is built to `net8.0`, not to `netcoreapp2.1`: the debugger finds no such file. [Change to `net8.0`]
                    {"type": "coreclr", "program": "${workspaceFolder}/bin/Debug/net8.0/Store.dll", "cwd": "${workspaceFolder}"},
                #                                                                       ^^^^^^^^^ launch-mismatch (warning): Shop.csproj is built to `Shop.dll`, not to `Store.dll`: the debugger finds no such file. [Change to `Shop.dll`]
                    {"type": "coreclr", "program": "/app/bin/Debug/net8.0/Shop.dll", "cwd": "/usr/src/app"},
                #                                   ^^^^ launch-mismatch (warning): The Dockerfile's WORKDIR is `/src`: `program` names a folder that the image may not have. [Change to `/src`]
                #                                                                            ^^^^^^^^^^^^ launch-mismatch (warning): The Dockerfile's WORKDIR is `/src`: `cwd` names a folder that the image may not have. [Change to `/src`]
                    {"type": "coreclr", "linux": {"program": "/src/Shop/bin/Debug/net8.0/Shop.dll"}, "cwd": "/"},
                    {"type": "python", "program": "/elsewhere/app.py"}
                ]}
            "#]],
            |text| mismatches(text, Some(&shop()), Some("/src")),
        );
        let unknown = "{\"configurations\": [{\"type\": \"coreclr\", \"program\": \"/a/bin/Debug/net6.0/b.dll\"}]}";
        assert_eq!(mismatches(unknown, None, None), []);
    }
}
