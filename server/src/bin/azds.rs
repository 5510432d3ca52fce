//! The command line: one subcommand, one function.

use std::io::{IsTerminal, Write};
use std::process::ExitCode;

use azds::commands::check;
use clap::{Parser, Subcommand};

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
}

fn main() -> ExitCode {
    match Azds::parse().command {
        Command::Check(arguments) => run_check(&arguments),
    }
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
