//! Real files, typed letter by letter: the slowest answer to completion and hover at the end of any prefix.

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use serde_json::{Value as Json, json};

use super::client::Client;
use super::documents::Workspace;
use crate::note;
use crate::statistics::{Row, Times};

/// What takes longer is typed and asked again so often, since the machine may have had other work.
const SLOW: Duration = Duration::from_millis(25);
const AGAIN: usize = 3;

/// The row, or why there is none. The files are those of `AZDS_CORPUS`.
pub fn row(mut server: Command, workspace: &Workspace) -> Option<Row> {
    let Some(corpus) = std::env::var_os("AZDS_CORPUS") else {
        note("not run: prefixes of real files, since AZDS_CORPUS is not set");
        return None;
    };
    let mut files = Vec::new();
    find(Path::new(&corpus), &mut files);
    let (mut client, _) = Client::start(&mut server, workspace.initialize(true));
    let (mut times, mut seen) = (Times::default(), HashSet::new());
    for (number, file) in files.iter().enumerate() {
        let text = std::fs::read_to_string(file).expect("a file of the corpus is text");
        let uri = workspace.uri(&format!("service-0/{number}/azds.yaml"));
        client.open(&uri, "");
        let mut typed = Typed::default();
        for letter in text.chars() {
            typed.letter(letter, &uri, &mut client);
            if seen.insert(typed.text.clone()) {
                for method in ["textDocument/completion", "textDocument/hover"] {
                    let mut time = typed.ask(method, &uri, &mut client);
                    for _ in 0..AGAIN {
                        if time > SLOW {
                            typed.retype(&uri, &mut client);
                            time = time.min(typed.ask(method, &uri, &mut client));
                        }
                    }
                    times.add(time);
                }
            }
        }
        client.notify(
            "textDocument/didClose",
            json!({"textDocument": {"uri": uri}}),
        );
    }
    note(&format!(
        "an answer at the end of a prefix of a real file: {}",
        times.describe()
    ));
    let work = "slowest answer at the end of any prefix of real files";
    Some(Row::of(work, f64::NAN, times.percentile(1.0), 50.0, "ms"))
}

/// A document that is being typed, and where its end is.
#[derive(Default)]
struct Typed {
    text: String,
    version: i32,
    line: usize,
    character: usize,
}

impl Typed {
    fn end(&self) -> Json {
        json!({"line": self.line, "character": self.character})
    }

    fn letter(&mut self, letter: char, uri: &str, client: &mut Client) {
        self.version += 2;
        let change = json!({"range": {"start": self.end(), "end": self.end()}, "text": letter});
        let document = json!({"uri": uri, "version": self.version});
        client.notify(
            "textDocument/didChange",
            json!({"textDocument": document, "contentChanges": [change]}),
        );
        self.text.push(letter);
        if letter == '\n' {
            (self.line, self.character) = (self.line + 1, 0);
        } else {
            self.character += letter.len_utf16();
        }
    }

    /// Everything is new to the server once more.
    fn retype(&mut self, uri: &str, client: &mut Client) {
        for text in ["", &self.text] {
            self.version += 1;
            let document = json!({"uri": uri, "version": self.version});
            client.notify(
                "textDocument/didChange",
                json!({"textDocument": document, "contentChanges": [{"text": text}]}),
            );
        }
    }

    fn ask(&self, method: &str, uri: &str, client: &mut Client) -> Duration {
        let begun = Instant::now();
        let document = json!({"uri": uri});
        client.ask(
            method,
            json!({"textDocument": document, "position": self.end()}),
        );
        begun.elapsed()
    }
}

fn find(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).expect("a folder of the corpus can be read") {
        let path = entry.expect("so can its entries").path();
        if path.is_dir() {
            find(&path, files);
        } else if path.ends_with("azds.yaml") {
            files.push(path);
        }
    }
}
