//! What differs from runtime to runtime: which process is the service, and how its debugger starts.

mod dotnet;
mod go;
mod java;
mod node;
mod python;

use std::collections::HashMap;
use std::iter;

use azds_protocol::agent::HostState;
use azds_protocol::debug::{AttachArguments, DebuggerStart, ProcessInfo};
use serde_json::{Map, Value, json};

use super::Sources;
use crate::failure::{Failure, Result};

const WHAT: &str = "the debugger was not started";

/// A runtime that can be debugged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Runtime {
    /// .NET, by netcoredbg.
    Dotnet,
    /// Go, by delve.
    Go,
    /// Java, by the JVM's own JDWP.
    Java,
    /// Node, by its own inspector.
    Node,
    /// Python, by debugpy.
    Python,
}

/// All of them; where several fit, the first one counts.
const RUNTIMES: [Runtime; 5] = [
    Runtime::Dotnet,
    Runtime::Python,
    Runtime::Node,
    Runtime::Java,
    Runtime::Go,
];

/// What a debugger's start depends on.
pub struct Container {
    state: HostState,
    /// The service's process and those that it started.
    processes: Vec<ProcessInfo>,
}

impl Container {
    /// What the host says of its container.
    pub fn new(state: HostState, mut processes: Vec<ProcessInfo>) -> Container {
        if let Some(service) = state.pid {
            let parents: HashMap<i32, i32> = processes
                .iter()
                .map(|process| (process.pid, process.ppid))
                .collect();
            let ancestors = |pid| {
                iter::successors(Some(pid), |pid| {
                    parents.get(pid).copied().filter(|&p| p > 0)
                })
            };
            processes.retain(|process| ancestors(process.pid).any(|pid| pid == service));
        }
        Container { state, processes }
    }

    /// Whether `dotnet run` or the like still builds what it will start.
    pub fn is_building(&self) -> bool {
        dotnet::is_building(&self.processes)
    }
}

/// How a session is to begin.
#[derive(Debug, PartialEq)]
pub struct Plan {
    /// What the host does.
    pub start: DebuggerStart,
    /// Arguments of the debugger's `attach`.
    pub attach: Map<String, Value>,
    /// Folder of the sources in the container.
    pub sources: String,
    /// The debug port, where a debugger on the developer's machine connects to it.
    pub port: Option<u16>,
}

impl Runtime {
    /// The runtime that was asked for, or the one that the container's processes show.
    pub fn choose(asked: Option<&str>, container: &Container) -> Result<Runtime> {
        let Some(asked) = asked.filter(|asked| *asked != "auto") else {
            return Runtime::detect(container);
        };
        let runtime = RUNTIMES.into_iter().find(|runtime| runtime.name() == asked);
        runtime.ok_or_else(|| {
            Failure::new(
                WHAT,
                format!("runtime {asked:?}"),
                "azds debugs the runtimes dotnet, go, java, node and python",
            )
            .try_to("Set \"runtime\" of the debug configuration to one of them, or to \"auto\".")
        })
    }

    fn detect(container: &Container) -> Result<Runtime> {
        let found = RUNTIMES
            .into_iter()
            .find(|it| it.service(container).is_some());
        found.ok_or_else(|| {
            let why = "no process of it runs .NET, Go, Java, Node or Python";
            no_process(container, why).try_to(
                "Wait until the service runs, or set \"runtime\" of the debug configuration.",
            )
        })
    }

    /// The process that runs the service's own code.
    pub fn service(self, container: &Container) -> Option<&ProcessInfo> {
        match self {
            Runtime::Dotnet => dotnet::service(&container.processes),
            Runtime::Go => go::service(container),
            Runtime::Java => java::service(container),
            Runtime::Node => node::service(container),
            Runtime::Python => python::service(container),
        }
    }

    /// The command line of a process of the service, without a debugger that it runs under.
    pub fn command(self, process: &ProcessInfo) -> Vec<String> {
        match self {
            Runtime::Python => python::command(process),
            _ => process.command.clone(),
        }
    }

    /// What people call it.
    pub fn name(self) -> &'static str {
        match self {
            Runtime::Dotnet => "dotnet",
            Runtime::Go => "go",
            Runtime::Java => "java",
            Runtime::Node => "node",
            Runtime::Python => "python",
        }
    }

    /// Whether a debugger has to be in the pod, installed under [`Runtime::name`].
    pub fn needs_debugger(self) -> bool {
        !matches!(self, Runtime::Java | Runtime::Node)
    }

    /// Whether the debugger leaves a service stopped, and its breakpoints set, when its client goes.
    pub fn stays_stopped(self) -> bool {
        self == Runtime::Go
    }

    /// How a session with the service begins, with the debugger in a folder of the container.
    pub fn plan(
        self,
        container: &Container,
        debugger: &str,
        arguments: &AttachArguments,
    ) -> Result<Plan> {
        let mut plan = match self {
            Runtime::Dotnet => dotnet::plan(container, debugger, arguments)?,
            Runtime::Go => go::plan(container, debugger, arguments)?,
            Runtime::Java => java::plan(container, arguments)?,
            Runtime::Node => node::plan(container, arguments)?,
            Runtime::Python => python::plan(container, debugger, arguments)?,
        };
        if let Some(just_my_code) = arguments.just_my_code {
            plan.attach
                .insert("justMyCode".to_owned(), json!(just_my_code));
        }
        for (name, value) in &arguments.rest {
            // They say to the editor what the session is, and a debugger that reads them errs.
            if !["name", "type", "request", "noDebug"].contains(&name.as_str()) {
                plan.attach.insert(name.clone(), value.clone());
            }
        }
        Ok(plan)
    }

    /// What a debugger's own error message means, where people could not guess.
    pub fn explain(self, message: &str) -> Option<&'static str> {
        match self {
            Runtime::Dotnet => dotnet::explain(message),
            _ => None,
        }
    }
}

