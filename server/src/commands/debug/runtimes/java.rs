//! Java: the service is started again with the JVM's own debug agent (JDWP). What speaks to it is the
//! editor's Java debugger, on the developer's machine.

use std::collections::BTreeMap;

use azds_protocol::debug::{AttachArguments, DEBUGGER_PORT, DebuggerStart, ProcessInfo};
use serde_json::{Map, Value, json};

use super::{Container, Plan, no_process, outermost};
use crate::failure::Result;

const RUNTIME: &str = "libjvm.so";
/// Variable whose options every JVM takes, also one that a script starts.
const OPTIONS: &str = "JAVA_TOOL_OPTIONS";
/// Main classes of build tools, which start the service as a child.
const BUILD_TOOLS: [&str; 3] = [
    "org.codehaus.plexus.classworlds.launcher.Launcher",
    "org.gradle.wrapper.GradleWrapperMain",
    "org.gradle.launcher.daemon.bootstrap.GradleDaemon",
];

/// The process that runs the service's own code.
pub fn service(container: &Container) -> Option<&ProcessInfo> {
    outermost(container, |process| {
        let is_tool = |argument: &String| BUILD_TOOLS.contains(&argument.as_str());
        process.libraries.iter().any(|library| library == RUNTIME)
            && !process.command.iter().any(is_tool)
    })
}

/// How the service starts with its debug agent.
pub fn plan(container: &Container, arguments: &AttachArguments) -> Result<Plan> {
    let process = service(container)
        .ok_or_else(|| no_process(container, "no process of it runs a Java service"))?;
    let suspend = if arguments.stop_on_entry { "y" } else { "n" };
    let agent = format!(
        "-agentlib:jdwp=transport=dt_socket,server=y,suspend={suspend},address=127.0.0.1:{DEBUGGER_PORT}"
    );
    // The host puts the variable's own value in.
    let options = format!("$({OPTIONS}) {agent}");
    Ok(Plan {
        start: DebuggerStart::Restart {
            command: container.state.command.clone(),
            working_dir: None,
            env: BTreeMap::from([(OPTIONS.to_owned(), options)]),
            port: DEBUGGER_PORT,
            resumes: true,
        },
        attach: Map::new(),
        sources: process.working_dir.clone(),
        port: Some(DEBUGGER_PORT),
    })
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

    #[test]
    fn the_service_and_not_the_build_tool() {
        let processes = vec![
            process(
                7,
                1,
                "java org.codehaus.plexus.classworlds.launcher.Launcher spring-boot:run",
                "/src",
                RUNTIME,
            ),
            process(
                8,
                7,
                "/opt/java/bin/java -cp target/classes shop.Main",
                "/src",
                RUNTIME,
            ),
        ];
        let container = Container::new(host_state(), processes);
        assert_eq!(service(&container).map(|process| process.pid), Some(8));
        let plan = plan(&container, &AttachArguments::default()).expect("a service");
        let DebuggerStart::Restart { command, env, .. } = plan.start else {
            panic!("the agent is loaded when the JVM starts");
        };
        assert_eq!(command, container.state.command);
        assert_eq!(
            env[OPTIONS],
            "$(JAVA_TOOL_OPTIONS) -agentlib:jdwp=transport=dt_socket,server=y,suspend=n,address=127.0.0.1:29190"
        );
    }
}
