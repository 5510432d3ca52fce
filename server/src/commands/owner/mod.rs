//! Who owns a service's tunnels: a process that any other can find, ask and end by its socket.

pub mod background;
pub mod runtime;

use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use azds_protocol::commands::{UriRow, UriStatus};
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio_util::sync::CancellationToken;

use crate::cluster::client::Cluster;
use crate::cluster::pod_link::{KnownPod, PodLink};
use crate::cluster::spaces::AZDS_VERSION;
use crate::cluster::tunnels::{Route, Tunnels};
use crate::failure::{Context, Failure, Result};
use crate::system::{Accepted, LocalListener, connect};

/// How long an owner may take to answer.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(5);

/// What is to be owned.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ownership {
    /// Name of the service.
    pub service: String,
    /// Its space.
    pub space: String,
    /// Its Helm release.
    pub release: String,
    /// Address of the API server.
    pub cluster: String,
    /// Labels of its pods.
    pub selector: BTreeMap<String, String>,
    /// Its ports.
    pub routes: Vec<Route>,
}

impl Ownership {
    /// What stands for it in the names of files.
    pub fn key(&self) -> String {
        runtime::key(&self.release, &self.cluster)
    }
}

/// What an owner says of itself.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Owned {
    /// Its process.
    pub pid: u32,
    /// Version of its azds.
    pub version: String,
    /// What it owns.
    pub ownership: Ownership,
    /// Local ports, in the order of the routes.
    pub local_ports: Vec<u16>,
}

impl Owned {
    /// Its addresses.
    pub fn uris(&self) -> Vec<UriRow> {
        let routes = self.ownership.routes.iter().zip(&self.local_ports);
        routes
            .map(|(route, local)| UriRow {
                uri: format!("http://localhost:{local}"),
                status: UriStatus::Tunneled,
                service: route.service.clone(),
            })
            .collect()
    }

