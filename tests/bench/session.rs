//! A session once it has begun: what it asks, what it is told, and how it comes back.

use std::io::{BufRead as _, BufReader};
use std::process::Stdio;
use std::time::{Duration, Instant};

use azds_tests::dap::{Client, Stop};
use azds_tests::space::get;
use serde_json::{Value, json};

use crate::debug::{Adapter, floor, line_in, until_answered};
use crate::note;
use crate::service::{SOURCE, Service};
use crate::statistics::{Row, Times};

/// How often each is asked.
const TURNS: usize = 200;
/// How often so many variables are asked for; one answer takes debugpy long.
const TURNS_OF_VARIABLES: usize = 20;
/// What the slowest of a hundred may take longer than through kubectl.
const LATE: f64 = 1.0;
/// Output of a service, in lines of a kibibyte.
const OUTPUT: usize = 50 << 10;
/// What azds may have grown by after it, in MiB.
const GROWTH: f64 = 8.0;
const COMES_BACK: f64 = 2000.0;
const ANSWERS: f64 = 5000.0;

/// The same debugpy through an open `kubectl port-forward` is the floor of the first rows. `port` leads to
/// our service.
pub fn rows(service: &Service, debugger: u16, port: u16) -> Vec<Row> {
    let (adapter, client, arguments) = Adapter::start(service);
    let mut ours = Walker::start(service, client, arguments, port);
    let (client, arguments) = floor(service, debugger);
    let forward = kubectl_to_service(service);
    let mut floor = Walker::start(service, client, arguments, forward.local);

    let mut rows = Vec::new();
    let works: [(&str, usize, Take); 3] = [
        ("stackTrace", TURNS, Walker::stack_trace),
        (
            "variables of 10,000 elements",
            TURNS_OF_VARIABLES,
            Walker::variables,
        ),
        ("step", TURNS, Walker::step),
    ];
    for (work, turns, take) in works {
        let (mut of_floor, mut of_ours) = (Times::default(), Times::default());
        for turn in 0..turns {
            // Whoever comes second finds the processors as the first one left them.
            if turn % 2 == 0 {
                of_floor.add(take(&mut floor));
            }
            of_ours.add(take(&mut ours));
            if turn % 2 == 1 {
                of_floor.add(take(&mut floor));
            }
        }
        note(&format!(
            "{work}: kubectl port-forward {}",
            of_floor.describe()
        ));
        note(&format!("{work}: azds {}", of_ours.describe()));
        let work = format!("{work}, {turns} times");
        rows.push(Row::new(&work, &of_floor, &of_ours, Duration::ZERO));
        let (of_floor, of_ours) = (of_floor.percentile(0.99), of_ours.percentile(0.99));
        let late = format!("{work}: 99th percentile");
        rows.push(Row::of(&late, of_floor, of_ours, of_floor + LATE, "ms"));
    }
    drop(floor);
    rows.push(ours.output(adapter.0.id()));
    rows.push(ours.killed(adapter, port));
    rows.push(comes_back(service));
    rows
}

fn kubectl_to_service(service: &Service) -> crate::kubectl::PortForward {
    crate::kubectl::PortForward::start(
        &service.cluster,
        &service.space,
        crate::debug::FLOOR,
        crate::service::PORT,
    )
}

/// Does something once, and says how long it took.
type Take = fn(&mut Walker) -> Duration;

/// A service that is stopped in a loop.
struct Walker {
    client: Client,
    stop: Stop,
}

impl Walker {
    fn start(service: &Service, mut client: Client, mut arguments: Value, port: u16) -> Walker {
        arguments["redirectOutput"] = json!(true);
        let source = service.folder.join(SOURCE);
        let line = line_in(&source, "WALK");
        client.attach(arguments, &source.to_string_lossy(), line);
        // It answers when nobody steps any more, if at all.
        std::thread::spawn(move || get(&format!("http://127.0.0.1:{port}"), "/api/walk"));
        let stop = client.stopped();
        client.set_breakpoints(&source.to_string_lossy(), json!([]));
        Walker { client, stop }
    }

