//! A space of one test, with a developer who has the Role of the space and no other right.

use std::ffi::OsStr;
use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use k8s_openapi::api::authentication::v1::{TokenRequest, TokenRequestSpec};
use k8s_openapi::api::core::v1::{Secret, ServiceAccount};
use kube::api::{Api, PostParams};
use serde_json::{Value, json};

use crate::{Cluster, Namespace, from_json, pushing};

/// How long one azds command may take on a loaded machine.
const COMMAND: Duration = Duration::from_secs(300);
/// The service account that plays the developer.
pub const DEVELOPER: &str = "developer";

/// azds, as `cargo xtask build` leaves it: beside the folder of the tests' own binaries.
pub fn azds() -> PathBuf {
    let test = std::env::current_exe().expect("a test knows its own path");
    let profile = test.ancestors().nth(2).expect("target/debug/deps/test");
    let azds = profile.join("azds");
    assert!(
        azds.is_file(),
        "{} is not there: run `cargo xtask build`",
        azds.display()
    );
    azds
}

/// What an azds command answered.
#[derive(Debug)]
pub struct Answer {
    /// How it ended.
    pub status: ExitStatus,
    /// Its standard output.
    pub stdout: String,
    /// Its standard error.
    pub stderr: String,
}

impl Answer {
    /// The JSON of a success.
    ///
    /// # Panics
    /// If it was a failure.
    pub fn json(&self) -> Value {
        assert!(self.status.success(), "{}\n{}", self.stdout, self.stderr);
        serde_json::from_str(&self.stdout).expect("-o json answers with JSON and nothing else")
    }

    /// The JSON of a failure.
    ///
    /// # Panics
    /// If it was none.
    pub fn failure(&self) -> Value {
        assert_eq!(
            self.status.code(),
            Some(1),
            "{}\n{}",
            self.stdout,
            self.stderr
        );
        serde_json::from_str(&self.stdout).expect("-o json answers with JSON and nothing else")
    }
}

/// Runs a command to its end; [`COMMAND`] is its time limit.
pub fn run(command: &mut Command) -> Answer {
    let mut child = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the command starts");
    let mut reading = [
        read_all(child.stdout.take().expect("it is piped")),
        read_all(child.stderr.take().expect("it is piped")),
    ]
    .into_iter();
    let begun = Instant::now();
    let status = loop {
        match child.try_wait().expect("a child can be waited for") {
            Some(status) => break status,
            None if begun.elapsed() < COMMAND => std::thread::sleep(Duration::from_millis(20)),
            None => {
                child.kill().expect("a child can be killed");
                panic!("{command:?} did not end within {} s", COMMAND.as_secs());
            }
        }
    };
    let mut text = || reading.next().expect("two").join().expect("no panic");
    Answer {
        status,
        stdout: text(),
        stderr: text(),
    }
}

fn read_all(mut from: impl Read + Send + 'static) -> std::thread::JoinHandle<String> {
    std::thread::spawn(move || {
        let mut text = String::new();
        from.read_to_string(&mut text).expect("it writes UTF-8");
        text
    })
}

impl Cluster {
    /// What kubectl answers, with every right.
    pub fn kubectl(&self, arguments: &[&str]) -> Answer {
        run(self.command(&self.kubectl).args(arguments))
    }

    /// `ctr` for the images of the node's containers.
    pub fn ctr(&self) -> Command {
        let mut ctr = Command::new("ctr");
        ctr.env("CONTAINERD_ADDRESS", &self.containerd)
            .env("CONTAINERD_NAMESPACE", "k8s.io");
        ctr
    }

    /// A new space. Its pods have to meet Pod Security `baseline`.
    pub async fn space(&self) -> Space {
        let space = self.future_space().await;
        space.set_up().json();
        space
    }

    /// A namespace of which [`Space::set_up`] makes a space.
    pub async fn future_space(&self) -> Space {
        let baseline = [("pod-security.kubernetes.io/enforce", "baseline")];
        let space = Space::new(self, self.namespace(&baseline).await);
        space.write_kubeconfig(DEVELOPER).await;
        if pushing::is_on() {
            let _: Secret = space.namespace.create(pushing::pull_secret()).await;
        }
        space
    }
}