    /// A line a port, for a person.
    pub fn lines(&self) -> Vec<String> {
        let routes = self.ownership.routes.iter().zip(&self.local_ports);
        routes
            .map(|(route, local)| {
                let name = route.name.as_deref().map(|name| format!(" ({name})"));
                format!(
                    "Service '{}' port {}{} is available via port forwarding at http://localhost:{local}",
                    route.service,
                    route.port,
                    name.unwrap_or_default()
                )
            })
            .collect()
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Question {
    State,
    Follow,
    End,
}

/// The owner of a service's tunnels, in this process. Dropped, it closes them and its socket.
pub struct Owner {
    /// What it says of itself.
    pub owned: Owned,
    /// Cancelled when somebody ended it by its socket.
    pub ended: CancellationToken,
    /// The way to the service's pod.
    pub link: Arc<PodLink>,
    socket: PathBuf,
    tunnels: Option<Tunnels>,
    answering: tokio::task::JoinHandle<()>,
}

impl Owner {
    /// Opens the tunnels, to a pod that is known if there is one, and the socket by which they are found.
    pub async fn begin(
        cluster: Cluster,
        ownership: Ownership,
        pod: Option<KnownPod>,
    ) -> Result<Owner> {
        let socket = socket(&ownership.key())?;
        let link = Arc::new(PodLink::new(
            cluster,
            ownership.space.clone(),
            ownership.selector.clone(),
            pod,
        ));
        let tunnels = Tunnels::open(&link, &ownership.routes, &ownership.release).await?;
        let owned = Owned {
            pid: std::process::id(),
            version: AZDS_VERSION.to_owned(),
            local_ports: tunnels.open.iter().map(|(_, local)| *local).collect(),
            ownership,
        };
        let listener = listen(&socket).await?;
        let ended = CancellationToken::new();
        let following = Arc::clone(&link);
        let answering = answer_all(listener, owned.clone(), following, ended.clone());
        let answering = tokio::spawn(answering);
        Ok(Owner {
            link,
            owned,
            ended,
            socket,
            tunnels: Some(tunnels),
            answering,
        })
    }

    /// Closes the tunnels and the socket, so that another owner can have them.
    pub fn close(&mut self) {
        if self.tunnels.take().is_some() {
            self.answering.abort();
            // Whoever looks for it next takes it away otherwise.
            let _ = std::fs::remove_file(&self.socket);
        }
    }
}

impl Drop for Owner {
    fn drop(&mut self) {
        self.close();
    }
}

async fn listen(socket: &Path) -> Result<LocalListener> {
    let what = "the tunnels cannot be found by other commands";
    let object = socket.display().to_string();
    match std::fs::remove_file(socket) {
        Err(error) if error.kind() != ErrorKind::NotFound => {
            return Err(error).or_fail(what, object);
        }
        _ => {}
    }
    LocalListener::bind(socket).await.or_fail(what, object)
}

async fn answer_all(
    mut listener: LocalListener,
    owned: Owned,
    link: Arc<PodLink>,
    ended: CancellationToken,
) {
    while let Ok(stream) = listener.accept().await {
        let question = tokio::time::timeout(ANSWER_TIMEOUT, answer(stream, &owned)).await;
        match question {
            Ok(Ok(Question::Follow)) => link.follow().await,
            Ok(Ok(Question::End)) => ended.cancel(),
            _ => {}
        }
    }
}

async fn answer(stream: Accepted, owned: &Owned) -> std::io::Result<Question> {
    let mut stream = BufReader::new(stream);
    let mut line = String::new();
    stream.read_line(&mut line).await?;
    let question = serde_json::from_str(&line)?;
    let mut answer = serde_json::to_vec(owned)?;
    answer.push(b'\n');
    stream.write_all(&answer).await?;
    Ok(question)
}

/// Asks the owner behind a socket; `None` if there is none, in which case the socket goes.
async fn ask(socket: &Path, question: Question) -> Result<Option<Owned>> {
    let what = "the owner of the tunnels did not answer";
    let object = socket.display().to_string();
    let stream = match connect(socket).await {
        Ok(stream) => stream,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) if error.kind() == ErrorKind::ConnectionRefused => {
            // Its process is dead. Another may take the socket away just now.
            let _ = std::fs::remove_file(socket);
            return Ok(None);
        }
        Err(error) => return Err(error).or_fail(what, object),
    };
    let conversation = async {
        let mut stream = BufReader::new(stream);
        let mut line = serde_json::to_vec(&question)?;
        line.push(b'\n');
        stream.write_all(&line).await?;
        let mut answer = String::new();
        stream.read_line(&mut answer).await?;
        Ok::<_, std::io::Error>(serde_json::from_str(&answer)?)
    };
    match tokio::time::timeout(ANSWER_TIMEOUT, conversation).await {
        Ok(owned) => owned.or_fail(what, object).map(Some),
        Err(_) => Err(Failure::new(what, object, "it is silent")
            .try_to("End the azds process that has this socket open.")),
    }
}

/// The owner of a service, if one lives.
pub async fn find(key: &str) -> Result<Option<Owned>> {
    ask(&socket(key)?, Question::State).await
}

/// Tells a service's owner that its pod was replaced.
pub async fn follow(key: &str) -> Result<()> {
    ask(&socket(key)?, Question::Follow).await.map(drop)
}

/// Ends the owner of a service and waits until its ports are free; false if there was none.
pub async fn end(key: &str) -> Result<bool> {
    let socket = socket(key)?;
    let Some(owned) = ask(&socket, Question::End).await? else {
        return Ok(false);
    };
    let gone = async {
        while socket.exists() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    match tokio::time::timeout(ANSWER_TIMEOUT, gone).await {
        Ok(()) => Ok(true),
        Err(_) => Err(Failure::new(
            "the owner of the tunnels did not end",
            format!("process {}", owned.pid),
            format!("it was asked to {} s ago", ANSWER_TIMEOUT.as_secs()),
        )
        .try_to(format!("End it: kill {}.", owned.pid))),
    }
}

/// All owners of this user that live.
pub async fn all() -> Result<Vec<Owned>> {
    let folder = runtime::folder()?;
    let object = folder.display().to_string();
    let what = "the owners of tunnels are not known";
    let mut owners = Vec::new();
    for entry in std::fs::read_dir(&folder).or_fail(what, object.as_str())? {
        let path = entry.or_fail(what, object.as_str())?.path();
        if path.extension().is_some_and(|it| it == "sock") {
            // One that does not answer hides only what it owns.
            owners.extend(ask(&path, Question::State).await.unwrap_or_default());
        }
    }
    owners.sort_by(|a, b| a.ownership.release.cmp(&b.ownership.release));
    Ok(owners)
}

/// A path of a socket has 103 bytes at most, on macOS: the temporary folder's takes half of them there, and a
/// release's name may have 53.
fn socket(key: &str) -> Result<PathBuf> {
    let name = &blake3::hash(key.as_bytes()).to_hex()[..16];
    Ok(runtime::folder()?.join(format!("{name}.sock")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn an_owner_is_asked_and_ended_and_a_dead_ones_socket_goes() {
        let folder = tempfile::tempdir().expect("a folder");
        let socket = folder.path().join("x.sock");
        assert!(
            ask(&socket, Question::State)
                .await
                .expect("no owner")
                .is_none()
        );

        let mut listener = listen(&socket).await.expect("a socket");
        let owned = Owned {
            pid: 1,
            version: AZDS_VERSION.to_owned(),
            ownership: Ownership {
                service: "producer".into(),
                space: "dev".into(),
                release: "azds-1-dev-producer".into(),
                cluster: String::new(),
                selector: BTreeMap::new(),
                routes: vec![Route {
                    service: "producer".into(),
                    port: 80,
                    name: Some("http".into()),
                    target: 8080,
                    local: None,
                }],
            },
            local_ports: vec![20001],
        };
        let serving = tokio::spawn(async move {
            let stream = listener.accept().await.expect("a question");
            answer(stream, &owned).await.expect("an answer")
        });
        let found = ask(&socket, Question::End)
            .await
            .expect("an answer")
            .expect("an owner");
        assert_eq!(
            found.lines(),
            [
                "Service 'producer' port 80 (http) is available via port forwarding at http://localhost:20001"
            ]
        );
        assert_eq!(found.uris()[0].uri, "http://localhost:20001");
        assert_eq!(serving.await.expect("no panic"), Question::End);

        assert!(ask(&socket, Question::State).await.expect("dead").is_none());
        assert!(!socket.exists(), "a dead owner's socket is taken away");
    }
}
