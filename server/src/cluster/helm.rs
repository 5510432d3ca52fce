//! The `helm` command.

mod pending;

use std::env::consts::EXE_EXTENSION;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Output, Stdio};
use std::time::Duration;

use kube::api::DynamicObject;
use serde::Deserialize;
use tokio::io::AsyncWriteExt;
use tokio::process::Command;
use tokio_util::sync::CancellationToken;

use crate::failure::{Context, Failure, Result};
use crate::system::{interrupt, without_interrupts};
pub use pending::repair;

/// Setting that names the helm to use.
const PROGRAM: &str = "AZDS_HELM";
/// How long helm may take to end after it was asked to.
const END_TIMEOUT: Duration = Duration::from_secs(15);
/// How long a question to helm may take.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(60);
/// How long helm may take to render a chart.
const TEMPLATE_TIMEOUT: Duration = Duration::from_secs(30);
/// How long helm may take to install a chart: its hooks may have to wait for an image.
const INSTALL_TIMEOUT: Duration = Duration::from_secs(30 * 60);

/// A release as `helm list` has it.
#[derive(Debug, Clone, Deserialize)]
pub struct Release {
    /// Its name.
    pub name: String,
    /// When it was last changed: RFC 3339.
    pub updated: String,
    /// `deployed`, `failed`, `pending-upgrade`, …
    pub status: String,
    /// Name and version of its chart, joined by `-`.
    pub chart: String,
}

impl Release {
    /// Name of its chart without the version.
    pub fn chart_name(&self) -> &str {
        let version = self.chart.match_indices('-').find(|(at, _)| {
            let rest = &self.chart[at + 1..];
            let major = rest.split('.').next().unwrap_or_default();
            rest.contains('.') && !major.is_empty() && major.bytes().all(|b| b.is_ascii_digit())
        });
        version.map_or(&self.chart, |(at, _)| &self.chart[..at])
    }
}

/// What is to be installed.
pub struct Install<'a> {
    /// Name of the release.
    pub release: &'a str,
    /// Folder of the chart.
    pub chart: &'a Path,
    /// Namespace.
    pub namespace: &'a str,
    /// Values files, later ones winning.
    pub values: &'a [PathBuf],
    /// Values that win over all files. They never stand in a process list.
    pub set: &'a serde_json::Value,
}

/// Installs or upgrades a release. Cancelled, it is ended in helm's own way, so that the release
/// is not left as one that still waits.
pub async fn upgrade(install: &Install<'_>, cancellation: &CancellationToken) -> Result<()> {
    let mut command = helm(install.namespace);
    command
        .args(["upgrade", "--install", install.release])
        .arg(install.chart);
    for file in install.values {
        command.arg("--values").arg(file);
    }
    command.args(["--values", "-"]);
    let what = "the Helm chart was not installed";
    let output = run(
        command,
        what,
        install.set.to_string().into_bytes(),
        INSTALL_TIMEOUT,
        cancellation,
    )
    .await?;
    if output.status.success() {
        return Ok(());
    }
    let why = words(&output);
    let remedy = if why.contains("cannot be imported into the current release") {
        "Somebody has this service up in this space already, or you have, from another folder: see azds list-up --all; use another space (--space NAME), or azds down where it was brought up.".to_owned()
    } else if why.contains("another operation (install/upgrade/rollback) is in progress") {
        "An earlier helm was ended before it could finish. Run azds down, then azds up.".to_owned()
    } else {
        format!(
            "See what helm says of the chart: helm lint {}.",
            install.chart.display()
        )
    };
    Err(Failure::new(what, format!("release {}", install.release), why).try_to(remedy))
}

/// Renders a chart without a cluster. Gives helm's words if it can't.
pub async fn template(
    install: &Install<'_>,
    cancellation: &CancellationToken,
) -> Result<Option<String>> {
    let mut command = helm(install.namespace);
    command
        .args(["template", install.release])
        .arg(install.chart);
    for file in install.values {
        command.arg("--values").arg(file);
    }
    command.args(["--values", "-"]);
    let what = "the Helm chart was not rendered";
    let input = install.set.to_string().into_bytes();
    let output = run(command, what, input, TEMPLATE_TIMEOUT, cancellation).await?;
    Ok((!output.status.success()).then(|| words(&output)))
}

