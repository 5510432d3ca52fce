//! The command line: one subcommand, one function.

mod answer;
mod cluster;
mod debug;
mod exec;
mod files;
mod log;
#[cfg_attr(windows, path = "raw_windows.rs")]
mod raw;
mod services;
mod space;
mod up;
mod up_together;

use std::process::ExitCode;

use azds::commands::check;
use azds::commands::owner::background;
use azds::lsp;
use clap::{Parser, Subcommand};

/// Azure Dev Spaces for any Kubernetes cluster and any editor
#[derive(Parser)]
#[command(version)]
struct Azds {
    /// Go on without asking whether the kubeconfig's cluster is the one you mean, as AZDS_YES=1 does
    #[arg(long, global = true)]
    yes: bool,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Write Dockerfiles, a Helm chart and azds.yaml for a service; nothing is written over
    Prep(files::Prep),
    /// Build a service in the cluster, install it, and open tunnels to it
    Up(up::Up),
    /// Say what a change of files would do: sync, restart or rebuild
    Explain(files::Explain),
    /// Remove a service
    Down(services::Down),
    /// List the services that are up
    ListUp(services::List),
    /// List the addresses of services
    ListUris(services::List),
    /// Show what a service writes, until Ctrl+C
    Logs(services::Logs),
    /// Run a command in a service's container
    Exec(exec::Exec),
    /// Choose, list and remove spaces
    #[command(subcommand)]
    Space(space::Space),
    /// Show where commands work: cluster, space, suffix of public hosts
    ShowContext(space::ShowContext),
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
    azds::memory::have_one_heap();
    let Azds { yes, command } = Azds::parse();
    answer::confirm(yes);
    let (name, usual) = match &command {
        Command::Up(up) if up.verbose => ("up", "azds=debug"),
        Command::Lsp { .. } => ("lsp", "warn"),
        Command::Dap => ("dap", "warn"),
        Command::Tunnel => ("tunnel", "warn"),
        _ => ("azds", "warn"),
    };
    log::init(name, usual);
    match command {
        Command::Prep(arguments) => arguments.run(),
        Command::Up(arguments) => arguments.run(),
        Command::Explain(arguments) => arguments.run(),
        Command::Down(arguments) => arguments.run(),
        Command::ListUp(arguments) => arguments.services(),
        Command::ListUris(arguments) => arguments.uris(),
        Command::Logs(arguments) => arguments.run(),
        Command::Exec(arguments) => arguments.run(),
        Command::Space(command) => command.run(),
        Command::ShowContext(arguments) => arguments.run(),
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
