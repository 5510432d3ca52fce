//! A language client, as far as tests need one: it runs commands.

use std::collections::VecDeque;
use std::io::BufReader;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use serde_json::{Value, json};

use crate::dap::{read, write};

/// How long the server may be silent: an `up` on a loaded machine says nothing for some time.
const PATIENCE: Duration = Duration::from_secs(300);

/// `azds lsp` and its editor's end. The server ends when this is dropped.
pub struct LanguageClient {
    server: Child,
    input: ChildStdin,
    output: Receiver<Value>,
    /// Notifications that nobody has asked for yet.
    told: VecDeque<Value>,
    id: u32,
}

impl LanguageClient {
    /// Starts `azds lsp` for an editor that can do nothing but run commands.
    pub fn start(azds: &mut Command) -> LanguageClient {
        LanguageClient::start_with(azds, json!({}))
    }

    /// Starts `azds lsp` for an editor with these capabilities.
    pub fn start_with(azds: &mut Command, capabilities: Value) -> LanguageClient {
        let mut server = azds
            .arg("lsp")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("azds can be started");
        let mut stdout = BufReader::new(server.stdout.take().expect("it was asked for"));
        let (sender, output) = channel();
        std::thread::spawn(move || {
            while let Some(message) = read(&mut stdout) {
                if sender.send(message).is_err() {
                    return;
                }
            }
        });
        let mut client = LanguageClient {
            input: server.stdin.take().expect("it was asked for"),
            output,
            told: VecDeque::new(),
            server,
            id: 0,
        };
        client.ask("initialize", json!({"capabilities": capabilities}));
        let initialized = json!({"jsonrpc": "2.0", "method": "initialized", "params": {}});
        write(&mut client.input, &initialized);
        client
    }

    /// Runs a command of azds and gives its result.
    pub fn run(&mut self, command: &str, argument: Value) -> Value {
        let params = json!({"command": command, "arguments": [argument]});
        self.ask("workspace/executeCommand", params)
    }

    /// Runs a command of azds that fails; says why.
    pub fn refused(&mut self, command: &str, argument: Value) -> String {
        let params = json!({"command": command, "arguments": [argument]});
        let answer = self.answer("workspace/executeCommand", params);
        answer["error"]["message"]
            .as_str()
            .expect("a refusal")
            .to_owned()
    }

    fn ask(&mut self, method: &str, params: Value) -> Value {
        let answer = self.answer(method, params);
        assert_eq!(answer.get("error"), None, "{method}");
        answer["result"].clone()
    }

    fn answer(&mut self, method: &str, params: Value) -> Value {
        self.id += 1;
        let request = json!({"jsonrpc": "2.0", "id": self.id, "method": method, "params": params});
        write(&mut self.input, &request);
        loop {
            let message = self.next();
            if message["id"] == self.id && message.get("method").is_none() {
                return message;
            }
            self.told.push_back(message);
        }
    }

    /// The parameters of the next notification of this kind of which `is_it` holds. Those before it are
    /// not looked at again.
    pub fn until_told(&mut self, method: &str, is_it: impl Fn(&Value) -> bool) -> Value {
        loop {
            let message = match self.told.pop_front() {
                Some(message) => message,
                None => self.next(),
            };
            if message["method"] == method && is_it(&message["params"]) {
                return message["params"].clone();
            }
        }
    }

    fn next(&self) -> Value {
        let next = self.output.recv_timeout(PATIENCE);
        next.expect("the server says something")
    }
}

impl Drop for LanguageClient {
    fn drop(&mut self) {
        // It has nothing to save.
        let _ = self.server.kill();
        let _ = self.server.wait();
    }
}