/// Removes a release; false if there was none. Its objects go after what they own.
pub async fn uninstall(
    release: &str,
    namespace: &str,
    cancellation: &CancellationToken,
) -> Result<bool> {
    let mut command = helm(namespace);
    command.args(["uninstall", release, "--cascade", "foreground"]);
    let what = "the release was not removed";
    let output = run(command, what, Vec::new(), INSTALL_TIMEOUT, cancellation).await?;
    if output.status.success() {
        return Ok(true);
    }
    let why = words(&output);
    // Helm's own --ignore-not-found would not tell the two apart.
    if why.contains("release: not found") {
        return Ok(false);
    }
    Err(Failure::new(what, format!("release {release}"), why)
        .try_to("Run it again; what helm could not remove can be removed with kubectl."))
}

/// The releases of a namespace whose names match `pattern`, a regular expression.
pub async fn list(namespace: &str, pattern: &str) -> Result<Vec<Release>> {
    let mut command = helm(namespace);
    command.args(["list", "--output", "json", "--max", "0"]);
    // All there are: Helm 3 lists some of them otherwise, and Helm 4 knows no --all.
    command.args(["--deployed", "--failed", "--pending", "--superseded"]);
    command.args(["--uninstalled", "--uninstalling"]);
    command.args(["--filter", pattern]);
    command.args(["--time-format", "2006-01-02T15:04:05Z07:00"]);
    ask(command, "the releases are not known", namespace).await
}

/// The values that a release was installed with.
pub async fn values(release: &str, namespace: &str) -> Result<serde_json::Value> {
    let mut command = helm(namespace);
    command.args(["get", "values", release, "--output", "json"]);
    ask(command, "the release's values are not known", release).await
}

/// The objects of a release, as its chart has them.
pub async fn objects(release: &str, namespace: &str) -> Result<Vec<DynamicObject>> {
    #[derive(serde::Deserialize)]
    struct Status {
        manifest: String,
    }
    let what = "the release's objects are not known";
    let mut command = helm(namespace);
    command.args(["status", release, "--output", "json"]);
    let status: Status = ask(command, what, release).await?;
    serde_saphyr::from_multiple(&status.manifest).or_fail(what, release)
}

/// The version of helm; fails if it cannot be run.
pub async fn version(what: &str) -> Result<String> {
    let mut command = helm("default");
    command.args(["version", "--short"]);
    let never = CancellationToken::new();
    let output = run(command, what, Vec::new(), ANSWER_TIMEOUT, &never).await?;
    match output.status.success() {
        true => Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned()),
        false => Err(Failure::new(what, "helm version", words(&output))),
    }
}

/// Fails if there is no helm, before anything is changed that only makes sense with it.
pub fn require(what: &str) -> Result<()> {
    let mut program = program();
    if program.extension().is_none() {
        program.set_extension(EXE_EXTENSION);
    }
    let paths = std::env::var_os("PATH").unwrap_or_default();
    let is_there = match program.components().count() {
        1 => std::env::split_paths(&paths).any(|folder| folder.join(&program).is_file()),
        _ => program.is_file(),
    };
    match is_there {
        true => Ok(()),
        false => Err(missing(
            what,
            &program.display().to_string(),
            "it is not there",
        )),
    }
}

fn missing(what: &str, program: &str, why: &str) -> Failure {
    Failure::new(what, program, format!("helm cannot be started: {why}")).try_to(format!(
        "Install Helm 3 or 4 from https://helm.sh, or set {PROGRAM} to where it is."
    ))
}

async fn ask<T: serde::de::DeserializeOwned>(
    command: Command,
    what: &str,
    object: &str,
) -> Result<T> {
    let never = CancellationToken::new();
    let output = run(command, what, Vec::new(), ANSWER_TIMEOUT, &never).await?;
    if !output.status.success() {
        return Err(Failure::new(what, object, words(&output)));
    }
    serde_json::from_slice(&output.stdout).or_fail(what, object)
}