/// A file that azds adds to the debugger of a runtime: its path there and its text.
pub fn addition(runtime: &str) -> Option<(&'static str, &'static str)> {
    (runtime == Runtime::Python.name()).then_some((python::STARTER, python::STARTER_TEXT))
}

impl Plan {
    /// What VS Code's own debugger of the runtime is told, when `port` leads to the service's debug port
    /// and its sources are there.
    pub fn configuration(
        &self,
        runtime: Runtime,
        port: u16,
        sources: &Sources,
    ) -> Map<String, Value> {
        let own = match runtime {
            Runtime::Java => java::configuration(port),
            _ => node::configuration(sources.root(&self.sources), port),
        };
        let Value::Object(mut configuration) = own else {
            unreachable!("configurations are objects");
        };
        configuration.extend(self.attach.clone());
        configuration
    }
}

/// The outermost of the processes that are fit, which starts the others.
fn outermost(container: &Container, fits: impl Fn(&ProcessInfo) -> bool) -> Option<&ProcessInfo> {
    let fit: Vec<&ProcessInfo> = container.processes.iter().filter(|it| fits(it)).collect();
    let is_child = |process: &ProcessInfo| fit.iter().any(|other| other.pid == process.ppid);
    fit.iter().copied().find(|process| !is_child(process))
}

fn no_process(container: &Container, why: &str) -> Failure {
    let running: Vec<String> = container
        .processes
        .iter()
        .filter(|process| !process.command.is_empty())
        .map(|process| process.command.join(" "))
        .collect();
    Failure::new(
        WHAT,
        "the container of the service",
        format!("{why}: {}", running.join("; ")),
    )
}

/// The last part of a path, or of a command's first word.
fn file_name(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

#[cfg(test)]
fn process(pid: i32, ppid: i32, command: &str, working_dir: &str, library: &str) -> ProcessInfo {
    ProcessInfo {
        pid,
        ppid,
        command: command.split(' ').map(str::to_owned).collect(),
        exe: String::new(),
        working_dir: working_dir.to_owned(),
        libraries: (!library.is_empty())
            .then(|| library.to_owned())
            .into_iter()
            .collect(),
        is_go: false,
    }
}

#[cfg(test)]
fn host_state() -> HostState {
    HostState {
        ended: None,
        pid: Some(7),
        command: Vec::new(),
        working_dir: "/".to_owned(),
        starts: 1,
        debugged_by: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn auto_goes_by_the_processes() {
        let cases = [
            (
                process(
                    7,
                    1,
                    "/src/bin/Debug/net8.0/Producer",
                    "/src",
                    "libcoreclr.so",
                ),
                "dotnet",
            ),
            (
                process(7, 1, "python3 app.py", "/app", "libpython3.11.so.1.0"),
                "python",
            ),
            (process(7, 1, "node server.js", "/app", ""), "node"),
            (
                process(7, 1, "java -jar app.jar", "/app", "libjvm.so"),
                "java",
            ),
            (
                ProcessInfo {
                    is_go: true,
                    ..process(7, 1, "/bin/service", "/src", "")
                },
                "go",
            ),
        ];
        for (process, expected) in cases {
            let processes = [process];
            let container = Container::new(host_state(), processes.to_vec());
            for asked in [None, Some("auto")] {
                let runtime = Runtime::choose(asked, &container).expect("one that is known");
                assert_eq!(runtime.name(), expected);
            }
        }
    }

    #[test]
    fn a_runtime_that_is_not_there_is_said_with_what_is() {
        let processes = [process(7, 1, "nginx -g daemon-off", "/", "")];
        let container = Container::new(host_state(), processes.to_vec());
        let failure = Runtime::choose(None, &container).expect_err("no runtime");
        assert!(failure.why.contains("nginx -g"), "{failure}");
        assert!(Runtime::choose(Some("cobol"), &container).is_err());
    }

    #[test]
    fn only_the_service_and_its_children_count() {
        let processes = vec![
            process(1, 0, "/azds/azds-agent host", "/", ""),
            process(7, 1, "sh start.sh", "/", ""),
            process(8, 7, "python3 app.py", "/app", ""),
            process(20, 0, "python3 -c exec", "/", ""),
        ];
        let container = Container::new(host_state(), processes);
        let pids: Vec<i32> = container
            .processes
            .iter()
            .map(|process| process.pid)
            .collect();
        assert_eq!(pids, [7, 8]);
    }

    #[test]
    fn what_is_not_ours_goes_to_the_debugger() {
        let processes = [process(7, 1, "python3 app.py", "/app", "")];
        let container = Container::new(host_state(), processes.to_vec());
        let arguments: AttachArguments = serde_json::from_value(json!({
            "name": "Debug", "type": "azds", "request": "launch", "folder": "/w",
            "justMyCode": false, "django": true, "__sessionId": "1"
        }))
        .expect("good arguments");
        let plan = Runtime::Python
            .plan(&container, "/d", &arguments)
            .expect("a plan");
        assert_eq!(plan.attach["justMyCode"], false);
        assert_eq!(plan.attach["django"], true);
        assert!(!plan.attach.contains_key("request") && !plan.attach.contains_key("folder"));
    }
}
