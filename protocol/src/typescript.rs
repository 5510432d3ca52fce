//! The same types for the VS Code extension. `UPDATE_EXPECT=1 cargo test -p azds-protocol` writes
//! them anew.

use expect_test::expect_file;
use ts_rs::{Config, TS};

use crate::change::{Change, Mistake, Mistakes, ServiceChanged, ServiceState, Tier};
use crate::commands::*;
use crate::debug::{AttachArguments, ProcessInfo};
use crate::{Action, Audience, Failure};

const HEAD: &str = "// Generated from protocol/ by its tests; do not edit.\n";

/// A command: its name, its argument, its result.
struct Command(&'static str, String, String);

fn command<A: TS, R: TS>(config: &Config, name: &'static str) -> Command {
    Command(name, A::name(config), R::name(config))
}

fn commands(config: &Config) -> Vec<Command> {
    vec![
        command::<PrepArguments, PrepResult>(config, names::PREP),
        command::<UpArguments, UpResult>(config, names::UP),
        command::<ServiceArguments, DetachResult>(config, names::DETACH),
        command::<ServiceArguments, DownResult>(config, names::DOWN),
        command::<ServiceArguments, Vec<ServiceRow>>(config, names::LIST_UP),
        command::<ServiceArguments, Vec<UriRow>>(config, names::LIST_URIS),
        command::<UseDevSpacesArguments, DevSpacesResult>(config, names::USE_DEV_SPACES),
        command::<SelectSpaceArguments, ()>(config, names::SELECT_SPACE),
        command::<ServiceArguments, DoctorResult>(config, names::DOCTOR),
        command::<AttachArguments, DebugTargetResult>(config, names::DEBUG_TARGET),
        command::<WorkspaceArguments, Vec<ServiceFolder>>(config, names::SERVICES),
        command::<WorkspaceArguments, StatusResult>(config, names::STATUS),
        command::<ServiceArguments, SpacesResult>(config, names::SPACES),
    ]
}

/// The declaration of a type, under its documentation.
fn declaration<T: TS>(config: &Config) -> String {
    let docs = T::docs().unwrap_or_default();
    format!("\n{docs}export {}\n", T::decl(config))
}

#[test]
fn the_extension_has_the_types_of_the_wire() {
    let config = Config::new().with_large_int("number");
    let declarations = [
        declaration::<Action>,
        declaration::<AttachArguments>,
        declaration::<Audience>,
        declaration::<Change>,
        declaration::<Check>,
        declaration::<ContextCount>,
        declaration::<DebugTargetResult>,
        declaration::<DetachResult>,
        declaration::<DevSpacesResult>,
        declaration::<DoctorResult>,
        declaration::<DownResult>,
        declaration::<Failure>,
        declaration::<Mistake>,
        declaration::<Mistakes>,
        declaration::<PodRow>,
        declaration::<PortMapping>,
        declaration::<PrepArguments>,
        declaration::<PrepResult>,
        declaration::<ProcessInfo>,
        declaration::<SelectSpaceArguments>,
        declaration::<ServiceArguments>,
        declaration::<ServiceChanged>,
        declaration::<ServiceFolder>,
        declaration::<ServiceRow>,
        declaration::<ServiceState>,
        declaration::<ServiceStatus>,
        declaration::<SpacesResult>,
        declaration::<StatusResult>,
        declaration::<Tier>,
        declaration::<UpArguments>,
        declaration::<UpResult>,
        declaration::<UriRow>,
        declaration::<UriStatus>,
        declaration::<UseDevSpacesArguments>,
        declaration::<WorkspaceArguments>,
    ];
    let mut text = HEAD.to_owned();
    text.extend(declarations.iter().map(|declare| declare(&config)));
    text.push_str("\n/** The commands of the language server. */\nexport interface Commands {\n");
    for Command(name, argument, result) in commands(&config) {
        let row = format!("  '{name}': {{ arguments: {argument}; result: {result} }};\n");
        text.push_str(&row);
    }
    text.push_str("}\n");
    let lines: Vec<_> = text.lines().map(str::trim_end).collect();
    let text = lines.join("\n") + "\n";
    expect_file!["../../vscode-extension/src/protocol.ts"].assert_eq(&text);
}

/// What F5 may be told is documented and completed in launch.json.
#[test]
fn launch_json_knows_each_argument() {
    let manifest = include_str!("../../vscode-extension/package.json");
    let manifest: serde_json::Value = serde_json::from_str(manifest).expect("JSON");
    let known = serde_json::to_value(AttachArguments::default()).expect("plain structures");
    let attributes = &manifest["contributes"]["debuggers"][0]["configurationAttributes"];
    for request in ["launch", "attach"] {
        let keys = |value: &serde_json::Value| {
            let object = value.as_object().expect("an object");
            let mut keys: Vec<_> = object.keys().cloned().collect();
            keys.sort();
            keys
        };
        assert_eq!(keys(&attributes[request]["properties"]), keys(&known));
    }
    assert_eq!(attributes["launch"], attributes["attach"]);
    assert_eq!(manifest["version"], env!("CARGO_PKG_VERSION"));
}
