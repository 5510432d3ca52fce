//! The editor's part in a debug session with `azds dap`.

use std::collections::VecDeque;
use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};

/// How long the adapter may say nothing.
const PATIENCE: Duration = Duration::from_secs(120);

/// An editor with a debug adapter of its own, which ends with it.
pub struct Editor {
    adapter: Child,
    to: ChildStdin,
    from: Receiver<Value>,
    events: VecDeque<Value>,
    responses: Vec<Value>,
    seq: u64,
}

impl Editor {
    /// Starts the adapter.
    pub fn start(adapter: &mut Command) -> Result<Self> {
        let mut adapter = adapter
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let to = adapter.stdin.take().context("stdin is piped")?;
        let stdout = adapter.stdout.take().context("stdout is piped")?;
        let (sender, from) = channel();
        thread::spawn(move || {
            let mut stdout = BufReader::new(stdout);
            while let Some(message) = read(&mut stdout) {
                if sender.send(message).is_err() {
                    break;
                }
            }
        });
        Ok(Self {
            adapter,
            to,
            from,
            events: VecDeque::new(),
            responses: Vec::new(),
            seq: 0,
        })
    }

    /// Sends a request and gives its number.
    pub fn send(&mut self, command: &str, arguments: Value) -> Result<u64> {
        self.seq += 1;
        let message =
            json!({"seq": self.seq, "type": "request", "command": command, "arguments": arguments});
        let message = message.to_string();
        write!(
            self.to,
            "Content-Length: {}\r\n\r\n{message}",
            message.len()
        )?;
        self.to.flush()?;
        Ok(self.seq)
    }

    /// The body of the answer to a request, which has to be a success.
    pub fn response(&mut self, seq: u64) -> Result<Value> {
        loop {
            if let Some(at) = self
                .responses
                .iter()
                .position(|response| response["request_seq"] == seq)
            {
                let response = self.responses.swap_remove(at);
                if response["success"] != true {
                    bail!("the debug adapter refuses: {response}");
                }
                return Ok(response["body"].clone());
            }
            self.receive()?;
        }
    }

    /// Sends a request and waits for its answer.
    pub fn ask(&mut self, command: &str, arguments: Value) -> Result<Value> {
        let seq = self.send(command, arguments)?;
        self.response(seq)
    }

    /// The body of the next event of this name; those before it are passed over.
    pub fn event(&mut self, name: &str) -> Result<Value> {
        loop {
            while let Some(event) = self.events.pop_front() {
                if event["event"] == name {
                    return Ok(event["body"].clone());
                }
                if event["event"] == "terminated" {
                    bail!("the session ended before the event {name}");
                }
            }
            self.receive()?;
        }
    }

    fn receive(&mut self) -> Result<()> {
        let message = self
            .from
            .recv_timeout(PATIENCE)
            .context("the debug adapter says nothing more")?;
        match message["type"].as_str() {
            Some("response") => self.responses.push(message),
            _ => self.events.push_back(message),
        }
        Ok(())
    }
}

impl Drop for Editor {
    fn drop(&mut self) {
        // It ends by itself after `disconnect`; after a failure it must not stay.
        let _ = self.adapter.kill();
        let _ = self.adapter.wait();
    }
}

/// None at the end, or where it is not DAP any more.
fn read(stream: &mut impl BufRead) -> Option<Value> {
    let mut length = None;
    loop {
        let mut header = String::new();
        stream
            .read_line(&mut header)
            .ok()
            .filter(|read| *read > 0)?;
        match header.trim_end() {
            "" => break,
            header => {
                length = header
                    .strip_prefix("Content-Length: ")
                    .or(length.as_deref())
                    .map(str::to_owned)
            }
        }
    }
    let mut body = vec![0; length?.parse().ok()?];
    stream.read_exact(&mut body).ok()?;
    serde_json::from_slice(&body).ok()
}
