//! What an editor has told its debugger, so that the next debugger of the session is told the same.

use std::collections::HashMap;

use serde_json::{Value, json};

use super::message::Message;

/// Distance between the breakpoints' numbers of one debugger and those of the next, for the editor.
const GENERATION: i64 = 1 << 20;

/// How far a session has begun, for its editor.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub enum Stage {
    /// No debugger has said `initialized`.
    #[default]
    Attaching,
    /// The editor sets breakpoints.
    Configuring,
    /// The debugger has taken all of it.
    Running,
    /// The debugger does not want to attach.
    Refused,
}

/// Breakpoints and what else was set before the service ran.
#[derive(Default)]
pub struct Setup {
    kept: Vec<Kept>,
    /// How far the editor has come.
    pub stage: Stage,
    /// How many debuggers came before this one.
    generation: i64,
    /// Numbers that the editor knows, by those of a later debugger.
    known: HashMap<i64, i64>,
}

/// The last request of its kind, and for breakpoints of its source.
struct Kept {
    key: String,
    request: Message,
    /// Numbers of its breakpoints as the editor knows them.
    ids: Vec<Option<i64>>,
}

impl Setup {
    /// Takes note of a request in the container's words.
    pub fn asked(&mut self, request: &Message) {
        let Some(key) = key(request) else { return };
        self.kept.retain(|kept| kept.key != key);
        self.kept.push(Kept {
            key,
            request: request.clone(),
            ids: Vec::new(),
        });
    }

    /// Whether a request is one that is kept.
    pub fn keeps(request: &Message) -> bool {
        key(request).is_some()
    }

    /// Takes note of an answer to the editor's request `seq`, and puts the numbers in that the editor
    /// is to know.
    pub fn answered(&mut self, seq: i64, answer: &mut Message) {
        self.number(answer);
        let kept = self.kept.iter_mut();
        if let Some(kept) = kept
            .into_iter()
            .find(|it| it.request.number("seq") == Some(seq))
        {
            kept.ids = breakpoints(answer).map(|it| it["id"].as_i64()).collect();
        }
    }

    /// Puts the numbers into an event that the editor is to know.
    pub fn event(&self, event: &mut Message) {
        self.number(event);
    }

    /// The requests for another debugger, in their order, under the numbers from `seq` on.
    pub fn again(&mut self, seq: i64) -> Vec<Message> {
        self.generation += 1;
        self.known.clear();
        let requests = self.kept.iter().zip(seq..).map(|(kept, seq)| {
            let mut request = kept.request.clone();
            request.set("seq", seq);
            request
        });
        requests.collect()
    }

    /// What the editor is told of the breakpoints that another debugger has set: `answer` is that to
    /// request number `at` of [`Setup::again`].
    pub fn set_again(&mut self, at: usize, answer: &Message) -> Vec<Message> {
        let Some(kept) = self.kept.get(at) else {
            return Vec::new();
        };
        let mut events = Vec::new();
        for (breakpoint, id) in breakpoints(answer).zip(&kept.ids) {
            let (Some(id), Some(breakpoint)) = (*id, breakpoint.as_object()) else {
                continue;
            };
            let mut breakpoint = breakpoint.clone();
            if let Some(theirs) = breakpoint.get("id").and_then(Value::as_i64) {
                self.known.insert(theirs, id);
            }
            breakpoint.insert("id".to_owned(), json!(id));
            events.push(Message::from(json!({
                "seq": 0, "type": "event", "event": "breakpoint",
                "body": {"reason": "changed", "breakpoint": breakpoint},
            })));
        }
        events
    }

    /// Requests that take all breakpoints away, under the numbers from `seq` on.
    pub fn clear(&self, seq: i64) -> Vec<Message> {
        let of_sources = self
            .kept
            .iter()
            .filter(|kept| kept.request.command() != "setExceptionBreakpoints");
        let requests = of_sources.zip(seq..).map(|(kept, seq)| {
            let mut request = kept.request.clone();
            request.set("seq", seq);
            request.edit(|fields| {
                if let Some(arguments) = fields.get_mut("arguments").and_then(Value::as_object_mut)
                {
                    arguments.insert("breakpoints".to_owned(), json!([]));
                    arguments.remove("lines");
                }
                true
            });
            request
        });
        requests.collect()
    }

    fn number(&self, message: &mut Message) {
        // The first debugger's are the editor's, byte for byte.
        if self.generation == 0 {
            return;
        }
        message.edit(|fields| {
            let Some(body) = fields.get_mut("body") else {
                return false;
            };
            let mut changed = false;
            let mut number = |id: &mut Value| {
                if let Some(theirs) = id.as_i64() {
                    *id = json!(self.to_editor(theirs));
                    changed = true;
                }
            };
            if let Some(id) = body.get_mut("breakpoint").and_then(|it| it.get_mut("id")) {
                number(id);
            }
            let list = |body: &mut Value, name: &str| -> Vec<Value> {
                let list = body.get_mut(name).and_then(Value::as_array_mut);
                list.map(std::mem::take).unwrap_or_default()
            };
            let mut set = list(body, "breakpoints");
            for breakpoint in &mut set {
                if let Some(id) = breakpoint.get_mut("id") {
                    number(id);
                }
            }
            if !set.is_empty() {
                body["breakpoints"] = Value::Array(set);
            }
            let mut hit = list(body, "hitBreakpointIds");
            hit.iter_mut().for_each(&mut number);
            if !hit.is_empty() {
                body["hitBreakpointIds"] = Value::Array(hit);
            }
            changed
        });
    }

