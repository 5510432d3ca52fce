//! What every runtime's sessions can do, with the real debuggers in pods.

use std::process::Child;
use std::time::{Duration, Instant};

use azds_tests::SOON;
use azds_tests::dap::{Client, line_of};
use azds_tests::space::{Service, Space, get};
use serde_json::{Value, json};

use super::{ask, stop_and_go};

/// What differs from runtime to runtime.
pub struct Runtime {
    app: &'static str,
    source: &'static str,
    /// What is put in the source before what is there: paths at which the service fails and ends.
    patch: (&'static str, &'static str),
    /// The variable `currency` as the debugger shows it.
    pub currency: &'static str,
    /// Conditions that hold never and always.
    conditions: [&'static str; 2],
    /// The breakpoint of exceptions that stops at one which is caught.
    exceptions: Option<&'static str>,
    /// A function to stop in, where the debugger can stop in one by its name.
    function: Option<&'static str>,
    /// Whether a variable can be set.
    sets: bool,
}

pub const PYTHON: Runtime = Runtime {
    app: "python-service",
    source: "app.py",
    patch: (
        "        if self.path != \"/api/demo\":",
        "        if self.path == \"/api/fail\":\n            try:\n                raise ValueError(\"wrong\")\n            except ValueError:\n                pass\n        if self.path == \"/api/end\":\n            os._exit(3)\n",
    ),
    currency: "'EUR'",
    conditions: ["total < 1", "total > 1"],
    exceptions: Some("raised"),
    function: Some("demo"),
    sets: true,
};

pub const NODE: Runtime = Runtime {
    app: "node-service",
    source: "server.js",
    patch: (
        "  if (request.url !== \"/api/demo\") {",
        "  if (request.url === \"/api/fail\") {\n    try {\n      throw new Error(\"wrong\");\n    } catch {}\n  }\n  if (request.url === \"/api/end\") process.exit(3);\n",
    ),
    currency: "'EUR'",
    conditions: ["total < 1", "total > 1"],
    exceptions: Some("all"),
    function: None,
    // js-debug takes a constant for what it is.
    sets: false,
};

pub const GO: Runtime = Runtime {
    app: "go-service",
    source: "main.go",
    patch: (
        "\tport := os.Getenv(\"PORT\")",
        "\thttp.HandleFunc(\"GET /api/fail\", func(http.ResponseWriter, *http.Request) { go func() { panic(\"wrong\") }() })\n\thttp.HandleFunc(\"GET /api/end\", func(http.ResponseWriter, *http.Request) { os.Exit(3) })\n",
    ),
    currency: "\"EUR\"",
    conditions: ["total < 1", "total > 1"],
    // It stops at panics that nobody recovers only; see `a_panic_is_an_exception`.
    exceptions: None,
    function: Some("main.demo"),
    sets: false,
};

impl Runtime {
    /// The service of the tests with the paths at which it fails and ends.
    pub fn service<'a>(&self, space: &'a Space) -> Service<'a> {
        let service = space.service("shop", self.app, &[]);
        let (before, text) = self.patch;
        service.replace(self.source, before, &format!("{text}{before}"));
        service
    }

    /// Its source on the developer's machine, and the line that is marked.
    pub fn marked(&self, service: &Service<'_>) -> (String, usize) {
        let source = service.folder.join(self.source);
        let line = line_of(&service.read(self.source), "BP1");
        (source.display().to_string(), line)
    }

    /// Attaches, with a breakpoint in the marked line.
    pub fn attach(&self, space: &Space, service: &Service<'_>) -> (Client, Child) {
        let (mut client, adapter) = Client::start(&mut space.command());
        let (source, line) = self.marked(service);
        let arguments = json!({"folder": service.folder, "space": space.namespace.name});
        client.attach(arguments, &source, line);
        (client, adapter)
    }

    /// The table's rows that leave the service as it is. The client has a breakpoint in the marked line.
    pub fn stops(&self, client: &mut Client, uri: &str, space: &Space, service: &Service<'_>) {
        let (source, line) = self.marked(service);
        let asked = ask(uri);
        let stop = client.stopped_for("breakpoint");
        super::assert_traced_by_parents(space);
        let expression =
            json!({"expression": "total > 1", "frameId": stop.frame["id"], "context": "watch"});
        let value = client.ask("evaluate", expression)["result"].clone();
        assert_eq!(
            value.as_str().map(str::to_lowercase).as_deref(),
            Some("true")
        );
        if self.sets {
            let set =
                json!({"variablesReference": stop.locals, "name": "currency", "value": "'USD'"});
            assert_eq!(client.ask("setVariable", set)["value"], "'USD'");
        }
        client.ask("next", json!({"threadId": stop.thread}));
        let stepped = client.stopped_for("step");
        client.go_on(&stepped);
        let body: Value = serde_json::from_str(&asked.join().expect("no panic")).expect("JSON");
        assert_eq!(body["currency"], if self.sets { "USD" } else { "EUR" });

        let [never, always] = self.conditions;
        client.set_breakpoints(&source, json!([{"line": line, "condition": never}]));
        ask(uri).join().expect("it does not stop");
        client.set_breakpoints(
            &source,
            json!([{"line": line, "logMessage": "it is {total}"}]),
        );
        ask(uri).join().expect("it does not stop");
        client.console("it is 238.9");
        client.set_breakpoints(&source, json!([{"line": line, "condition": always}]));
        let asked = ask(uri);
        let stop = client.stopped_for("breakpoint");
        client.go_on(&stop);
        asked.join().expect("no panic");

        client.set_breakpoints(&source, json!([]));
        if let Some(function) = self.function {
            let only = json!({"breakpoints": [{"name": function}]});
            client.ask("setFunctionBreakpoints", only);
            let asked = ask(uri);
            let stop = client.stopped_for("function breakpoint");
            client.ask("setFunctionBreakpoints", json!({"breakpoints": []}));
            client.go_on(&stop);
            asked.join().expect("no panic");
        }
        if let Some(filter) = self.exceptions {
            client.ask("setExceptionBreakpoints", json!({"filters": [filter]}));
            let to = uri.to_owned();
            let asked = std::thread::spawn(move || get(&to, "/api/fail"));
            let stop = client.stopped_for("exception");
            client.ask("setExceptionBreakpoints", json!({"filters": []}));
            client.go_on(&stop);
            asked.join().expect("no panic").expect("it is answered");
        }
        client.set_breakpoints(&source, json!([{"line": line}]));
    }

    /// The session goes on when the service ends and its container starts again, and when the pod is
    /// replaced.
    pub fn outlives(&self, client: &mut Client, uri: &str, space: &Space, service: &Service<'_>) {
        let (source, _) = self.marked(service);
        // It ends before it answers; as long as it does not listen, the tunnel says so in its place.
        let begun = Instant::now();
        while get(uri, "/api/end").is_ok_and(|(status, _)| status.contains("503")) {
            assert!(begun.elapsed() < SOON, "the service does not listen");
            std::thread::sleep(Duration::from_millis(50));
        }
        client.console("azds lost the debugger");
        client.console("attached again");
        stop_and_go(client, uri, source.as_ref(), self.currency);
        super::kubectl(space, &["delete", "pod", "--all", "--wait=false"]);
        client.console("azds lost the debugger");
        client.console("attached again");
        stop_and_go(client, uri, source.as_ref(), self.currency);
        assert!(!client.has_seen("terminated") && !client.has_seen("exited"));
    }

    /// An adapter that is killed leaves a service that answers, whoever waited at the breakpoint, and
    /// the developer's next session need not wait until it is sure that the first does not come back.
    pub async fn survives(
        &self,
        mut client: Client,
        mut adapter: Child,
        uri: &str,
        space: &Space,
        service: &Service<'_>,
    ) {
        // Only once: asked again, it would be a second one at the breakpoint below.
        let once = uri.to_owned();
        let _waits = std::thread::spawn(move || get(&once, "/api/demo"));
        client.event("stopped");
        adapter.kill().expect("it runs");
        adapter.wait().expect("it was killed");
        let (mut client, mut adapter) = self.attach(space, service);
        let (source, _) = self.marked(service);
        stop_and_go(&mut client, uri, source.as_ref(), self.currency);
        client.disconnect();
        drop(client);
        assert!(adapter.wait().expect("azds dap ends").success());
        super::until_left(space, uri).await;
    }
}
