//! The places of a message that name source files.

use serde_json::{Map, Value};

use super::paths::PathMap;

/// Fields whose value is a source, or a list of them, in every message of the specification.
const SOURCE_FIELDS: [&str; 3] = ["source", "sources", "location"];

/// Puts the container's paths into an editor's request; says whether anything changed.
pub fn to_remote(message: &mut Map<String, Value>, paths: &PathMap) -> bool {
    message
        .get_mut("arguments")
        .is_some_and(|arguments| each_source(arguments, &|path| paths.to_remote(path)))
}

/// Puts the paths of this machine into what a debugger says; says whether anything changed.
pub fn to_local(message: &mut Map<String, Value>, paths: &PathMap) -> bool {
    let is_exception = message
        .get("command")
        .is_some_and(|command| command == "exceptionInfo");
    let Some(body) = message.get_mut("body") else {
        return false;
    };
    let traced = is_exception
        && body
            .get_mut("details")
            .is_some_and(|details| stack_traces(details, paths));
    each_source(body, &|path| paths.to_local(path)) | traced
}

fn each_source(value: &mut Value, map: &impl Fn(&str) -> Option<String>) -> bool {
    match value {
        Value::Array(values) => values
            .iter_mut()
            .fold(false, |changed, value| each_source(value, map) | changed),
        Value::Object(fields) => fields.iter_mut().fold(false, |changed, (name, value)| {
            let here = SOURCE_FIELDS.contains(&name.as_str()) && source(value, map);
            each_source(value, map) | here | changed
        }),
        _ => false,
    }
}

fn source(value: &mut Value, map: &impl Fn(&str) -> Option<String>) -> bool {
    match value {
        Value::Array(values) => values
            .iter_mut()
            .fold(false, |changed, value| source(value, map) | changed),
        Value::Object(fields) => match fields.get_mut("path") {
            Some(Value::String(path)) => match map(path) {
                Some(mapped) => {
                    *path = mapped;
                    true
                }
                None => false,
            },
            _ => false,
        },
        _ => false,
    }
}

fn stack_traces(details: &mut Value, paths: &PathMap) -> bool {
    let inner = match details
        .get_mut("innerException")
        .and_then(Value::as_array_mut)
    {
        Some(inner) => inner.iter_mut().fold(false, |changed, details| {
            stack_traces(details, paths) | changed
        }),
        None => false,
    };
    let Some(Value::String(trace)) = details.get_mut("stackTrace") else {
        return inner;
    };
    let mapped = paths.text_to_local(trace);
    let changed = mapped != *trace;
    *trace = mapped;
    inner | changed
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn object(value: Value) -> Map<String, Value> {
        value.as_object().expect("an object").clone()
    }

    #[test]
    fn every_message_that_names_a_source() {
        let paths = PathMap::new([("/src", "/w")]);
        let there = json!({"name": "a.py", "path": "/src/a.py", "adapterData": {"path": "/src"}});
        let here = json!({"name": "a.py", "path": "/w/a.py", "adapterData": {"path": "/src"}});
        let body_of = |source: &Value| {
            [
                json!({"breakpoints": [{"verified": true, "source": source}, {"verified": false}]}),
                json!({"reason": "changed", "breakpoint": {"source": source}}),
                json!({"stackFrames": [{"id": 1, "source": source}, {"id": 2}]}),
                json!({"category": "stdout", "output": "/src/a.py", "source": source}),
                json!({"scopes": [{"name": "Locals", "source": source}]}),
                json!({"reason": "new", "source": source}),
                json!({"sources": [source, source]}),
                json!({"source": {"name": "merged", "sources": [source]}}),
                json!({"instructions": [{"address": "0x1", "location": source}]}),
            ]
        };
        for (remote, local) in body_of(&there).into_iter().zip(body_of(&here)) {
            let mut message = object(json!({"type": "event", "body": remote}));
            assert!(to_local(&mut message, &paths));
            assert_eq!(message["body"], local);
        }
        let arguments_of = |source: &Value| {
            [
                json!({"source": source, "breakpoints": [{"line": 3}]}),
                json!({"source": source, "line": 3}),
                json!({"sourceReference": 0, "source": source}),
            ]
        };
        for (remote, local) in arguments_of(&there).into_iter().zip(arguments_of(&here)) {
            let mut message = object(json!({"type": "request", "arguments": local}));
            assert!(to_remote(&mut message, &paths));
            assert_eq!(message["arguments"], remote);
        }
    }

    #[test]
    fn what_names_no_source_of_the_service_is_left_alone() {
        let paths = PathMap::new([("/src", "/w")]);
        for body in [
            json!({"module": {"path": "/src/bin/Producer.dll"}}),
            json!({"source": {"path": "/usr/lib/python3/os.py"}}),
            json!({"source": {"sourceReference": 3}, "source2": null}),
            json!({"variables": [{"name": "source", "value": "/src/a.py"}]}),
            json!("text"),
        ] {
            let mut message = object(json!({"type": "event", "body": body}));
            assert!(!to_local(&mut message, &paths), "{body}");
            assert_eq!(message["body"], body);
        }
    }

    #[test]
    fn the_stack_trace_of_an_exception() {
        let paths = PathMap::new([("/src", "/w")]);
        let mut message = object(
            json!({"type": "response", "command": "exceptionInfo", "body": {
            "details": {"stackTrace": "in /src/A.cs:line 1", "innerException": [
                {"stackTrace": "in /src/B.cs:line 2"}]}}}),
        );
        assert!(to_local(&mut message, &paths));
        assert_eq!(
            message["body"]["details"]["stackTrace"],
            "in /w/A.cs:line 1"
        );
        assert_eq!(
            message["body"]["details"]["innerException"][0]["stackTrace"],
            "in /w/B.cs:line 2"
        );
    }
}
