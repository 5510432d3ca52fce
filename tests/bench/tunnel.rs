//! Tunnels, beside `kubectl port-forward`. Ours is the process that `azds up -d` leaves.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::kubectl::PortForward;
use crate::note;
use crate::service::{PORT, Service};
use crate::statistics::{Row, Times};

const OPENED: usize = 9;
const CONNECTIONS: usize = 40;
const AT_ONCE: usize = 60;
const ROUNDS: usize = 9;

/// The three rows.
pub fn rows(service: &Service) -> Vec<Row> {
    let up = service.bring_up();
    let pod = up["pod"].as_str().expect("up names its pod").to_owned();
    let forward = || PortForward::start(&service.cluster, &service.space, &pod, PORT);

    let (mut floor, mut ours) = (Times::default(), Times::default());
    for _ in 0..OPENED {
        let begun = Instant::now();
        let forward = forward();
        first_byte(forward.local);
        floor.add(begun.elapsed());
        drop(forward);
        let begun = Instant::now();
        let tunnel = Tunnel::open(service, &up);
        first_byte(tunnel.local);
        ours.add(begun.elapsed());
    }
    let opened = row("tunnel: process start to first byte", &floor, &ours);

    let (forward, tunnel) = (forward(), Tunnel::open(service, &up));
    let (mut floor, mut ours) = (Times::default(), Times::default());
    whole_answer(forward.local);
    whole_answer(tunnel.local);
    for _ in 0..CONNECTIONS {
        floor.add(timed(|| whole_answer(forward.local)));
        ours.add(timed(|| whole_answer(tunnel.local)));
    }
    let fresh = row("tunnel: fresh connection to whole answer", &floor, &ours);

    let (mut floor, mut ours) = (Times::default(), Times::default());
    for _ in 0..ROUNDS {
        floor.add(timed(|| at_once(forward.local)));
        ours.add(timed(|| at_once(tunnel.local)));
    }
    let at_once = row(
        "tunnel: 60 connections at once, all answered",
        &floor,
        &ours,
    );
    vec![opened, fresh, at_once]
}

fn row(work: &str, floor: &Times, ours: &Times) -> Row {
    note(&format!(
        "{work}: kubectl port-forward {}",
        floor.describe()
    ));
    note(&format!("{work}: azds {}", ours.describe()));
    Row::new(work, floor, ours, Duration::ZERO)
}

fn timed(work: impl FnOnce()) -> Duration {
    let begun = Instant::now();
    work();
    begun.elapsed()
}

/// The process that owns the tunnels of an `up -d`; it ends when this is dropped.
struct Tunnel {
    child: Child,
    local: u16,
}

impl Tunnel {
    fn open(service: &Service, up: &Value) -> Tunnel {
        let mut child = service
            .azds()
            .arg("tunnel")
            // A folder of its own for its socket: that of the `up` is in use.
            .env("XDG_RUNTIME_DIR", service.scratch().join("tunnel"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("azds can be started");
        let image = up["image"].as_str().expect("up names its image");
        let tag = image.rsplit(':').next();
        let order = json!({
            "service": up["service"], "space": up["space"], "release": up["release"],
            "cluster": service.address(),
            "pod": {"name": up["pod"], "tag": tag},
            "selector": {"app.kubernetes.io/name": up["service"]},
            "routes": [{"service": up["service"], "port": PORT, "name": null, "target": PORT, "local": null}],
        });
        let mut stdin = child.stdin.take().expect("it was asked for");
        write!(stdin, "{order}").expect("azds reads its order");
        drop(stdin);
        let mut answer = String::new();
        let stdout = child.stdout.take().expect("it was asked for");
        BufReader::new(stdout)
            .read_line(&mut answer)
            .expect("azds answers");
        let answered: Value = serde_json::from_str(&answer).expect("azds answers in JSON");
        let local = answered["Ok"]["local_ports"][0].as_u64();
        let local = local.and_then(|port| port.try_into().ok());
        Tunnel {
            child,
            local: local.unwrap_or_else(|| panic!("azds said {answer}")),
        }
    }
}

impl Drop for Tunnel {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn asked(local: u16) -> io::Result<TcpStream> {
    let mut stream = TcpStream::connect(("127.0.0.1", local))?;
    stream.set_read_timeout(Some(Duration::from_secs(30)))?;
    stream.write_all(b"GET /api/demo HTTP/1.1\r\nHost: localhost\r\n\r\n")?;
    Ok(stream)
}

fn first_byte(local: u16) {
    let answered = asked(local).and_then(|mut stream| stream.read_exact(&mut [0]));
    answered.expect("the service answers");
}

fn whole_answer(local: u16) {
    answer(local).expect("the service answers");
}

/// Asks the service, and reads up to the length that its answer gives: the end of the connection comes later, and
/// says nothing more.
pub fn answer(local: u16) -> io::Result<()> {
    let mut answer = BufReader::new(asked(local)?);
    let mut length = 0;
    loop {
        let mut line = String::new();
        if answer.read_line(&mut line)? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        match line.trim_end().split_once(": ") {
            Some(("Content-Length", number)) => length = number.parse().expect("a number"),
            None if line.trim_end().is_empty() => break,
            _ => {}
        }
    }
    let mut body = vec![0; length];
    answer.read_exact(&mut body)?;
    // A tunnel whose service does not listen yet says so in words.
    let body: Value = serde_json::from_slice(&body)?;
    assert_eq!(body["products"][0]["id"], 1, "{body:#}");
    Ok(())
}

fn at_once(local: u16) {
    std::thread::scope(|scope| {
        for _ in 0..AT_ONCE {
            scope.spawn(move || whole_answer(local));
        }
    });
}
