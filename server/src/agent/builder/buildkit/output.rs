//! What `buildctl --progress=rawjson` writes to its standard error: one JSON object a line with
//! the keys `vertexes`, `statuses`, `logs`, and after a failure plain text.

use std::collections::HashMap;

use azds_protocol::agent::{BuildEvent, StepState};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use serde::Deserialize;

/// Turns lines into events.
#[derive(Default)]
pub struct Output {
    /// What was said of each step last, since BuildKit tells of a step many times.
    steps: HashMap<String, StepState>,
    /// Plain text, and the errors of steps.
    text: Vec<String>,
}

#[derive(Deserialize)]
struct Line {
    #[serde(default)]
    vertexes: Vec<Vertex>,
    #[serde(default)]
    logs: Vec<Log>,
}

#[derive(Deserialize)]
struct Vertex {
    digest: String,
    #[serde(default)]
    name: String,
    started: Option<Timestamp>,
    completed: Option<Timestamp>,
    #[serde(default)]
    cached: bool,
    #[serde(default)]
    error: String,
}

#[derive(Deserialize)]
struct Log {
    vertex: String,
    data: String,
}

impl Output {
    /// The events of one line.
    pub fn take(&mut self, line: &str) -> Vec<BuildEvent> {
        let Ok(Line { vertexes, logs }) = serde_json::from_str(line) else {
            self.text.push(line.to_owned());
            return Vec::new();
        };
        let steps = vertexes.into_iter().filter_map(|vertex| self.step(vertex));
        let mut events: Vec<_> = steps.collect();
        events.extend(logs.into_iter().filter_map(|log| {
            let data = STANDARD.decode(log.data).ok()?;
            let text = String::from_utf8_lossy(&data).into_owned();
            Some(BuildEvent::Log {
                id: log.vertex,
                text,
            })
        }));
        events
    }

    fn step(&mut self, vertex: Vertex) -> Option<BuildEvent> {
        let state = match (vertex.started, vertex.completed) {
            _ if !vertex.error.is_empty() => StepState::Failed,
            (_, Some(_)) if vertex.cached => StepState::Cached,
            (Some(started), Some(completed)) => {
                let took = completed.duration_since(started).as_millis();
                StepState::Done {
                    ms: u64::try_from(took).unwrap_or(0),
                }
            }
            (Some(_), None) => StepState::Started,
            (None, _) => return None,
        };
        let before = self.steps.insert(vertex.digest.clone(), state);
        (before != Some(state)).then_some(BuildEvent::Step {
            id: vertex.digest,
            name: vertex.name,
            state,
        })
    }

    /// Why the build failed: the plain text at its end.
    pub fn reason(&self) -> String {
        let text = self.text.join("\n");
        match text.trim() {
            "" => "buildctl ended without a word".to_owned(),
            text => text.to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_step_is_told_once_a_state() {
        let mut output = Output::default();
        let vertex = |rest: &str| {
            format!(r#"{{"vertexes":[{{"digest":"sha256:1","name":"[1/2] FROM x"{rest}}}]}}"#)
        };
        let started = r#","started":"2026-11-22T10:00:00Z""#;
        let completed = r#","started":"2026-11-22T10:00:00Z","completed":"2026-11-22T10:00:02.5Z""#;
        assert_eq!(output.take(&vertex("")), []);
        assert_eq!(output.take(&vertex(started)).len(), 1);
        assert_eq!(output.take(&vertex(started)), []);
        let done = output.take(&vertex(completed));
        let [BuildEvent::Step { state, .. }] = &done[..] else {
            panic!("{done:?}")
        };
        assert_eq!(*state, StepState::Done { ms: 2500 });
    }

    #[test]
    fn output_of_steps_is_decoded_and_plain_text_is_the_reason() {
        let mut output = Output::default();
        let log = output.take(r#"{"logs":[{"vertex":"sha256:1","stream":1,"data":"aGk=","timestamp":"2026-11-22T10:00:00Z"}]}"#);
        assert_eq!(
            log,
            [BuildEvent::Log {
                id: "sha256:1".into(),
                text: "hi".into()
            }]
        );
        assert_eq!(output.take("Dockerfile:3"), []);
        assert_eq!(output.take("error: failed to solve"), []);
        assert_eq!(output.reason(), "Dockerfile:3\nerror: failed to solve");
    }
}