fn program() -> PathBuf {
    PathBuf::from(std::env::var_os(PROGRAM).unwrap_or_else(|| "helm".into()))
}

fn helm(namespace: &str) -> Command {
    let mut command = Command::new(program());
    command.args([OsStr::new("--namespace"), OsStr::new(namespace)]);
    // Ctrl+C is ours to pass on.
    without_interrupts(&mut command).kill_on_drop(true);
    command
}

/// Runs helm with `input` as its whole standard input. Asked to end, it gets time to do so.
async fn run(
    mut command: Command,
    what: &str,
    input: Vec<u8>,
    limit: Duration,
    cancellation: &CancellationToken,
) -> Result<Output> {
    let program = command.as_std().get_program().display().to_string();
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(|error| missing(what, &program, &error.to_string()))?;
    let pid = child.id();
    let mut stdin = child.stdin.take();
    let whole = async move {
        if let Some(stdin) = &mut stdin {
            // helm may end before it read everything; its own words then say why.
            let _ = stdin.write_all(&input).await;
        }
        drop(stdin);
        child.wait_with_output().await
    };
    tokio::pin!(whole);
    let ended_because = tokio::select! {
        output = &mut whole => return output.or_fail(what, program),
        () = cancellation.cancelled() => "it was cancelled".to_owned(),
        () = tokio::time::sleep(limit) => format!("helm did not end within {} s", limit.as_secs()),
    };
    // Killed by `kill_on_drop` if it can't be asked or does not end in time.
    if pid.is_some_and(interrupt) {
        let _ = tokio::time::timeout(END_TIMEOUT, whole).await;
    }
    Err(Failure::new(what, program, ended_because))
}

/// What helm said, without its warnings about the kubeconfig's file mode.
fn words(output: &Output) -> String {
    let said = String::from_utf8_lossy(&output.stderr);
    let lines: Vec<&str> = said
        .lines()
        .filter(|line| !line.starts_with("WARNING: Kubernetes configuration file"))
        // A flag of helm's own, which nobody can give it here.
        .filter(|line| !line.starts_with("Use --debug flag"))
        .map(|line| line.strip_prefix("Error: ").unwrap_or(line))
        .filter(|line| !line.trim().is_empty())
        .collect();
    match lines.is_empty() {
        true => format!("helm ended with {} and said nothing", output.status),
        false => lines.join("\n"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_chart_is_named_without_its_version() {
        for (chart, name) in [
            ("producer-0.1.0", "producer"),
            ("my-web-2-1.2.3-beta.1", "my-web-2"),
            ("odd", "odd"),
        ] {
            let release = Release {
                name: String::new(),
                updated: String::new(),
                status: String::new(),
                chart: chart.to_owned(),
            };
            assert_eq!(release.chart_name(), name);
        }
    }

    #[cfg(unix)]
    #[tokio::test]
    async fn helm_is_asked_to_end_and_given_time() {
        let mut command = Command::new("sh");
        command.args(["-c", "trap 'echo cleaned >&2; exit 1' INT; cat >/dev/null; touch $0; while :; do sleep 0.05; done"]);
        let folder = tempfile::tempdir().expect("a folder");
        let started = folder.path().join("started");
        without_interrupts(command.arg(&started)).kill_on_drop(true);
        let cancellation = CancellationToken::new();
        let begun = std::time::Instant::now();
        let cancel = async {
            while !started.exists() {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
            cancellation.cancel();
        };
        let (result, ()) = tokio::join!(
            run(
                command,
                "nothing",
                Vec::new(),
                INSTALL_TIMEOUT,
                &cancellation
            ),
            cancel
        );
        assert_eq!(result.expect_err("cancelled").why, "it was cancelled");
        assert!(begun.elapsed() < END_TIMEOUT, "the trap was not run");
    }

    #[tokio::test]
    async fn a_missing_helm_is_said_with_what_to_do() {
        let failure = run(
            Command::new("no-such-helm"),
            "the Helm chart was not installed",
            Vec::new(),
            ANSWER_TIMEOUT,
            &CancellationToken::new(),
        )
        .await
        .expect_err("no helm");
        assert!(failure.remedy.contains("AZDS_HELM"), "{failure}");
    }
}
