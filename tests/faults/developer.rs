//! Faults of the developer's machine: what is killed, sleeps, loses its connection, or is not alone.

use std::io::Read;
use std::net::{Shutdown, TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use azds_tests::dap::{Client, line_of};
use azds_tests::space::Answer;
use azds_tests::{SOON, ask};
use serde_json::{Value, json};

use crate::processes::signal;
use crate::stage::{Seen, Stage, address, healing, told};

/// An azds that runs while the fault is made.
pub struct Foreground {
    child: Child,
    stdout: Arc<Mutex<String>>,
    stderr: Arc<Mutex<String>>,
}

impl Foreground {
    pub fn start(stage: &Stage, command: &str, arguments: &[&str]) -> Foreground {
        Foreground::of(stage.service().command(command, arguments))
    }

    pub fn of(mut command: Command) -> Foreground {
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("azds starts");
        Foreground {
            stdout: keep(child.stdout.take().expect("it is piped")),
            stderr: keep(child.stderr.take().expect("it is piped")),
            child,
        }
    }

    fn said(&self) -> String {
        self.stderr.lock().expect("no panic").clone()
    }

    /// Waits until it says this on its standard error.
    pub async fn until_said(&self, words: &str) {
        healing(words, async || {
            let said = self.said();
            match said.contains(words) {
                true => Ok(()),
                false => Err(said),
            }
        })
        .await;
    }

    /// Waits until it is up; the address of its tunnel.
    pub async fn address(&self) -> String {
        healing("an address", async || {
            let said = self.stdout.lock().expect("no panic").clone();
            let up = said
                .lines()
                .next()
                .and_then(|line| serde_json::from_str::<Value>(line).ok());
            up.map(|up| address(&up)).ok_or_else(|| self.said())
        })
        .await
    }

    /// Waits for its end.
    pub fn end(mut self) -> Answer {
        let status = self.child.wait().expect("a child can be waited for");
        // The pipes are read to their end by then, or soon after.
        std::thread::sleep(Duration::from_millis(200));
        Answer {
            status,
            stdout: self.stdout.lock().expect("no panic").clone(),
            stderr: self.said(),
        }
    }

    /// SIGKILL, to it and to what it started.
    pub fn kill(&mut self) {
        let tasks = std::fs::read_dir(format!("/proc/{}/task", self.child.id()));
        let tasks = tasks.expect("it runs").flatten();
        let children: String = tasks
            .filter_map(|task| std::fs::read_to_string(task.path().join("children")).ok())
            .collect();
        // It is killed first, so that it starts nothing more.
        self.child.kill().expect("a child can be killed");
        self.child.wait().expect("a child can be waited for");
        for child in children.split_whitespace() {
            // It may have ended by itself.
            let _ = Command::new("kill")
                .args(["-s", "KILL", child])
                .stderr(Stdio::null())
                .status();
        }
    }

    fn pid(&self) -> i32 {
        i32::try_from(self.child.id()).expect("a pid")
    }
}

impl Drop for Foreground {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn keep(mut from: impl Read + Send + 'static) -> Arc<Mutex<String>> {
    let kept = Arc::new(Mutex::new(String::new()));
    let to = Arc::clone(&kept);
    std::thread::spawn(move || {
        let mut buffer = [0; 4096];
        while let Ok(read @ 1..) = from.read(&mut buffer) {
            to.lock()
                .expect("no panic")
                .push_str(&String::from_utf8_lossy(&buffer[..read]));
        }
    });
    kept
}

pub async fn up_killed(stage: &Stage) -> Seen {
    let mut told = Vec::new();
    for phase in [
        "Using dev space",
        "Installing Helm chart",
        "Building container image",
        "Waiting for container",
        "Opening tunnels",
    ] {
        // Each time something is to be built.
        stage
            .service()
            .write("requirements.txt", &format!("# {phase}\n"));
        let mut up = Foreground::start(stage, "up", &["-d"]);
        up.until_said(phase).await;
        up.kill();
        let wrong = stage.doctor();
        told.push(format!("killed in {phase:?}: {}", summary(&wrong)));
        stage.up();
    }
    Seen {
        outcome: "after each, the next azds up works".to_owned(),
        doctor: told.join("; "),
    }
}

fn summary(wrong: &std::collections::BTreeMap<String, String>) -> String {
    match wrong.is_empty() {
        true => "nothing is wrong".to_owned(),
        false => format!("{wrong:?}"),
    }
}

pub async fn sync_killed(stage: &Stage) -> Seen {
    let mut up = Foreground::start(stage, "up", &[]);
    let uri = up.address().await;
    stage.answers(&uri, "EUR").await;
    stage.service().replace("app.py", "\"EUR\"", "\"USD\"");
    up.kill();
    let doctor = stage.doctor_is_content().await;
    // What was saved when it was killed is not lost.
    let again = Foreground::start(stage, "up", &[]);
    let uri = again.address().await;
    stage.answers(&uri, "USD").await;
    Seen {
        outcome: "the next azds up brings the change that was saved last".to_owned(),
        doctor,
    }
}

pub async fn debug_killed(stage: &Stage) -> Seen {
    let uri = stage.up();
    let installed = stage
        .space
        .command()
        .args(["debugger", "install", "python"])
        .output();
    let installed = installed.expect("azds starts");
    assert!(installed.status.success(), "{installed:?}");
    let (mut client, mut adapter) = Client::start(&mut stage.space.command());
    let service = stage.service();
    let source = service.folder.join("app.py");
    let line = line_of(&service.read("app.py"), "BP1");
    let arguments = json!({"folder": service.folder, "space": stage.space.namespace.name});
    client.attach(arguments, &source.to_string_lossy(), line);
    let asked = ask(&uri);
    client.stopped();
    adapter.kill().expect("a child can be killed");
    adapter.wait().expect("a child can be waited for");
    stage.answers(&uri, "EUR").await;
    // The request that was stopped is answered, or its connection ends and it is made again: it does not hang.
    asked.join().expect("no panic");
    Seen {
        outcome: "the service answers again: nothing stays stopped at the breakpoint".to_owned(),
        doctor: stage.doctor_is_content().await,
    }
}

pub async fn down_killed(stage: &Stage) -> Seen {
    stage.up();
    let mut down = Foreground::start(stage, "down", &[]);
    down.until_said("Removing").await;
    tokio::time::sleep(Duration::from_millis(200)).await;
    down.kill();
    let doctor = summary(&stage.doctor());
    let again = stage.service().azds("down", &[]);
    again.json();
    stage.leaves_nothing().await;
    Seen {
        outcome: "the next azds down removes what was left".to_owned(),
        doctor,
    }
}

pub async fn two_people(stage: &Stage) -> Seen {
    stage.up();
    // The other one has the same service in another folder, and so another release.
    let other = stage.space.app("other/shop", "python-service");
    let run = |command: &str, arguments: &[&str]| {
        let mut azds = stage.space.command();
        azds.arg(command)
            .arg(&other)
            .args(arguments)
            .args(["-o", "json"]);
        azds_tests::space::run(&mut azds)
    };
    run("prep", &[]).json();
    let failure = run("up", &["-d"]).failure();
    let outcome = told(&failure);
    assert!(
        outcome.contains("release azds-") && outcome.contains("list-up --all"),
        "{outcome}"
    );
    let doctor = stage.doctor_is_content().await;
    run("down", &[]).json();
    Seen { outcome, doctor }
}

pub async fn up_while_down(stage: &Stage) -> Seen {
    stage.up();
    let down = Foreground::start(stage, "down", &[]);
    down.until_said("Removing").await;
    let failure = stage.service().azds("up", &["-d"]).failure();
    let outcome = told(&failure);
    assert!(
        outcome.contains("azds works on this service already"),
        "{outcome}"
    );
    assert_eq!(down.end().json()["removed"], true);
    Seen {
        outcome,
        doctor: stage.doctor_is_content().await,
    }
}

pub async fn asleep(stage: &Stage) -> Seen {
    let up = Foreground::start(stage, "up", &[]);
    let uri = up.address().await;
    stage.answers(&uri, "EUR").await;
    signal("STOP", up.pid());
    stage.service().replace("app.py", "\"EUR\"", "\"USD\"");
    let doctor = stage.doctor_says("tunnels", "silent").await;
    tokio::time::sleep(SOON).await;
    signal("CONT", up.pid());
    stage.answers(&uri, "USD").await;
    Seen {
        outcome: "awake again, azds brings the change that was saved meanwhile".to_owned(),
        doctor,
    }
}

pub async fn connections_cut(stage: &Stage) -> Seen {
    let text = std::fs::read_to_string(stage.space.kubeconfig()).expect("a kubeconfig");
    let mut config: Value = serde_json::from_str(&text).expect("the tests write JSON");
    let server = config["clusters"][0]["cluster"]["server"]
        .as_str()
        .expect("an address");
    let wire = Wire::to(
        server
            .strip_prefix("https://")
            .expect("an address with TLS")
            .to_owned(),
    );
    config["clusters"][0]["cluster"]["server"] = json!(format!("https://{}", wire.address));
    let path = stage.service().folder.join("../wire.kubeconfig");
    std::fs::write(&path, config.to_string()).expect("a file");
    let mut azds = stage.space.command();
    azds.env("KUBECONFIG", &path)
        .arg("up")
        .arg(stage.service().folder)
        .args(["-o", "json"]);
    let up = Foreground::of(azds);
    let uri = up.address().await;
    stage.answers(&uri, "EUR").await;
    wire.cut();
    stage.service().replace("app.py", "\"EUR\"", "\"USD\"");
    stage.answers(&uri, "USD").await;
    Seen {
        outcome: "azds connects anew and brings the change".to_owned(),
        doctor: stage.doctor_is_content().await,
    }
}

/// The network between the developer's machine and the API server.
struct Wire {
    address: String,
    open: Arc<Mutex<Vec<TcpStream>>>,
}

impl Wire {
    fn to(server: String) -> Wire {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("an address").to_string();
        let open = Arc::new(Mutex::new(Vec::new()));
        let connections = Arc::clone(&open);
        std::thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let Ok(server) = TcpStream::connect(&server) else {
                    continue;
                };
                for stream in [&client, &server] {
                    stream.set_nodelay(true).expect("a socket");
                    connections
                        .lock()
                        .expect("no panic")
                        .push(stream.try_clone().expect("a socket"));
                }
                let (back_from, back_to) = (server.try_clone(), client.try_clone());
                std::thread::spawn(move || copy(&client, &server));
                std::thread::spawn(move || {
                    copy(&back_from.expect("a socket"), &back_to.expect("a socket"))
                });
            }
        });
        Wire { address, open }
    }

    /// Ends all connections that are open.
    fn cut(&self) {
        for stream in self.open.lock().expect("no panic").drain(..) {
            // It may have ended already.
            let _ = stream.shutdown(Shutdown::Both);
        }
    }
}

fn copy(mut from: &TcpStream, mut to: &TcpStream) {
    // However it ended, the other side learns that nothing more comes.
    let _ = std::io::copy(&mut from, &mut to);
    let _ = to.shutdown(Shutdown::Write);
}
