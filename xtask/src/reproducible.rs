//! `cargo xtask reproducible`: two builds of the released binaries, in two folders, are the same.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::cache::hex;
use crate::shell::{checkout, command, run};
use sha2::{Digest, Sha256};

/// What is built.
const BINARIES: [&str; 2] = ["azds-agent", "azds"];

/// Builds everything twice, each time from nothing and in another folder, and compares.
pub fn reproducible(profile: &str) -> Result<()> {
    let folder = checkout().join("target/reproducible");
    let hashes = ["one", "two"].map(|name| build(&folder.join(name), profile));
    let [first, second] = hashes;
    let (first, second) = (first?, second?);
    for (name, (first, second)) in BINARIES.iter().zip(first.iter().zip(&second)) {
        if first != second {
            bail!(
                "two builds of {name} differ: {first} and {second}; they are in {}",
                folder.display()
            );
        }
        println!("{name}: {first}, twice");
    }
    Ok(fs::remove_dir_all(folder)?)
}

/// Builds a copy of what git has of this checkout, and gives the hashes of the binaries.
fn build(folder: &Path, profile: &str) -> Result<Vec<String>> {
    if folder.exists() {
        fs::remove_dir_all(folder)?;
    }
    let source = folder.join("source");
    fs::create_dir_all(&source)?;
    let copy = "git ls-files -z | xargs -0 cp --parents --target-directory";
    let copy = format!("{copy} '{}'", source.display());
    run(command("sh -c", &[&copy]).current_dir(checkout()))?;
    let agent = cargo(&source, profile, "azds-agent", None)?;
    let azds = cargo(&source, profile, "azds", Some(&agent))?;
    [agent, azds]
        .iter()
        .map(|binary| Ok(hex(&Sha256::digest(fs::read(binary)?))))
        .collect()
}

fn cargo(source: &Path, profile: &str, binary: &str, agent: Option<&PathBuf>) -> Result<PathBuf> {
    let target = source.with_file_name("target");
    let home = std::env::var_os("CARGO_HOME").map(PathBuf::from);
    let home = match home {
        Some(home) => home,
        None => Path::new(&std::env::var_os("HOME").context("there is no HOME")?).join(".cargo"),
    };
    // Where things were built is nobody's business, and would be the one difference.
    let flags = format!(
        "--remap-path-prefix={}=/azds --remap-path-prefix={}=/target --remap-path-prefix={}=/cargo",
        source.display(),
        target.display(),
        home.display()
    );
    let mut cargo = Command::new(env!("CARGO"));
    cargo
        .args([
            "rustc",
            "--quiet",
            "--locked",
            "--package",
            "azds",
            "--profile",
            profile,
        ])
        .args(["--bin", binary])
        .current_dir(source)
        .env("CARGO_TARGET_DIR", &target)
        .env("RUSTFLAGS", flags);
    match agent {
        Some(agent) => cargo.env("AZDS_AGENT_BINARY", agent),
        None => cargo.args(["--", "-C", "target-feature=+crt-static"]),
    };
    run(&mut cargo)?;
    let folder = if profile == "dev" { "debug" } else { profile };
    let built = target.join(folder).join(binary);
    // The second call would link it anew, without its flag.
    let kept = target.join(binary);
    fs::copy(built, &kept)?;
    Ok(kept)
}
