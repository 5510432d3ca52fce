//! How fast the language server answers, beside yaml-language-server: the same documents, the same client,
//! in turns.

mod client;
mod documents;
pub mod instructions;
mod prefixes;

use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use serde_json::{Value as Json, json};

use super::note;
use super::statistics::{Row, Times};
use client::Client;
use documents::{Workspace, long, short};

const STARTS: usize = 10;
const EDITS: usize = 200;
/// The peer waits a fifth of a second before it looks at an edit.
const PEERS_EDITS: usize = 25;
const MANY_EDITS: usize = 1000;
const COMPLETIONS: usize = 50;

/// All rows. `peer` is yaml-language-server's program.
pub fn rows(azds: &str, peer: Option<&Path>) -> Vec<Row> {
    let workspace = Workspace::create();
    let ours = || {
        let mut command = Command::new(azds);
        command.arg("lsp").env("KUBECONFIG", "/dev/null");
        command
    };
    let theirs = |peer: &Path| {
        let mut command = Command::new("node");
        command.arg(peer).arg("--stdio");
        command
    };
    let mut rows = Vec::new();
    let params = workspace.initialize(false);

    let (mut start, mut peers_start) = (Times::default(), Times::default());
    for _ in 0..STARTS {
        start.add(Client::start(&mut ours(), params.clone()).1);
        if let Some(peer) = peer {
            peers_start.add(Client::start(&mut theirs(peer), params.clone()).1);
        }
    }
    rows.push(Row::beside(
        "spawn to initialize answered",
        &peers_start,
        &start,
        20.0,
    ));

    for (name, text, median, p99) in [
        ("30 lines", short(), 2.0, 10.0),
        ("5,000 lines", long(), 15.0, 30.0),
    ] {
        let mut mine = Typed::start(ours(), &workspace, &text);
        let mut other = peer.map(|peer| Typed::start(theirs(peer), &workspace, &text));
        let (mut edit, mut peers_edit) = (Times::default(), Times::default());
        let (cpu, peers_cpu) = (mine.client.cpu(), other.as_ref().map(|it| it.client.cpu()));
        for _ in 0..EDITS {
            edit.add(mine.edit());
        }
        let cpu = (mine.client.cpu() - cpu).as_secs_f64() * 1000.0 / EDITS as f64;
        for _ in 0..PEERS_EDITS {
            if let Some(other) = &mut other {
                peers_edit.add(other.edit());
            }
        }
        note(&format!(
            "{name}: an edit takes {}; the peer {}",
            edit.describe(),
            peers_edit.describe()
        ));
        let what = format!("edit to diagnostics, {name}");
        rows.push(Row::beside(&what, &peers_edit, &edit, median));
        rows.push(Row::of(
            &format!("{what}, 99th percentile"),
            peers_edit.percentile(0.99),
            edit.percentile(0.99),
            p99,
            "ms",
        ));
        if text.len() > 10_000 {
            let used = other.as_ref().zip(peers_cpu);
            let peers_cpu = used.map_or(f64::NAN, |(other, before)| {
                (other.client.cpu() - before).as_secs_f64() * 1000.0 / PEERS_EDITS as f64
            });
            rows.push(Row::of(&format!("{what}, CPU"), peers_cpu, cpu, 10.0, "ms"));
            let (mut complete, mut peers_complete) = (Times::default(), Times::default());
            for _ in 0..COMPLETIONS {
                complete.add(mine.complete());
                if let Some(other) = &mut other {
                    peers_complete.add(other.complete());
                }
            }
            rows.push(Row::beside(
                "completion, 5,000 lines",
                &peers_complete,
                &complete,
                5.0,
            ));
            let broken = mine.broken();
            note(&format!(
                "half a key at the end of 5,000 lines: {}",
                broken.describe()
            ));
            for _ in EDITS..MANY_EDITS {
                mine.edit();
            }
            let memory = mine.client.memory();
            for _ in 0..MANY_EDITS {
                mine.edit();
            }
            note(&format!(
                "memory after {MANY_EDITS} edits {memory:.1} MiB, after twice as many {:.1} MiB",
                mine.client.memory()
            ));
            let peers_memory = other
                .as_ref()
                .map_or(f64::NAN, |other| other.client.memory());
            rows.push(Row::of(
                "memory after 1,000 edits of 5,000 lines (the peer: 25)",
                peers_memory,
                memory,
                25.0,
                "MiB",
            ));
        }
    }
    rows.extend(thousand_services(ours));
    rows.extend(prefixes::row(ours(), &workspace));
    rows.extend(instructions::rows());
    rows
}

