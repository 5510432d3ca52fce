//! From an editor's request to a stopped service, with debugpy.

use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command};
use std::time::{Duration, Instant};

use azds_tests::dap::{Client, line_of};
use serde_json::{Value, json};

use crate::kubectl::{PortForward, output};
use crate::note;
use crate::service::{PORT, SOURCE, Service};
use crate::session;
use crate::statistics::{Row, Times};
use crate::tunnel::answer;

const ROUNDS: usize = 7;
/// Where the floor's debugpy listens in its pod.
const DEBUGPY: u16 = 5678;
/// Name of its pod.
pub const FLOOR: &str = "floor";
/// How long the service may take to start again after a session.
const RESTORED: Duration = Duration::from_secs(3);
const PATIENCE: Duration = Duration::from_secs(30);

/// All rows.
pub fn rows(service: &Service) -> Vec<Row> {
    let (attach, tunnel, forward) = attach(service);
    let mut rows = vec![attach];
    rows.extend(session::rows(service, forward.local, tunnel));
    rows
}

/// The floor is the same debugpy, under which the same service runs in a pod already, through a
/// `kubectl port-forward` that is open already; its time begins with `initialize`. Ours begins there, too, and has
/// all else in it: finding the pod, the connection to it, and the start of the service under debugpy.
fn attach(service: &Service) -> (Row, u16, PortForward) {
    output(service.azds().args(["debugger", "install", "python"]));
    let up = service.bring_up();
    start_floor(service, up["image"].as_str().expect("up names its image"));
    let forward = |port| PortForward::start(&service.cluster, &service.space, FLOOR, port);
    let (floor_service, floor_debugger) = (forward(PORT), forward(DEBUGPY));
    let address = up["uris"][0]["uri"].as_str().expect("up has a tunnel");
    let tunnel = address
        .rsplit(':')
        .next()
        .and_then(|port| port.parse().ok());
    let tunnel = tunnel.unwrap_or_else(|| panic!("{address} names no port"));

    let (mut floor, mut first, mut ours) = (Times::default(), Times::default(), Times::default());
    for round in 0..=ROUNDS {
        let time = of_floor(service, floor_debugger.local, floor_service.local);
        if round > 0 {
            floor.add(time);
        }
        let time = of_azds(service, tunnel);
        // The first session of a pod sends the debugger there.
        if round > 0 {
            ours.add(time)
        } else {
            first.add(time)
        }
    }
    let work = "attach to stopped, debugpy";
    note(&format!(
        "{work}: kubectl port-forward {}",
        floor.describe()
    ));
    note(&format!("{work}: azds {}", ours.describe()));
    note(&format!(
        "{work}: azds, first session of a pod {}",
        first.describe()
    ));
    let row = Row::new(work, &floor, &ours, Duration::from_millis(200));
    (row, tunnel, floor_debugger)
}

/// A pod of the image that azds built, without azds, with debugpy in the folder that azds installed it in.
fn start_floor(service: &Service, image: &str) {
    let installed = output(service.azds().args(["debugger", "list", "-o", "json"]));
    let installed: Value = serde_json::from_str(&installed).expect("azds answers in JSON");
    let installed = installed.as_array().into_iter().flatten();
    let debugpy = installed.into_iter().find(|it| it["name"] == "python");
    let debugpy = debugpy.expect("it was installed")["folder"]
        .as_str()
        .expect("a path")
        .to_owned();
    // Another name of the same image: under its own, the pod would be one of azds.
    let copy = format!("docker.io/library/{}:floor", service.space);
    let mut tag = service.ctr();
    let image = format!("docker.io/library/{image}");
    output(tag.args(["images", "tag", "--force", &image, &copy]));
    let listen = format!("127.0.0.1:{DEBUGPY}");
    let wait =
        "until [ -e /debugger/ready ]; do sleep 0.1; done; exec python /debugger/debugpy --listen";
    let pod = json!({
        "apiVersion": "v1", "kind": "Pod", "metadata": {"name": FLOOR},
        "spec": {
            "terminationGracePeriodSeconds": 0,
            "containers": [{
                "name": "service", "image": copy, "imagePullPolicy": "Never",
                "command": ["sh", "-c", format!("{wait} {listen} {SOURCE}")],
                "env": [{"name": "PYDEVD_DISABLE_FILE_VALIDATION", "value": "1"}],
                "readinessProbe": {"tcpSocket": {"port": PORT}, "periodSeconds": 1},
                "volumeMounts": [{"name": "debugger", "mountPath": "/debugger"}],
            }],
            "volumes": [{"name": "debugger", "emptyDir": {}}],
        },
    });
    let manifest = service.scratch().join("floor.json");
    std::fs::write(&manifest, pod.to_string()).expect("a file can be written");
    output(service.kubectl().args(["apply", "-f"]).arg(&manifest));
    let started = [
        "wait",
        "--for=jsonpath={.status.phase}=Running",
        "--timeout=60s",
    ];
    output(service.kubectl().args(started).arg(format!("pod/{FLOOR}")));
    let archive = service.scratch().join("debugger.tar");
    output(
        Command::new("tar")
            .arg("-cf")
            .arg(&archive)
            .args(["-C", &debugpy, "."]),
    );
    let archive = std::fs::File::open(archive).expect("tar wrote it");
    let unpack = "tar -xf - -C /debugger && touch /debugger/ready";
    let mut exec = service.kubectl();
    output(
        exec.args(["exec", "-i", FLOOR, "--", "sh", "-c", unpack])
            .stdin(archive),
    );
    let ready = ["wait", "--for=condition=Ready", "--timeout=60s"];
    output(service.kubectl().args(ready).arg(format!("pod/{FLOOR}")));
}

