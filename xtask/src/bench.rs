//! `cargo xtask bench`: builds azds and the program that measures it, and runs that on the cluster.

use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::build;
use crate::cluster::State;
use crate::shell::run;

/// What to measure.
#[derive(clap::Args)]
pub struct Arguments {
    /// `up` or `dap` alone
    #[arg(value_parser = ["up", "dap"])]
    group: Option<String>,
    /// `json`: an array of rows instead of a table
    #[arg(short, long, value_parser = ["text", "json"], default_value = "text")]
    output: String,
    /// Measure the development build, which is there sooner
    #[arg(long)]
    dev: bool,
}

/// Runs it on the cluster that runs; fails if a row is over its limit.
pub fn bench(arguments: &Arguments) -> Result<()> {
    State::read().context("no cluster runs; start it with: cargo xtask cluster up")?;
    let azds = build::build(!arguments.dev)?;
    let profile = if arguments.dev { "dev" } else { "release" };
    let program = format!("build --quiet --package azds-tests --bin bench --profile {profile}");
    run(&mut build::cargo(&program, !arguments.dev)?)?;
    let folder = azds.parent().context("azds lies in a folder")?;
    let mut bench = Command::new(folder.join("bench"));
    bench.arg(&azds).args(&arguments.group);
    let status = bench.args(["-o", &arguments.output]).status()?;
    if !status.success() {
        bail!("not every row is within its limit");
    }
    Ok(())
}
