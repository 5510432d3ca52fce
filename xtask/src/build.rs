//! `cargo xtask build`: the agent first, static, then azds with the agent inside.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};
use serde_json::Value;

use crate::shell::{checkout, output};

/// Names the agent that goes into azds.
const AGENT_BINARY: &str = "AZDS_AGENT_BINARY";

/// Builds both and gives the path of azds.
pub fn build(release: bool) -> Result<PathBuf> {
    let embedded = embedded_agent(release)?;
    // Two calls, since rustflags act per call. Only the agent's own crate gets the flag: dependencies are shared.
    let agent = rustc(release, "azds-agent", &["-C", "target-feature=+crt-static"])?;
    let interpreter = output(Command::new("readelf").arg("--program-headers").arg(&agent))?;
    if interpreter.contains("INTERP") {
        bail!("{} is not static: it names an interpreter", agent.display());
    }
    if fs::read(&agent)? != fs::read(&embedded)? {
        fs::copy(&agent, &embedded)?;
    }
    rustc(release, "azds", &[])
}

/// Cargo, for anything that compiles azds: with the embedded agent named as `build` names it, or all would be
/// compiled again and again.
pub fn cargo(arguments: &str, release: bool) -> Result<Command> {
    let mut cargo = Command::new(env!("CARGO"));
    cargo
        .args(arguments.split_whitespace())
        .current_dir(checkout())
        .env(AGENT_BINARY, embedded_agent(release)?);
    // What `cargo run` says of xtask itself. Build scripts that look at it (ring's does) would run again
    // after every plain cargo, and all that depends on them would be compiled again.
    for (name, _) in std::env::vars_os() {
        let of_xtask = ["CARGO_PKG_", "CARGO_MANIFEST_"];
        if name
            .to_str()
            .is_some_and(|name| of_xtask.iter().any(|it| name.starts_with(it)))
        {
            cargo.env_remove(&name);
        }
    }
    Ok(cargo)
}

/// The agent that azds was built with last: a copy, which changes only when the agent's content does, however often
/// it was linked since. Empty before the first one.
fn embedded_agent(release: bool) -> Result<PathBuf> {
    // This program lies in PROFILE of the target folder.
    let xtask = std::env::current_exe()?;
    let target = xtask.parent().and_then(Path::parent);
    let target = target.context("xtask lies in no target folder")?;
    let folder = target.join(if release {
        "agent/release"
    } else {
        "agent/debug"
    });
    let agent = folder.join("azds-agent");
    if !agent.exists() {
        fs::create_dir_all(&folder)?;
        fs::write(&agent, "")?;
    }
    Ok(agent)
}

fn rustc(release: bool, binary: &str, flags: &[&str]) -> Result<PathBuf> {
    let mut cargo = cargo(
        "rustc --package azds --message-format json-render-diagnostics --bin",
        release,
    )?;
    cargo.arg(binary);
    if release {
        cargo.arg("--release");
    }
    if !flags.is_empty() {
        cargo.arg("--").args(flags);
    }
    let built = output(&mut cargo)?;
    let messages = built
        .lines()
        .filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let executable = messages
        .filter(|message| message["target"]["name"] == binary)
        .find_map(|message| message["executable"].as_str().map(PathBuf::from));
    executable.with_context(|| format!("cargo names no executable of {binary}"))
}
