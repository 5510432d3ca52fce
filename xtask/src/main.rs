//! Automation of this repository, called as `cargo xtask COMMAND`.
#![allow(clippy::print_stdout)] // A command line's answers go to stdout.

mod bench;
mod build;
mod buildkit;
mod cache;
mod cluster;
mod demo;
mod editor;
mod fuzz;
mod image;
mod images;
mod java;
mod layers;
mod package;
mod parts;
mod platforms;
mod report;
mod reproducible;
mod shell;
mod steps;
mod test;

use std::process::ExitCode;

use anyhow::Result;
use clap::{Parser, Subcommand};
use parts::Kubernetes;

#[derive(Parser)]
#[command(name = "cargo xtask", about = "Builds and tests azds")]
enum Command {
    /// Build azds-agent (static) and azds with the agent inside
    Build {
        /// Optimised, as released
        #[arg(long)]
        release: bool,
    },
    /// Measure azds beside what it stands on: kubectl, helm, BuildKit (as root)
    Bench(bench::Arguments),
    /// A real one-node Kubernetes cluster on this machine (as root)
    #[command(subcommand)]
    Cluster(Cluster),
    /// Random bytes for what azds reads from others: the targets of fuzz/, 15 s each
    Fuzz(fuzz::Arguments),
    /// The VS Code extension with azds inside, for this machine's platform: target/azds-PLATFORM.vsix
    Package {
        /// With the development build of azds
        #[arg(long)]
        dev: bool,
    },
    /// Check that azds compiles for the systems that the tests do not run on: Windows and macOS
    Platforms,
    /// Build the binaries twice, from nothing and in two folders, and compare them
    Reproducible {
        /// As they are released, or as they are tested
        #[arg(long, default_value = "release")]
        profile: String,
    },
    /// Play the story of two services on the cluster (as root): prepared, built, run, mended, debugged
    Demo(demo::Arguments),
    /// Everything that has to hold: format, lints, unit tests, tests on the cluster
    Test(test::Arguments),
}

#[derive(Subcommand)]
enum Cluster {
    /// Start it, unless it runs
    Up {
        /// How many nodes a new one has: 1 or 2
        #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u8).range(1..=2))]
        nodes: u8,
        /// Which version of Kubernetes a new one has, instead of the newest
        #[arg(long, value_enum)]
        kubernetes: Option<Kubernetes>,
    },
    /// End every process of it and remove what it left
    Down,
    /// Say whether it answers
    Status,
    /// Print shell exports for it: eval "$(cargo xtask cluster env)"
    Env,
    /// The process that is the node; `up` starts it
    #[command(hide = true)]
    Node,
    /// The process that is the second node; the first one starts it
    #[command(hide = true)]
    SecondNode,
}

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<()> {
    match Command::parse() {
        Command::Build { release } => {
            build::build(release).map(|built| println!("{}", built.display()))
        }
        Command::Bench(arguments) => bench::bench(&arguments),
        Command::Cluster(Cluster::Up { nodes, kubernetes }) => cluster::up(nodes, kubernetes),
        Command::Cluster(Cluster::Down) => cluster::down(),
        Command::Cluster(Cluster::Status) => cluster::status(),
        Command::Cluster(Cluster::Env) => cluster::env(),
        Command::Cluster(Cluster::Node) => cluster::node(),
        Command::Cluster(Cluster::SecondNode) => cluster::second_node(),
        Command::Fuzz(arguments) => fuzz::fuzz(&arguments),
        Command::Package { dev } => {
            package::package(!dev).map(|vsix| println!("{}", vsix.display()))
        }
        Command::Platforms => platforms::platforms(),
        Command::Reproducible { profile } => reproducible::reproducible(&profile),
        Command::Demo(arguments) => demo::demo(&arguments),
        Command::Test(arguments) => test::test(&arguments),
    }
}
