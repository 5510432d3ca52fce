//! `dap` and `debugger`: debugging.

use std::io::{IsTerminal, Write};
use std::process::ExitCode;

use azds::commands::debugger::{self, Install};
use azds::dap;
use clap::Subcommand;

use crate::answer::{self, Answer};

#[derive(Subcommand)]
pub enum Debugger {
    /// Get a debugger that sessions send to pods
    Install {
        /// Runtime that it is for
        #[arg(value_parser = ["dotnet", "go", "python"])]
        runtime: String,
        /// A folder that holds it, or the address of an archive, instead of where azds gets it
        #[arg(long, value_name = "FOLDER|URL")]
        from: Option<String>,
        /// SHA-256 that the archive must have
        #[arg(long, value_name = "CHECKSUM")]
        sha256: Option<String>,
        #[command(flatten)]
        answer: Answer,
    },
    /// List the debuggers on this machine
    List {
        #[command(flatten)]
        answer: Answer,
    },
}

impl Debugger {
    pub fn run(self) -> ExitCode {
        match self {
            Debugger::Install {
                runtime,
                from,
                sha256,
                answer,
            } => {
                let install = Install {
                    name: &runtime,
                    from: from.as_deref(),
                    sha256: sha256.as_deref(),
                };
                let result = answer::run(async |progress| {
                    debugger::install(&debugger::folder()?, install, trust, &progress).await
                });
                answer.give(result, |done| {
                    format!(
                        "{} {} is in {}",
                        done.name,
                        done.version,
                        done.folder.display()
                    )
                })
            }
            Debugger::List { answer } => {
                let found = debugger::folder().map(|folder| debugger::list(&folder));
                answer.give(found, |found| {
                    let line = |it: &debugger::Installed| {
                        format!("{} {} {}", it.name, it.version, it.folder.display())
                    };
                    found.iter().map(line).collect::<Vec<_>>().join("\n")
                })
            }
        }
    }
}

/// Asks the person at the terminal; without one nobody can say yes.
fn trust(checksum: &str) -> bool {
    if !std::io::stdin().is_terminal() {
        return false;
    }
    eprint!("The archive has SHA-256 {checksum}. Is it the one that you trust? [y/N] ");
    // A prompt that cannot be seen is answered by Enter: no.
    _ = std::io::stderr().flush();
    let mut line = String::new();
    std::io::stdin().read_line(&mut line).is_ok() && line.trim().eq_ignore_ascii_case("y")
}

/// Serves an editor on standard input and output, until it disconnects.
pub fn serve_editor() -> ExitCode {
    let runtime = match tokio::runtime::Runtime::new() {
        Ok(runtime) => runtime,
        Err(error) => {
            eprintln!("azds: the debug adapter did not start: {error}.");
            return ExitCode::from(1);
        }
    };
    runtime.block_on(dap::serve(
        tokio::io::stdin(),
        tokio::io::stdout(),
        dap::InCluster,
    ));
    // The thread that reads standard input can't be interrupted: it is not waited for.
    runtime.shutdown_background();
    ExitCode::SUCCESS
}
