//! Runs `buildctl` and passes on what BuildKit says.

mod output;
mod private;

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use azds_protocol::agent::{BuildEvent, ImageStart, Private};
use serde_json::Value;
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::{Child, Command};
use tokio::sync::mpsc;
use tokio::time::Instant;

use super::push::Push;
use super::store::LaidOut;
use crate::agent::files;
use crate::failure::{Context, Failure, Result};
use output::Output;

const WHAT: &str = "the image was not built";
/// How long one build may take.
const BUILD: Duration = Duration::from_secs(60 * 60);
/// How long BuildKit may be away before its build has failed, and how often it is looked for.
const AWAY: Duration = Duration::from_secs(60);
const AWAY_PAUSE: Duration = Duration::from_secs(1);
/// How long BuildKit may take to tell an image's configuration.
const CONFIGURATION: Duration = Duration::from_secs(30);
/// How long it may take to see whether an image was pushed before.
const LOOK: Duration = Duration::from_secs(20);
/// How long buildctl may take to end after it was asked to.
const GRACE: Duration = Duration::from_secs(10);

/// The BuildKit behind the gate.
pub struct BuildKit {
    /// Its address: unix:///path.
    pub address: String,
    /// Build arguments (`NAME=VALUE`) that every build gets which does not set them itself.
    pub args: Vec<String>,
    /// Where it pushes images, unless they are built into the node's store.
    pub push: Option<Push>,
}

/// What is to be built.
pub struct Order<'a> {
    /// The context.
    pub from: &'a LaidOut,
    /// Name and tag of the image.
    pub image: &'a str,
    /// Build arguments.
    pub args: &'a BTreeMap<String, String>,
    /// What nobody may see.
    pub private: &'a Private,
}

impl BuildKit {
    /// Builds an image. The last event says how it ended; it ends early if
    /// nobody listens any more.
    pub async fn build(&self, order: &Order<'_>, events: &mpsc::Sender<BuildEvent>) {
        let image = order.image;
        let ended = tokio::select! {
            ended = tokio::time::timeout(BUILD, self.run_to_its_end(order, events)) => ended,
            () = events.closed() => return,
        };
        let ended = ended.unwrap_or_else(|_| {
            Err(Failure::new(
                WHAT,
                image,
                format!("it took longer than {} minutes", BUILD.as_secs() / 60),
            ))
        });
        let last = match ended {
            Ok(start) => BuildEvent::Built {
                image: image.to_owned(),
                start,
            },
            Err(failure) => BuildEvent::Failed { failure },
        };
        let _ = events.send(last).await;
    }

    /// Builds again when BuildKit itself was lost: it is restarted, and what it had done is kept.
    async fn run_to_its_end(
        &self,
        order: &Order<'_>,
        events: &mpsc::Sender<BuildEvent>,
    ) -> Result<ImageStart> {
        let image = order.image;
        let mut lost: Option<Instant> = None;
        loop {
            let begun = Instant::now();
            let failure = match self.run(order, events).await {
                Err(failure) if is_away(&failure.why) => failure,
                ended => return ended,
            };
            // One that was there for a while has been restarted since it was lost before.
            if begun.elapsed() > AWAY {
                lost = None;
            }
            let since = *lost.get_or_insert_with(|| {
                tracing::warn!(image, "BuildKit was lost: {}", failure.why);
                Instant::now()
            });
            if since.elapsed() > AWAY {
                let why = format!("BuildKit does not run on this node: {}", failure.why);
                return Err(Failure::new(WHAT, image, why)
                    .try_to("Have an administrator look: kubectl -n azds get pods,events; azds doctor shows which node it is."));
            }
            let text = "BuildKit is away; the build begins again once it is back\n".to_owned();
            let id = String::new();
            if since.elapsed() < AWAY_PAUSE {
                let _ = events.send(BuildEvent::Log { id, text }).await;
            }
            tokio::time::sleep(AWAY_PAUSE).await;
        }
    }

