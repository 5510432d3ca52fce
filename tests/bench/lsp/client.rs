//! An editor that speaks to a language server on its standard streams, and looks at its clock.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use serde_json::{Value as Json, json};

/// No answer takes so long, unless the server hangs.
const PATIENCE: Duration = Duration::from_secs(60);

/// A running server, which ends when this is dropped.
pub struct Client {
    child: Child,
    input: ChildStdin,
    messages: Receiver<Json>,
    last_id: u64,
}

impl Client {
    /// Starts a server, says `initialize` with these parameters, and gives how long the answer took.
    pub fn start(command: &mut Command, params: Json) -> (Client, Duration) {
        let begun = Instant::now();
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("the server can be started");
        let input = child.stdin.take().expect("it was asked for");
        let mut output = BufReader::new(child.stdout.take().expect("it was asked for"));
        let (sender, messages) = channel();
        std::thread::spawn(move || {
            while let Some(message) = read(&mut output) {
                if sender.send(message).is_err() {
                    return;
                }
            }
        });
        let mut client = Client {
            child,
            input,
            messages,
            last_id: 0,
        };
        client.ask("initialize", params);
        let took = begun.elapsed();
        client.notify("initialized", json!({}));
        (client, took)
    }

    /// Sends a notification.
    pub fn notify(&mut self, method: &str, params: Json) {
        self.send(&json!({"jsonrpc": "2.0", "method": method, "params": params}));
    }

    /// Sends a request and waits for its result.
    pub fn ask(&mut self, method: &str, params: Json) -> Json {
        self.last_id += 1;
        let id = self.last_id;
        self.send(&json!({"jsonrpc": "2.0", "id": id, "method": method, "params": params}));
        self.until(|message| message["id"] == id && message.get("method").is_none())["result"]
            .take()
    }

    /// Waits for a message, and answers what the server asks meanwhile: with nothing.
    pub fn until(&mut self, wanted: impl Fn(&Json) -> bool) -> Json {
        loop {
            let message = self.messages.recv_timeout(PATIENCE);
            let message = message.expect("the server says what is waited for");
            if wanted(&message) {
                return message;
            }
            if message.get("method").is_some() && message.get("id").is_some() {
                let result = match message["method"].as_str() {
                    Some("workspace/configuration") => settings(&message),
                    _ => Json::Null,
                };
                self.send(&json!({"jsonrpc": "2.0", "id": message["id"], "result": result}));
            }
        }
    }

    /// Waits for diagnostics of a document: some, or none.
    pub fn shown(&mut self, uri: &str, some: bool) {
        self.until(|message| {
            message["method"] == "textDocument/publishDiagnostics"
                && message["params"]["uri"] == uri
                && (message["params"]["diagnostics"] != json!([])) == some
        });
    }

    /// Opens a document.
    pub fn open(&mut self, uri: &str, text: &str) {
        let document = json!({"uri": uri, "languageId": "yaml", "version": 1, "text": text});
        self.notify("textDocument/didOpen", json!({"textDocument": document}));
    }

    /// Memory of the server that is in use, in MiB: `VmRSS` of proc(5).
    pub fn memory(&self) -> f64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id()));
        let status = status.expect("the server runs");
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let kib = line.and_then(|line| line.split_whitespace().next()?.parse::<f64>().ok());
        kib.expect("a number") / 1024.0
    }

    /// Time of a processor that the server has used: fields 14 and 15 of `stat` in proc(5), in hundredths
    /// of a second.
    pub fn cpu(&self) -> Duration {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.child.id()));
        let stat = stat.expect("the server runs");
        let (_, after) = stat.rsplit_once(") ").expect("the name is in brackets");
        // Of `after` the state comes first, field 3 of proc(5); user and system time are 14 and 15.
        let fields: Vec<&str> = after.split(' ').collect();
        let ticks = |at: usize| fields[at - 3].parse::<u64>().expect("a number");
        Duration::from_millis((ticks(14) + ticks(15)) * 10)
    }

    fn send(&mut self, message: &Json) {
        let body = message.to_string();
        write!(self.input, "Content-Length: {}\r\n\r\n{body}", body.len())
            .expect("the server reads");
        self.input.flush().expect("the server reads");
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        // It keeps nothing that would be lost.
        _ = self.child.kill();
        _ = self.child.wait();
    }
}

/// The peer fetches schemas from the network unless it is told not to.
fn settings(request: &Json) -> Json {
    let items = request["params"]["items"]
        .as_array()
        .cloned()
        .unwrap_or_default();
    let setting = |item: &Json| match item["section"].as_str() {
        Some("yaml") => {
            json!({"validate": true, "completion": true, "schemaStore": {"enable": false}})
        }
        _ => Json::Null,
    };
    items.iter().map(setting).collect()
}

fn read(output: &mut impl BufRead) -> Option<Json> {
    let mut length = 0;
    loop {
        let mut line = String::new();
        if output.read_line(&mut line).ok()? == 0 {
            return None;
        }
        match line.trim_end().split_once(": ") {
            Some(("Content-Length", value)) => length = value.parse().ok()?,
            Some(_) => {}
            None => break,
        }
    }
    let mut body = vec![0; length];
    output.read_exact(&mut body).ok()?;
    serde_json::from_slice(&body).ok()
}
