//! An editor and a debugger that say anything, in any order.

use std::sync::LazyLock;

use azds::commands::debug::runtimes::Runtime;
use azds::dap::Codec;
use azds::dap::rehearsal::{HERE, Step, rehearse};
use bytes::{Bytes, BytesMut};
use futures_util::FutureExt;
use serde_json::Value;
use tokio_util::codec::{Decoder, Encoder};

use crate::change::{Choices, change};

/// What both sides say in sessions: a letter for who it is, and the message.
static MESSAGES: LazyLock<Vec<(bool, Value)>> = LazyLock::new(|| {
    let lines = include_str!("messages.txt").lines();
    let said = lines.filter_map(|line| line.split_once(' '));
    let parsed = said.map(|(who, text)| {
        let message = serde_json::from_str(text).expect("messages.txt has JSON");
        (who == "editor", message)
    });
    parsed.collect()
});
const RUNTIMES: [Runtime; 4] = [Runtime::Dotnet, Runtime::Go, Runtime::Node, Runtime::Python];
/// Steps of a session; more find nothing that these do not.
const STEPS: usize = 60;

/// Text with a Content-Length in it is the stream of either side; other bytes choose what both say.
pub fn dap(bytes: &[u8]) {
    if bytes
        .windows(8)
        .any(|part| part.eq_ignore_ascii_case(b"content-"))
    {
        return framing(bytes);
    }
    let mut choices = Choices(bytes);
    let runtime = RUNTIMES[choices.below(RUNTIMES.len())];
    let is_in_pod = choices.below(4) != 3;
    let mut steps = Vec::new();
    while !choices.is_over() && steps.len() < STEPS {
        let at = choices.below(MESSAGES.len() + 1);
        steps.push(match MESSAGES.get(at) {
            None => Step::Lost,
            Some((is_editor, message)) => {
                let mut message = message.clone();
                change(&mut message, &mut choices);
                match is_editor {
                    true => Step::Editor(message),
                    false => Step::Debugger(message),
                }
            }
        });
    }
    let told = rehearse(runtime, is_in_pod, steps).now_or_never();
    let told = told.expect("memory makes nobody wait");
    for (at, message) in told.editor.iter().enumerate() {
        assert_eq!(message["seq"], at + 1, "not numbered without a gap");
        assert_ne!(message["command"], "runInTerminal", "{message}");
        stays_inside(message);
        let asks = message["type"] == "request";
        assert!(!asks || !is_in_pod, "a pod asks the editor: {message}");
    }
    for message in &told.debugger {
        let command = &message["command"];
        let ends = message["type"] == "request" && *command == "terminate";
        assert!(!ends, "the service is ended: {message}");
        let leaves = message["type"] == "request" && *command == "disconnect";
        let ends = &message["arguments"]["terminateDebuggee"];
        assert!(!leaves || *ends == false, "the service is ended: {message}");
    }
}

/// No path below the folder of the sources leads out of it.
fn stays_inside(value: &Value) {
    match value {
        Value::Array(values) => values.iter().for_each(stays_inside),
        Value::Object(fields) => {
            for (name, value) in fields {
                stays_inside(value);
                let path = value.as_str().filter(|_| name == "path");
                if let Some(rest) = path.and_then(|path| path.strip_prefix(HERE)) {
                    assert!(!rest.split('/').any(|part| part == ".."), "{value}");
                }
            }
        }
        _ => {}
    }
}

fn framing(bytes: &[u8]) {
    let found = read(bytes);
    let mut written = BytesMut::new();
    for body in &found {
        let wrote = Codec::default().encode(body.clone(), &mut written);
        wrote.expect("memory has room");
    }
    assert_eq!(found, read(&written), "messages are lost, made or changed");
    // As a network cuts it.
    let (mut codec, mut buffer, mut in_pieces) = (Codec::default(), BytesMut::new(), Vec::new());
    'all: for piece in bytes.chunks(7) {
        buffer.extend_from_slice(piece);
        loop {
            match codec.decode(&mut buffer) {
                Ok(Some(body)) => in_pieces.push(body),
                Ok(None) => break,
                Err(_) => break 'all,
            }
        }
    }
    assert_eq!(found, in_pieces, "pieces are read otherwise than the whole");
}

fn read(bytes: &[u8]) -> Vec<Bytes> {
    let (mut codec, mut buffer) = (Codec::default(), BytesMut::from(bytes));
    std::iter::from_fn(|| codec.decode(&mut buffer).ok().flatten()).collect()
}
