//! `cargo xtask test`.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Instant;

use anyhow::{Result, bail};
use clap::ValueEnum as _;

use crate::build;
use crate::cache::Cache;
use crate::cluster::{self, State};
use crate::editor;
use crate::parts::{self, Kubernetes};
use crate::platforms::platforms;
use crate::report::Report;
use crate::reproducible::reproducible;
use crate::shell::{checkout, command, output, run};
use crate::steps::{self, LIMIT, run_to_end, step};

/// How long each target is fuzzed, in seconds; the other one with `--all`.
const FUZZED: u32 = 15;
const FUZZED_LONG: u32 = 60;

/// What to test.
#[derive(Clone, clap::Args)]
pub struct Arguments {
    /// Also what takes long; of all tests, writes tests/LAST_FULL_RUN.md
    #[arg(long)]
    all: bool,
    /// Only tests with this in their name, where - stands for _, too; neither format nor lints
    #[arg(value_parser = name_of_test)]
    filter: Option<String>,
    /// Version of Kubernetes that the cluster has, instead of the newest
    #[arg(long, value_enum)]
    kubernetes: Option<Kubernetes>,
    /// With `faults`: only so many of them, drawn at random
    #[arg(long, value_name = "N", requires = "filter")]
    random: Option<u32>,
}

impl Arguments {
    /// Which faults are made: all of them where they are asked for, and those of the core otherwise.
    fn faults(&self) -> Option<String> {
        match (self.random, self.filter.as_deref()) {
            (Some(count), _) => Some(count.to_string()),
            (None, Some("faults")) => Some("all".to_owned()),
            _ => self.all.then(|| "all".to_owned()),
        }
    }
}

fn name_of_test(text: &str) -> Result<String, std::convert::Infallible> {
    Ok(text.replace('-', "_"))
}

/// Runs it. The cluster is started for it unless one runs, and ended only if it was started.
pub fn test(arguments: &Arguments) -> Result<()> {
    steps::end_on_signals()?;
    let begun = Instant::now();
    let theirs = cluster::runs();
    let mut report = Report::default();
    let tested = test_all(arguments, theirs, &mut report);
    if let Err(error) = &tested {
        report.failure(&format!("{error:#}"));
    }
    if !theirs {
        cluster::down()?;
    }
    for process in steps::end_what_is_left()? {
        report.failure(&format!("this process was left running: {process}"));
    }
    let took = begun.elapsed().as_secs();
    if arguments.all && arguments.filter.is_none() && tested.is_ok() {
        fs::write(
            checkout().join("tests/LAST_FULL_RUN.md"),
            record(&report, took)?,
        )?;
    }
    println!("after {} min {} s", took / 60, took % 60);
    println!("{}", report.summary());
    if report.failed > 0 {
        bail!("not everything holds");
    }
    Ok(())
}

fn test_all(arguments: &Arguments, theirs: bool, report: &mut Report) -> Result<()> {
    if arguments.filter.is_none() {
        check(
            "cargo fmt --check",
            report,
            build::cargo("fmt --all --check", false)?,
        )?;
    }
    let azds = step("cargo xtask build", steps::build)?;
    if arguments.filter.is_none() {
        let lints = "clippy --quiet --workspace --all-targets -- -D warnings";
        check("cargo clippy", report, build::cargo(lints, false)?)?;
        let deny = step("prepare cargo-deny", || parts::cargo_deny(&Cache::open()?))?;
        let mut licenses = Command::new(deny);
        licenses
            .args(["check", "licenses", "bans", "sources"])
            .current_dir(checkout());
        check("cargo deny", report, licenses)?;
    }
    if arguments.all && arguments.filter.is_none() {
        attempt("cargo xtask reproducible", report, || {
            reproducible("release")
        });
        attempt("cargo xtask platforms", report, platforms);
    }
    let tests = build::cargo("test --quiet --workspace --no-run", false)?;
    check("compile the tests", report, tests)?;
    tests_of("--workspace --exclude azds-tests", arguments, &[], report)?;
    if arguments.filter.is_none() {
        let seconds = if arguments.all { FUZZED_LONG } else { FUZZED };
        attempt("cargo xtask fuzz", report, || steps::fuzz(seconds));
    }
    let kubernetes = arguments.kubernetes.and_then(|it| it.to_possible_value());
    let kubernetes = kubernetes.map(|it| format!("--kubernetes {}", it.get_name()));
    let kubernetes = kubernetes.unwrap_or_default();
    let state = cluster_with_agent(&kubernetes, &azds)?;
    let failed = report.failed;
    let mut environment = state.environment().to_vec();
    // What the editor needs takes a while where nothing is cached.
    if arguments
        .filter
        .as_deref()
        .is_none_or(|filter| filter.contains("editor"))
    {
        environment.extend(step("prepare the editors and the extension", || {
            editor::environment(arguments.all)
        })?);
    }
    // One that is set already names a fault.
    if let (Some(faults), None) = (arguments.faults(), std::env::var_os("AZDS_FAULTS")) {
        environment.push(("AZDS_FAULTS", faults));
    }
    if arguments.filter.is_none() {
        environment.push(("AZDS_WHOLE_RUN", "1".to_owned()));
    }
    tests_of("--package azds-tests", arguments, &environment, report)?;
    if arguments.all {
        let helm = step("prepare Helm 4", || parts::helm4(&Cache::open()?))?;
        let commands = "--package azds-tests --test commands";
        let with_helm = ("AZDS_TEST_HELM", helm.display().to_string());
        let with_registry = ("AZDS_TEST_BUILDS", "registry".to_owned());
        for variant in [with_helm, with_registry] {
            let environment = [&environment[..], &[variant]].concat();
            // The core, once more: what takes long does not depend on either.
            let core = Arguments {
                all: false,
                ..arguments.clone()
            };
            tests_of(commands, &core, &environment, report)?;
        }
    }
    if report.failed > failed {
        println!("{}", cluster::report());
    }
    if arguments.all && !theirs {
        cluster::down()?;
        match cluster_with_agent(&format!("{kubernetes} --nodes 2"), &azds) {
            Ok(state) => {
                let nodes = "--package azds-tests --test nodes";
                tests_of(nodes, arguments, &state.environment(), report)?;
            }
            Err(error) => report.failure(&format!("{error:#}")),
        }
    }
    Ok(())
}