    async fn run(
        &self,
        order: &Order<'_>,
        events: &mpsc::Sender<BuildEvent>,
    ) -> Result<ImageStart> {
        let Order {
            from,
            image,
            args,
            private,
        } = *order;
        let login = self.push.iter().flat_map(Push::login);
        let private = private::Files::write(private, login)?;
        let metadata = std::env::temp_dir().join(format!("azds-build-{}.json", files::unique()));
        let output = match &self.push {
            None => format!("type=image,name={image}"),
            Some(_) => format!("type=image,name={image},push=true"),
        };
        let mut command = self.buildctl(&from.context, &from.dockerfile, &output, &metadata);
        command
            .arg("--progress=rawjson")
            // The base images of a test cluster, or of a node without a way out, are on the node.
            .args(["--opt", "image-resolve-mode=local"])
            .stdout(Stdio::null())
            .stderr(Stdio::piped());
        if let Some(push) = &self.push {
            let policy = private.keep("policy.json", &push.policy(image))?;
            command.arg("--source-policy-file").arg(policy);
        }
        for (name, value) in args {
            command
                .arg("--opt")
                .arg(format!("build-arg:{name}={value}"));
        }
        let given = |arg: &&String| {
            let name = arg.split('=').next().unwrap_or_default();
            args.keys().any(|known| known.eq_ignore_ascii_case(name))
        };
        for arg in self.args.iter().filter(|arg| !given(arg)) {
            command.arg("--opt").arg(format!("build-arg:{arg}"));
        }
        private.name(&mut command);
        let mut child = command.spawn().or_fail(WHAT, "buildctl")?;
        let stderr = child.stderr.take().expect("it was asked for");
        let mut running = Interrupted(Some(child));
        let mut lines = BufReader::new(stderr).lines();
        let mut output = Output::default();
        while let Some(line) = lines.next_line().await.or_fail(WHAT, image)? {
            for event in output.take(&line) {
                let _ = events.send(event).await;
            }
        }
        let mut child = running.0.take().expect("it is taken here only");
        let status = child.wait().await.or_fail(WHAT, image)?;
        if !status.success() {
            let why = output.reason();
            let failure = Failure::new(WHAT, image, why);
            if let Some(push) = &self.push
                && let Some(remedy) = push.remedy(&failure.why)
            {
                return Err(failure.try_to(remedy));
            }
            let remedy = match failure.why.contains("no space left on device") {
                true => "The disk of the node is full: have an administrator make room on it.",
                false => "Correct the source or the Dockerfile and run Up again.",
            };
            return Err(failure.try_to(remedy));
        }
        let text = std::fs::read(&metadata).or_fail(WHAT, image)?;
        let _ = std::fs::remove_file(&metadata);
        self.start_of(&text).await.or_fail(WHAT, image)
    }

    /// How an image starts that was pushed before; none if there is no such image, or nobody can say.
    pub async fn look_for(&self, image: &str) -> Option<ImageStart> {
        let login = self.push.iter().flat_map(Push::login);
        let files = private::Files::write(&Private::default(), login).ok()?;
        let context = tempfile::tempdir().ok()?;
        std::fs::write(context.path().join("Dockerfile"), format!("FROM {image}\n")).ok()?;
        let metadata = context.path().join("metadata.json");
        // Nothing of its layers is read, and nothing is pushed.
        let output = "type=image,name=azds/look";
        let mut command = self.buildctl(context.path(), context.path(), output, &metadata);
        files.name(&mut command);
        let looked = command.kill_on_drop(true).output();
        let looked = tokio::time::timeout(LOOK, looked).await.ok()?.ok()?;
        if !looked.status.success() {
            tracing::debug!(image, said = %String::from_utf8_lossy(&looked.stderr), "is not there");
            return None;
        }
        let text = std::fs::read(&metadata).ok()?;
        self.start_of(&text).await.ok()
    }

    /// A build of the Dockerfile in a folder, whose outcome is written to the file `metadata`.
    fn buildctl(
        &self,
        context: &Path,
        dockerfile: &Path,
        output: &str,
        metadata: &Path,
    ) -> Command {
        let mut command = Command::new("buildctl");
        command
            .args(["--addr", &self.address, "build"])
            .args(["--frontend", "dockerfile.v0"])
            .args(["--opt", "filename=Dockerfile"])
            .args(["--local", &format!("context={}", context.display())])
            .args(["--local", &format!("dockerfile={}", dockerfile.display())])
            .args(["--output", output])
            .arg("--metadata-file")
            .arg(metadata)
            .stdin(Stdio::null());
        command
    }

