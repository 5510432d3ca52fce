//! The floor of everything that crosses the network: kubectl.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

use azds_tests::Cluster;

/// A `kubectl port-forward`, which ends when this is dropped.
pub struct PortForward {
    child: Child,
    /// The local port.
    pub local: u16,
}

impl PortForward {
    /// Starts it, and waits until it listens.
    pub fn start(cluster: &Cluster, namespace: &str, pod: &str, port: u16) -> PortForward {
        let mut child = cluster
            .command(&cluster.kubectl)
            .args([
                "--namespace",
                namespace,
                "port-forward",
                "--address=127.0.0.1",
            ])
            .args([&format!("pod/{pod}"), &format!(":{port}")])
            .stdout(Stdio::piped())
            // It complains of each connection that is closed before its end.
            .stderr(Stdio::null())
            .spawn()
            .expect("kubectl can be started");
        let stdout = child.stdout.take().expect("it was asked for");
        let mut line = String::new();
        let mut lines = BufReader::new(stdout);
        lines.read_line(&mut line).expect("kubectl speaks");
        // It says "Handling connection" for each one, to somebody who reads it.
        std::thread::spawn(move || std::io::copy(&mut lines, &mut std::io::sink()));
        // Forwarding from 127.0.0.1:35207 -> 80
        let address = line.split_whitespace().nth(2).unwrap_or_default();
        let local = address
            .rsplit(':')
            .next()
            .and_then(|port| port.parse().ok());
        PortForward {
            child,
            local: local.unwrap_or_else(|| panic!("kubectl said {line:?}")),
        }
    }
}

impl Drop for PortForward {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The output of a program that has to succeed.
///
/// # Panics
/// If it does not, with its own words.
pub fn output(command: &mut Command) -> String {
    let output = command.output().expect("the program can be started");
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(
        output.status.success(),
        "{command:?} failed: {said}{}",
        String::from_utf8_lossy(&output.stderr)
    );
    said
}