/// A server with a document that is edited over and over.
struct Typed {
    client: Client,
    uri: String,
    lines: usize,
    version: i32,
    broken: bool,
}

impl Typed {
    fn start(mut command: Command, workspace: &Workspace, text: &str) -> Typed {
        let (mut client, _) = Client::start(&mut command, workspace.initialize(false));
        let uri = workspace.uri("service-0/azds.yaml");
        client.open(&uri, text);
        client.shown(&uri, false);
        Typed {
            client,
            uri,
            lines: text.lines().count(),
            version: 1,
            broken: false,
        }
    }

    /// Types one letter in the last line, which makes it a key that stands there twice, or a comment.
    fn edit(&mut self) -> Duration {
        self.broken = !self.broken;
        let letter = if self.broken { "b" } else { "#" };
        let last = self.lines - 1;
        self.replace(
            json!({"line": last, "character": 0}),
            json!({"line": last, "character": 1}),
            letter,
        )
    }

    fn replace(&mut self, start: Json, end: Json, text: &str) -> Duration {
        self.version += 1;
        let begun = Instant::now();
        let params = json!({
            "textDocument": {"uri": self.uri, "version": self.version},
            "contentChanges": [{"range": {"start": start, "end": end}, "text": text}],
        });
        self.client.notify("textDocument/didChange", params);
        self.client.shown(&self.uri, self.broken);
        begun.elapsed()
    }

    fn complete(&mut self) -> Duration {
        let begun = Instant::now();
        let position = json!({"line": self.lines - 1, "character": 0});
        let params = json!({"textDocument": {"uri": self.uri}, "position": position});
        self.client.ask("textDocument/completion", params);
        begun.elapsed()
    }

    /// Times of letters that leave the text no YAML.
    fn broken(&mut self) -> Times {
        let mut times = Times::default();
        for _ in 0..PEERS_EDITS {
            let end = json!({"line": self.lines, "character": 0});
            self.broken = true;
            times.add(self.replace(end.clone(), end.clone(), "insta"));
            let typed = json!({"line": self.lines, "character": 5});
            self.broken = false;
            self.replace(end, typed, "");
        }
        times
    }
}

/// A file is opened in a workspace of a thousand services, and all are looked at.
fn thousand_services(server: impl Fn() -> Command) -> Vec<Row> {
    let workspace = Workspace::of_services(1000);
    let (mut opened, mut all) = (Times::default(), Times::default());
    let mut memory = 0.0;
    for _ in 0..5 {
        let (mut client, _) = Client::start(&mut server(), workspace.initialize(true));
        let uri = workspace.uri("service-7/azds.yaml");
        let begun = Instant::now();
        client.open(&uri, &short());
        client.ask(
            "textDocument/diagnostic",
            json!({"textDocument": {"uri": uri}}),
        );
        opened.add(begun.elapsed());
        let begun = Instant::now();
        let report = client.ask("workspace/diagnostic", json!({"previousResultIds": []}));
        all.add(begun.elapsed());
        let items = report["items"].as_array().map_or(0, Vec::len);
        assert!(items >= 1000, "{items} documents");
        memory = client.memory();
    }
    let few = |count| {
        let workspace = Workspace::of_services(count);
        let (mut client, _) = Client::start(&mut server(), workspace.initialize(true));
        client.ask("workspace/diagnostic", json!({"previousResultIds": []}));
        client.memory()
    };
    let (one, hundred) = (few(1), few(100));
    note(&format!(
        "memory with 1 service {one:.1} MiB, with 100 {hundred:.1}, with 1,000 {memory:.1}"
    ));
    let nobody = Times::default();
    vec![
        Row::beside(
            "1,000 services: diagnostics of an opened file",
            &nobody,
            &opened,
            50.0,
        ),
        Row::beside("1,000 services: diagnostics of all", &nobody, &all, 3000.0),
        Row::of(
            "1,000 services: memory for each, beside that with 100",
            (hundred - one) / 99.0 * 1024.0,
            (memory - one) / 999.0 * 1024.0,
            ((hundred - one) / 99.0 * 1024.0 * 1.2).round(),
            "KiB",
        ),
    ]
}
