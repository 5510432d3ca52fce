//! The bytes between an editor and a debugger, and how a debugger is let go.

use std::collections::{BTreeMap, VecDeque};
use std::io;
use std::process::Stdio;

use tokio::io::{
    AsyncBufReadExt, AsyncRead, AsyncWrite, AsyncWriteExt, BufReader, copy, sink, split,
};
use tokio::net::TcpStream;
use tokio::net::tcp::ReadHalf;
use tokio::process::{Child, ChildStderr, Command};
use tokio_util::sync::CancellationToken;

use crate::failure::{Context, Failure, Result};

/// Lines of a debugger's standard error that are kept to explain its end.
const LAST_LINES: usize = 5;
/// What a debugger says is carried in pieces of up to so many bytes: thousands of variables are long.
const PIECE: usize = 64 << 10;

/// Starts a debugger that speaks on its standard input and output.
pub fn start(command: &[String], env: &BTreeMap<String, String>) -> Result<Child> {
    let what = "the debugger was not started";
    let [program, arguments @ ..] = command else {
        return Err(Failure::ours(what, "", "its command line is empty"));
    };
    Command::new(program)
        .args(arguments)
        .envs(env)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .or_fail(what, program)
}

/// Carries the bytes until either side closes, then waits until the debugger is gone; says why.
///
/// The debugger is let go by the end of its input: it detaches and exits. A signal would leave the
/// service frozen, so there is none, however long it takes.
pub async fn pipe<E>(
    mut child: Child,
    editor: Option<&mut E>,
    cut: &CancellationToken,
    closing: impl FnOnce(),
) -> String
where
    E: AsyncRead + AsyncWrite + Unpin,
{
    let mut input = child.stdin.take().expect("piped at the start");
    let mut output = child.stdout.take().expect("piped at the start");
    let errors = child.stderr.take().expect("piped at the start");
    let last_words = tokio::spawn(last_lines(errors));
    if let Some(editor) = editor {
        let (mut from_editor, mut to_editor) = split(editor);
        tokio::select! {
            _ = copy(&mut from_editor, &mut input) => {}
            _ = copy(&mut output, &mut to_editor) => {}
            () = cut.cancelled() => {}
        }
    }
    closing();
    drop(input);
    // Output that nobody reads would keep it from exiting.
    let _ = copy(&mut output, &mut sink()).await;
    let status = match child.wait().await {
        Ok(status) => status.to_string(),
        Err(error) => error.to_string(),
    };
    let last_words = last_words.await.unwrap_or_default();
    format!("the debugger ended ({status}){last_words}")
}

async fn last_lines(errors: ChildStderr) -> String {
    let mut lines = BufReader::new(errors).lines();
    let mut last = VecDeque::new();
    while let Ok(Some(line)) = lines.next_line().await {
        tracing::debug!(line, "debugger");
        if last.len() == LAST_LINES {
            last.pop_front();
        }
        last.push_back(line);
    }
    last.iter().map(|line| format!("\n{line}")).collect()
}

/// How a stream came to its end.
pub struct End {
    /// What was seen, in words that follow "because".
    pub why: String,
    /// Whether the way to the editor broke, and nobody said that the session is over.
    pub is_cut: bool,
}

impl End {
    /// The editor's side ended, well or not.
    fn of_editor<T>(ended: io::Result<T>) -> End {
        match ended {
            Ok(_) => End {
                why: "the editor closed the stream".to_owned(),
                is_cut: false,
            },
            Err(error) => End {
                why: format!("the connection was cut: {error}"),
                is_cut: true,
            },
        }
    }

    fn cut() -> End {
        End {
            why: "its session came over another connection".to_owned(),
            is_cut: true,
        }
    }
}

/// Carries the bytes to a debugger's port until either side closes.
pub async fn connect<E>(port: u16, editor: &mut E, cut: &CancellationToken) -> End
where
    E: AsyncRead + AsyncWrite + Unpin,
{
    let mut debugger = match TcpStream::connect(("127.0.0.1", port)).await {
        Ok(debugger) => debugger,
        Err(error) => {
            return End {
                why: format!("port {port} of the pod: {error}"),
                is_cut: false,
            };
        }
    };
    // Small messages, each waited for.
    let _ = debugger.set_nodelay(true);
    // One side's end is the end: a debugger that has no client left resumes the service.
    let (mut from_editor, mut to_editor) = split(editor);
    let (from_debugger, mut to_debugger) = debugger.split();
    tokio::select! {
        ended = copy(&mut from_editor, &mut to_debugger) => End::of_editor(ended),
        ended = pass_on(from_debugger, &mut to_editor) => match ended {
            Ok(()) => End {
                why: "the service ended, and its debugger with it".to_owned(),
                is_cut: false,
            },
            Err(error) => End::of_editor::<()>(Err(error)),
        },
        () = cut.cancelled() => End::cut(),
    }
}

/// Carries what a debugger says, and acknowledges it at once: without TCP_NODELAY, as debugpy has it, the debugger
/// sends its next message only then, and the kernel would wait 40 ms or more for something to send along.
async fn pass_on(from: ReadHalf<'_>, to: &mut (impl AsyncWrite + Unpin)) -> io::Result<()> {
    let mut from = BufReader::with_capacity(PIECE, from);
    loop {
        let piece = from.fill_buf().await?;
        if piece.is_empty() {
            return Ok(());
        }
        to.write_all(piece).await?;
        let length = piece.len();
        from.consume(length);
        let _ = from.get_ref().as_ref().set_quickack(true);
    }
}

/// Waits until the editor closes a stream that carries nothing.
pub async fn hold<E>(editor: &mut E, cut: &CancellationToken) -> End
where
    E: AsyncRead + AsyncWrite + Unpin,
{
    let mut nothing = sink();
    tokio::select! {
        ended = copy(editor, &mut nothing) => End::of_editor(ended),
        () = cut.cancelled() => End::cut(),
    }
}
