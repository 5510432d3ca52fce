//! Entries of launch.json and tasks.json that were made for the tools of Azure Dev Spaces.

use std::ops::Range;

use crate::analysis::yaml::Node;
use crate::analysis::{Code, Edit, Fix, Problem};

/// What such an entry is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Runtime {
    Debugged,
    Other(&'static str),
}

/// Old entries of launch.json.
pub fn launch(text: &str) -> Vec<Problem> {
    let parsed = super::jsonc::parse(text);
    let root = parsed.documents.first();
    let configurations = root.and_then(|root| root.get("configurations"));
    let entries = configurations.map(Node::items).unwrap_or_default();
    let old = entries
        .iter()
        .filter_map(|entry| Some((entry, runtime(entry)?)));
    old.map(|(entry, runtime)| {
        let range = entry.get("name").unwrap_or(entry).range.clone();
        match runtime {
            Runtime::Debugged => {
                let message = "This entry starts the debugger of Azure Dev Spaces, which is gone. azds has a debugger of its own, of the type `azds`.";
                let problem = Problem::warning(Code::OldDebugEntry, range, message);
                let title = "Change to the type `azds`";
                problem
                    .fixed_by(title, entry.range.clone(), todays(entry, text))
                    .not_automatic()
            }
            Runtime::Other(language) => {
                let message = format!(
                    "This entry starts the debugger of Azure Dev Spaces, which is gone. azds debugs .NET, Python, Node.js and Go, and not {language} yet."
                );
                Problem::warning(Code::OldDebugEntry, range, message)
            }
        }
    })
    .collect()
}

/// Old entries of tasks.json.
pub fn tasks(text: &str) -> Vec<Problem> {
    let parsed = super::jsonc::parse(text);
    let root = parsed.documents.first();
    let tasks = root.and_then(|root| root.get("tasks"));
    let tasks = tasks.map(Node::items).unwrap_or_default();
    let said = |node: &Node, key: &str| node.get(key).and_then(Node::text).map(str::to_owned);
    let is_old = |task: &Node| {
        let command = said(task, "command").unwrap_or_default();
        let mut words: Vec<String> = command.split_whitespace().map(str::to_owned).collect();
        let args = task.get("args").map(Node::items).unwrap_or_default();
        words.extend(args.iter().filter_map(Node::text).map(str::to_owned));
        words.first().is_some_and(|word| word == "azds")
            && words.iter().any(|word| {
                matches!(
                    word.as_str(),
                    "--await-exec" | "--keep-alive" | "--sync-only" | "--iterate" | "--no-command"
                )
            })
    };
    let old = tasks.iter().enumerate().filter(|(_, task)| is_old(task));
    old.map(|(at, task)| {
        let range = task.get("label").unwrap_or(task).range.clone();
        let message = "This task is for the debugger of Azure Dev Spaces. An entry of the type `azds` in launch.json needs none: its request `launch` starts the service.";
        let mut problem = Problem::warning(Code::OldDebugEntry, range, message);
        problem.fixes.push(Fix {
            title: "Remove the task".to_owned(),
            automatic: false,
            edits: vec![Edit {
                range: with_comma(tasks, at),
                text: String::new(),
            }],
        });
        problem
    })
    .collect()
}

/// An item with what separates it from its neighbour.
fn with_comma(items: &[Node], at: usize) -> Range<usize> {
    let item = &items[at].range;
    match (
        at.checked_sub(1).and_then(|before| items.get(before)),
        items.get(at + 1),
    ) {
        (Some(before), _) => before.range.end..item.end,
        (None, Some(after)) => item.start..after.range.start,
        (None, None) => item.clone(),
    }
}

/// What an entry debugs with the old tools; `None` for any other entry.
fn runtime(entry: &Node) -> Option<Runtime> {
    let said = |node: &Node, key: &str| {
        node.get(key)
            .and_then(Node::text)
            .unwrap_or_default()
            .to_owned()
    };
    let pipe = entry.get("pipeTransport");
    let pipes_azds = pipe.is_some_and(|pipe| said(pipe, "pipeProgram") == "azds");
    let before = said(entry, "preLaunchTask");
    let has_task = before.starts_with("azds: ")
        || before.ends_with("(AZDS)")
        || before.starts_with("dev-spaces: ");
    match said(entry, "type").as_str() {
        "coreclr" if pipes_azds || has_task => Some(Runtime::Debugged),
        "node" | "node2" | "pwa-node" if has_task || said(entry, "runtimeExecutable") == "azds" => {
            Some(Runtime::Debugged)
        }
        "java-azds" | "javaremote" => Some(Runtime::Other("Java")),
        "java" if has_task => Some(Runtime::Other("Java")),
        _ => None,
    }
}

