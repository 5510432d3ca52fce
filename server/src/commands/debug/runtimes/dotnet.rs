//! .NET: netcoredbg beside the service, attached to the process that runs the service's own code.

use std::collections::BTreeMap;

use azds_protocol::debug::{AttachArguments, DebuggerStart, ProcessInfo};
use serde_json::json;

use super::{Container, Plan, file_name, no_process};
use crate::failure::Result;

const RUNTIME: &str = "libcoreclr.so";
/// Subcommands of `dotnet` that are the SDK's own work. They host a runtime as well, and attaching to
/// one succeeds without a word and never stops.
const SDK: [&str; 8] = [
    "run",
    "watch",
    "build",
    "msbuild",
    "publish",
    "restore",
    "test",
    "build-server",
];
/// Where images are built that copy the published service elsewhere, by the convention of the
/// Dockerfiles that `azds prep` and Visual Studio write.
const BUILD_FOLDER: &str = "/src";

/// The process that runs the service's own code.
pub fn service(processes: &[ProcessInfo]) -> Option<&ProcessInfo> {
    let candidates = || {
        processes
            .iter()
            .filter(|process| has_runtime(process) && !is_sdk(process))
    };
    let parent_is_sdk = |process: &&ProcessInfo| {
        processes
            .iter()
            .any(|parent| parent.pid == process.ppid && is_sdk(parent))
    };
    candidates()
        .find(parent_is_sdk)
        .or_else(|| candidates().next())
}

/// Whether the SDK is at work and has not started the service yet.
pub fn is_building(processes: &[ProcessInfo]) -> bool {
    service(processes).is_none() && processes.iter().any(is_sdk)
}

fn has_runtime(process: &ProcessInfo) -> bool {
    process.libraries.iter().any(|library| library == RUNTIME)
}

fn is_sdk(process: &ProcessInfo) -> bool {
    let mut arguments = process.command.iter().map(String::as_str);
    if arguments.next().map(file_name) != Some("dotnet") {
        return false;
    }
    arguments.next().is_some_and(|first| SDK.contains(&first))
        // The compiler server and MSBuild's nodes: `dotnet exec /usr/share/dotnet/sdk/….dll`.
        || process.command.iter().any(|argument| argument.contains("/sdk/"))
}

/// How netcoredbg attaches to the service.
pub fn plan(container: &Container, debugger: &str, arguments: &AttachArguments) -> Result<Plan> {
    let process = service(&container.processes).ok_or_else(|| {
        no_process(container, "no process of it runs a .NET service").try_to(
            "If `dotnet run` is still building, wait until the service answers and start again.",
        )
    })?;
    let mut attach = serde_json::Map::new();
    attach.insert("processId".to_owned(), json!(process.pid));
    if arguments.stop_on_entry {
        attach.insert("stopAtEntry".to_owned(), json!(true));
    }
    Ok(Plan {
        start: DebuggerStart::Beside {
            command: vec![
                format!("{debugger}/netcoredbg"),
                "--interpreter=vscode".to_owned(),
            ],
            // netcoredbg hosts a runtime of its own. Without ICU in the image that one aborts in the
            // middle of attaching and leaves the service frozen.
            env: BTreeMap::from([(
                "DOTNET_SYSTEM_GLOBALIZATION_INVARIANT".to_owned(),
                "1".to_owned(),
            )]),
        },
        attach,
        sources: sources(process),
        port: None,
    })
}

/// The folder that the debug information speaks of: where the project was built.
fn sources(process: &ProcessInfo) -> String {
    let binary = process
        .command
        .iter()
        .find(|argument| argument.ends_with(".dll"))
        .or_else(|| process.command.first());
    let project = binary.and_then(|binary| {
        let absolute = if binary.starts_with('/') {
            binary.clone()
        } else {
            format!("{}/{binary}", process.working_dir)
        };
        absolute
            .split_once("/bin/")
            .map(|(project, _)| project.to_owned())
    });
    let is_project = |folder: &String| !folder.is_empty() && folder != "/usr";
    project
        .filter(is_project)
        .unwrap_or_else(|| BUILD_FOLDER.to_owned())
}

/// What a failed `configurationDone` means.
pub fn explain(message: &str) -> Option<&'static str> {
    if message.contains("0x80070057") {
        Some(
            "The process ended, is not .NET, or belongs to another user than the one that the \
             container starts with.",
        )
    } else if message.contains("0x80131c08") {
        Some(
            "The .NET runtime did not answer: the service may have diagnostics turned off \
             (DOTNET_EnableDiagnostics=0 or COMPlus_EnableDiagnostics=0), or a TMPDIR of its own.",
        )
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::super::{host_state, process};
    use super::*;

    #[test]
    fn the_child_of_dotnet_run_and_not_it() {
        let dll = "dotnet exec /src/bin/Debug/netcoreapp3.1/Producer.dll";
        let apphost = "/src/bin/Debug/netcoreapp3.1/Producer --urls http://*:80";
        for (service_command, sdk) in [
            (apphost, "dotnet run --no-build"),
            (dll, "dotnet watch run"),
        ] {
            let processes = [
                process(1, 0, "/azds/azds-agent host", "/", ""),
                process(7, 1, sdk, "/src", RUNTIME),
                process(
                    8,
                    7,
                    "dotnet exec /usr/share/dotnet/sdk/3.1/VBCSCompiler.dll",
                    "/",
                    RUNTIME,
                ),
                process(19, 7, service_command, "/src", RUNTIME),
            ];
            let found = service(&processes).expect("the service");
            assert_eq!(found.pid, 19);
            assert_eq!(sources(found), "/src");
        }
    }

    #[test]
    fn no_service_while_dotnet_run_builds() {
        let processes = [process(7, 1, "dotnet run", "/src", RUNTIME)];
        assert_eq!(service(&processes), None);
        assert!(is_building(&processes));
        let container = Container::new(host_state(), processes.to_vec());
        let failure = plan(&container, "/d", &AttachArguments::default()).expect_err("nothing");
        assert!(failure.remedy.contains("still building"), "{failure}");
    }

    #[test]
    fn the_folder_of_the_sources() {
        for (command, working_dir, expected) in [
            ("/srv/api/bin/Debug/net8.0/Api", "/", "/srv/api"),
            (
                "dotnet bin/Release/net8.0/Api.dll",
                "/code/api",
                "/code/api",
            ),
            ("dotnet Api.dll", "/app", "/src"),
            ("/usr/bin/dotnet Api.dll", "/app", "/src"),
        ] {
            assert_eq!(
                sources(&process(7, 1, command, working_dir, RUNTIME)),
                expected,
                "{command}"
            );
        }
    }

    #[test]
    fn netcoredbg_beside_the_service() {
        let processes = [
            process(7, 1, "sh", "/", ""),
            process(19, 7, "dotnet Api.dll", "/app", RUNTIME),
        ];
        let container = Container::new(host_state(), processes.to_vec());
        let plan =
            plan(&container, "/azds/debuggers/x", &AttachArguments::default()).expect("fits");
        assert_eq!(plan.attach["processId"], 19);
        let DebuggerStart::Beside { command, env } = plan.start else {
            panic!("netcoredbg attaches");
        };
        assert_eq!(
            command,
            ["/azds/debuggers/x/netcoredbg", "--interpreter=vscode"]
        );
        assert_eq!(env["DOTNET_SYSTEM_GLOBALIZATION_INVARIANT"], "1");
    }
}
