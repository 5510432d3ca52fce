//! The stream of an editor of the language server.

use azds::lsp::framing::{Frame, Reader, write};
use futures_util::FutureExt;
use serde_json::Value as Json;

/// Messages are found in any bytes, and found again in what is written of them.
pub fn framing(bytes: &[u8]) {
    let found = read(bytes);
    let mut written = Vec::new();
    for message in &found {
        let wrote = write(&mut written, message).now_or_never();
        wrote
            .expect("memory makes nobody wait")
            .expect("nor does it fail");
    }
    let again = read(&written);
    assert_eq!(found.len(), again.len(), "messages are lost or made");
    for (message, again) in found.iter().zip(&again) {
        // Numbers with a fraction are read to the last digit but one; LSP and DAP have none.
        assert!(has_fraction(message) || message == again, "{message}");
    }
}

fn has_fraction(json: &Json) -> bool {
    match json {
        Json::Number(number) => number.is_f64(),
        Json::Array(items) => items.iter().any(has_fraction),
        Json::Object(entries) => entries.values().any(has_fraction),
        Json::Null | Json::Bool(_) | Json::String(_) => false,
    }
}

fn read(bytes: &[u8]) -> Vec<Json> {
    let mut reader = Reader::new(bytes);
    let mut found = Vec::new();
    loop {
        match reader
            .next()
            .now_or_never()
            .expect("memory makes nobody wait")
        {
            Frame::Json(json) => found.push(json),
            Frame::NotJson => {}
            Frame::End => return found,
        }
    }
}