/// The entry for today's debugger, with the name of the old one.
fn todays(entry: &Node, text: &str) -> String {
    let line = text[..entry.range.start].rfind('\n').map_or(0, |at| at + 1);
    let before = &text[line..entry.range.start];
    let indent = &before[..before.len() - before.trim_start().len()];
    let step = if indent.contains('\t') { "\t" } else { "    " };
    let name = entry.get("name").map(|name| &text[name.range.clone()]);
    let end = if text.contains("\r\n") { "\r\n" } else { "\n" };
    let lines = [
        format!("\"name\": {}", name.unwrap_or("\"azds\"")),
        "\"type\": \"azds\"".to_owned(),
        "\"request\": \"launch\"".to_owned(),
        "\"folder\": \"${workspaceFolder}\"".to_owned(),
    ];
    let lines = lines.map(|line| format!("{indent}{step}{line}"));
    format!("{{{end}{}{end}{indent}}}", lines.join(&format!(",{end}")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analysis::fixture::check;
    use expect_test::expect;

    #[test]
    fn entries_of_the_old_tools_are_named_and_others_are_left_alone() {
        check(
            expect![[r#"
                {
                    // Comments may stand here.
                    "configurations": [
                        {
                            "name": ".NET Core Launch (AZDS)",
                #                   ^^^^^^^^^^^^^^^^^^^^^^^^^ old-debug-entry (warning): This entry starts the debugger of Azure Dev Spaces, which is gone. azds has a debugger of its own, of the type `azds`. [Change to the type `azds`]
                            "type": "coreclr",
                            "request": "launch",
                            "preLaunchTask": "azds: prelaunch",
                            "pipeTransport": {"pipeProgram": "azds"},
                        },
                        {"name": "Launch Server (AZDS)", "type": "node", "runtimeExecutable": "azds"},
                #                ^^^^^^^^^^^^^^^^^^^^^^ old-debug-entry (warning): This entry starts the debugger of Azure Dev Spaces, which is gone. azds has a debugger of its own, of the type `azds`. [Change to the type `azds`]
                        {"name": "Attach", "type": "coreclr", "request": "attach"},
                        {"name": "Mine", "type": "azds", "request": "launch"},
                    ]
                }
            "#]],
            launch,
        );
        check(
            expect![[r#"
                {
                    "tasks": [
                        {"label": "azds: prelaunch", "command": "azds up --await-exec --keep-alive"},
                #                 ^^^^^^^^^^^^^^^^^ old-debug-entry (warning): This task is for the debugger of Azure Dev Spaces. An entry of the type `azds` in launch.json needs none: its request `launch` starts the service. [Remove the task]
                        {"label": "up", "command": "azds up -d"},
                        {"label": "build (AZDS)", "command": "azds", "args": ["up", "--iterate"]}
                #                 ^^^^^^^^^^^^^^ old-debug-entry (warning): This task is for the debugger of Azure Dev Spaces. An entry of the type `azds` in launch.json needs none: its request `launch` starts the service. [Remove the task]
                    ]
                }
            "#]],
            tasks,
        );
    }

    #[test]
    fn the_fix_gives_todays_entry() {
        let text = "{\n\t\"configurations\": [\n\t\t{\n\t\t\t\"name\": \"A (AZDS)\", \"type\": \"coreclr\", \"preLaunchTask\": \"azds: prelaunch\"\n\t\t}\n\t]\n}\n";
        let problem = launch(text).remove(0);
        let Edit { range, text: new } = &problem.fixes[0].edits[0];
        let fixed = format!("{}{new}{}", &text[..range.start], &text[range.end..]);
        assert_eq!(
            fixed,
            "{\n\t\"configurations\": [\n\t\t{\n\t\t\t\"name\": \"A (AZDS)\",\n\t\t\t\"type\": \"azds\",\n\t\t\t\"request\": \"launch\",\n\t\t\t\"folder\": \"${workspaceFolder}\"\n\t\t}\n\t]\n}\n"
        );
        assert_eq!(launch(&fixed), []);
    }
}