/// A cluster whose node has the agent's image.
fn cluster_with_agent(arguments: &str, azds: &Path) -> Result<State> {
    let state = step(&format!("cargo xtask cluster up {arguments}"), || {
        steps::cluster_up(arguments)
    })?;
    step("give the node the agent's image", || {
        import_agent(azds, &state)
    })?;
    Ok(state)
}

/// Has the node's containerd take the image of azds-agent.
pub fn import_agent(azds: &Path, state: &State) -> Result<()> {
    let archive = std::env::temp_dir().join(format!("azds-agent-{}.tar", std::process::id()));
    let imported = run(Command::new(azds).args(["images", "save"]).arg(&archive)).and_then(|()| {
        run(command("ctr images import", &[])
            .arg(&archive)
            .envs(state.environment()))
    });
    fs::remove_file(&archive)?;
    imported
}

/// A step that is no test: fails the whole only at its end, since what follows does not depend on it.
fn attempt(name: &str, report: &mut Report, work: impl FnOnce() -> Result<()>) {
    if let Err(error) = step(name, work) {
        report.failure(&format!("{name}: {error:#}"));
    }
}

/// The same of a program, whose output is shown.
fn check(name: &str, report: &mut Report, mut command: Command) -> Result<()> {
    step(name, || {
        let status = run_to_end(&mut command, LIMIT, |line| println!("{line}"))?;
        if !status.success() {
            report.failure(name);
        }
        Ok(())
    })
}

fn tests_of(
    packages: &str,
    arguments: &Arguments,
    environment: &[(&str, String)],
    report: &mut Report,
) -> Result<()> {
    let mut tests = build::cargo(&format!("test --no-fail-fast {packages} --"), false)?;
    tests
        .arg("--show-output")
        .args(&arguments.filter)
        .envs(environment.iter().map(|(name, value)| (name, value)));
    if arguments.all {
        tests.arg("--include-ignored").env("AZDS_TEST_ALL", "1");
    }
    step(&format!("cargo test {packages}"), || {
        let failed = report.failed;
        let status = run_to_end(&mut tests, LIMIT, |line| {
            if report.line(line) {
                println!("{line}");
            }
        })?;
        if !status.success() && report.failed == failed {
            report.failure(&format!("cargo test {packages} ended with {status}"));
        }
        Ok(())
    })
}

/// The text of tests/LAST_FULL_RUN.md.
fn record(report: &Report, seconds: u64) -> Result<String> {
    let git = |arguments| output(command("git", &[]).args(arguments).current_dir(checkout()));
    let commit = git(["rev-parse", "HEAD"].as_slice())?;
    let changed = !git(&["status", "--porcelain", "--untracked-files=no"])?.is_empty();
    let date = output(&mut command("date --utc --iso-8601=minutes", &[]))?;
    let mut text = String::from("# The last run of `cargo xtask test --all`\n\n");
    writeln!(text, "Date: {}", date.trim())?;
    writeln!(
        text,
        "Commit: {}{}",
        commit.trim(),
        if changed { ", with changes" } else { "" }
    )?;
    writeln!(text, "Duration: {} min {} s\n", seconds / 60, seconds % 60)?;
    writeln!(text, "{}", report.summary().replace('\n', "  \n"))?;
    Ok(text)
}
