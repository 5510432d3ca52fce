//! `cargo xtask platforms`: azds compiles for the developers' systems that the tests do not run on.

use anyhow::Result;

use crate::build;
use crate::shell::{command, run};

/// Windows and macOS.
const TARGETS: [&str; 2] = ["x86_64-pc-windows-gnu", "aarch64-apple-darwin"];

/// Checks and lints the code for each, tests included. Nothing is linked, and the C of dependencies is not
/// compiled: that would need a compiler and the libraries of each system.
pub fn platforms() -> Result<()> {
    for target in TARGETS {
        run(&mut command("rustup target add", &[target]))?;
        let lints =
            format!("clippy --quiet --package azds --all-targets --target {target} -- -D warnings");
        let mut cargo = build::cargo(&lints, false)?;
        let compilers = ["CC", "AR"].map(|it| format!("{it}_{}", target.replace('-', "_")));
        cargo.envs(compilers.map(|variable| (variable, "true")));
        run(&mut cargo)?;
        println!("{target}: compiles");
    }
    Ok(())
}
