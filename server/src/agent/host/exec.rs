//! A command that a developer runs in the container.

use std::io;
use std::process::Stdio;

use azds_protocol::exec::{END, Exec, STDERR, STDOUT};
use bytes::Bytes;
use futures_util::{StreamExt as _, TryStreamExt as _};
use http_body_util::{BodyExt as _, StreamBody};
use hyper::body::{Frame, Incoming};
use hyper::{Request, StatusCode};
use nix::sys::signal::{Signal, killpg};
use tokio::io::{AsyncRead, AsyncReadExt as _};
use tokio::process::{Child, Command};
use tokio::sync::{OwnedSemaphorePermit, mpsc};
use tokio_util::io::StreamReader;

use super::Host;
use super::service::{Follower, Service, code, pid};
use crate::agent::debug::Service as _;
use crate::agent::debug::held::Held;
use crate::agent::http;
use crate::failure::{Context, Failure, Result};

const WHAT: &str = "the command was not run";
/// The longest order that is read.
const ORDER: u32 = 1 << 20;
/// What is read of an output at once.
const CHUNK: usize = 64 << 10;

/// Runs the command of a request.
pub async fn exec(request: Request<Incoming>, host: &Host) -> http::Answer {
    match begin(request.into_body(), host).await {
        Ok(frames) => {
            let frames = futures_util::stream::unfold(frames, |mut frames| async {
                Some((frames.recv().await?, frames))
            });
            let frames = frames.map(|bytes| Ok(Frame::data(bytes)));
            http::with_body(StatusCode::OK, StreamBody::new(frames))
        }
        Err(failure) => http::refuse(StatusCode::CONFLICT, &failure),
    }
}

async fn begin(body: Incoming, host: &Host) -> Result<mpsc::Receiver<Bytes>> {
    let stream = body.into_data_stream().map_err(io::Error::other);
    let mut input = StreamReader::new(Box::pin(stream));
    let order = read_order(&mut input).await?;
    let in_place = match order.in_place {
        true => Some(InPlace::begin(host).await?),
        false => None,
    };
    let child = match spawn(&order.command) {
        Ok(child) => child,
        Err(failure) => {
            if let Some(in_place) = in_place {
                in_place.end().await;
            }
            return Err(failure);
        }
    };
    let (frames, receiver) = mpsc::channel(16);
    tokio::spawn(carry(child, input, frames, in_place));
    Ok(receiver)
}

async fn read_order(from: &mut (impl AsyncRead + Unpin)) -> Result<Exec> {
    let length = from.read_u32().await.or_fail(WHAT, "")?;
    if length > ORDER {
        let why = format!("it is longer than {ORDER} bytes");
        return Err(Failure::new(WHAT, "", why));
    }
    let mut json = vec![0; length as usize];
    from.read_exact(&mut json).await.or_fail(WHAT, "")?;
    serde_json::from_slice(&json).or_fail(WHAT, "")
}

fn spawn(command: &[String]) -> Result<Child> {
    let Some((program, arguments)) = command.split_first() else {
        return Err(Failure::new(WHAT, "", "no program is named"));
    };
    let spawned = Command::new(program)
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        // A group of its own, so that what it starts can be ended with it.
        .process_group(0)
        .kill_on_drop(true)
        .spawn();
    spawned.map_err(|error| {
        let failure = Failure::new(WHAT, program, error.to_string());
        match error.kind() {
            io::ErrorKind::NotFound => {
                failure.try_to("Name a program that the image has, or its full path.")
            }
            _ => failure,
        }
    })
}

/// Carries the streams until the command has ended, or nobody listens any more.
async fn carry(
    mut child: Child,
    mut input: impl AsyncRead + Unpin + Send + 'static,
    frames: mpsc::Sender<Bytes>,
    in_place: Option<InPlace>,
) {
    let group = pid(&child);
    let mut stdin = child.stdin.take().expect("piped at the start");
    let stdout = child.stdout.take().expect("piped at the start");
    let stderr = child.stderr.take().expect("piped at the start");
    // The command may end without having read all of it.
    let feeding = tokio::spawn(async move {
        let _ = tokio::io::copy(&mut input, &mut stdin).await;
    });
    let run = async {
        tokio::join!(
            pass_on(stdout, STDOUT, &frames),
            pass_on(stderr, STDERR, &frames)
        );
        code(child.wait().await)
    };
    let ended = tokio::select! {
        code = run => Some(code),
        () = frames.closed() => None,
    };
    feeding.abort();
    if let (None, Some(group)) = (ended, group) {
        let _ = killpg(group, Signal::SIGKILL);
        let _ = child.wait().await;
    }
    if let Some(in_place) = in_place {
        in_place.end().await;
    }
    if let Some(code) = ended {
        let _ = frames.send(frame(END, &[code])).await;
    }
}

