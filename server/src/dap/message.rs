//! Messages as they are: JSON with all its fields, known or not, in the order they came.

use bytes::Bytes;
use dap::events::Event;
use serde::Serialize;
use serde_json::{Map, Value, json};

use crate::failure::{Action, Audience, Failure, Result};

/// From so many bytes on a body is not read that nobody looks into.
const LONG: usize = 16 << 10;

/// So far into a message its body is looked for.
const HEAD: usize = 512;
const BODY: &[u8] = b"\"body\":";

/// One message. Until something in it is changed it keeps the bytes it came as.
#[derive(Debug, Clone)]
pub struct Message {
    fields: Map<String, Value>,
    /// The body as it came and all after it, if that was not read.
    rest: Option<Bytes>,
    bytes: Option<Bytes>,
}

impl Message {
    /// Reads the body of a frame.
    pub fn parse(frame: Bytes) -> Result<Message, serde_json::Error> {
        let (fields, rest) = match unread(&frame) {
            Some((fields, rest)) => (fields, Some(rest)),
            None => (serde_json::from_slice(&frame)?, None),
        };
        Ok(Message {
            fields,
            rest,
            bytes: Some(frame),
        })
    }

    /// The body of a frame.
    pub fn into_bytes(self) -> Bytes {
        self.bytes.unwrap_or_else(|| {
            let mut written = json(&self.fields);
            if let Some(rest) = self.rest {
                written.pop();
                written.reserve_exact(1 + BODY.len() + rest.len());
                written.push(b',');
                written.extend_from_slice(BODY);
                written.extend_from_slice(&rest);
            }
            written.into()
        })
    }

    /// An event of ours. Options that are not set are left out, as editors expect.
    pub fn event(event: &Event) -> Message {
        let mut fields = serde_json::to_value(event).expect("plain structures are JSON");
        without_nulls(&mut fields);
        let mut message = Message::from(json!({"seq": 0, "type": "event"}));
        if let Value::Object(fields) = fields {
            message.fields.extend(fields);
        }
        message
    }

    /// A good answer of ours to a request.
    pub fn response(request: &Message, body: Value) -> Message {
        let mut message = request.answer(true);
        if body != Value::Null {
            message.fields.insert("body".to_owned(), body);
        }
        message
    }

    /// An answer of ours to a request that could not be done.
    pub fn refusal(request: &Message, failure: &Failure) -> Message {
        let mut message = request.answer(false);
        // Editors that know no `body.error` show `message`.
        message
            .fields
            .insert("message".to_owned(), json!(failure.to_string()));
        let id = match failure.audience {
            Audience::User => 1,
            Audience::Us => 2,
        };
        let mut error = json!({"id": id, "format": escaped(failure), "showUser": true});
        if let Some((url, label)) = failure.action.as_deref().map(button) {
            error["url"] = json!(url);
            error["urlLabel"] = json!(label);
        } else if let Some(url) = link_in(&failure.remedy) {
            error["url"] = json!(url);
            error["urlLabel"] = json!("Read more");
        }
        message
            .fields
            .insert("body".to_owned(), json!({"error": error}));
        message
    }

    fn answer(&self, success: bool) -> Message {
        Message::from(json!({
            "seq": 0,
            "type": "response",
            "request_seq": self.get("seq"),
            "success": success,
            "command": self.command(),
        }))
    }

    /// A field, or null.
    pub fn get(&self, field: &str) -> &Value {
        self.fields.get(field).unwrap_or(&Value::Null)
    }

    /// A field that is text, or nothing.
    pub fn text(&self, field: &str) -> &str {
        self.get(field).as_str().unwrap_or_default()
    }

    /// Which of `request`, `response`, `event` it is.
    pub fn kind(&self) -> &str {
        self.text("type")
    }

    /// Name of the request, or of the request that it answers.
    pub fn command(&self) -> &str {
        self.text("command")
    }

