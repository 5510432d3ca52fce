//! The start of a command, with pipes or in a terminal.

use std::io;
use std::process::Stdio;

use azds_protocol::exec::{Exec, Terminal};
use pty_process::{OwnedReadPty, OwnedWritePty, Size};
use tokio::process::{Child, ChildStderr, ChildStdin, ChildStdout, Command};

use super::WHAT;
use crate::failure::{Failure, Result};

/// A command that runs, and the other ends of its streams.
pub struct Started {
    pub child: Child,
    pub input: Entrance,
    pub output: Exit,
}

/// Where its input goes.
pub enum Entrance {
    Pipe(ChildStdin),
    Terminal(OwnedWritePty),
}

/// Where its output comes from.
pub enum Exit {
    Pipes(ChildStdout, ChildStderr),
    Terminal(OwnedReadPty),
}

pub fn start(order: &Exec) -> Result<Started> {
    let Some((program, arguments)) = order.command.split_first() else {
        return Err(Failure::new(WHAT, "", "no program is named"));
    };
    let started = match &order.terminal {
        None => with_pipes(program, arguments),
        Some(terminal) => in_terminal(terminal, program, arguments).map_err(plain),
    };
    started.map_err(|error| {
        let failure = Failure::new(WHAT, program, error.to_string());
        match error.kind() {
            io::ErrorKind::NotFound => {
                failure.try_to("Name a program that the image has, or its full path.")
            }
            _ => failure,
        }
    })
}

fn with_pipes(program: &str, arguments: &[String]) -> io::Result<Started> {
    let mut child = Command::new(program)
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        // A group of its own, so that what it starts can be ended with it.
        .process_group(0)
        .kill_on_drop(true)
        .spawn()?;
    let stdin = child.stdin.take().expect("piped just now");
    let stdout = child.stdout.take().expect("piped just now");
    let stderr = child.stderr.take().expect("piped just now");
    Ok(Started {
        child,
        input: Entrance::Pipe(stdin),
        output: Exit::Pipes(stdout, stderr),
    })
}

/// The command leads a session of its own, and so a group.
fn in_terminal(
    terminal: &Terminal,
    program: &str,
    arguments: &[String],
) -> pty_process::Result<Started> {
    let (pty, its_end) = pty_process::open()?;
    pty.resize(Size::new(terminal.rows, terminal.columns))?;
    let child = pty_process::Command::new(program)
        .args(arguments)
        .env("TERM", &terminal.kind)
        .kill_on_drop(true)
        .spawn(its_end)?;
    let (output, input) = pty.into_split();
    Ok(Started {
        child,
        input: Entrance::Terminal(input),
        output: Exit::Terminal(output),
    })
}

/// An error of a terminal as the system's own.
pub fn plain(error: pty_process::Error) -> io::Error {
    match error {
        pty_process::Error::Io(error) => error,
        other => io::Error::other(other.to_string()),
    }
}
