//! A DAP client as an editor is one: requests in the usual order, events as they come. It holds every
//! message, in both directions, against the protocol's schema.

use std::collections::VecDeque;
use std::io::{BufRead, BufReader, Read, Write};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::schema::assert_valid;

/// How long anything may take that a debugger does; starting one in a pod is the longest.
const PATIENCE: Duration = Duration::from_secs(60);

/// The client's end of a session.
pub struct Client {
    output: Box<dyn Write + Send>,
    messages: Receiver<Value>,
    /// What came while something else was waited for.
    kept: VecDeque<Value>,
    seq: i64,
    is_checked: bool,
}

/// Where a service was stopped.
#[derive(Debug, Clone)]
pub struct Stop {
    /// The thread.
    pub thread: i64,
    /// The topmost frame, as the debugger tells of it.
    pub frame: Value,
    /// Number of its local variables.
    pub locals: i64,
    /// Its local variables: name and value.
    pub variables: Vec<(String, String)>,
}

impl Client {
    /// A client that reads what the adapter writes and writes what it reads.
    pub fn new(input: impl Read + Send + 'static, output: impl Write + Send + 'static) -> Client {
        let (sender, messages) = channel();
        std::thread::spawn(move || {
            let mut input = BufReader::new(input);
            while let Some(message) = read(&mut input) {
                if sender.send(message).is_err() {
                    break;
                }
            }
        });
        Client {
            output: Box::new(output),
            messages,
            kept: VecDeque::new(),
            seq: 0,
            is_checked: true,
        }
    }

    /// Without a look at the schema, which takes time that is measured.
    pub fn unchecked(mut self) -> Client {
        self.is_checked = false;
        self
    }

    /// Starts `azds dap` and is its editor.
    pub fn start(azds: &mut Command) -> (Client, Child) {
        let mut adapter = azds
            .arg("dap")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("azds can be started");
        let input = adapter.stdout.take().expect("it was asked for");
        let output = adapter.stdin.take().expect("it was asked for");
        (Client::new(input, output), adapter)
    }

    /// Sends a request; the answer can be waited for by the number that is returned.
    pub fn send(&mut self, command: &str, arguments: Value) -> i64 {
        self.seq += 1;
        let request = json!({
            "seq": self.seq, "type": "request", "command": command, "arguments": arguments,
        });
        self.check(&request);
        write(&mut self.output, &request);
        self.seq
    }

    /// Waits until the adapter asks for a further session, and agrees; gives its configuration.
    pub fn further_session(&mut self) -> Value {
        let asked = self.wait("a request startDebugging", |message| {
            message["type"] == "request" && message["command"] == "startDebugging"
        });
        self.seq += 1;
        let answer = json!({
            "seq": self.seq, "type": "response", "request_seq": asked["seq"], "success": true,
            "command": "startDebugging",
        });
        self.check(&answer);
        write(&mut self.output, &answer);
        asked["arguments"]["configuration"].clone()
    }

    /// Waits until azds says something in the debug console with this text in it.
    pub fn console(&mut self, text: &str) -> String {
        let event = self.wait(&format!("{text:?} in the console"), |message| {
            let output = message["body"]["output"].as_str().unwrap_or_default();
            message["event"] == "output" && output.contains(text)
        });
        event["body"]["output"]
            .as_str()
            .unwrap_or_default()
            .to_owned()
    }

    /// Whether an event came that nobody waited for.
    pub fn has_seen(&self, event: &str) -> bool {
        self.kept.iter().any(|message| message["event"] == event)
    }

    /// Forgets what came that nobody waited for.
    pub fn forget(&mut self) {
        self.kept.clear();
    }

    /// Waits for the answer to a request.
    ///
    /// # Panics
    /// If it is a refusal, with its text.
    pub fn answer(&mut self, seq: i64) -> Value {
        let answer = self.wait(&format!("the answer to request {seq}"), |message| {
            message["type"] == "response" && message["request_seq"] == seq
        });
        assert_eq!(answer["success"], true, "refused: {answer:#}");
        answer["body"].clone()
    }

    /// Sends a request and waits for its answer.
    pub fn ask(&mut self, command: &str, arguments: Value) -> Value {
        let seq = self.send(command, arguments);
        self.answer(seq)
    }

    /// Waits for an event; those that came before count.
    pub fn event(&mut self, name: &str) -> Value {
        let event = self.wait(&format!("the event {name}"), |message| {
            message["type"] == "event" && message["event"] == name
        });
        event["body"].clone()
    }

