//! The command line: one subcommand, one function.

mod answer;
mod cluster;
mod debug;
mod files;
mod services;

use std::process::ExitCode;

use azds::commands::check;
use azds::commands::owner::background;
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
    /// Write Dockerfiles, a Helm chart and azds.yaml for a service; nothing is written over
    Prep(files::Prep),
    /// Build a service in the cluster, install it, and open tunnels to it
    Up(services::Up),
    /// Remove a service
    Down(services::Down),
    /// List the services that are up
    ListUp(services::List),
    /// List the addresses of services
    ListUris(services::List),
    /// Show what a service writes, until Ctrl+C
    Logs(services::Logs),
    /// Choose a folder's space
    #[command(subcommand)]
    Space(services::Space),
    /// Check azds.yaml and the values files that belong to it
    Check(check::Arguments),
    /// Say what is wrong with folder, machine and cluster
    Doctor(services::Doctor),
    /// Set a cluster and a space in it up; needs an administrator, once
    UseDevSpaces(cluster::UseDevSpaces),
    /// Take all away that use-dev-spaces has set up
    RemoveDevSpaces(cluster::RemoveDevSpaces),
    /// The images that azds itself needs in a cluster
    #[command(subcommand)]
    Images(cluster::Images),
    /// Serve an editor: the language server, on standard input and output
    Lsp {
        /// Accepted because editors add it; there is no other way
        #[arg(long, hide = true)]
        stdio: bool,
    },
    /// Serve an editor: the debug adapter, on standard input and output
    Dap,
    /// The debuggers on this machine
    #[command(subcommand)]
    Debugger(debug::Debugger),
    /// Own the tunnels of a service: what up -d leaves behind
    #[command(name = background::SUBCOMMAND, hide = true)]
    Tunnel,
}

fn main() -> ExitCode {
    let command = Azds::parse().command;
    log_to_stderr(match &command {
        Command::Up(up) if up.verbose => "azds=debug",
        _ => "warn",
    });
    match command {
        Command::Prep(arguments) => arguments.run(),
        Command::Up(arguments) => arguments.run(),
        Command::Down(arguments) => arguments.run(),
        Command::ListUp(arguments) => arguments.services(),
        Command::ListUris(arguments) => arguments.uris(),
        Command::Logs(arguments) => arguments.run(),
        Command::Space(command) => command.run(),
        Command::Check(arguments) => files::check(&arguments),
        Command::Doctor(arguments) => arguments.run(),
        Command::UseDevSpaces(arguments) => arguments.run(),
        Command::RemoveDevSpaces(arguments) => arguments.run(),
        Command::Images(command) => command.run(),
        Command::Lsp { stdio: _ } => serve_editor(),
        Command::Dap => debug::serve_editor(),
        Command::Debugger(command) => command.run(),
        Command::Tunnel => services::own_tunnels(),
    }
}

/// Standard output belongs to the answer or to the protocol.
fn log_to_stderr(usual: &str) {
    let filter = EnvFilter::try_from_env("AZDS_LOG").unwrap_or_else(|_| EnvFilter::new(usual));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        // Colours would need a feature of the crate: without it, asking for them is a panic.
        .with_ansi(false)
        .init();
}

fn serve_editor() -> ExitCode {
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