/// A space, and a developer's machine: its own home, settings and running tunnels.
pub struct Space {
    /// The namespace.
    pub namespace: Namespace,
    home: tempfile::TempDir,
    pub(crate) cluster: Cluster,
}

impl Space {
    fn new(cluster: &Cluster, namespace: Namespace) -> Self {
        let home = tempfile::tempdir().expect("a temporary folder");
        fs::create_dir(home.path().join("run")).expect("a new folder");
        Space {
            namespace,
            home,
            cluster: cluster.clone(),
        }
    }

    /// Writes a kubeconfig for a service account of the space, which has the rights that it was given, and names it.
    pub async fn write_kubeconfig(&self, account: &str) -> PathBuf {
        let name = self.namespace.name.as_str();
        self.namespace
            .create::<ServiceAccount>(json!({"metadata": {"name": account}}))
            .await;
        let token = self
            .namespace
            .token(account, json!({"audiences": []}))
            .await;
        let text = fs::read_to_string(&self.cluster.kubeconfig).expect("a kubeconfig");
        let mut config: Value = serde_saphyr::from_str(&text).expect("a kubeconfig");
        config["users"] = json!([{"name": account, "user": {"token": token}}]);
        let cluster = config["clusters"][0]["name"].clone();
        config["contexts"] = json!([{"name": "tests", "context":
            {"cluster": cluster, "user": account, "namespace": name}}]);
        config["current-context"] = json!("tests");
        let path = self.home.path().join(format!("{account}.kubeconfig"));
        fs::write(&path, config.to_string()).expect("a new file");
        path
    }

    /// azds as the developer runs it.
    pub fn command(&self) -> Command {
        self.command_of(azds())
    }

    /// A program in the environment that `azds` has here.
    pub fn command_of(&self, program: impl AsRef<OsStr>) -> Command {
        let home = self.home.path();
        let mut command = Command::new(program);
        command
            .env("KUBECONFIG", self.kubeconfig())
            .env("AZDS_HELM", &self.cluster.helm)
            .env("AZDS_YES", "1")
            .env("HOME", home)
            .env("XDG_CONFIG_HOME", home.join("config"))
            .env("XDG_RUNTIME_DIR", self.runtime());
        command
    }

    /// The developer's kubeconfig.
    pub fn kubeconfig(&self) -> PathBuf {
        self.home.path().join(format!("{DEVELOPER}.kubeconfig"))
    }

    /// The developer's folder of locks and sockets.
    pub fn runtime(&self) -> PathBuf {
        self.home.path().join("run")
    }

    /// A new folder on the developer's machine.
    pub fn folder(&self, name: &str) -> PathBuf {
        let folder = self.home.path().join(name);
        fs::create_dir_all(&folder).expect("a new folder");
        folder
    }

    /// The Python service of the tests in a folder of this name, and so with this name, after `azds prep`.
    pub fn python_service(&self, name: &str, prep: &[&str]) -> Service<'_> {
        self.service(name, "python-service", prep)
    }

    /// A copy of one of the tests' services in a folder of this name, and so with this name, after `azds prep`.
    pub fn service(&self, name: &str, app: &str, prep: &[&str]) -> Service<'_> {
        self.prepared(self.app(name, app), prep)
    }

    /// The service of a folder, after `azds prep`.
    pub fn prepared(&self, folder: PathBuf, prep: &[&str]) -> Service<'_> {
        let service = Service {
            space: self,
            folder,
        };
        service.azds("prep", prep).json();
        service
    }

    /// The service in a folder that was made before.
    pub fn existing(&self, name: &str) -> Service<'_> {
        Service {
            space: self,
            folder: self.home.path().join(name),
        }
    }

    /// A copy of one of the tests' services in a folder of this name, without any file of azds.
    pub fn app(&self, name: &str, app: &str) -> PathBuf {
        let folder = self.folder(name);
        let apps = Path::new(env!("CARGO_MANIFEST_DIR")).join("apps");
        copy(&apps.join(app), &folder);
        folder
    }

    /// Processes that azds left running on the developer's machine.
    pub fn processes(&self) -> Vec<u32> {
        let mark = format!("XDG_RUNTIME_DIR={}", self.runtime().display()).into_bytes();
        let entries = fs::read_dir("/proc").expect("processes can be listed");
        let pids = entries.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok());
        pids.filter(|pid: &u32| {
            // Unreadable: it ended meanwhile.
            let environment = fs::read(format!("/proc/{pid}/environ")).unwrap_or_default();
            environment.split(|byte| *byte == 0).any(|it| it == mark)
        })
        .collect()
    }
}