    fn wait(&mut self, what: &str, fits: impl Fn(&Value) -> bool) -> Value {
        if let Some(at) = self.kept.iter().position(&fits) {
            return self.kept.remove(at).expect("it was found there");
        }
        let end = Instant::now() + PATIENCE;
        loop {
            let left = end.saturating_duration_since(Instant::now());
            let Ok(message) = self.messages.recv_timeout(left) else {
                panic!("{what} did not come; what came instead: {:#?}", self.kept);
            };
            self.check(&message);
            if fits(&message) {
                return message;
            }
            self.kept.push_back(message);
        }
    }

    fn check(&self, message: &Value) {
        if self.is_checked {
            assert_valid(message);
        }
    }

    /// Attaches as an editor does: `initialize`, `attach`, and on `initialized` the breakpoint and
    /// `configurationDone`. `arguments` are those of `attach`.
    pub fn attach(&mut self, arguments: Value, source: &str, line: usize) {
        self.ask(
            "initialize",
            json!({"adapterID": "azds", "clientID": "tests", "linesStartAt1": true,
                "columnsStartAt1": true, "pathFormat": "path", "supportsProgressReporting": true,
                "supportsStartDebuggingRequest": true}),
        );
        let attached = self.send("attach", arguments);
        self.event("initialized");
        self.set_breakpoints(source, json!([{"line": line}]));
        self.ask(
            "setExceptionBreakpoints",
            json!({"filters": self.usual_filters()}),
        );
        let done = self.send("configurationDone", json!({}));
        self.answer(done);
        self.answer(attached);
    }

    /// The exceptions to stop at that are on in an editor unless its user says otherwise.
    fn usual_filters(&self) -> Vec<Value> {
        let capabilities = self.kept.iter().map(|it| &it["body"]["capabilities"]);
        let filters = capabilities.filter_map(|it| it["exceptionBreakpointFilters"].as_array());
        let usual = filters.flatten().filter(|it| it["default"] == true);
        usual.map(|it| it["filter"].clone()).collect()
    }

    /// Sets the breakpoints of a source, as `setBreakpoints` has them.
    pub fn set_breakpoints(&mut self, source: &str, breakpoints: Value) -> Value {
        let source = json!({"path": source});
        self.ask(
            "setBreakpoints",
            json!({"source": source, "breakpoints": breakpoints}),
        )
    }

    /// Waits until the service stops, and asks where.
    pub fn stopped(&mut self) -> Stop {
        let thread = self.event("stopped")["threadId"].clone();
        self.look(thread.as_i64().expect("a thread"))
    }

    /// Waits until the service stops for this reason, and asks where.
    ///
    /// # Panics
    /// If it stops for another one.
    pub fn stopped_for(&mut self, reason: &str) -> Stop {
        let stopped = self.event("stopped");
        assert_eq!(stopped["reason"], reason, "{stopped}");
        self.look(stopped["threadId"].as_i64().expect("a thread"))
    }

    fn look(&mut self, thread: i64) -> Stop {
        let frames = self.ask("stackTrace", json!({"threadId": thread, "levels": 1}));
        let frame = frames["stackFrames"][0].clone();
        let scopes = self.ask("scopes", json!({"frameId": frame["id"]}));
        let locals = scopes["scopes"][0]["variablesReference"].as_i64();
        let locals = locals.expect("a number");
        let variables = self.ask("variables", json!({"variablesReference": locals}));
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let variables = variables["variables"].as_array().into_iter().flatten();
        Stop {
            thread,
            frame,
            locals,
            variables: variables
                .map(|it| (text(&it["name"]), text(&it["value"])))
                .collect(),
        }
    }

    /// Lets the service go on.
    pub fn go_on(&mut self, stop: &Stop) {
        self.ask("continue", json!({"threadId": stop.thread}));
    }

    /// Ends the session; the service goes on.
    pub fn disconnect(&mut self) {
        self.ask("disconnect", json!({}));
    }
}

/// Writes a message as DAP and LSP frame it.
pub(crate) fn write(output: &mut impl Write, message: &Value) {
    let body = message.to_string();
    write!(output, "Content-Length: {}\r\n\r\n{body}", body.len())
        .and_then(|()| output.flush())
        .expect("the other side reads");
}

/// The next message, or `None` at the end.
pub(crate) fn read(input: &mut impl BufRead) -> Option<Value> {
    let mut length = 0;
    loop {
        let mut line = String::new();
        if input.read_line(&mut line).ok()? == 0 {
            return None;
        }
        match line.trim_end().split_once(": ") {
            Some(("Content-Length", number)) => length = number.parse().ok()?,
            Some(_) => {}
            None => break,
        }
    }
    let mut body = vec![0; length];
    input.read_exact(&mut body).ok()?;
    serde_json::from_slice(&body).ok()
}

/// The line of a file that bears a marker.
///
/// # Panics
/// If none does.
pub fn line_of(text: &str, marker: &str) -> usize {
    let at = text.lines().position(|line| line.contains(marker));
    at.unwrap_or_else(|| panic!("no line bears {marker}")) + 1
}
