//! Programs that run for a while: with a limit, in process groups of their own, ended with everything they left.

use std::io::{BufRead, BufReader};
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicBool, AtomicI32, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use nix::sys::signal::{Signal, kill, killpg};
use nix::unistd::Pid;

use crate::cluster::State;

/// Marks every process that is started here, and those that they start, in their environment.
const MARK: &str = "AZDS_XTASK_RUN";

/// How long one step may take, on a machine where nothing is built yet.
pub const LIMIT: Duration = Duration::from_secs(45 * 60);

/// The process group that runs now; 0 for none.
static GROUP: AtomicI32 = AtomicI32::new(0);
static INTERRUPTED: AtomicBool = AtomicBool::new(false);

/// From now on SIGINT, SIGTERM and SIGHUP end the step that runs, and every later one fails at once: whoever called
/// them comes to its end, and to its cleaning up.
pub fn end_on_signals() -> Result<()> {
    // By handlers, not by blocking: programs that are started inherit what is blocked, and could
    // not be asked to end.
    ctrlc::set_handler(|| {
        eprintln!("cleaning up");
        INTERRUPTED.store(true, Ordering::SeqCst);
        end_group(GROUP.load(Ordering::SeqCst));
    })?;
    Ok(())
}

/// Whether one of these signals came.
pub fn interrupted() -> bool {
    INTERRUPTED.load(Ordering::SeqCst)
}

/// Runs a program to its end, with `line` called for every line of its stdout. Its stderr is ours.
pub fn run_to_end(
    command: &mut Command,
    limit: Duration,
    mut line: impl FnMut(&str),
) -> Result<ExitStatus> {
    if interrupted() {
        bail!("interrupted");
    }
    let name = command.get_program().to_string_lossy().into_owned();
    let mut child = command
        .process_group(0)
        .env(MARK, mark())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .with_context(|| format!("{name} does not start"))?;
    let group = i32::try_from(child.id())?;
    GROUP.store(group, Ordering::SeqCst);
    let stdout = child.stdout.take().context("stdout is piped")?;
    let status = thread::scope(|scope| {
        let waiter = scope.spawn(|| wait(&mut child, group, limit));
        for text in BufReader::new(stdout)
            .split(b'\n')
            .map_while(|text| text.ok())
        {
            line(&String::from_utf8_lossy(&text));
        }
        waiter.join().expect("waiting does not panic")
    });
    GROUP.store(0, Ordering::SeqCst);
    if interrupted() {
        bail!("interrupted");
    }
    status?.with_context(|| format!("{name} was ended: it ran longer than {} s", limit.as_secs()))
}

/// None after the limit.
fn wait(child: &mut Child, group: i32, limit: Duration) -> Result<Option<ExitStatus>> {
    let begun = Instant::now();
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(Some(status));
        }
        if begun.elapsed() > limit {
            end_group(group);
            child.wait()?;
            return Ok(None);
        }
        thread::sleep(Duration::from_millis(20));
    }
}

fn end_group(group: i32) {
    if group > 0 {
        // It may have ended by itself.
        let _ = killpg(Pid::from_raw(group), Signal::SIGKILL);
    }
}

/// Says what is done, and how long it took.
pub fn step<T>(name: &str, work: impl FnOnce() -> Result<T>) -> Result<T> {
    println!("== {name}");
    let begun = Instant::now();
    let done = work();
    println!("== {:.1} s: {name}", begun.elapsed().as_secs_f32());
    done
}

/// `cargo xtask build`; gives the path of azds.
pub fn build() -> Result<PathBuf> {
    let mut built = String::new();
    xtask("build", |line| line.clone_into(&mut built))?;
    Ok(PathBuf::from(built))
}

/// `cargo xtask cluster up`.
pub fn cluster_up(arguments: &str) -> Result<State> {
    xtask(&format!("cluster up {arguments}"), |_| {})?;
    State::read()
}

/// `cargo xtask fuzz`.
pub fn fuzz(seconds: u32) -> Result<()> {
    xtask(&format!("fuzz --seconds {seconds}"), |line| {
        println!("{line}")
    })
}

/// This program again: what it starts is in the group of a step, and can be ended.
fn xtask(arguments: &str, line: impl FnMut(&str)) -> Result<()> {
    let mut xtask = Command::new("/proc/self/exe");
    let status = run_to_end(xtask.args(arguments.split_whitespace()), LIMIT, line)?;
    if !status.success() {
        bail!("cargo xtask {arguments} failed");
    }
    Ok(())
}

/// The mark of this run.
fn mark() -> String {
    std::process::id().to_string()
}

/// Ends the processes that steps left running; gives their command lines. Those that are about to end are given the
/// time for it.
pub fn end_what_is_left() -> Result<Vec<String>> {
    let until = Instant::now() + Duration::from_secs(5);
    loop {
        let left = left_running()?;
        if left.is_empty() || Instant::now() > until {
            for (pid, _) in &left {
                // It may be gone since it was listed.
                let _ = kill(*pid, Signal::SIGKILL);
            }
            return Ok(left.into_iter().map(|(_, line)| line).collect());
        }
        thread::sleep(Duration::from_millis(50));
    }
}

fn left_running() -> Result<Vec<(Pid, String)>> {
    let mark = format!("{MARK}={}", mark());
    let mut left = Vec::new();
    for entry in std::fs::read_dir("/proc")?.flatten() {
        let name = entry.file_name();
        let Some(pid) = name.to_str().and_then(|name| name.parse().ok()) else {
            continue;
        };
        let read = |file| std::fs::read(entry.path().join(file)).unwrap_or_default();
        let environment = read("environ");
        let mut variables = environment.split(|byte| *byte == 0);
        if variables.any(|variable| variable == mark.as_bytes()) {
            let line = String::from_utf8_lossy(&read("cmdline")).replace('\0', " ");
            left.push((Pid::from_raw(pid), line.trim().to_owned()));
        }
    }
    Ok(left)
}
