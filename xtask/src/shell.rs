//! Other programs, with what they said when they fail.

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use anyhow::{Context, Result, bail};

/// How many last lines of a program's own words a failure shows.
const TAIL: usize = 20;

/// A command line as a person would type it: words apart at spaces, then `arguments` as they are.
pub fn command(words: &str, arguments: &[&str]) -> Command {
    let mut words = words.split_whitespace();
    let mut command = Command::new(words.next().expect("a command line has a first word"));
    command.args(words).args(arguments).stdin(Stdio::null());
    command
}

/// Runs it to its end; its output is shown only if it fails.
pub fn run(command: &mut Command) -> Result<()> {
    output(command).map(drop)
}

/// Runs it to its end and gives its stdout.
pub fn output(command: &mut Command) -> Result<String> {
    let Output {
        status,
        stdout,
        stderr,
    } = command
        .stdin(Stdio::null())
        .output()
        .with_context(|| format!("{} does not start", line(command)))?;
    let stdout = String::from_utf8_lossy(&stdout).into_owned();
    if !status.success() {
        let said = format!("{stdout}\n{}", String::from_utf8_lossy(&stderr));
        bail!("{} failed ({status}):\n{}", line(command), tail(&said));
    }
    Ok(stdout)
}

/// The last lines of a text, without empty ones.
pub fn tail(text: &str) -> String {
    let lines: Vec<&str> = text
        .lines()
        .filter(|line| !line.trim().is_empty())
        .collect();
    lines[lines.len().saturating_sub(TAIL)..].join("\n")
}

/// The last lines of a log file; empty when there is none.
pub fn tail_of(log: &Path) -> String {
    tail(&String::from_utf8_lossy(
        &std::fs::read(log).unwrap_or_default(),
    ))
}

fn line(command: &Command) -> String {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    words
        .map(|word| word.to_string_lossy())
        .collect::<Vec<_>>()
        .join(" ")
}

/// The top folder of this checkout.
pub fn checkout() -> PathBuf {
    let xtask = Path::new(env!("CARGO_MANIFEST_DIR"));
    xtask
        .parent()
        .expect("xtask is a folder of the checkout")
        .to_path_buf()
}
