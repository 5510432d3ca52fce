//! What is done in the container after its sources changed: build commands, then the service is
//! started again.

use std::process::Stdio;

use azds_protocol::sync::{Iterate, IterateEvent};
use tokio::io::{AsyncBufReadExt as _, AsyncRead, BufReader};
use tokio::process::Command;
use tokio::sync::mpsc::Sender;

use super::{Service, dotnet};
use crate::agent::debug::{Replacement, Service as _};
use crate::failure::{Context, Failure, Result};

const WHAT: &str = "the service was not started again";

/// Does it, and says how it goes; the last event says how it ended. It breaks off at a build
/// command if nobody listens any more.
pub async fn iterate(service: Service, order: Iterate, events: Sender<IterateEvent>) {
    // The host stays while the service is away.
    let _follower = service.follow();
    let is_dotnet = dotnet::writes_what_runs(&order.build_commands);
    let running = service.state().pid.filter(|_| is_dotnet);
    let program = running.and_then(dotnet::program);
    let is_away = is_dotnet && service.stop().await.is_ok();
    let built = tokio::select! {
        built = build(&order.build_commands, &events) => Some(built),
        () = events.closed() => None,
    };
    let ended = match built {
        Some(Ok(())) => start(&service, program).await,
        failed => {
            if is_away && let Err(failure) = start(&service, program).await {
                tracing::error!("{failure}");
            }
            match failed {
                Some(failed) => failed,
                None => return,
            }
        }
    };
    let last = match ended {
        Ok(()) => IterateEvent::Restarted,
        Err(failure) => IterateEvent::Failed { failure },
    };
    let _ = events.send(last).await;
}

async fn start(service: &Service, program: Option<Replacement>) -> Result<()> {
    match program.filter(dotnet::is_there) {
        Some(program) => service.replace(program).await,
        None => service.restore().await,
    }
}

/// Only builds; what that says goes to the container's log.
#[expect(clippy::print_stdout, reason = "the container's log is its output")]
pub async fn build_alone(order: &Iterate) -> Result<()> {
    let (events, mut told) = tokio::sync::mpsc::channel(64);
    let say = async move {
        while let Some(event) = told.recv().await {
            if let IterateEvent::Log { line } = event {
                println!("{line}");
            }
        }
    };
    let build = async move { build(&order.build_commands, &events).await };
    tokio::join!(build, say).0
}

async fn build(commands: &[Vec<String>], events: &Sender<IterateEvent>) -> Result<()> {
    for command in commands {
        let Some((program, arguments)) = command.split_first() else {
            continue;
        };
        let _ = events
            .send(IterateEvent::Began {
                command: command.clone(),
            })
            .await;
        let mut child = Command::new(program)
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .or_fail(WHAT, program)?;
        let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
        tokio::join!(pass_on(stdout, events), pass_on(stderr, events));
        let status = child.wait().await.or_fail(WHAT, program)?;
        if !status.success() {
            let why = format!("{} ended with {status}", command.join(" "));
            return Err(Failure::new(WHAT, "the build in the container", why)
                .try_to("Correct the source; it is built again when it is saved."));
        }
    }
    Ok(())
}

async fn pass_on(from: Option<impl AsyncRead + Unpin>, events: &Sender<IterateEvent>) {
    let Some(from) = from else { return };
    let mut from = BufReader::new(from);
    let mut line = Vec::new();
    // A line that can't be read ends the reading; the exit code says how the command ended.
    while from
        .read_until(b'\n', &mut line)
        .await
        .is_ok_and(|read| read > 0)
    {
        let text = String::from_utf8_lossy(&line);
        let line_of = text.trim_end_matches(['\n', '\r']).to_owned();
        let _ = events.send(IterateEvent::Log { line: line_of }).await;
        line.clear();
    }
}

#[cfg(test)]
mod tests {
    use tokio::sync::mpsc;

    use super::*;

    fn words(text: &str) -> Vec<String> {
        text.split('|').map(str::to_owned).collect()
    }

    async fn events(commands: &[&str]) -> (Vec<IterateEvent>, u32) {
        let (service, ended) = Service::start(words("sleep|60")).expect("started");
        let running = tokio::spawn(ended);
        let (sender, mut receiver) = mpsc::channel(64);
        let order = Iterate {
            build_commands: commands.iter().map(|command| words(command)).collect(),
        };
        iterate(service.clone(), order, sender).await;
        let mut events = Vec::new();
        while let Some(event) = receiver.recv().await {
            events.push(event);
        }
        let starts = service.state().starts;
        running.abort();
        (events, starts)
    }

    #[tokio::test]
    async fn it_builds_and_starts_again() {
        let (events, starts) = events(&["sh|-c|echo one; echo two >&2", "true"]).await;
        assert_eq!(events.len(), 5, "{events:?}");
        assert!(events.contains(&IterateEvent::Log {
            line: "two".to_owned()
        }));
        assert_eq!(events.last(), Some(&IterateEvent::Restarted));
        assert_eq!(starts, 2);
    }

    #[tokio::test]
    async fn a_build_that_fails_leaves_the_service_running() {
        let (events, starts) = events(&["sh|-c|exit 3", "touch|/never"]).await;
        let Some(IterateEvent::Failed { failure }) = events.last() else {
            panic!("{events:?}")
        };
        assert!(failure.why.contains("exit status: 3"), "{failure}");
        assert_eq!((events.len(), starts), (2, 1));
    }

    #[tokio::test]
    async fn a_service_of_dotnet_is_away_while_it_is_built_and_comes_back() {
        let folder = tempfile::tempdir().expect("a folder");
        let dotnet = folder.path().join("dotnet");
        std::fs::write(&dotnet, "#!/bin/sh\nexit 3\n").expect("written");
        let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
        std::fs::set_permissions(&dotnet, mode).expect("set");
        let (events, starts) = events(&[&dotnet.display().to_string()]).await;
        assert!(
            matches!(events.last(), Some(IterateEvent::Failed { .. })),
            "{events:?}"
        );
        assert_eq!(starts, 2, "it was ended and came back");
    }
}
