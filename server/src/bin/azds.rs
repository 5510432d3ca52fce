//! The command line: one subcommand, one function.

use std::io::{IsTerminal, Write};
use std::process::ExitCode;

use azds::commands::check;
use azds::lsp;
use clap::{Parser, Subcommand};
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
    /// Serve an editor: the language server, on standard input and output
    Lsp {
        /// Accepted because editors add it; there is no other way
        #[arg(long, hide = true)]
        stdio: bool,
    },
}

fn main() -> ExitCode {
    let command = Azds::parse().command;
    log_to_stderr();
    match command {
        Command::Check(arguments) => run_check(&arguments),
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
