//! What `buildctl --progress=rawjson` writes to its standard error: one JSON object a line with
//! the keys `vertexes`, `statuses`, `logs`, and after a failure plain text.

use std::collections::HashMap;

use azds_protocol::agent::{BuildEvent, StepState};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use serde::Deserialize;

/// How much of a step's output is kept to tell why it failed.
const KEPT: usize = 2000;

/// Turns lines into events.
#[derive(Default)]
pub struct Output {
    /// What was said of each step last, since BuildKit tells of a step many times.
    steps: HashMap<String, StepState>,
    /// The end of each step's output.
    outputs: HashMap<String, String>,
    /// The step that failed first.
    failed: Option<String>,
    /// Plain text.
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
            keep(self.outputs.entry(log.vertex.clone()).or_default(), &text);
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
        if state == StepState::Failed && self.failed.is_none() {
            self.failed = Some(vertex.digest.clone());
        }
        let before = self.steps.insert(vertex.digest.clone(), state);
        (before != Some(state)).then_some(BuildEvent::Step {
            id: vertex.digest,
            name: vertex.name,
            state,
        })
    }

    /// Why the build failed: what the failed step wrote last, and the plain text at the end.
    pub fn reason(&self) -> String {
        let failed = self.failed.as_ref();
        let written = failed.and_then(|step| self.outputs.get(step));
        let written = written.map(String::as_str).unwrap_or_default();
        let text = format!("{}\n{}", written.trim_end(), self.text.join("\n"));
        match text.trim() {
            "" => "buildctl ended without a word".to_owned(),
            text => text.to_owned(),
        }
    }
}

/// Adds to the output of a step, of which only the last lines are kept.
fn keep(output: &mut String, text: &str) {
    output.push_str(text);
    if output.len() > KEPT {
        let from = output.len() - KEPT;
        let lines = output.char_indices().filter(|(_, char)| *char == '\n');
        // A line that is longer than all that is kept goes as a whole.
        let cut = lines.map(|(at, _)| at + 1).find(|at| *at >= from);
        output.drain(..cut.unwrap_or(output.len()));
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

    #[test]
    fn the_failed_steps_last_lines_are_part_of_the_reason() {
        let mut output = Output::default();
        for line in [
            r#"{"logs":[{"vertex":"sha256:1","stream":2,"data":"YXBwLnB5OjMK","timestamp":"2026-11-22T10:00:00Z"}]}"#,
            r#"{"logs":[{"vertex":"sha256:2","stream":2,"data":"YW5vdGhlcgo=","timestamp":"2026-11-22T10:00:00Z"}]}"#,
            r#"{"vertexes":[{"digest":"sha256:1","name":"RUN make","started":"2026-11-22T10:00:00Z","error":"exit code: 1"}]}"#,
            "error: failed to solve",
        ] {
            output.take(line);
        }
        assert_eq!(output.reason(), "app.py:3\nerror: failed to solve");
        let mut kept = String::new();
        for at in 0..1000 {
            keep(&mut kept, &format!("line {at}\n"));
        }
        assert!(kept.len() <= KEPT && kept.starts_with("line ") && kept.ends_with("line 999\n"));
    }
}
