//! Go: the service is started again as a child of delve, since attaching to a running one takes
//! ptrace, which nodes refuse.

use std::collections::BTreeMap;

use azds_protocol::debug::{AttachArguments, DEBUGGER_PORT, DebuggerStart, ProcessInfo};
use serde_json::{Map, json};

use super::{Container, Plan, file_name, no_process, outermost};
use crate::failure::Result;

/// Where images are built that copy the program elsewhere, by the convention of the Dockerfiles that
/// `azds prep` writes.
const BUILD_FOLDER: &str = "/src";

/// The process that runs the service's own code; of several the outermost. delve is built by Go, too.
pub fn service(container: &Container) -> Option<&ProcessInfo> {
    outermost(container, |process| {
        let program = process.command.first();
        process.is_go && program.is_some_and(|program| !["dlv", "go"].contains(&file_name(program)))
    })
}

/// How the service starts under delve. It waits for the editor, so that breakpoints in its very first
/// lines are hit.
pub fn plan(container: &Container, debugger: &str, arguments: &AttachArguments) -> Result<Plan> {
    let process = service(container)
        .ok_or_else(|| no_process(container, "no process of it was built by Go"))?;
    let listen = format!("--listen=127.0.0.1:{DEBUGGER_PORT}");
    let mut command = vec![format!("{debugger}/dlv"), "exec".to_owned()];
    command.extend(
        [
            "--headless",
            "--accept-multiclient",
            "--api-version=2",
            // A program of a Go that is a little too new is debugged all the same.
            "--check-go-version=false",
            &listen,
            &process.exe,
            "--",
        ]
        .map(str::to_owned),
    );
    command.extend(process.command.iter().skip(1).cloned());
    let mut attach = Map::new();
    attach.insert("mode".to_owned(), json!("remote"));
    if arguments.stop_on_entry {
        attach.insert("stopOnEntry".to_owned(), json!(true));
    }
    let sources = match process.working_dir.as_str() {
        "" | "/" => BUILD_FOLDER,
        folder => folder,
    };
    Ok(Plan {
        start: DebuggerStart::Restart {
            command,
            working_dir: Some(process.working_dir.clone()),
            env: BTreeMap::new(),
            port: DEBUGGER_PORT,
            resumes: false,
        },
        attach,
        sources: sources.to_owned(),
        port: None,
    })
}

#[cfg(test)]
mod tests {
    use super::super::{host_state, process};
    use super::*;

    fn go(pid: i32, ppid: i32, command: &str, working_dir: &str) -> ProcessInfo {
        let program = command.split(' ').next().unwrap_or_default().to_owned();
        ProcessInfo {
            is_go: true,
            exe: program,
            ..process(pid, ppid, command, working_dir, "")
        }
    }

    #[test]
    fn the_service_under_delve() {
        for (working_dir, sources) in [("/src", "/src"), ("/", "/src"), ("/code", "/code")] {
            let processes = vec![
                process(7, 1, "sh start.sh", "/", ""),
                go(8, 7, "/bin/service --port 80", working_dir),
                go(9, 8, "/bin/helper", "/"),
            ];
            let container = Container::new(host_state(), processes);
            let plan = plan(&container, "/d", &AttachArguments::default()).expect("a service");
            let DebuggerStart::Restart { command, .. } = plan.start else {
                panic!("delve starts the service");
            };
            assert_eq!(
                command.join(" "),
                "/d/dlv exec --headless --accept-multiclient --api-version=2 --check-go-version=false \
                 --listen=127.0.0.1:29190 /bin/service -- --port 80"
            );
            assert_eq!(plan.sources, sources);
            assert_eq!(plan.attach["mode"], "remote");
        }
    }

    #[test]
    fn what_runs_under_delve_already_is_the_service() {
        let processes = vec![
            go(7, 1, "/d/dlv exec /bin/service --", "/src"),
            go(8, 7, "/bin/service", "/src"),
        ];
        let container = Container::new(host_state(), processes);
        assert_eq!(service(&container).map(|process| process.pid), Some(8));
    }
}
