//! Node: its own inspector, which a running process opens when it gets SIGUSR1. What speaks to it is
//! js-debug, on the developer's machine.

use std::collections::BTreeMap;
use std::path::Path;

use azds_protocol::debug::{AttachArguments, DEBUGGER_PORT, DebuggerStart, ProcessInfo};
use serde_json::{Map, Value, json};

use super::{Container, Plan, file_name, no_process, outermost};
use crate::failure::Result;

/// Where the inspector listens if nobody says otherwise.
const INSPECTOR: u16 = 9229;
/// Programs on Node that start the service as a child.
const STARTERS: [&str; 6] = ["npm", "npx", "pnpm", "yarn", "nodemon", "corepack"];
/// Options whose value may name the inspector's address.
const INSPECT: [&str; 4] = [
    "--inspect",
    "--inspect-brk",
    "--inspect-wait",
    "--inspect-port",
];

/// The process that runs the service's own code: of several the outermost, which starts the workers.
pub fn service(container: &Container) -> Option<&ProcessInfo> {
    outermost(container, |process| {
        is_node(process) && !is_starter(process)
    })
}

fn is_node(process: &ProcessInfo) -> bool {
    let program = process.command.first();
    // A program may have changed its title; its file stays what it is.
    [Some(&process.exe), program]
        .into_iter()
        .flatten()
        .any(|program| ["node", "nodejs"].contains(&file_name(program)))
}

fn is_starter(process: &ProcessInfo) -> bool {
    // npm's title: `npm start`, as one word.
    let title = process
        .command
        .first()
        .and_then(|word| word.split(' ').next());
    let mut arguments = process.command.iter().skip(1);
    let watches = arguments
        .clone()
        .any(|argument| argument.starts_with("--watch"));
    let script = arguments.find(|argument| !argument.starts_with('-'));
    let name = |path: &str| {
        let name = file_name(path);
        let name = name.split('.').next().unwrap_or(name);
        name.trim_end_matches("-cli").to_owned()
    };
    let names = [title, script.map(String::as_str)].into_iter().flatten();
    watches
        || names
            .map(name)
            .any(|name| STARTERS.contains(&name.as_str()))
}

/// How the service's inspector is opened.
pub fn plan(container: &Container, arguments: &AttachArguments) -> Result<Plan> {
    let process = service(container)
        .ok_or_else(|| no_process(container, "no process of it runs a Node service"))?;
    let mut attach = Map::new();
    let (start, port) = if arguments.stop_on_entry {
        attach.insert("continueOnAttach".to_owned(), json!(false));
        let mut command = process.command.clone();
        command.insert(1, format!("--inspect-brk=127.0.0.1:{DEBUGGER_PORT}"));
        let start = DebuggerStart::Restart {
            command,
            working_dir: Some(process.working_dir.clone()),
            env: BTreeMap::new(),
            port: DEBUGGER_PORT,
            resumes: true,
        };
        (start, DEBUGGER_PORT)
    } else {
        let port = inspector(process);
        let pid = process.pid;
        (DebuggerStart::Inspector { pid, port }, port)
    };
    Ok(Plan {
        start,
        attach,
        sources: process.working_dir.clone(),
        port: Some(port),
    })
}

/// The port that the process's own options name for its inspector.
fn inspector(process: &ProcessInfo) -> u16 {
    let named = process.command.iter().find_map(|argument| {
        let (option, address) = argument.split_once('=')?;
        let port = address.rsplit(':').next()?.parse().ok()?;
        INSPECT.contains(&option).then_some(port)
    });
    named.unwrap_or(INSPECTOR)
}

/// What js-debug is told; it maps one folder of the container to one here.
pub fn configuration((there, here): (&str, &Path), port: u16) -> Value {
    json!({
        "type": "pwa-node",
        "request": "attach",
        "name": "azds",
        "address": "127.0.0.1",
        "port": port,
        "localRoot": here,
        "remoteRoot": there,
        "skipFiles": ["<node_internals>/**"],
        // Workers have inspectors of their own, which this port does not lead to.
        "autoAttachChildProcesses": false,
    })
}

#[cfg(test)]
mod tests {
    use super::super::{host_state, process};
    use super::*;

    #[test]
    fn the_service_and_not_what_starts_it() {
        for (starter, exe) in [
            ("npm@start", "/usr/local/bin/node"),
            ("node@/usr/local/bin/yarn.js@start", ""),
            ("node@--watch@server.js", ""),
            ("node@/app/node_modules/.bin/nodemon@server.js", ""),
        ] {
            let mut starter_process = process(7, 1, "", "/app", "");
            starter_process.command = starter
                .replace("npm@", "npm ")
                .split('@')
                .map(str::to_owned)
                .collect();
            starter_process.exe = exe.to_owned();
            let processes = vec![
                starter_process,
                process(8, 7, "sh -c node@server.js", "/app", ""),
                process(9, 8, "/usr/local/bin/node server.js", "/app", ""),
                process(10, 9, "/usr/local/bin/node worker.js", "/app", ""),
            ];
            let container = Container::new(host_state(), processes);
            let found = service(&container).map(|process| process.pid);
            assert_eq!(found, Some(9), "{starter}");
        }
    }

    #[test]
    fn a_running_service_opens_its_inspector() {
        for (command, port) in [
            ("node server.js", 9229),
            ("node --inspect=0.0.0.0:9300 server.js", 9300),
            ("node --inspect-port=9301 server.js", 9301),
        ] {
            let processes = vec![process(7, 1, command, "/app", "")];
            let container = Container::new(host_state(), processes);
            let plan = plan(&container, &AttachArguments::default()).expect("a service");
            assert_eq!(plan.start, DebuggerStart::Inspector { pid: 7, port });
            assert_eq!(plan.port, Some(port));
            let told = configuration((&plan.sources, Path::new("/w/shop")), 4711);
            assert_eq!(told["port"], 4711);
            assert_eq!(
                (&told["localRoot"], &told["remoteRoot"]),
                (&json!("/w/shop"), &json!("/app"))
            );
        }
    }

    #[test]
    fn to_stop_at_its_entry_it_is_started_again() {
        let processes = vec![process(7, 1, "node server.js", "/app", "")];
        let container = Container::new(host_state(), processes);
        let arguments = AttachArguments {
            stop_on_entry: true,
            ..AttachArguments::default()
        };
        let plan = plan(&container, &arguments).expect("a service");
        let DebuggerStart::Restart { command, .. } = plan.start else {
            panic!("a running process cannot stop at its entry");
        };
        assert_eq!(
            command,
            ["node", "--inspect-brk=127.0.0.1:29190", "server.js"]
        );
        assert_eq!(plan.attach["continueOnAttach"], false);
    }
}