    /// How the image that buildctl wrote about starts a container: BuildKit has kept its configuration.
    async fn start_of(&self, metadata: &[u8]) -> std::io::Result<ImageStart> {
        let metadata: Value = serde_json::from_slice(metadata)?;
        let digest = metadata["containerimage.config.digest"]
            .as_str()
            .ok_or_else(|| std::io::Error::other("buildctl named no image configuration"))?;
        let get = ["--addr", &self.address, "debug", "get", digest];
        let read = Command::new("buildctl")
            .args(get)
            .kill_on_drop(true)
            .output();
        let read = tokio::time::timeout(CONFIGURATION, read).await??;
        if !read.status.success() {
            let said = String::from_utf8_lossy(&read.stderr).trim().to_owned();
            return Err(std::io::Error::other(said));
        }
        let config: Value = serde_json::from_slice(&read.stdout)?;
        Ok(image_start(&config["config"]))
    }
}

/// Whether buildctl says that it lost BuildKit, or did not find it.
fn is_away(why: &str) -> bool {
    why.contains("code = Unavailable") || why.contains(": Unavailable: ")
}

/// The part of an image's configuration (OCI image specification, config.md) that starts it.
fn image_start(config: &Value) -> ImageStart {
    let strings = |field: &str| {
        let list = config[field].as_array().into_iter().flatten();
        list.filter_map(Value::as_str).map(str::to_owned).collect()
    };
    ImageStart {
        entrypoint: strings("Entrypoint"),
        cmd: strings("Cmd"),
        working_dir: config["WorkingDir"].as_str().unwrap_or_default().to_owned(),
    }
}

/// A child that is asked to end when it is dropped: buildctl then cancels its build.
struct Interrupted(Option<Child>);

impl Drop for Interrupted {
    fn drop(&mut self) {
        let Some(mut child) = self.0.take() else {
            return;
        };
        let Some(id) = child.id().and_then(|id| i32::try_from(id).ok()) else {
            return;
        };
        let _ = nix::sys::signal::kill(nix::unistd::Pid::from_raw(id), nix::sys::signal::SIGINT);
        tokio::spawn(async move {
            if tokio::time::timeout(GRACE, child.wait()).await.is_err() {
                let _ = child.kill().await;
            }
        });
    }
}

/// The full name of a repository, as the node's store has it: `producer` is
/// `docker.io/library/producer`.
pub fn full_name(repository: &str) -> Result<String> {
    let allowed = |byte: u8| matches!(byte, b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'.' | b'_' | b'-' | b'/' | b':');
    let well_formed = !repository.is_empty()
        && repository.bytes().all(allowed)
        && !repository
            .rsplit('/')
            .next()
            .is_some_and(|last| last.contains(':'));
    if !well_formed {
        return Err(Failure::new(
            WHAT,
            repository,
            "it is not the name of an image repository",
        ));
    }
    let host = repository.split_once('/').map(|(host, _)| host);
    Ok(match host {
        Some(host) if host.contains(['.', ':']) || host == "localhost" => repository.to_owned(),
        Some(_) => format!("docker.io/{repository}"),
        None => format!("docker.io/library/{repository}"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_build_that_fails_is_told_from_a_buildkit_that_is_lost() {
        assert!(is_away(
            "error: failed to receive status: rpc error: code = Unavailable desc = error reading from server: EOF"
        ));
        assert!(is_away(
            "error: listing workers: failed to list workers: Unavailable: connection error: desc = \"transport\""
        ));
        assert!(is_away(
            "error: failed to solve: Unavailable: error reading from server: EOF"
        ));
        assert!(!is_away(
            "error: failed to solve: base: failed to resolve source metadata: unexpected status: 503 Service Unavailable: try later"
        ));
        assert!(!is_away(
            "error: failed to solve: process \"/bin/sh -c make\" did not complete successfully: exit code: 2"
        ));
    }

    #[test]
    fn repositories_are_named_as_the_node_names_them() {
        let name = |text| full_name(text).ok();
        assert_eq!(
            name("producer").as_deref(),
            Some("docker.io/library/producer")
        );
        assert_eq!(
            name("team/producer").as_deref(),
            Some("docker.io/team/producer")
        );
        assert_eq!(
            name("r.example:5000/p").as_deref(),
            Some("r.example:5000/p")
        );
        assert_eq!(name("localhost/p").as_deref(), Some("localhost/p"));
        for wrong in ["", "producer:latest", "a@sha256:1", "a,name=b", "a b"] {
            assert_eq!(name(wrong), None, "{wrong}");
        }
    }
}
