//! The command line: one subcommand, one function.

use std::io::{IsTerminal, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use azds::commands::{check, prep};
use azds::failure::{Context, Result};
use azds::lsp;
use azds::progress::Progress;
use azds_protocol::commands::{PrepArguments, PrepResult};
use clap::{Args, Parser, Subcommand, ValueEnum};
use serde::Serialize;
use tracing_subscriber::EnvFilter;

/// Azure Dev Spaces for any Kubernetes cluster and any editor
#[derive(Parser)]
#[command(version)]
struct Azds {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Check azds.yaml and the values files that belong to it
    Check(check::Arguments),
    /// Write Dockerfiles, a Helm chart and azds.yaml for a service; nothing is written over
    Prep(Prep),
    /// Serve an editor: the language server, on standard input and output
    Lsp {
        /// Accepted because editors add it; there is no other way
        #[arg(long, hide = true)]
        stdio: bool,
    },
}

#[derive(Args)]
struct Prep {
    /// Folder of the service
    #[arg(default_value = ".")]
    dir: PathBuf,
    /// Give the service an Ingress, so that it has a public address
    #[arg(long, visible_alias = "enable-ingress")]
    public: bool,
    /// Use the Helm chart in this folder, named from the service's folder, instead of writing one
    #[arg(long, value_name = "CHART")]
    chart: Option<PathBuf>,
    /// Take the project for one of this language: dotnet, python
    #[arg(long)]
    language: Option<String>,
    /// Say what would be written, and write nothing
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    answer: Answer,
}

/// In which form a command answers.
#[derive(Args)]
struct Answer {
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

fn main() -> ExitCode {
    let command = Azds::parse().command;
    log_to_stderr();
    match command {
        Command::Check(arguments) => run_check(&arguments),
        Command::Prep(arguments) => run_prep(arguments),
        Command::Lsp { stdio: _ } => run_lsp(),
    }
}

/// Standard output belongs to the answer or to the protocol.
fn log_to_stderr() {
    let filter = EnvFilter::try_from_env("AZDS_LOG").unwrap_or_else(|_| EnvFilter::new("warn"));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal())
        .init();
}

fn run_check(arguments: &check::Arguments) -> ExitCode {
    let mut out = std::io::stdout();
    let color = out.is_terminal() && std::env::var_os("NO_COLOR").is_none();
    match check::run(arguments, &mut out, color) {
        Ok(false) => ExitCode::SUCCESS,
        Ok(true) => ExitCode::from(1),
        Err(failure) => {
            if arguments.output == check::Output::Human {
                eprintln!("azds: {failure}");
            } else {
                // Nothing can be done about a reader that went away.
                _ = writeln!(out, "{}", serde_json::json!(failure));
            }
            ExitCode::from(2)
        }
    }
}

fn run_prep(given: Prep) -> ExitCode {
    let arguments = PrepArguments {
        folder: given.dir,
        public: given.public,
        chart: given.chart,
        language: given.language,
        dry_run: given.dry_run,
    };
    let result = block_on(prep::prep(&arguments, &Progress::silent()));
    given
        .answer
        .give(result, |result| prepared(result, arguments.dry_run))
}

fn prepared(result: &PrepResult, dry_run: bool) -> String {
    let (done, written) = match dry_run {
        true => ("Nothing was written to", "would write"),
        false => ("Prepared", "wrote"),
    };
    let mut lines = vec![format!("{done} {}", result.folder.display())];
    let mut list = |verb: &str, files: &[String]| {
        lines.extend(files.iter().map(|file| format!("  {verb:<11} {file}")));
    };
    list(written, &result.written);
    list("kept", &result.kept);
    for warning in &result.warnings {
        lines.push(format!("WARNING: {warning}"));
    }
    if !dry_run && result.warnings.is_empty() {
        lines.push(format!("{} is ready for: azds up", result.service));
    }
    lines.join("\n")
}

fn run_lsp() -> ExitCode {
    let runtime = match tokio::runtime::Runtime::new() {
        Ok(runtime) => runtime,
        Err(error) => {
            eprintln!("azds: the language server did not start: {error}.");
            return ExitCode::from(1);
        }
    };
    let end = runtime.block_on(lsp::serve(tokio::io::stdin(), tokio::io::stdout()));
    // The thread that reads standard input can't be interrupted: it is not waited for.
    runtime.shutdown_background();
    match end {
        lsp::End::Shutdown => ExitCode::SUCCESS,
        lsp::End::Abrupt => ExitCode::from(1),
    }
}

fn block_on<T>(work: impl Future<Output = Result<T>>) -> Result<T> {
    tokio::runtime::Runtime::new()
        .or_fail("the command did not start", "")?
        .block_on(work)
}

impl Answer {
    /// Writes the result of a command: JSON to standard output, even of a failure, or text.
    fn give<T: Serialize>(&self, result: Result<T>, text: impl FnOnce(&T) -> String) -> ExitCode {
        let code = ExitCode::from(u8::from(result.is_err()));
        let line = match (self.output, result) {
            (Form::Json, Ok(value)) => serde_json::json!(value).to_string(),
            (Form::Json, Err(failure)) => serde_json::json!(failure).to_string(),
            (Form::Human, Ok(value)) => text(&value),
            (Form::Human, Err(failure)) => {
                eprintln!("azds: {failure}");
                return code;
            }
        };
        // Nothing can be done about a reader that went away.
        _ = writeln!(std::io::stdout(), "{line}");
        code
    }
}
