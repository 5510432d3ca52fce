//! `cargo xtask build`: the agent first, static, then azds with the agent inside.

use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result, bail};
use serde_json::Value;

use crate::shell::{checkout, output};

/// Builds both and gives the path of azds.
pub fn build(release: bool) -> Result<PathBuf> {
    // Two calls, since rustflags act per call. Only the agent's own crate gets the flag: dependencies are shared.
    let agent = cargo(
        release,
        "azds-agent",
        &["-C", "target-feature=+crt-static"],
        None,
    )?;
    let interpreter = output(Command::new("readelf").arg("--program-headers").arg(&agent))?;
    if interpreter.contains("INTERP") {
        bail!("{} is not static: it names an interpreter", agent.display());
    }
    cargo(release, "azds", &[], Some(&agent))
}

fn cargo(release: bool, binary: &str, flags: &[&str], agent: Option<&PathBuf>) -> Result<PathBuf> {
    let mut cargo = Command::new(env!("CARGO"));
    cargo.args([
        "rustc",
        "--package",
        "azds",
        "--bin",
        binary,
        "--message-format",
        "json-render-diagnostics",
    ]);
    if release {
        cargo.arg("--release");
    }
    if !flags.is_empty() {
        cargo.arg("--").args(flags);
    }
    if let Some(agent) = agent {
        cargo.env("AZDS_AGENT_BINARY", agent);
    }
    let built = output(cargo.current_dir(checkout()))?;
    let messages = built
        .lines()
        .filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let executable = messages
        .filter(|message| message["target"]["name"] == binary)
        .find_map(|message| message["executable"].as_str().map(PathBuf::from));
    executable.with_context(|| format!("cargo names no executable of {binary}"))
}