    fn to_editor(&self, theirs: i64) -> i64 {
        let known = self.known.get(&theirs).copied();
        known.unwrap_or(theirs.wrapping_add(self.generation.wrapping_mul(GENERATION)))
    }
}

/// What a request replaces the earlier of; nothing for one that is not kept.
fn key(request: &Message) -> Option<String> {
    match request.command() {
        "setBreakpoints" => {
            let path = request.get("arguments")["source"]["path"].as_str()?;
            Some(format!("setBreakpoints {path}"))
        }
        command @ ("setFunctionBreakpoints" | "setExceptionBreakpoints") => {
            Some(command.to_owned())
        }
        _ => None,
    }
}

fn breakpoints(answer: &Message) -> impl Iterator<Item = &Value> {
    answer.get("body")["breakpoints"]
        .as_array()
        .into_iter()
        .flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(seq: i64, path: &str, line: i64) -> Message {
        Message::from(json!({
            "seq": seq, "type": "request", "command": "setBreakpoints",
            "arguments": {"source": {"path": path}, "lines": [line], "breakpoints": [{"line": line}]},
        }))
    }

    fn answer(ids: &[i64]) -> Message {
        let breakpoints: Vec<_> = ids
            .iter()
            .map(|id| json!({"id": id, "verified": true}))
            .collect();
        Message::from(json!({"type": "response", "body": {"breakpoints": breakpoints}}))
    }

    fn stopped(id: i64) -> Message {
        Message::from(json!({"event": "stopped", "body": {"hitBreakpointIds": [id]}}))
    }

    /// A session with breakpoints in two files, of which the first was set twice.
    fn session() -> Setup {
        let mut setup = Setup::default();
        for (seq, path, id) in [(3, "/a.py", 0), (4, "/b.py", 1), (5, "/a.py", 2)] {
            setup.asked(&set(seq, path, seq));
            setup.answered(seq, &mut answer(&[id]));
        }
        setup
    }

    #[test]
    fn the_last_of_each_source_is_set_again() {
        let mut setup = session();
        setup.asked(&Message::from(json!({"seq": 6, "command": "evaluate"})));
        let again = setup.again(100);
        let told: Vec<_> = again
            .iter()
            .map(|it| {
                (
                    it.number("seq"),
                    it.get("arguments")["breakpoints"][0]["line"].clone(),
                )
            })
            .collect();
        assert_eq!(told, [(Some(100), json!(4)), (Some(101), json!(5))]);
    }

    #[test]
    fn the_editor_keeps_the_numbers_that_it_knows() {
        let mut setup = session();
        let mut event = stopped(2);
        setup.event(&mut event);
        assert_eq!(event.get("body")["hitBreakpointIds"], json!([2]));

        setup.again(100);
        let told = setup.set_again(1, &answer(&[0]));
        assert_eq!(
            told[0].get("body")["breakpoint"]["id"],
            2,
            "a.py's, as it was"
        );
        setup.event(&mut event);
        assert_eq!(
            event.get("body")["hitBreakpointIds"],
            json!([2 + GENERATION]),
            "nobody's yet"
        );
        let mut event = stopped(0);
        setup.event(&mut event);
        assert_eq!(event.get("body")["hitBreakpointIds"], json!([2]));

        setup.asked(&set(9, "/c.py", 1));
        let mut answer = answer(&[7]);
        setup.answered(9, &mut answer);
        assert_eq!(answer.get("body")["breakpoints"][0]["id"], 7 + GENERATION);
    }

    #[test]
    fn what_is_no_breakpoint_and_no_number_is_borne() {
        let mut setup = session();
        setup.asked(&Message::from(json!({
            "seq": 6, "command": "setFunctionBreakpoints", "arguments": "none",
        })));
        assert_eq!(setup.clear(100).len(), 3);
        setup.again(100);
        let odd = json!({"type": "response", "body": {"breakpoints": ["one", 2, null]}});
        assert!(setup.set_again(0, &Message::from(odd)).is_empty());
        setup.event(&mut stopped(i64::MAX));
    }

    #[test]
    fn all_breakpoints_can_be_taken_away() {
        let requests = session().clear(100);
        assert_eq!(requests.len(), 2);
        for request in requests {
            assert_eq!(request.get("arguments")["breakpoints"], json!([]));
            assert_eq!(request.get("arguments")["lines"], Value::Null);
        }
    }
}
