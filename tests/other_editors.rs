//! azds in Helix and Emacs, each with the configuration of its page: checks and a debug session on the real
//! cluster. Only in a full run, whose `cargo xtask test --all` unpacks the editors.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{JoinHandle, sleep};
use std::time::{Duration, Instant};

use azds_tests::Cluster;
use azds_tests::space::{Service, Space, azds, get, run};

/// How long an editor may take for anything.
const PATIENCE: Duration = Duration::from_secs(90);

/// The folder of an editor, where `cargo xtask test --all` has unpacked it.
fn unpacked(variable: &str) -> Option<PathBuf> {
    let folder = std::env::var_os(variable).map(PathBuf::from);
    if folder.is_none() {
        eprintln!("not run: {variable} is set by `cargo xtask test --all`");
    }
    folder
}

/// The blocks of a language on a page.
fn blocks(page: &str, language: &str) -> String {
    let fence = format!("```{language}\n");
    let blocks = page.split(&fence).skip(1);
    let blocks = blocks.map(|block| block.split("```").next().unwrap_or_default());
    blocks.collect::<Vec<_>>().join("\n")
}

/// PATH with azds on it.
fn path() -> OsString {
    let azds = azds();
    let mut path = azds.parent().expect("a folder").as_os_str().to_owned();
    path.push(":");
    path.push(std::env::var_os("PATH").unwrap_or_default());
    path
}

/// A Python service that is up on a machine with its debugger; the address of its tunnel.
fn ready(space: &Space) -> (Service<'_>, String) {
    let service = space.python_service("shop", &[]);
    let installed = run(space.command().args(["debugger", "install", "python"]));
    assert!(installed.status.success(), "{}", installed.stderr);
    let up = service.azds("up", &["-d"]).json();
    let uri = up["uris"][0]["uri"].as_str().expect("an address");
    (service, uri.to_owned())
}

/// Asks the service again and again until this is dropped: while it starts again, and while it is stopped.
struct Asking {
    ended: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Asking {
    fn begin(uri: &str) -> Asking {
        let ended = Arc::new(AtomicBool::new(false));
        let (uri, over) = (uri.to_owned(), Arc::clone(&ended));
        let thread = std::thread::spawn(move || {
            while !over.load(Ordering::Relaxed) {
                // It may be starting again.
                let _ = get(&uri, "/api/demo");
                sleep(Duration::from_millis(200));
            }
        });
        Asking {
            ended,
            thread: Some(thread),
        }
    }
}

impl Drop for Asking {
    fn drop(&mut self) {
        self.ended.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            // What it may have panicked about is not what is tested.
            let _ = thread.join();
        }
    }
}

fn assert_answers(uri: &str) {
    let begun = Instant::now();
    loop {
        match get(uri, "/api/demo") {
            Ok((status, _)) if status.contains("200") => return,
            other => assert!(begun.elapsed() < PATIENCE, "{other:?}"),
        }
        sleep(Duration::from_millis(100));
    }
}

#[tokio::test]
#[ignore = "unpacks Emacs"]
async fn editor_emacs_checks_and_debugs() {
    let Some(emacs) = unpacked("AZDS_EMACS") else {
        return;
    };
    let space = Cluster::get().space().await;
    let (service, uri) = ready(&space);
    let config = service.folder.join("config.el");
    let page = include_str!("../docs/editors/emacs.md");
    fs::write(&config, blocks(page, "elisp")).expect("a new file");
    let share = emacs.join("usr/share/emacs");
    let lisp = [share.join("30.1/lisp"), share.join("site-lisp/elpa-src")];
    let load_path = std::env::join_paths(lisp.iter().flat_map(|it| folders(it)));
    let libexec = emacs.join("usr/libexec/emacs/30.1/x86_64-linux-gnu");
    let dump = fs::read_dir(libexec).expect("Emacs is unpacked");
    let dump = dump.flatten().map(|entry| entry.path());
    let dump = dump.filter(|file| file.extension().is_some_and(|it| it == "pdmp"));
    let dump = dump.last().expect("Emacs has a dump");

    let asking = Asking::begin(&uri);
    let mut command = Command::new(emacs.join("usr/bin/emacs-nox"));
    command.envs(
        space
            .command()
            .get_envs()
            .filter_map(|(name, value)| Some((name, value?))),
    );
    let told = run(command
        .env("LD_LIBRARY_PATH", emacs.join("usr/lib/x86_64-linux-gnu"))
        .env("EMACSLOADPATH", load_path.expect("no colons"))
        .env("EMACSDATA", share.join("30.1/etc"))
        .env("PATH", path())
        .arg(format!("--dump-file={}", dump.display()))
        .args(["--batch", "--load"])
        .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("editor/emacs.el"))
        .arg(&config)
        .arg(&service.folder));
    drop(asking);
    eprintln!("{}{}", told.stdout, told.stderr);
    assert!(told.status.success(), "{}", told.stderr);
    assert!(told.stderr.contains("all done"), "{}", told.stderr);
    assert_answers(&uri);
    service.azds("down", &[]).json();
}

/// A folder and all below it.
fn folders(folder: &Path) -> Vec<PathBuf> {
    let mut found = vec![folder.to_owned()];
    for entry in fs::read_dir(folder).expect("a folder").flatten() {
        if entry.path().is_dir() {
            found.extend(folders(&entry.path()));
        }
    }
    found
}

