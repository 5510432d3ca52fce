//! Java: the service is started again with the JVM's own debug agent (JDWP), unless it has one already.
//! What speaks to it is the editor's Java debugger, on the developer's machine.

use std::collections::BTreeMap;

use azds_protocol::debug::{AttachArguments, DEBUGGER_PORT, DebuggerStart, ProcessInfo};
use serde_json::{Map, Value, json};

use super::{Container, Plan, no_process, outermost};
use crate::failure::Result;

const RUNTIME: &str = "libjvm.so";
/// Variable whose options every JVM takes, also one that a script starts.
const OPTIONS: &str = "JAVA_TOOL_OPTIONS";
/// Options that load the debug agent, before what it is told.
const AGENT: [&str; 2] = ["-agentlib:jdwp=", "-Xrunjdwp:"];
/// Main classes of build tools, which start the service as a child.
const BUILD_TOOLS: [&str; 3] = [
    "org.codehaus.plexus.classworlds.launcher.Launcher",
    "org.gradle.wrapper.GradleWrapperMain",
    "org.gradle.launcher.daemon.bootstrap.GradleDaemon",
];

/// The process that runs the service's own code.
pub fn service(container: &Container) -> Option<&ProcessInfo> {
    outermost(container, |process| is_jvm(process) && !is_tool(process))
}

fn is_jvm(process: &ProcessInfo) -> bool {
    process.libraries.iter().any(|library| library == RUNTIME)
}

fn is_tool(process: &ProcessInfo) -> bool {
    let is_one = |argument: &String| BUILD_TOOLS.contains(&argument.as_str());
    is_jvm(process) && process.command.iter().any(is_one)
}

/// How the service starts with its debug agent.
pub fn plan(container: &Container, arguments: &AttachArguments) -> Result<Plan> {
    let process = service(container)
        .ok_or_else(|| no_process(container, "no process of it runs a Java service"))?;
    let own = own_agent(process).filter(|_| !arguments.stop_on_entry);
    let port = own.unwrap_or(DEBUGGER_PORT);
    let start = match own {
        Some(port) => DebuggerStart::Inspector {
            pid: process.pid,
            port,
        },
        None => with_agent(container, process, arguments.stop_on_entry),
    };
    Ok(Plan {
        start,
        attach: Map::new(),
        sources: process.working_dir.clone(),
        port: Some(port),
    })
}

/// The port at which the service's own options have a debug agent listen.
fn own_agent(process: &ProcessInfo) -> Option<u16> {
    let options = process.command.iter().find_map(|argument| told(argument))?;
    let named = |name| {
        let options = options.split(',').filter_map(|it| it.split_once('='));
        options.into_iter().find(|it| it.0 == name).map(|it| it.1)
    };
    let port = named("address")?.rsplit(':').next()?.parse().ok()?;
    let is_ours = port == DEBUGGER_PORT;
    (named("server") == Some("y") && !is_ours).then_some(port)
}

/// What an option tells the debug agent, if it loads it.
fn told(option: &str) -> Option<&str> {
    AGENT.iter().find_map(|agent| option.strip_prefix(agent))
}

fn with_agent(container: &Container, process: &ProcessInfo, stop: bool) -> DebuggerStart {
    let suspend = if stop { "y" } else { "n" };
    let agent = format!(
        "-agentlib:jdwp=transport=dt_socket,server=y,suspend={suspend},address=127.0.0.1:{DEBUGGER_PORT}"
    );
    let has_agent = process.command.iter().any(|it| told(it).is_some());
    let (command, working_dir, env) = if has_agent || container.processes.iter().any(is_tool) {
        // The variable would reach the build tool, too, and both would want the port; and a JVM takes
        // one agent only. So its own command line is started, with another agent.
        let mut command = process.command.clone();
        command.retain(|argument| told(argument).is_none());
        command.insert(1.min(command.len()), agent);
        (command, Some(process.working_dir.clone()), BTreeMap::new())
    } else {
        // The host puts the variable's own value in.
        let options = format!("$({OPTIONS}) {agent}");
        let env = BTreeMap::from([(OPTIONS.to_owned(), options)]);
        (container.state.command.clone(), None, env)
    };
    DebuggerStart::Restart {
        command,
        working_dir,
        env,
        port: DEBUGGER_PORT,
        resumes: true,
    }
}

/// What VS Code's Java debugger is told. It finds sources by the names of their classes.
pub fn configuration(port: u16) -> Value {
    json!({
        "type": "java",
        "request": "attach",
        "name": "azds",
        "hostName": "127.0.0.1",
        "port": port,
    })
}

#[cfg(test)]
mod tests {
    use super::super::{host_state, process};
    use super::*;

    fn started(processes: Vec<ProcessInfo>, stop: bool) -> Plan {
        let container = Container::new(host_state(), processes);
        let arguments = AttachArguments {
            stop_on_entry: stop,
            ..AttachArguments::default()
        };
        plan(&container, &arguments).expect("a service")
    }

    fn agent(suspend: &str) -> String {
        format!(
            "-agentlib:jdwp=transport=dt_socket,server=y,suspend={suspend},address=127.0.0.1:29190"
        )
    }

    #[test]
    fn the_service_starts_again_with_the_agent_in_its_environment() {
        let service = process(7, 1, "java -jar app.jar", "/app", RUNTIME);
        for (stop, suspend) in [(false, "n"), (true, "y")] {
            let plan = started(vec![service.clone()], stop);
            assert_eq!(plan.port, Some(DEBUGGER_PORT));
            let DebuggerStart::Restart { command, env, .. } = plan.start else {
                panic!("the agent is loaded when the JVM starts");
            };
            assert_eq!(command, host_state().command);
            let options = format!("$({OPTIONS}) {}", agent(suspend));
            assert_eq!(env[OPTIONS], options);
        }
    }

    #[test]
    fn of_a_build_tool_the_service_alone_gets_the_agent() {
        let tool = "java org.codehaus.plexus.classworlds.launcher.Launcher spring-boot:run";
        let processes = vec![
            process(7, 1, tool, "/src", RUNTIME),
            process(
                8,
                7,
                "/opt/java -cp target/classes shop.Main",
                "/src",
                RUNTIME,
            ),
        ];
        let container = Container::new(host_state(), processes.clone());
        assert_eq!(service(&container).map(|process| process.pid), Some(8));
        let DebuggerStart::Restart { command, env, .. } = started(processes, false).start else {
            panic!("the agent is loaded when the JVM starts");
        };
        let expected = format!("/opt/java {} -cp target/classes shop.Main", agent("n"));
        assert_eq!((command.join(" "), env.len()), (expected, 0));
    }

    #[test]
    fn a_service_that_has_an_agent_keeps_it() {
        for option in [
            "-agentlib:jdwp=transport=dt_socket,server=y,suspend=n,address=*:5005",
            "-Xrunjdwp:server=y,transport=dt_socket,address=5005",
        ] {
            let service = process(7, 1, &format!("java {option} -jar a.jar"), "/app", RUNTIME);
            let plan = started(vec![service.clone()], false);
            assert_eq!(plan.port, Some(5005));
            let start = DebuggerStart::Inspector { pid: 7, port: 5005 };
            assert_eq!(plan.start, start);
            let DebuggerStart::Restart { command, .. } = started(vec![service], true).start else {
                panic!("a running process cannot stop at its entry");
            };
            let expected = format!("java {} -jar a.jar", agent("y"));
            assert_eq!(command.join(" "), expected);
        }
    }
}
