//! One source file at a time.

use std::fs;
use std::io::{BufRead as _, BufReader, Lines, Write as _};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

use azds_tests::container::Container;
use azds_tests::space::get;
use azds_tests::staying::{Staying, reload_itself};

use super::{PATIENCE, until};
use crate::kubectl::output;
use crate::note;
use crate::service::Service;
use crate::statistics::{Row, Times};

const EDITS: u32 = 30;
const STARTS: u32 = 15;
const BUILDS: u32 = 5;

/// A source in which three letters are another each time.
struct Source {
    text: String,
    letters: &'static str,
}

impl Source {
    fn read(folder: &Path, file: &str, letters: &'static str) -> Source {
        let text = fs::read_to_string(folder.join(file)).expect("a source");
        assert!(text.contains(letters), "{file} is another one");
        Source { text, letters }
    }

    /// An edition, and what it is known by.
    fn edition(&self, prefix: char, number: u32) -> (String, String) {
        let token = format!("{prefix}{number:02}");
        (self.text.replacen(self.letters, &token, 1), token)
    }
}

pub fn rows(service: &Service) -> Vec<Row> {
    let mut rows = Vec::new();
    rows.extend(reloaded_by_itself(service));
    rows.push(started_again(service));
    rows.push(built_again(service));
    rows
}

/// A pause in which a service comes to rest, never the same.
fn pause(number: u32) {
    std::thread::sleep(Duration::from_millis(400 + u64::from(number * 37 % 200)));
}

/// From now on until the service answers with the token.
fn answered(up: &Staying, token: &str) -> Duration {
    until("an answer", || up.answers_now(token).is_ok())
}

fn reloaded_by_itself(service: &Service) -> Vec<Row> {
    let python = service.another("python-reloads", "python-service");
    let reload = Path::new(env!("CARGO_MANIFEST_DIR")).join("apps/reload.py");
    fs::copy(reload, python.join("reload.py")).expect("it can be copied");
    reload_itself(&python, "[python, reload.py]");
    let source = Source::read(&python, "app.py", "EUR");
    let up = service.stay(&python);
    let (to_file, to_answer, floor) = edits(&up, &python, "app.py", &source);

    let streamed = streamed(service, &up);
    let work = "save to file in the container";
    let exec = exec_tar(service, &up);
    note(&format!(
        "{work}: one kept exec stream {}",
        streamed.describe()
    ));
    note(&format!(
        "{work}: tar | kubectl exec tar {}",
        exec.describe()
    ));
    note(&format!("{work}: azds {}", to_file.describe()));
    let mut rows = vec![
        Row::beside(&format!("{work}, median"), &streamed, &to_file, 25.0),
        Row::of(
            &format!("{work}, 95th percentile"),
            streamed.percentile(0.95),
            to_file.percentile(0.95),
            60.0,
            "ms",
        ),
    ];
    rows.push(reloads("Python", &floor, &to_answer));
    drop(up);

    let node = service.another("node-reloads", "node-service");
    reload_itself(&node, "[node, --watch, server.js]");
    let source = Source::read(&node, "server.js", "EUR");
    let up = service.stay(&node);
    let (_, to_answer, floor) = edits(&up, &node, "server.js", &source);
    rows.push(reloads("Node", &floor, &to_answer));
    rows
}

/// Saves, and the floor: the same written in the container itself.
fn edits(up: &Staying, folder: &Path, file: &str, source: &Source) -> (Times, Times, Times) {
    let container = Container::of(&up.pod);
    let place = format!("app/{file}");
    let (mut to_file, mut to_answer, mut floor) =
        (Times::default(), Times::default(), Times::default());
    answered(up, source.letters);
    for number in 0..EDITS {
        pause(number);
        let (text, token) = source.edition('X', number);
        let begun = Instant::now();
        fs::write(folder.join(file), &text).expect("it can be written");
        until("the file", || container.has(&place, text.as_bytes()));
        to_file.add(begun.elapsed());
        answered(up, &token);
        to_answer.add(begun.elapsed());
        pause(number);
        let (text, token) = source.edition('Y', number);
        let begun = Instant::now();
        container.write(&place, &text);
        answered(up, &token);
        floor.add(begun.elapsed());
    }
    (to_file, to_answer, floor)
}

fn reloads(runtime: &str, floor: &Times, ours: &Times) -> Row {
    let work = format!("save to new answer, {runtime} reloads itself");
    note(&format!(
        "{work}: written in the container {}",
        floor.describe()
    ));
    note(&format!("{work}: azds {}", ours.describe()));
    Row::new(&work, floor, ours, Duration::from_millis(40))
}

/// Writes a file through a shell in the container that stays open.
fn streamed(service: &Service, up: &Staying) -> Times {
    let container = Container::of(&up.pod);
    let mut shell = Shell::start(service, &up.pod);
    let mut times = Times::default();
    for number in 0..EDITS {
        let text = format!("edition {number}");
        let begun = Instant::now();
        shell.run(&format!("printf '{text}' > /tmp/floor"));
        until("the file", || container.has("tmp/floor", text.as_bytes()));
        if number > 0 {
            times.add(begun.elapsed());
        }
    }
    times
}

