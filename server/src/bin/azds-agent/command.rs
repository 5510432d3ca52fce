//! The command line: one subcommand, one module of the agent.

use std::path::PathBuf;
use std::process::ExitCode;

use azds::agent::{build, builder, clean, host, initializer, install, probe, seed};
use azds::failure::{Context, Result};
use clap::Parser;
use tokio::signal::unix::{SignalKind, signal};
use tracing_subscriber::EnvFilter;

/// The part of azds that runs in the cluster.
#[derive(Parser)]
#[command(name = "azds-agent", version)]
enum Command {
    /// Completes the pods of an up.
    Initializer(initializer::Arguments),
    /// Builds images into the node's store.
    Builder(builder::Arguments),
    /// Takes from the node what azds left on it.
    Clean(clean::Arguments),
    /// Has the image of a pod built.
    Build(build::Arguments),
    /// Starts the service of a container.
    Host(host::Arguments),
    /// Does a container's probe.
    Probe(probe::Arguments),
    /// Copies this binary.
    Install {
        /// Where to.
        to: PathBuf,
    },
    /// Copies the debuggers of this image.
    Debuggers {
        /// Where to.
        to: PathBuf,
    },
    /// Fills volumes with what the image has in their place.
    Seed {
        /// Folders of the image, in the order of the volumes.
        folders: Vec<PathBuf>,
    },
    /// Does nothing for ever: keeps a pod whose images are to stay on the node.
    Sleep,
}

pub fn main() -> ExitCode {
    tracing_subscriber::fmt()
        .with_writer(std::io::stderr)
        .with_ansi(false)
        .with_env_filter(
            EnvFilter::builder()
                .with_default_directive(tracing::Level::INFO.into())
                .with_env_var("AZDS_LOG")
                .from_env_lossy(),
        )
        .init();
    match start(Command::parse()) {
        Ok(code) => ExitCode::from(code),
        Err(failure) => {
            eprintln!("{failure}");
            ExitCode::FAILURE
        }
    }
}

fn start(command: Command) -> Result<u8> {
    if let Command::Host(_) = command
        && let Some(code) = host::become_init()?
    {
        return Ok(code);
    }
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .or_fail("the agent did not start", "its threads")?;
    runtime.block_on(run(command))
}

async fn run(command: Command) -> Result<u8> {
    match command {
        // Signals are the service's business.
        Command::Host(arguments) => host::run(arguments).await,
        Command::Initializer(arguments) => until_terminated(initializer::run(arguments)).await,
        Command::Builder(arguments) => until_terminated(builder::run(arguments)).await,
        Command::Clean(arguments) => until_terminated(clean::run(arguments)).await,
        Command::Build(arguments) => until_terminated(build::run(arguments)).await,
        Command::Probe(arguments) => until_terminated(probe::run(arguments)).await,
        Command::Install { to } => install::install(&to).map(|()| 0),
        Command::Debuggers { to } => install::debuggers(&to).map(|()| 0),
        Command::Seed { folders } => seed::seed(&folders).map(|()| 0),
        Command::Sleep => until_terminated(std::future::pending()).await,
    }
}

/// Runs `work` to its end, or until the kubelet ends the container: process 1 has no default for
/// its signal.
async fn until_terminated(work: impl Future<Output = Result<()>>) -> Result<u8> {
    let what = "the agent did not start";
    let mut terminate = signal(SignalKind::terminate()).or_fail(what, "SIGTERM")?;
    tokio::select! {
        ended = work => ended.map(|()| 0),
        _ = terminate.recv() => Ok(128 + 15),
    }
}