/// A program in a terminal, which tmux plays.
struct Screen {
    socket: String,
}

impl Screen {
    /// Starts it; `set` are environment variables.
    fn start(name: &str, set: &[(OsString, OsString)], program: &[OsString]) -> Screen {
        let screen = Screen {
            socket: format!("azds-{name}-{}", std::process::id()),
        };
        let mut new = screen.tmux();
        new.args(["-f", "/dev/null", "new-session", "-d", "-x", "140"])
            .args(["-y", "40"])
            .args(program);
        // The server that this starts has them, and so has all that it starts.
        new.envs(set.iter().cloned()).env("TERM", "xterm-256color");
        let started = run(&mut new);
        assert!(started.status.success(), "{}", started.stderr);
        screen
    }

    fn tmux(&self) -> Command {
        let mut tmux = Command::new("tmux");
        tmux.args(["-L", &self.socket]);
        tmux
    }

    /// Presses keys, by tmux's names.
    fn keys(&self, keys: &[&str]) {
        run(self.tmux().arg("send-keys").args(keys));
        // Editors that wait for a longer sequence take keys one after the other.
        sleep(Duration::from_millis(300));
    }

    /// Types a text.
    fn text(&self, text: &str) {
        run(self.tmux().args(["send-keys", "-l", text]));
        sleep(Duration::from_millis(300));
    }

    /// Types a command with its Enter.
    fn command(&self, text: &str) {
        self.text(text);
        self.keys(&["Enter"]);
    }

    fn shown(&self) -> String {
        run(self.tmux().args(["capture-pane", "-p"])).stdout
    }

    /// Waits until all of this is on the screen.
    fn until(&self, what: &str, texts: &[&str]) {
        let begun = Instant::now();
        loop {
            let shown = self.shown();
            if texts.iter().all(|text| shown.contains(text)) {
                eprintln!("== {what}\n{shown}");
                return;
            }
            assert!(begun.elapsed() < PATIENCE, "no {what}:\n{shown}");
            sleep(Duration::from_millis(100));
        }
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        run(self.tmux().arg("kill-server"));
    }
}

#[tokio::test]
#[ignore = "unpacks Helix"]
async fn editor_helix_checks_and_debugs() {
    let Some(helix) = unpacked("AZDS_HELIX") else {
        return;
    };
    let space = Cluster::get().space().await;
    let (service, uri) = ready(&space);
    let config = service
        .folder
        .parent()
        .expect("a home")
        .join("config/helix");
    fs::create_dir_all(&config).expect("a new folder");
    let page = include_str!("../docs/editors/helix.md");
    fs::write(config.join("languages.toml"), blocks(page, "toml")).expect("a new file");
    let (right, slip) = ("dockerfile: Dockerfile\n", "dockerfle: Dockerfile\n");
    service.replace("azds.yaml", right, slip);

    let mut set: Vec<(OsString, OsString)> = space
        .command()
        .get_envs()
        .filter_map(|(name, value)| Some((name.to_owned(), value?.to_owned())))
        .collect();
    set.push(("PATH".into(), path()));
    set.push((
        "HELIX_RUNTIME".into(),
        helix.join("usr/lib/hx/runtime").into(),
    ));
    let libraries = helix.join("usr/lib/x86_64-linux-gnu");
    let hx = |file: &str| -> Vec<OsString> {
        vec![
            libraries.join("ld-linux-x86-64.so.2").into(),
            "--library-path".into(),
            libraries.clone().into(),
            helix.join("usr/lib/hx/hx").into(),
            service.folder.join(file).into(),
        ]
    };

    let screen = Screen::start("checks", &set, &hx("azds.yaml"));
    screen.until("file", &["dockerfle"]);
    screen.keys(&["/"]);
    screen.text("dockerfle");
    screen.keys(&["Enter"]);
    screen.until("diagnostic", &["dockerfle", "Did you mean"]);
    screen.keys(&["Space", "a"]);
    screen.until("quick fix", &["dockerfile`"]);
    screen.keys(&["Enter"]);
    screen.command(":wq");
    let begun = Instant::now();
    while !service.read("azds.yaml").contains(right) {
        assert!(begun.elapsed() < PATIENCE, "{}", screen.shown());
        sleep(Duration::from_millis(100));
    }
    drop(screen);

    let screen = Screen::start("debugs", &set, &hx("app.py"));
    screen.until("file", &["BP1"]);
    screen.keys(&["/"]);
    screen.text("BP1");
    // The menu stays until it is left.
    screen.keys(&["Enter", "Space", "G", "b", "Escape"]);
    screen.command(&format!(":debug-start azds {}", service.folder.display()));
    let asking = Asking::begin(&uri);
    screen.until("stop", &["stopped because of breakpoint"]);
    screen.keys(&["Space", "G", "v"]);
    screen.until("variables", &["currency", "'EUR'"]);
    screen.keys(&["Escape", "Escape", "Space", "G", "b", "c", "t", "Escape"]);
    screen.command(":q");
    drop(asking);
    assert_answers(&uri);
    service.azds("down", &[]).json();
}
