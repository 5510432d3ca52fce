//! A command that a developer runs in the container.

mod start;

use std::io;

use azds_protocol::exec::{END, Exec, SIZE, STDERR, STDIN, STDOUT, frame};
use bytes::Bytes;
use futures_util::{StreamExt as _, TryStreamExt as _};
use http_body_util::{BodyExt as _, StreamBody};
use hyper::body::{Frame, Incoming};
use hyper::{Request, StatusCode};
use nix::sys::signal::{Signal, killpg};
use pty_process::Size;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWriteExt as _};
use tokio::sync::{OwnedSemaphorePermit, mpsc};
use tokio_util::io::StreamReader;

use super::Host;
use super::service::{Follower, Service, code, pid};
use crate::agent::debug::Service as _;
use crate::agent::debug::held::Held;
use crate::agent::http;
use crate::cluster::agent::read_frame;
use crate::failure::{Context, Failure, Result};
use start::{Entrance, Exit, Started, plain, start};

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
    let started = match start(&order) {
        Ok(started) => started,
        Err(failure) => {
            if let Some(in_place) = in_place {
                in_place.end().await;
            }
            return Err(failure);
        }
    };
    let (frames, receiver) = mpsc::channel(16);
    tokio::spawn(carry(started, input, frames, in_place));
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

/// Carries the streams until the command has ended, or nobody listens any more.
async fn carry(
    started: Started,
    input: impl AsyncRead + Unpin + Send + 'static,
    frames: mpsc::Sender<Bytes>,
    in_place: Option<InPlace>,
) {
    let Started {
        mut child,
        input: entrance,
        output,
    } = started;
    let group = pid(&child);
    let feeding = tokio::spawn(async move {
        if let Err(error) = feed(input, entrance).await {
            // The command may end without having read all of it.
            tracing::debug!(%error, "the input of a command ended");
        }
    });
    let run = async {
        match output {
            Exit::Pipes(stdout, stderr) => {
                tokio::join!(
                    pass_on(stdout, STDOUT, &frames),
                    pass_on(stderr, STDERR, &frames)
                );
            }
            Exit::Terminal(terminal) => pass_on(terminal, STDOUT, &frames).await,
        }
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
        let _ = frames.send(frame(END, &[code]).into()).await;
    }
}

/// Gives the command what the developer sends, until that ends.
async fn feed(mut input: impl AsyncRead + Unpin, mut entrance: Entrance) -> io::Result<()> {
    loop {
        let (kind, content) = read_frame(&mut input).await?;
        match (&mut entrance, kind, content.as_slice()) {
            (Entrance::Pipe(pipe), STDIN, content) => pipe.write_all(content).await?,
            (Entrance::Terminal(terminal), STDIN, content) => terminal.write_all(content).await?,
            (Entrance::Terminal(terminal), SIZE, &[r, rows, c, columns]) => {
                let size = Size::new(
                    u16::from_be_bytes([r, rows]),
                    u16::from_be_bytes([c, columns]),
                );
                terminal.resize(size).map_err(plain)?;
            }
            _ => {}
        }
    }
}

async fn pass_on(mut from: impl AsyncRead + Unpin, kind: u8, frames: &mpsc::Sender<Bytes>) {
    let mut chunk = vec![0; CHUNK];
    // What can't be read has ended, as the exit code tells.
    while let Ok(length @ 1..) = from.read(&mut chunk).await {
        if frames
            .send(frame(kind, &chunk[..length]).into())
            .await
            .is_err()
        {
            return;
        }
    }
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

    use azds_protocol::exec::{FRAME_HEAD, Terminal};

    use super::*;

    fn sh(script: &str, terminal: Option<Terminal>) -> Started {
        let order = Exec {
            command: ["sh", "-c", script].map(str::to_owned).to_vec(),
            in_place: false,
            terminal,
        };
        start(&order).expect("started")
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
        let child = sh("tr a-z A-Z; echo wrong >&2; exit 7", None);
        let (sender, receiver) = mpsc::channel(1);
        let input = std::io::Cursor::new(frame(STDIN, b"input"));
        tokio::spawn(carry(child, input, sender, None));
        let expected = ("INPUT".to_owned(), "wrong\n".to_owned(), Some(7));
        assert_eq!(frames(receiver).await, expected);
    }

    #[tokio::test]
    async fn a_command_has_a_terminal_that_can_change_its_size() {
        let terminal = Terminal {
            kind: "vt100".to_owned(),
            rows: 30,
            columns: 100,
        };
        let script = "echo $TERM; stty size; read word; stty size; exit 4";
        let child = sh(script, Some(terminal));
        let (sender, receiver) = mpsc::channel(1);
        let size = [40_u16.to_be_bytes(), 132_u16.to_be_bytes()].concat();
        let input = [frame(SIZE, &size), frame(STDIN, b"word\r")].concat();
        let (mut developer, input_of_it) = tokio::io::duplex(64);
        tokio::spawn(carry(child, input_of_it, sender, None));
        tokio::time::sleep(Duration::from_millis(300)).await;
        developer.write_all(&input).await.expect("carried");
        let (out, err, ended) = frames(receiver).await;
        assert_eq!((err.as_str(), ended), ("", Some(4)));
        assert_eq!(out, "vt100\r\n30 100\r\nword\r\n40 132\r\n");
    }

    #[tokio::test]
    async fn a_command_that_reads_nothing_ends_all_the_same() {
        let child = sh("exit 0", None);
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
        let child = sh(&script, None);
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

    #[tokio::test]
    async fn a_program_that_is_not_there_is_named() {
        let terminal = Terminal {
            kind: "xterm".to_owned(),
            rows: 24,
            columns: 80,
        };
        for terminal in [None, Some(terminal)] {
            let order = Exec {
                command: vec!["no-such-program".to_owned()],
                in_place: false,
                terminal,
            };
            let failure = start(&order).err().expect("not there");
            assert_eq!(failure.object, "no-such-program");
            assert!(failure.remedy.contains("full path"), "{failure}");
        }
    }
}