    /// A number of `seq` or `request_seq`, which some debuggers write as text.
    pub fn number(&self, field: &str) -> Option<i64> {
        match self.get(field) {
            Value::String(text) => text.parse().ok(),
            number => number.as_i64(),
        }
    }

    /// Sets a field. One that is there keeps its place.
    pub fn set(&mut self, field: &str, value: impl Into<Value>) {
        let value = value.into();
        if self.fields.get(field) != Some(&value) {
            self.fields.insert(field.to_owned(), value);
            self.bytes = None;
        }
    }

    /// Changes the fields by something that says whether it changed any.
    pub fn edit(&mut self, change: impl FnOnce(&mut Map<String, Value>) -> bool) {
        if change(&mut self.fields) {
            self.bytes = None;
        }
    }
}

impl From<Value> for Message {
    /// A message of ours, which is always an object.
    fn from(value: Value) -> Message {
        let fields = match value {
            Value::Object(fields) => fields,
            _ => Map::new(),
        };
        Message {
            fields,
            rest: None,
            bytes: None,
        }
    }
}

/// What is before the body of a long list of variables, and the rest: by the specification no source is in it, nor
/// anything else that azds looks at, and to read and write it takes longer than its way here.
fn unread(frame: &Bytes) -> Option<(Map<String, Value>, Bytes)> {
    if frame.len() < LONG {
        return None;
    }
    let at = frame[..HEAD]
        .windows(BODY.len())
        .position(|it| it == BODY)?;
    let head = [frame[..at].trim_ascii_end().strip_suffix(b",")?, b"}"].concat();
    // A body that is not a field of the message itself leaves something open here.
    let fields: Map<String, Value> = serde_json::from_slice(&head).ok()?;
    let is_told = |(name, value)| fields.get(name).is_some_and(|it| *it == value);
    let is_one = [("type", "response"), ("command", "variables")]
        .into_iter()
        .all(is_told);
    let rest = frame.slice(at + BODY.len()..);
    (is_one && fields.contains_key("request_seq")).then_some((fields, rest))
}

fn json(value: &impl Serialize) -> Vec<u8> {
    serde_json::to_vec(value).expect("JSON values are JSON")
}

/// `format` has `{name}` for variables.
fn escaped(failure: &Failure) -> String {
    failure.to_string().replace('{', "(").replace('}', ")")
}

/// The command of the VS Code extension that does it. Editors that know no such link show none.
fn button(action: &Action) -> (String, &'static str) {
    let command = |name: &str| format!("command:azds.{name}");
    match action {
        Action::Prep => (command("prep"), "Prepare"),
        Action::Up => (command("up"), "Up"),
        Action::SelectSpace => (command("selectSpace"), "Select Space"),
        Action::Doctor => (command("doctor"), "Doctor"),
        // A link's argument is percent-encoded JSON; names of runtimes are plain words.
        Action::InstallDebugger { runtime } => (
            command(&format!("installDebugger?%22{runtime}%22")),
            "Install Debugger",
        ),
    }
}

fn link_in(text: &str) -> Option<&str> {
    let link = &text[text.find("https://")?..];
    let end = link.find(char::is_whitespace).unwrap_or(link.len());
    Some(link[..end].trim_end_matches(['.', ',', ')']))
}