async fn pass_on(mut from: impl AsyncRead + Unpin, kind: u8, frames: &mpsc::Sender<Bytes>) {
    let mut chunk = vec![0; CHUNK];
    // What can't be read has ended, as the exit code tells.
    while let Ok(length @ 1..) = from.read(&mut chunk).await {
        if frames.send(frame(kind, &chunk[..length])).await.is_err() {
            return;
        }
    }
}

fn frame(kind: u8, content: &[u8]) -> Bytes {
    let length = u32::try_from(content.len()).expect("a chunk");
    [&[kind], length.to_be_bytes().as_slice(), content]
        .concat()
        .into()
}

/// The service is away for a command in its place; the host stays, and probes find nothing wrong.
struct InPlace {
    service: Service,
    _follower: Follower,
    _held: Held,
    _turn: OwnedSemaphorePermit,
}

impl InPlace {
    async fn begin(host: &Host) -> Result<InPlace> {
        let why = match (host.debug.debugged_by(), host.take_place()) {
            (Some(whom), _) => format!("{whom} debugs the service"),
            (None, None) => "another command runs in the service's place".to_owned(),
            (None, Some(turn)) => {
                let in_place = InPlace {
                    service: host.service.clone(),
                    _follower: host.service.follow(),
                    _held: Held::new(host.held.clone()),
                    _turn: turn,
                };
                in_place.service.stop().await?;
                return Ok(in_place);
            }
        };
        Err(Failure::new(WHAT, "", why).try_to("Wait for its end, or end it."))
    }

    async fn end(self) {
        if let Err(failure) = self.service.restore().await {
            tracing::error!(%failure, "the service is not back");
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use azds_protocol::exec::FRAME_HEAD;

    use super::*;

    fn sh(script: &str) -> Vec<String> {
        ["sh", "-c", script].map(str::to_owned).to_vec()
    }

    /// What a command wrote to its standard output and error, and its exit code.
    async fn frames(mut receiver: mpsc::Receiver<Bytes>) -> (String, String, Option<u8>) {
        let (mut out, mut err, mut ended) = (Vec::new(), Vec::new(), None);
        while let Some(frame) = receiver.recv().await {
            let content = &frame[FRAME_HEAD..];
            assert_eq!(frame[1..FRAME_HEAD], (content.len() as u32).to_be_bytes());
            match frame[0] {
                STDOUT => out.extend_from_slice(content),
                STDERR => err.extend_from_slice(content),
                _ => ended = Some(content[0]),
            }
        }
        let text = |bytes| String::from_utf8(bytes).expect("text");
        (text(out), text(err), ended)
    }

    #[tokio::test]
    async fn streams_are_carried_and_the_exit_code_is_the_commands() {
        let child = spawn(&sh("tr a-z A-Z; echo wrong >&2; exit 7")).expect("started");
        let (sender, receiver) = mpsc::channel(1);
        tokio::spawn(carry(child, &b"input"[..], sender, None));
        let expected = ("INPUT".to_owned(), "wrong\n".to_owned(), Some(7));
        assert_eq!(frames(receiver).await, expected);
    }

    #[tokio::test]
    async fn a_command_that_reads_nothing_ends_all_the_same() {
        let child = spawn(&sh("exit 0")).expect("started");
        let (sender, receiver) = mpsc::channel(1);
        let (input, _never_ends) = tokio::io::duplex(16);
        tokio::spawn(carry(child, input, sender, None));
        assert_eq!(frames(receiver).await.2, Some(0));
    }

    #[tokio::test]
    async fn a_developer_who_is_gone_ends_the_command_with_all_it_started() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("pid");
        let script = format!("sleep 60 & echo $! > {}; wait", file.display());
        let child = spawn(&sh(&script)).expect("started");
        let (sender, receiver) = mpsc::channel(1);
        let carrying = tokio::spawn(carry(child, &b""[..], sender, None));
        let pid = loop {
            let text = std::fs::read_to_string(&file).unwrap_or_default();
            match text.trim().parse::<i32>() {
                Ok(pid) => break pid,
                Err(_) => tokio::time::sleep(Duration::from_millis(10)).await,
            }
        };
        drop(receiver);
        carrying.await.expect("no panic");
        for _ in 0..500 {
            let stat = std::fs::read_to_string(format!("/proc/{pid}/stat"));
            if !stat.is_ok_and(|stat| !stat.contains(") Z ")) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("process {pid} goes on");
    }

    #[test]
    fn a_program_that_is_not_there_is_named() {
        let failure = spawn(&["no-such-program".to_owned()]).expect_err("not there");
        assert_eq!(failure.object, "no-such-program");
    }
}
