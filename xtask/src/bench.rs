//! `cargo xtask bench`: builds azds and the program that measures it, and runs that on the cluster, or
//! beside another language server.

use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::build;
use crate::cache::{Cache, Key};
use crate::cluster::State;
use crate::shell::{command, run};

/// The language server that ours is measured beside.
const PEER: &str = "yaml-language-server@1.25.0";

/// What to measure.
#[derive(clap::Args)]
pub struct Arguments {
    /// `up`, `dap`, `loop` or `scale` alone, or `lsp`, which needs no cluster; without it the first three
    #[arg(value_parser = ["up", "dap", "loop", "scale", "lsp"])]
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
    let on_cluster = arguments.group.as_deref() != Some("lsp");
    if on_cluster {
        State::read().context("no cluster runs; start it with: cargo xtask cluster up")?;
    }
    let azds = build::build(!arguments.dev)?;
    let profile = if arguments.dev { "dev" } else { "release" };
    let program = format!("build --quiet --package azds-tests --bin bench --profile {profile}");
    run(&mut build::cargo(&program, !arguments.dev)?)?;
    let folder = azds.parent().context("azds lies in a folder")?;
    let mut bench = Command::new(folder.join("bench"));
    bench.arg(&azds).args(&arguments.group);
    if !on_cluster {
        match peer() {
            Ok(peer) => _ = bench.env("AZDS_YAML_LANGUAGE_SERVER", peer),
            Err(error) => eprintln!("{PEER} can't be had: {error:#}"),
        }
    }
    let status = bench.args(["-o", &arguments.output]).status()?;
    if !status.success() {
        bail!("not every row is within its limit");
    }
    Ok(())
}

/// The program of [`PEER`], from npm.
fn peer() -> Result<PathBuf> {
    let entry = Cache::open()?.entry("yaml-language-server", &Key::of(PEER), |folder| {
        let install = "npm install --silent --no-audit --no-fund --ignore-scripts";
        run(command(install, &[PEER]).current_dir(folder))
    })?;
    Ok(entry.join("node_modules/yaml-language-server/bin/yaml-language-server"))
}