/// Copies what is in a folder to another that is there.
pub fn copy(from: &Path, to: &Path) {
    for entry in fs::read_dir(from).expect("a folder of the tests") {
        let entry = entry.expect("an entry");
        let to = to.join(entry.file_name());
        if entry.path().is_dir() {
            fs::create_dir(&to).expect("a new folder");
            copy(&entry.path(), &to);
        } else {
            fs::copy(entry.path(), to).expect("a file of the tests");
        }
    }
}

impl Drop for Space {
    fn drop(&mut self) {
        for pid in self.processes() {
            // It may have ended just now.
            let _ = Command::new("kill").arg(pid.to_string()).status();
        }
    }
}

/// A service in a folder of its own.
pub struct Service<'a> {
    space: &'a Space,
    /// The folder.
    pub folder: PathBuf,
}

impl Service<'_> {
    /// `azds COMMAND FOLDER … -o json`.
    pub fn command(&self, command: &str, arguments: &[&str]) -> Command {
        let mut azds = self.space.command();
        azds.arg(command)
            .arg(&self.folder)
            .args(arguments)
            .args(["-o", "json"]);
        azds
    }

    /// Runs it.
    pub fn azds(&self, command: &str, arguments: &[&str]) -> Answer {
        run(&mut self.command(command, arguments))
    }

    /// What `azds check --cluster` says is wrong with the release, as severity and message.
    pub fn trouble(&self) -> Vec<(String, String)> {
        let problems = self.azds("check", &["--cluster"]).json();
        let problems = problems.as_array().expect("a list").iter();
        let of_release = problems.filter(|it| it["code"] == "release-trouble");
        let text = |value: &Value| value.as_str().expect("a text").to_owned();
        of_release
            .map(|it| (text(&it["severity"]), text(&it["message"])))
            .collect()
    }

    /// Reads a file of the service.
    pub fn read(&self, file: &str) -> String {
        fs::read_to_string(self.folder.join(file)).expect("a file of the service")
    }

    /// Writes a file of the service.
    pub fn write(&self, file: &str, text: &str) {
        fs::write(self.folder.join(file), text).expect("a file can be written");
    }

    /// Replaces a text that is in a file once.
    pub fn replace(&self, file: &str, from: &str, to: &str) {
        let text = self.read(file);
        assert_eq!(text.matches(from).count(), 1, "{from:?} in {file}:\n{text}");
        self.write(file, &text.replace(from, to));
    }
}

impl Namespace {
    /// A token for a service account; `spec` is that of a TokenRequest.
    pub async fn token(&self, account: &str, spec: Value) -> String {
        let accounts = Api::<ServiceAccount>::namespaced(self.client.clone(), &self.name);
        let request = TokenRequest {
            spec: Some(from_json::<TokenRequestSpec>(spec)),
            ..TokenRequest::default()
        };
        let answer = accounts
            .create_token_request(account, &PostParams::default(), &request)
            .await
            .expect("a token is given");
        let status = answer.status.expect("a token is given");
        status.token.expect("a token is given")
    }
}

/// What `http://localhost:PORT` answers to a GET: the status line, and the body.
pub fn get(uri: &str, path: &str) -> std::io::Result<(String, String)> {
    let address = uri
        .strip_prefix("http://")
        .expect("an address of azds is a http one");
    let mut stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(crate::SOON))?;
    write!(stream, "GET {path} HTTP/1.0\r\n\r\n")?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    let (head, body) = answer.split_once("\r\n\r\n").unwrap_or((&answer, ""));
    let status = head.lines().next().unwrap_or_default();
    Ok((status.to_owned(), body.to_owned()))
}
