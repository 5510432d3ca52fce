//! What of a message is changed on its way, beside its paths and numbers.

use serde_json::{Map, Value, json};

use super::message::Message;

/// Events of the Debug Adapter Protocol 1.71. Debuggers have others, for extensions made for them alone:
/// debugpy tells of its sockets in the pod. Some editors (Helix) end a session at an event they don't know.
const EVENTS: [&str; 17] = [
    "breakpoint",
    "capabilities",
    "continued",
    "exited",
    "initialized",
    "invalidated",
    "loadedSource",
    "memory",
    "module",
    "output",
    "process",
    "progressEnd",
    "progressStart",
    "progressUpdate",
    "stopped",
    "terminated",
    "thread",
];

/// Whether an event is for every editor.
pub fn is_for_editors(event: &str) -> bool {
    EVENTS.contains(&event)
}

/// The editor's request as the debugger gets it.
pub fn attach_request(request: &Message, arguments: Map<String, Value>) -> Message {
    let mut attach = request.clone();
    attach.set("command", "attach");
    attach.set("arguments", arguments);
    attach
}

/// Makes `disconnect` leave the service running, whatever the editor wants.
pub fn leave_running(message: &mut Map<String, Value>) -> bool {
    let arguments = message.entry("arguments").or_insert_with(|| json!({}));
    if !arguments.is_object() {
        *arguments = json!({});
    }
    arguments["terminateDebuggee"] = json!(false);
    arguments["suspendDebuggee"] = json!(false);
    true
}

/// Takes away what would offer to end, or freeze, a service that others may use.
pub fn without_ending(capabilities: &mut Map<String, Value>) -> bool {
    let mut changed = false;
    for name in [
        "supportTerminateDebuggee",
        "supportSuspendDebuggee",
        "supportsTerminateRequest",
        "supportsRestartRequest",
    ] {
        if let Some(offered) = capabilities.get_mut(name) {
            *offered = json!(false);
            changed = true;
        }
    }
    changed
}

/// Adds what a debugger's message means.
pub fn explain(message: &mut Map<String, Value>, explanation: &str) -> bool {
    let said = message
        .get("message")
        .and_then(Value::as_str)
        .unwrap_or_default();
    let whole = format!("{said} {explanation}");
    message.insert("message".to_owned(), json!(whole));
    message.insert(
        "body".to_owned(),
        json!({"error": {"id": 1, "format": whole, "showUser": true}}),
    );
    true
}
