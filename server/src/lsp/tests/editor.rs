//! An editor that talks to the real server in memory.

use std::path::Path;
use std::time::Duration;

use serde_json::{Value as Json, json};
use tokio::io::{DuplexStream, ReadHalf, WriteHalf, split};
use tokio::task::JoinHandle;
use tower_lsp::ls_types::Uri;

use super::super::commands::Commands;
use super::super::framing::{self, Frame, Reader};
use super::super::{End, converse};

/// No answer takes so long, unless the server hangs.
const PATIENCE: Duration = Duration::from_secs(30);

/// What an editor calls a file.
pub fn uri(file: &Path) -> String {
    let uri = Uri::from_file_path(file).expect("an absolute path");
    uri.to_string()
}

pub struct Editor {
    input: WriteHalf<DuplexStream>,
    output: Reader<ReadHalf<DuplexStream>>,
    server: JoinHandle<End>,
    last_id: i64,
}

impl Editor {
    /// Starts a server and says `initialize` and `initialized`.
    pub async fn start(commands: Commands, capabilities: Json) -> (Editor, Json) {
        let mut editor = Editor::connect(commands);
        let params = json!({"capabilities": capabilities});
        let result = editor.ask("initialize", params).await["result"].take();
        editor.notify("initialized", json!({})).await;
        (editor, result)
    }

    pub fn connect(commands: Commands) -> Editor {
        let (ours, theirs) = tokio::io::duplex(4096);
        let (input, output) = split(theirs);
        let server = tokio::spawn(converse(input, output, commands));
        let (output, input) = split(ours);
        Editor {
            input,
            output: Reader::new(output),
            server,
            last_id: 0,
        }
    }

    pub async fn send(&mut self, message: Json) {
        let sent = framing::write(&mut self.input, &message);
        let sent = tokio::time::timeout(PATIENCE, sent).await;
        sent.expect("the server reads")
            .expect("the server is there");
    }

    pub async fn notify(&mut self, method: &str, params: Json) {
        let message = json!({"jsonrpc": "2.0", "method": method, "params": params});
        self.send(message).await;
    }

    /// Sends a request and does not wait for the answer.
    pub async fn request(&mut self, method: &str, params: Json) -> i64 {
        self.last_id += 1;
        let id = self.last_id;
        let message = json!({"jsonrpc": "2.0", "id": id, "method": method, "params": params});
        self.send(message).await;
        id
    }

    /// Sends a request and takes the next message, which must be its answer.
    pub async fn ask(&mut self, method: &str, params: Json) -> Json {
        let id = self.request(method, params).await;
        let answer = self.next().await;
        assert_eq!(answer["id"], id, "{answer}");
        assert!(answer.get("method").is_none(), "{answer}");
        answer
    }

    pub async fn answer(&mut self, request: &Json) {
        self.send(json!({"jsonrpc": "2.0", "id": request["id"], "result": null}))
            .await;
    }

    pub async fn next(&mut self) -> Json {
        let next = tokio::time::timeout(PATIENCE, self.output.next()).await;
        match next.expect("the server says something") {
            Frame::Json(json) => json,
            _ => panic!("the server's stream ended"),
        }
    }

    /// Takes the next message, which must have this method.
    pub async fn expect(&mut self, method: &str) -> Json {
        let message = self.next().await;
        assert_eq!(message["method"], method, "{message}");
        message
    }

    pub async fn open(&mut self, uri: &str, text: &str) {
        let document = json!({"uri": uri, "languageId": "yaml", "version": 1, "text": text});
        self.notify("textDocument/didOpen", json!({"textDocument": document}))
            .await;
    }

    pub async fn change(&mut self, uri: &str, version: i32, changes: Json) {
        let document = json!({"uri": uri, "version": version});
        let params = json!({"textDocument": document, "contentChanges": changes});
        self.notify("textDocument/didChange", params).await;
    }

    /// Ends the conversation as it should end. Nothing may have been left unread.
    pub async fn end(mut self) {
        let answer = self.ask("shutdown", Json::Null).await;
        assert_eq!(answer["result"], Json::Null, "{answer}");
        self.notify("exit", Json::Null).await;
        assert_eq!(self.ended().await, End::Shutdown);
    }

    /// Closes the stream without a word.
    pub async fn vanish(self) -> End {
        let Editor {
            input,
            server,
            output,
            ..
        } = self;
        drop((input, output));
        tokio::time::timeout(PATIENCE, server)
            .await
            .expect("it ends")
            .expect("in order")
    }

    /// Waits for the server's end, which says nothing more.
    pub async fn ended(mut self) -> End {
        let end = tokio::time::timeout(PATIENCE, &mut self.server).await;
        let end = end.expect("the server ends").expect("in order");
        match self.output.next().await {
            Frame::Json(unread) => panic!("left unread: {unread}"),
            _ => end,
        }
    }
}