    fn stack_trace(&mut self) -> Duration {
        let begun = Instant::now();
        self.client
            .ask("stackTrace", json!({"threadId": self.stop.thread}));
        begun.elapsed()
    }

    fn variables(&mut self) -> Duration {
        let frames = self
            .client
            .ask("stackTrace", json!({"threadId": self.stop.thread}));
        let frame = &frames["stackFrames"][0]["id"];
        // Of a list debugpy shows a hundred elements and pages for the rest.
        let many = "type('Many', (), {f'a{number}': number for number in range(10_000)})()";
        let many = json!({"expression": many, "frameId": frame, "context": "repl"});
        let many = self.client.ask("evaluate", many)["variablesReference"].clone();
        let begun = Instant::now();
        let found = self
            .client
            .ask("variables", json!({"variablesReference": many}));
        let time = begun.elapsed();
        let count = found["variables"].as_array().map_or(0, Vec::len);
        assert!(count >= 10_000, "only {count} elements");
        time
    }

    fn step(&mut self) -> Duration {
        let begun = Instant::now();
        self.client
            .ask("next", json!({"threadId": self.stop.thread}));
        self.client.event("stopped");
        begun.elapsed()
    }

    /// How much memory azds has more after so much output.
    fn output(&mut self, azds: u32) -> Row {
        let frames = self
            .client
            .ask("stackTrace", json!({"threadId": self.stop.thread}));
        let mut shout = |lines: usize| {
            let text = format!(
                "exec(\"import sys\\nfor _ in range({lines}): sys.stdout.write('x' * 1023 + chr(10))\\nprint('shouted')\")"
            );
            let frame = frames["stackFrames"][0]["id"].clone();
            let run = json!({"expression": text, "frameId": frame, "context": "repl"});
            self.client.send("evaluate", run);
            self.client.console("shouted");
            self.client.forget();
        };
        // What it needs for any output it has then.
        shout(1000);
        let before = memory(azds);
        shout(OUTPUT);
        let grown = memory(azds) - before;
        Row::of(
            "50 MB of output: memory of azds",
            f64::NAN,
            grown,
            GROWTH,
            "MiB",
        )
    }

    /// From the end of an adapter that is killed at a breakpoint to an answer of the service.
    fn killed(self, mut adapter: Adapter, port: u16) -> Row {
        let begun = Instant::now();
        adapter.0.kill().expect("it runs");
        until_answered(port);
        let mut times = Times::default();
        times.add(begun.elapsed());
        let work = "killed at a breakpoint: the service answers";
        Row::of(work, f64::NAN, times.median(), ANSWERS, "ms")
    }
}

/// Resident memory, in MiB.
fn memory(pid: u32) -> f64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).expect("it runs");
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kibibytes = line.and_then(|line| line.split_whitespace().next()?.parse::<f64>().ok());
    kibibytes.expect("Linux tells it") / 1024.0
}

/// From the service's start, after a change that a foreground `up` brought, to a session as it was before.
fn comes_back(service: &Service) -> Row {
    let mut up = service.azds();
    up.arg("up").arg(&service.folder);
    up.args(["--space", &service.space, "-o", "json"]);
    let mut up = up
        .stdout(Stdio::piped())
        .spawn()
        .expect("azds can be started");
    let mut lines = BufReader::new(up.stdout.take().expect("it was asked for")).lines();
    lines.next();
    let (adapter, mut client, arguments) = Adapter::start(service);
    let source = service.folder.join(SOURCE);
    let line = line_in(&source, "BP1");
    client.attach(arguments, &source.to_string_lossy(), line);
    let mut times = Times::default();
    for edition in 300..305 {
        service.edit(edition);
        // It says so when the service has started again.
        lines.next();
        let begun = Instant::now();
        client.console("attached again");
        times.add(begun.elapsed());
    }
    client.disconnect();
    drop(adapter);
    // Nobody's work is lost: it is the bench's own.
    let _ = up.kill();
    let _ = up.wait();
    let work = "service started again to attached again";
    note(&format!("{work}: azds {}", times.describe()));
    Row::of(work, f64::NAN, times.median(), COMES_BACK, "ms")
}
