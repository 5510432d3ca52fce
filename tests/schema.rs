//! The messages of debug sessions, held against the Debug Adapter Protocol's own JSON schema, which
//! debugpy's package has inside.

use std::path::PathBuf;
use std::sync::LazyLock;

use azds::commands::debugger::{self, Installed};
use azds::progress::Progress;
use serde_json::Value;
#[cfg(test)]
use serde_json::json;

/// Where debugpy's package keeps the schema.
const SCHEMA: &str = "debugpy/_vendored/pydevd/_pydevd_bundle/_debug_adapter/debugProtocol.json";

/// The real debugpy, by name and version from the package registry; kept for all tests.
pub static DEBUGPY: LazyLock<Installed> = LazyLock::new(|| {
    let set = |name| std::env::var_os(name).map(PathBuf::from);
    let cache = set("AZDS_CACHE")
        .or_else(|| set("XDG_CACHE_HOME").map(|cache| cache.join("azds")))
        .or_else(|| set("HOME").map(|home| home.join(".cache/azds")))
        .expect("a folder to keep debugpy in");
    let install = async move {
        let wanted = debugger::Install {
            name: "python",
            from: None,
            sha256: None,
        };
        let folder = cache.join("debuggers");
        debugger::install(&folder, wanted, |_| false, &Progress::silent()).await
    };
    // Who asks may be in a runtime already, where nothing may block.
    let installed = std::thread::spawn(move || {
        let runtime = tokio::runtime::Runtime::new().expect("a runtime");
        runtime.block_on(install)
    });
    let installed = installed.join().expect("no panic");
    installed.expect("debugpy can be installed")
});

static DEFINITIONS: LazyLock<Value> = LazyLock::new(|| {
    let file = DEBUGPY.folder.join(SCHEMA);
    let text = std::fs::read(file).expect("debugpy has the schema");
    let schema: Value = serde_json::from_slice(&text).expect("a schema is JSON");
    schema["definitions"].clone()
});

/// Holds a message against the schema.
///
/// # Panics
/// If it is none of the protocol's, with what is wrong.
pub fn assert_valid(message: &Value) {
    let name = definition(message);
    let schema = &DEFINITIONS[&name];
    assert!(schema.is_object(), "the protocol has no {name}");
    let mut wrong = Vec::new();
    validate(schema, message, "", &mut wrong);
    assert!(wrong.is_empty(), "{} in {message:#}", wrong.join("; "));
}

/// What of JSON schema the protocol's schema uses. A crate for all of it would compile the features that
/// it wants of `serde_json`, and so everything, once more for the tests alone.
fn validate(schema: &Value, value: &Value, at: &str, wrong: &mut Vec<String>) {
    for (keyword, rule) in schema.as_object().into_iter().flatten() {
        let all = || rule.as_array().into_iter().flatten();
        match keyword.as_str() {
            "$ref" => {
                let name = rule.as_str().unwrap_or_default();
                let name = name.trim_start_matches("#/definitions/");
                validate(&DEFINITIONS[name], value, at, wrong);
            }
            "allOf" => all().for_each(|schema| validate(schema, value, at, wrong)),
            "oneOf" => {
                let fits = |schema: &&Value| {
                    let mut wrong = Vec::new();
                    validate(schema, value, at, &mut wrong);
                    wrong.is_empty()
                };
                if all().filter(fits).count() != 1 {
                    wrong.push(format!("{at} is not one of {rule}"));
                }
            }
            "type" => {
                let is_one = |name: &Value| is_of(value, name.as_str().unwrap_or_default());
                if !is_one(rule) && !all().any(is_one) {
                    wrong.push(format!("{at} is not of type {rule}"));
                }
            }
            "enum" => {
                if !all().any(|known| known == value) {
                    wrong.push(format!("{at} is none of {rule}"));
                }
            }
            "required" => {
                for name in all().filter_map(Value::as_str) {
                    if value.is_object() && value.get(name).is_none() {
                        wrong.push(format!("{at} has no {name}"));
                    }
                }
            }
            "properties" => {
                for (name, schema) in rule.as_object().into_iter().flatten() {
                    if let Some(value) = value.get(name) {
                        validate(schema, value, &format!("{at}/{name}"), wrong);
                    }
                }
            }
            "items" => {
                for (index, value) in value.as_array().into_iter().flatten().enumerate() {
                    validate(rule, value, &format!("{at}/{index}"), wrong);
                }
            }
            // Of maps, which have no properties of their own in this schema.
            "additionalProperties" => {
                for (name, value) in value.as_object().into_iter().flatten() {
                    validate(rule, value, &format!("{at}/{name}"), wrong);
                }
            }
            "_enum" | "description" | "enumDescriptions" | "title" => {}
            other => wrong.push(format!("the schema uses {other}, which is not looked at")),
        }
    }
}

fn is_of(value: &Value, name: &str) -> bool {
    match name {
        "array" => value.is_array(),
        "boolean" => value.is_boolean(),
        "integer" => value.is_i64() || value.is_u64(),
        "null" => value.is_null(),
        "number" => value.is_number(),
        "object" => value.is_object(),
        "string" => value.is_string(),
        _ => false,
    }
}

/// What the schema calls this kind of message. Debuggers have requests of their own, too.
fn definition(message: &Value) -> String {
    let text = |field: &str| {
        let text = message[field].as_str().unwrap_or_default();
        let first = text.chars().next().unwrap_or_default();
        let rest = text.get(first.len_utf8()..).unwrap_or_default();
        format!("{}{rest}", first.to_ascii_uppercase())
    };
    let (name, general) = match (message["type"].as_str(), &message["success"]) {
        // Editors need not bear others.
        (Some("event"), _) => return text("event") + "Event",
        (Some("request"), _) => (text("command") + "Request", "Request"),
        (Some("response"), Value::Bool(true)) => (text("command") + "Response", "Response"),
        _ if message["body"]["error"].is_object() => ("ErrorResponse".to_owned(), "Response"),
        _ => ("Response".to_owned(), "Response"),
    };
    match DEFINITIONS.get(&name) {
        Some(_) => name,
        None => general.to_owned(),
    }
}

#[test]
fn what_the_protocol_does_not_have_is_found() {
    let stopped =
        json!({"seq": 1, "type": "event", "event": "stopped", "body": {"reason": "step"}});
    assert_valid(&stopped);
    for (field, wrong) in [
        ("seq", json!("1")),
        ("body", json!({})),
        ("type", json!("evnt")),
        ("event", json!("debugpySockets")),
    ] {
        let mut message = stopped.clone();
        message[field] = wrong;
        let told = std::panic::catch_unwind(|| assert_valid(&message));
        assert!(told.is_err(), "{message} is none of the protocol's");
    }
}