/// One file by `tar c | kubectl exec tar x`.
fn exec_tar(service: &Service, up: &Staying) -> Times {
    let container = Container::of(&up.pod);
    let mut times = Times::default();
    for number in 0..STARTS {
        let text = format!("edition {number}");
        fs::write(service.scratch().join("floor"), &text).expect("it can be written");
        let begun = Instant::now();
        copy_by_tar(service, &up.pod, service.scratch(), &["floor"], "/tmp");
        until("the file", || container.has("tmp/floor", text.as_bytes()));
        times.add(begun.elapsed());
    }
    times
}

/// `tar c NAMES | kubectl exec tar x` in a folder of the container.
pub fn copy_by_tar(service: &Service, pod: &str, from: &Path, names: &[&str], to: &str) {
    let mut tar = Command::new("tar");
    tar.arg("-C").arg(from).arg("-cf").arg("-").args(names);
    let mut tar = tar.stdout(Stdio::piped()).spawn().expect("tar starts");
    let archive = tar.stdout.take().expect("it was asked for");
    let mut exec = service.kubectl();
    exec.args(["exec", "-i", pod, "--", "tar", "-xf", "-", "-C", to]);
    output(exec.stdin(archive));
    assert!(tar.wait().expect("tar ends").success());
}

/// The floor is the app's own start, on this machine.
fn started_again(service: &Service) -> Row {
    let folder = service.another("python-restarts", "python-service");
    let source = Source::read(&folder, "app.py", "EUR");
    let up = service.stay(&folder);
    answered(&up, "EUR");
    let (mut floor, mut ours) = (Times::default(), Times::default());
    for number in 0..STARTS {
        pause(number);
        let (text, token) = source.edition('X', number);
        let begun = Instant::now();
        fs::write(folder.join("app.py"), &text).expect("it can be written");
        answered(&up, &token);
        ours.add(begun.elapsed());
        floor.add(own_start(&folder, &token));
    }
    let work = "save to new answer, Python started again by azds";
    note(&format!("{work}: its own start {}", floor.describe()));
    note(&format!("{work}: azds {}", ours.describe()));
    Row::new(work, &floor, &ours, Duration::from_millis(150))
}

fn own_start(folder: &Path, token: &str) -> Duration {
    let free = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = free.local_addr().expect("an address").port();
    drop(free);
    let begun = Instant::now();
    let mut app = Command::new("python3")
        .arg(folder.join("app.py"))
        .env("PORT", port.to_string())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("python3 starts");
    let uri = format!("http://127.0.0.1:{port}");
    until("its answer", || {
        get(&uri, "/api/demo").is_ok_and(|(_, body)| body.contains(token))
    });
    let took = begun.elapsed();
    app.kill().expect("it runs");
    app.wait().expect("it ends");
    took
}

/// The floor is `dotnet build` in a shell in the container. All of ours come before it, and the first of each does
/// not count: a session of its own starts a compiler of its own, and the next build of anybody gets that one, which
/// is slow at first.
fn built_again(service: &Service) -> Row {
    const FILE: &str = "Controllers/DemoController.cs";
    let folder = service.another("producer", "producer");
    let source = Source::read(&folder, FILE, "Keyboard");
    let up = service.stay(&folder);
    answered(&up, "Keyboard");
    let (mut floor, mut ours) = (Times::default(), Times::default());
    for number in 0..=BUILDS {
        let (text, token) = source.edition('X', number);
        let begun = Instant::now();
        fs::write(folder.join(FILE), &text).expect("it can be written");
        // Seldom: the build needs the processors that asking takes.
        while up.answers_now(&token).is_err() {
            assert!(begun.elapsed() < PATIENCE, "no answer");
            std::thread::sleep(Duration::from_millis(20));
        }
        if number > 0 {
            ours.add(begun.elapsed());
        }
    }
    let mut shell = Shell::start(service, &up.pod);
    for number in 0..=BUILDS {
        let (text, _) = source.edition('Y', number);
        Container::of(&up.pod).write(&format!("src/{FILE}"), &text);
        let begun = Instant::now();
        // What the program runs from can't be written.
        shell.run("dotnet build --no-restore -c Debug -p:OutDir=/tmp/floor/");
        if number > 0 {
            floor.add(begun.elapsed());
        }
    }
    let work = "save to new answer, .NET built and started again by azds";
    note(&format!("{work}: dotnet build {}", floor.describe()));
    note(&format!("{work}: azds {}", ours.describe()));
    Row::new(work, &floor, &ours, Duration::from_millis(500))
}

/// A shell in a container that stays open.
struct Shell {
    child: Child,
    answers: Lines<BufReader<ChildStdout>>,
}

impl Shell {
    fn start(service: &Service, pod: &str) -> Shell {
        let mut exec = service.kubectl();
        exec.args(["exec", "-i", pod, "--", "sh"]);
        let exec = exec.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = exec.spawn().expect("kubectl starts");
        let answers = BufReader::new(child.stdout.take().expect("it was asked for")).lines();
        Shell { child, answers }
    }

    /// Has a command run to its end, which is to be a good one.
    fn run(&mut self, command: &str) {
        let stdin = self.child.stdin.as_mut().expect("it was asked for");
        writeln!(stdin, "{{ {command}; }} >/dev/null; echo $?").expect("the shell reads");
        let answer = self.answers.next().expect("the shell answers");
        assert_eq!(answer.expect("text"), "0", "{command}");
    }
}

impl Drop for Shell {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