fn of_floor(service: &Service, debugger: u16, port: u16) -> Duration {
    let (client, arguments) = floor(service, debugger);
    stopped(client, arguments, service, port, Instant::now())
}

/// A client of the floor's debugpy, and what it attaches with.
pub fn floor(service: &Service, debugger: u16) -> (Client, Value) {
    let stream = TcpStream::connect(("127.0.0.1", debugger)).expect("kubectl takes connections");
    stream.set_nodelay(true).expect("a socket has the option");
    let input = stream.try_clone().expect("a socket can be cloned");
    // debugpy maps the paths itself here.
    let mappings = json!([{"localRoot": service.folder, "remoteRoot": "/app"}]);
    let arguments = json!({"pathMappings": mappings, "subProcess": false});
    (Client::new(input, stream).unchecked(), arguments)
}

fn of_azds(service: &Service, port: u16) -> Duration {
    let (adapter, client, arguments) = Adapter::start(service);
    let begun = Instant::now();
    let time = stopped(client, arguments, service, port, begun);
    drop(adapter);
    // Until the service runs as before: a session right after another would wait for that.
    std::thread::sleep(RESTORED);
    until_answered(port);
    time
}

/// `azds dap`, which an editor has started when its user presses the key.
pub struct Adapter(pub Child);

impl Adapter {
    /// Starts it; gives its client and what that attaches with, too.
    pub fn start(service: &Service) -> (Adapter, Client, Value) {
        let (client, adapter) = Client::start(&mut service.azds());
        let arguments = json!({"folder": service.folder, "space": service.space});
        (Adapter(adapter), client.unchecked(), arguments)
    }
}

impl Drop for Adapter {
    fn drop(&mut self) {
        // It ends by itself after `disconnect`, unless something failed.
        if std::thread::panicking() {
            let _ = self.0.kill();
        }
        let _ = self.0.wait();
    }
}

/// The time from `begun` to the stop that a request causes as soon as `configurationDone` is answered.
fn stopped(
    mut client: Client,
    arguments: Value,
    service: &Service,
    port: u16,
    begun: Instant,
) -> Duration {
    let source = service.folder.join(SOURCE);
    let line = line_in(&source, "BP1");
    client.attach(arguments, &source.to_string_lossy(), line);
    let asked = std::thread::spawn(move || until_answered(port));
    let stopped = client.event("stopped");
    let time = begun.elapsed();
    // The rest is not part of it.
    client.ask("continue", json!({"threadId": stopped["threadId"]}));
    client.disconnect();
    asked.join().expect("the service answers");
    time
}

/// A service that just starts does not listen yet.
pub fn until_answered(port: u16) {
    let begun = Instant::now();
    while let Err(error) = answer(port) {
        assert!(
            begun.elapsed() < PATIENCE,
            "the service does not answer: {error}"
        );
        std::thread::sleep(Duration::from_millis(2));
    }
}

/// The line that bears a marker.
pub fn line_in(source: &Path, marker: &str) -> usize {
    let text = std::fs::read_to_string(source).expect("the source is readable");
    line_of(&text, marker)
}
