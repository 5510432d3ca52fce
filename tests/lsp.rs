//! A language client, as far as tests need one: it runs commands.

use std::io::BufReader;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use serde_json::{Value, json};

use crate::dap::{read, write};

/// `azds lsp` and its editor's end. The server ends when this is dropped.
pub struct LanguageClient {
    server: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
    id: u32,
}

impl LanguageClient {
    /// Starts `azds lsp`.
    pub fn start(azds: &mut Command) -> LanguageClient {
        let mut server = azds
            .arg("lsp")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("azds can be started");
        let mut client = LanguageClient {
            input: server.stdin.take().expect("it was asked for"),
            output: BufReader::new(server.stdout.take().expect("it was asked for")),
            server,
            id: 0,
        };
        client.ask("initialize", json!({"capabilities": {}}));
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
            let message = read(&mut self.output).expect("an answer before the end");
            if message["id"] == self.id && message.get("method").is_none() {
                return message;
            }
        }
    }
}

impl Drop for LanguageClient {
    fn drop(&mut self) {
        // It has nothing to save.
        let _ = self.server.kill();
        let _ = self.server.wait();
    }
}
