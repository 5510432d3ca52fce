//! How commands run and answer: progress to standard error, the answer to standard output.

use std::io::Write;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use azds::commands::terminal::Lines;
use azds::failure::{Context, Result};
use azds::progress::Progress;
use clap::{Args, ValueEnum};
use serde::Serialize;
use tokio_util::sync::CancellationToken;

/// In which form a command answers.
#[derive(Args)]
pub struct Answer {
    /// Form of the answer
    #[arg(short, long, value_enum, default_value_t)]
    output: Form,
}

#[derive(Clone, Copy, Default, PartialEq, ValueEnum)]
enum Form {
    /// For people
    #[default]
    Human,
    /// For programs
    Json,
}

impl Answer {
    /// Whether a program reads it.
    pub fn is_json(&self) -> bool {
        self.output == Form::Json
    }

    /// Writes one more line to a program, after the answer.
    pub fn line(&self, value: &impl Serialize) {
        // Nothing can be done about a reader that went away.
        _ = writeln!(std::io::stdout(), "{}", serde_json::json!(value));
    }

    /// Writes the result of a command: JSON to standard output, even of a failure, or text.
    pub fn give<T: Serialize>(
        &self,
        result: Result<T>,
        text: impl FnOnce(&T) -> String,
    ) -> ExitCode {
        let code = ExitCode::from(u8::from(result.is_err()));
        if let Err(failure) = &result {
            tracing::info!("failed: {failure}");
        }
        let answer = match (self.output, result) {
            (Form::Json, Ok(value)) => serde_json::json!(value).to_string(),
            (Form::Json, Err(failure)) => serde_json::json!(failure).to_string(),
            (Form::Human, Ok(value)) => text(&value),
            (Form::Human, Err(failure)) => {
                eprintln!("azds: {failure}");
                return code;
            }
        };
        if !answer.is_empty() {
            // Nothing can be done about a reader that went away.
            _ = writeln!(std::io::stdout(), "{}", answer.trim_end());
        }
        code
    }
}

/// Whether every question was answered with yes beforehand.
static CONFIRMED: AtomicBool = AtomicBool::new(false);

/// Answers what may be asked later, if `yes`.
pub fn confirm(yes: bool) {
    CONFIRMED.store(yes, Ordering::Relaxed);
}

/// Writes a line of a longer answer.
pub fn line(line: &str) {
    // Nothing can be done about a reader that went away.
    _ = writeln!(std::io::stdout(), "{line}");
}

/// Runs a command to its end. Ctrl+C asks it to end; a second one ends the process.
pub fn run<T, W>(work: impl FnOnce(Progress) -> W) -> Result<T>
where
    W: Future<Output = Result<T>>,
{
    let runtime = tokio::runtime::Runtime::new().or_fail("the command did not start", "")?;
    let cancellation = CancellationToken::new();
    let confirmed = CONFIRMED.load(Ordering::Relaxed);
    let watcher = Arc::new(Lines::new(std::io::stderr(), confirmed));
    let progress = Progress::new(watcher, cancellation.clone());
    let result = runtime.block_on(async {
        tokio::spawn(async move {
            while tokio::signal::ctrl_c().await.is_ok() {
                if cancellation.is_cancelled() {
                    std::process::exit(130);
                }
                cancellation.cancel();
            }
        });
        work(progress).await
    });
    // What still reads a file or resolves a name is not waited for.
    runtime.shutdown_background();
    result
}
