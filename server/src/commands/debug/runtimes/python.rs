//! Python: the service is started again as a child of debugpy, since attaching to a running one takes
//! ptrace, which nodes refuse.

use std::collections::BTreeMap;

use azds_protocol::debug::{AttachArguments, DEBUGGER_PORT, DebuggerStart, ProcessInfo};
use serde_json::json;

use super::{Container, Plan, file_name, no_process, outermost};
use crate::failure::{Failure, Result};

/// Where the starter is in debugpy's folder: in its package, whose frames debugpy shows to nobody.
pub const STARTER: &str = "debugpy/azds.py";
/// Starts a program under debugpy, and debugpy's adapter at the same time instead of after it.
pub const STARTER_TEXT: &str = include_str!("starter.py");
/// The oldest that debugpy runs on.
const OLDEST: (u32, u32) = (3, 8);
/// Options of the interpreter that take their value from the next argument.
const WITH_VALUE: [&str; 3] = ["-W", "-X", "--check-hash-based-pycs"];

/// The process that runs the service's own code: of several the outermost, which starts the others.
pub fn service(container: &Container) -> Option<&ProcessInfo> {
    outermost(container, |process| {
        let program = process.command.first();
        program.is_some_and(|program| is_interpreter(program))
            && !process
                .command
                .iter()
                .any(|argument| argument.contains("debugpy/adapter"))
    })
}

/// The command line of the service itself, also while it runs under debugpy.
pub fn command(process: &ProcessInfo) -> Vec<String> {
    let mut command = process.command.clone();
    if let Some(starter) = command.iter().position(|it| it.ends_with(STARTER)) {
        let end = command.len().min(starter + 2);
        command.drain(starter..end);
    }
    command
}

fn is_interpreter(program: &str) -> bool {
    let name = file_name(program);
    name.strip_prefix("python").is_some_and(|version| {
        version
            .bytes()
            .all(|byte| byte.is_ascii_digit() || byte == b'.')
    })
}

/// How the service starts under debugpy.
pub fn plan(container: &Container, debugger: &str, arguments: &AttachArguments) -> Result<Plan> {
    let process = service(container)
        .ok_or_else(|| no_process(container, "no process of it runs a Python service"))?;
    if let Some(version) = version(process).filter(|version| *version < OLDEST) {
        return Err(Failure::new(
            super::WHAT,
            &process.exe,
            format!(
                "it is Python {}.{}, and debugpy needs {}.{} or newer",
                version.0, version.1, OLDEST.0, OLDEST.1
            ),
        )
        .try_to("Use a newer Python in the Dockerfile."));
    }
    let sources = process.working_dir.clone();
    let mut attach = serde_json::Map::new();
    // With a mapping, here onto itself, debugpy hands out the text of files outside of it, so that the
    // editor can show libraries that only the container has.
    attach.insert(
        "pathMappings".to_owned(),
        json!([{"localRoot": sources, "remoteRoot": sources}]),
    );
    // Child processes would need connections of their own, which the editor cannot make.
    attach.insert("subProcess".to_owned(), json!(false));
    Ok(Plan {
        start: DebuggerStart::Restart {
            command: under_debugpy(&command(process), debugger, arguments.stop_on_entry),
            working_dir: Some(process.working_dir.clone()),
            env: BTreeMap::from([("PYDEVD_DISABLE_FILE_VALIDATION".to_owned(), "1".to_owned())]),
            port: DEBUGGER_PORT,
            resumes: true,
        },
        attach,
        sources,
        port: None,
    })
}

/// The command line with debugpy between the interpreter's options and what it runs. The service
/// waits for the editor, so that breakpoints in its very first lines are hit.
fn under_debugpy(command: &[String], debugger: &str, stop: bool) -> Vec<String> {
    let mut arguments = command.iter().peekable();
    let mut result: Vec<String> = arguments.next().cloned().into_iter().collect();
    while let Some(option) = arguments.next_if(|argument| is_option(argument)) {
        let takes_value = WITH_VALUE.contains(&option.as_str());
        result.push(option.clone());
        if takes_value {
            result.extend(arguments.next().cloned());
        }
    }
    let stop = if stop { ",stop" } else { "" };
    result.extend([
        format!("{debugger}/{STARTER}"),
        format!("{DEBUGGER_PORT}{stop}"),
    ]);
    result.extend(arguments.cloned());
    result
}

/// Whether it is an option of the interpreter and not yet what it runs (`-m`, `-c`, a file).
fn is_option(argument: &str) -> bool {
    argument.starts_with('-') && !["-", "-m", "-c"].contains(&argument)
}

/// The version that the interpreter's file name or its library tells.
fn version(process: &ProcessInfo) -> Option<(u32, u32)> {
    let names = process
        .libraries
        .iter()
        .map(String::as_str)
        .chain([file_name(&process.exe)]);
    names
        .filter_map(|name| {
            let digits = name
                .strip_prefix("libpython")
                .or_else(|| name.strip_prefix("python"))?;
            let mut parts = digits.split(|c: char| !c.is_ascii_digit());
            Some((parts.next()?.parse().ok()?, parts.next()?.parse().ok()?))
        })
        .next()
}

#[cfg(test)]
mod tests {
    use super::super::{host_state, process};
    use super::*;

    #[test]
    fn debugpy_comes_between_the_interpreter_and_what_it_runs() {
        for (command, expected) in [
            ("python app.py --port 80", "python @ app.py --port 80"),
            (
                "python3.11 -u -X dev -m flask run",
                "python3.11 -u -X dev @ -m flask run",
            ),
            (
                "/venv/bin/python /venv/bin/gunicorn app:app",
                "/venv/bin/python @ /venv/bin/gunicorn app:app",
            ),
            ("python -W error -c code", "python -W error @ -c code"),
        ] {
            let command: Vec<String> = command.split(' ').map(str::to_owned).collect();
            let debugpy = "/d/debugpy/azds.py 29190";
            let started = under_debugpy(&command, "/d", false);
            assert_eq!(started.join(" "), expected.replace('@', debugpy));
            let debugged = process(7, 1, &started.join(" "), "/", "");
            assert_eq!(super::command(&debugged), command);
        }
    }

    #[test]
    fn the_outermost_python_and_no_debugger() {
        let processes = vec![
            process(1, 0, "/azds/azds-agent host", "/", ""),
            process(7, 1, "sh -c python", "/", ""),
            process(8, 7, "python3 /d/debugpy/adapter --for-server 1", "/", ""),
            process(9, 7, "python3 -m gunicorn app:app", "/app", ""),
            process(10, 9, "python3 -m gunicorn app:app", "/app", ""),
            process(11, 7, "python-config --libs", "/", ""),
        ];
        let container = Container::new(host_state(), processes);
        assert_eq!(service(&container).map(|process| process.pid), Some(9));
    }

    #[test]
    fn a_python_that_debugpy_does_not_run_on_is_refused() {
        let mut old = process(7, 1, "python app.py", "/app", "libpython3.6m.so.1.0");
        let arguments = AttachArguments::default();
        let failure = plan(
            &Container::new(host_state(), vec![old.clone()]),
            "/d",
            &arguments,
        );
        assert!(failure.expect_err("too old").why.contains("Python 3.6"));
        old.libraries.clear();
        old.exe = "/usr/local/bin/python3.12".to_owned();
        let plan = plan(&Container::new(host_state(), vec![old]), "/d", &arguments).expect("fits");
        assert_eq!(plan.sources, "/app");
    }
}
