//! `cargo xtask fuzz`: libFuzzer over the targets of `fuzz/`, with the stable compiler.
//!
//! Only the crates of this workspace are instrumented, by way of `RUSTC_WORKSPACE_WRAPPER`: their dependencies are
//! those that all else is compiled with, and need not be compiled again.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Mutex;
use std::thread;
use std::time::Instant;

use anyhow::{Context, Result, bail};

use crate::build;
use crate::shell::{checkout, run, tail};

/// No input may take longer, on a machine that does other things as well.
const SLOWEST_SECONDS: u32 = 20;
/// Longer inputs than people write find nothing that shorter ones do not, and later.
const LONGEST_BYTES: u32 = 8 << 10;

/// What to fuzz.
#[derive(clap::Args)]
pub struct Arguments {
    /// Targets: folders of fuzz/seeds; all without one
    targets: Vec<String>,
    /// So long each
    #[arg(long, default_value_t = 15)]
    seconds: u32,
    /// So long all together, on all cores
    #[arg(long, conflicts_with = "seconds")]
    hours: Option<f64>,
}

/// Runs each target for its time, as many at once as there are cores.
pub fn fuzz(arguments: &Arguments) -> Result<()> {
    let seeds = checkout().join("fuzz/seeds");
    let targets = targets(&seeds, &arguments.targets)?;
    let program = compile()?;
    let count = targets.len();
    let cores = thread::available_parallelism().map_or(1, usize::from);
    let seconds = match arguments.hours {
        Some(hours) => each(hours, count, cores),
        None => arguments.seconds,
    };
    let begun = Instant::now();
    let waiting = Mutex::new(targets.into_iter());
    let work = || -> Vec<String> {
        let next = || {
            waiting
                .lock()
                .expect("nothing panics while it holds the lock")
                .next()
        };
        let ran =
            std::iter::from_fn(next).map(|target| run_target(&program, &seeds, &target, seconds));
        ran.filter_map(Result::err)
            .map(|error| format!("{error:#}"))
            .collect()
    };
    let failures: Vec<String> = thread::scope(|scope| {
        let workers: Vec<_> = (0..cores).map(|_| scope.spawn(work)).collect();
        workers
            .into_iter()
            .flat_map(|it| it.join().expect("fuzzing does not panic"))
            .collect()
    });
    println!(
        "fuzzed for {:.2} h by the clock, of the {:.2} h that were asked for",
        begun.elapsed().as_secs_f64() / 3600.0,
        f64::from(seconds) * rounds(count, cores) / 3600.0
    );
    if !failures.is_empty() {
        bail!("{}", failures.join("\n\n"));
    }
    Ok(())
}

/// How many seconds each of so many targets has, if all together have so many hours.
fn each(hours: f64, targets: usize, cores: usize) -> u32 {
    let seconds = hours * 3600.0 / rounds(targets, cores);
    (seconds as u32).max(1)
}

/// How many targets follow one another on a core.
fn rounds(targets: usize, cores: usize) -> f64 {
    targets.div_ceil(cores) as f64
}

fn targets(seeds: &Path, wanted: &[String]) -> Result<Vec<String>> {
    let folders = fs::read_dir(seeds)?;
    let names = folders.map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned()));
    let mut names = names.collect::<Result<Vec<String>>>()?;
    names.sort();
    if let Some(unknown) = wanted.iter().find(|it| !names.contains(it)) {
        bail!(
            "there is no target {unknown}; there are {}",
            names.join(", ")
        );
    }
    names.retain(|name| wanted.is_empty() || wanted.contains(name));
    Ok(names)
}

fn compile() -> Result<PathBuf> {
    let arguments = "build --quiet --package azds-fuzz --bin fuzz --features libfuzzer";
    run(build::cargo(arguments, false)?
        .env("RUSTC_WORKSPACE_WRAPPER", checkout().join("fuzz/rustc")))?;
    let xtask = std::env::current_exe()?;
    Ok(xtask.with_file_name("fuzz"))
}

/// What was learnt is kept below the target folder, and begun with the next time.
fn run_target(program: &Path, seeds: &Path, target: &str, seconds: u32) -> Result<()> {
    let folder = checkout().join("target/fuzz");
    let (learnt, found) = (folder.join("learnt").join(target), folder.join("found"));
    fs::create_dir_all(&learnt)?;
    fs::create_dir_all(&found)?;
    let ran = Command::new(program)
        .env("AZDS_FUZZ", target)
        .args([&learnt, &seeds.join(target)])
        .arg(format!("-max_total_time={seconds}"))
        .arg(format!("-timeout={SLOWEST_SECONDS}"))
        .arg(format!("-max_len={LONGEST_BYTES}"))
        .arg(format!("-artifact_prefix={}/{target}-", found.display()))
        .stdin(Stdio::null())
        .output()
        .context("the fuzzer does not start")?;
    let said = String::from_utf8_lossy(&ran.stderr);
    if !ran.status.success() {
        bail!(
            "{target} does not hold. Put the file named below into fuzz/seeds/{target}, where a test reads it, and mend it.\n{}",
            tail(&said)
        );
    }
    let done = said
        .lines()
        .rfind(|line| line.contains("DONE"))
        .unwrap_or_default();
    println!("{target}: {}", done.trim());
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::each;

    #[test]
    fn the_hours_are_shared_by_the_targets() {
        assert_eq!(each(1.0, 8, 2), 900);
        assert_eq!(each(1.0, 5, 2), 1200);
        assert_eq!(each(0.5, 1, 8), 1800);
        assert_eq!(each(0.0, 8, 2), 1);
    }
}