fn without_nulls(value: &mut Value) {
    if let Value::Object(fields) = value {
        fields.retain(|_, value| *value != Value::Null);
        fields.values_mut().for_each(without_nulls);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &'static str) -> Message {
        Message::parse(Bytes::from_static(text.as_bytes())).expect("a JSON object")
    }

    #[test]
    fn what_is_not_changed_passes_byte_for_byte() {
        let text = r#"{ "seq":1, "x": 1.50, "type":"request" }"#;
        let mut message = parsed(text);
        message.set("seq", 1);
        message.edit(|_| false);
        assert_eq!(message.into_bytes(), text);
    }

    #[test]
    fn a_change_keeps_every_field_and_its_place() {
        let mut message = parsed(r#"{"zeta":null,"seq":"7","body":{"b":1,"a":[]},"vendor":true}"#);
        message.set("seq", 3);
        assert_eq!(
            message.into_bytes(),
            r#"{"zeta":null,"seq":3,"body":{"b":1,"a":[]},"vendor":true}"#
        );
    }

    #[test]
    fn a_long_list_of_variables_passes_unread() {
        let variables = vec![r#"{ "name":"source","value":"{}" }"#; 1000].join(",");
        let body = format!(r#""body":{{"variables":[{variables}]}}"#);
        let head = r#""type":"response","request_seq":3,"success":true"#;
        for (text, is_read) in [
            (
                format!(r#"{{"seq":7,{head},"command":"variables", {body},"x":1}}"#),
                false,
            ),
            (
                format!(r#"{{"seq":7,{head},"command":"evaluate",{body}}}"#),
                true,
            ),
            (
                format!(r#"{{"seq":7,{body},{head},"command":"variables"}}"#),
                true,
            ),
            (
                format!(r#"{{"seq":7,"within":{{{head},"command":"variables",{body}}}}}"#),
                true,
            ),
            (
                format!(r#"{{"seq":7,{head},"command":"variables","said":"\",\"body\":",{body}}}"#),
                false,
            ),
        ] {
            let message = Message::parse(Bytes::from(text.clone())).expect("JSON");
            assert_eq!(message.rest.is_none(), is_read, "{}", &text[..160]);
            assert_eq!(message.clone().into_bytes(), text);
            let mut changed = message;
            changed.set("seq", 8);
            let changed: Value = serde_json::from_slice(&changed.into_bytes()).expect("JSON");
            let mut expected: Value = serde_json::from_str(&text).expect("JSON");
            expected["seq"] = json!(8);
            assert_eq!(changed, expected);
        }
    }

    #[test]
    fn numbers_may_be_text() {
        let message = parsed(r#"{"seq":"7","request_seq":2,"other":"x"}"#);
        assert_eq!(message.number("seq"), Some(7));
        assert_eq!(message.number("request_seq"), Some(2));
        assert_eq!(message.number("other"), None);
    }

    #[test]
    fn a_failure_is_what_editors_show() {
        let failure = Failure::new("the debugger was not started", "producer", "no {pod}")
            .try_to("See https://example.test/debugging.");
        let request = parsed(r#"{"seq":"2","type":"request","command":"attach"}"#);
        assert_eq!(
            serde_json::from_slice::<Value>(&Message::refusal(&request, &failure).into_bytes())
                .expect("JSON"),
            json!({
                "seq": 0, "type": "response", "request_seq": "2", "success": false,
                "command": "attach",
                "message": "the debugger was not started: producer: no {pod}. See https://example.test/debugging.",
                "body": {"error": {
                    "id": 1, "showUser": true,
                    "format": "the debugger was not started: producer: no (pod). See https://example.test/debugging.",
                    "url": "https://example.test/debugging", "urlLabel": "Read more",
                }},
            })
        );
    }

    #[test]
    fn what_can_be_done_about_a_failure_is_a_button() {
        let runtime = "python".into();
        let failure = Failure::new("it was not started", "python", "no debugger")
            .offer(Action::InstallDebugger { runtime });
        let request = parsed(r#"{"seq":2,"type":"request","command":"attach"}"#);
        let refusal = Message::refusal(&request, &failure);
        let error = &refusal.get("body")["error"];
        assert_eq!(error["url"], "command:azds.installDebugger?%22python%22");
        assert_eq!(error["urlLabel"], "Install Debugger");
    }

    #[test]
    fn events_of_ours_have_no_nulls() {
        let event = Event::Output(dap::events::OutputEventBody {
            output: "hello".to_owned(),
            ..Default::default()
        });
        assert_eq!(
            Message::event(&event).into_bytes(),
            r#"{"seq":0,"type":"event","event":"output","body":{"output":"hello"}}"#
        );
    }
}
