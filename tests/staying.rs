//! `azds up` as it stays with a service.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use serde_json::Value;

use crate::space::get;
use crate::until;

/// How long a change may take on a loaded machine, a build of the image included.
const PATIENCE: Duration = Duration::from_secs(300);

/// `azds up` as it stays, and what it says on standard output: one JSON value a line. It ends when this is dropped.
pub struct Staying {
    child: Child,
    lines: Receiver<Value>,
    /// The service's address on this machine.
    pub uri: String,
    /// The pod that it came up with.
    pub pod: String,
}

impl Staying {
    /// Runs `azds up -o json` until the service is up; `up` has its other arguments already.
    pub fn start(up: &mut Command) -> Staying {
        let mut child = up
            .args(["-o", "json"])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .expect("azds starts");
        let stdout = BufReader::new(child.stdout.take().expect("it is piped"));
        let (sender, lines) = channel();
        std::thread::spawn(move || {
            for line in stdout.lines().map_while(Result::ok) {
                let value = serde_json::from_str(&line).expect("lines of JSON");
                if sender.send(value).is_err() {
                    return;
                }
            }
        });
        let mut up = Staying {
            child,
            lines,
            uri: String::new(),
            pod: String::new(),
        };
        let first = up.next();
        let text = |value: &Value| {
            let text = value.as_str();
            text.unwrap_or_else(|| panic!("{first}")).to_owned()
        };
        up.uri = text(&first["uris"][0]["uri"]);
        up.pod = text(&first["pod"]);
        up
    }

    /// The next thing that it says.
    pub fn next(&self) -> Value {
        self.lines
            .recv_timeout(PATIENCE)
            .expect("azds says something")
    }

    /// The next thing that was done: tier and file. That a build has no mistakes is passed over.
    pub fn done(&self) -> (String, String) {
        let mut line = self.next();
        while line == serde_json::json!({"mistakes": []}) {
            line = self.next();
        }
        let text = |name: &str| {
            let value = line[name].as_str();
            value.unwrap_or_else(|| panic!("{line}")).to_owned()
        };
        (text("tier"), text("file"))
    }

    /// Passes over what it has said until now.
    pub fn forget(&self) {
        while self.lines.try_recv().is_ok() {}
    }

    /// Whether `GET /api/demo` is answered with this in it now.
    pub fn answers_now(&self, token: &str) -> Result<(), String> {
        let (status, body) = get(&self.uri, "/api/demo").map_err(|error| error.to_string())?;
        match body.contains(token) {
            true => Ok(()),
            false => Err(format!("{status}\n{body}")),
        }
    }

    /// Waits until `GET /api/demo` is answered with this in it.
    pub async fn answers(&self, token: &str) {
        until(token, async || self.answers_now(token)).await;
    }

    /// Its process.
    pub fn id(&self) -> u32 {
        self.child.id()
    }
}

impl Drop for Staying {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Lets a service, as `azds prep` left it, start itself anew by this command when its files change.
///
/// # Panics
/// If it is not as `azds prep` left it.
pub fn reload_itself(folder: &Path, command: &str) {
    let path = folder.join("azds.yaml");
    let text = fs::read_to_string(&path).expect("azds.yaml");
    let iterate = "      # What happens in the running container";
    let (before, _) = text.split_once(iterate).expect("what azds prep writes");
    let lines = before
        .lines()
        .map(|line| match line.trim().starts_with("command:") {
            true => format!("      command: {command}"),
            false => line.to_owned(),
        });
    let text: Vec<String> = lines.collect();
    fs::write(path, text.join("\n") + "\n").expect("it can be written");
}
