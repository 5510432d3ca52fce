//! Process 1 of a container, as a process of its own: it passes signals on and reaps orphans.
//!
//! The host itself waits for single children, so it must not be the one who waits for all.

use std::process::Command;

use nix::errno::Errno;
use nix::sys::signal::{SigSet, Signal, kill};
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::Pid;

use crate::failure::{Context, Result};

/// If this is process 1, starts this program again as its child and stays as its init; returns the
/// exit code of that child when it has ended. Must be called before any thread is started.
pub fn become_init() -> Result<Option<u8>> {
    if std::process::id() != 1 {
        return Ok(None);
    }
    let what = "the service was not started";
    let program = std::env::current_exe().or_fail(what, "")?;
    // Before any signal is blocked: a child inherits what is blocked, and the service would never
    // be asked to end.
    let child = Command::new(program)
        .args(std::env::args_os().skip(1))
        .spawn()
        .or_fail(what, "")?;
    let child = Pid::from_raw(i32::try_from(child.id()).expect("Linux has 22 bits for it"));
    let signals = SigSet::all();
    signals.thread_block().or_fail(what, "")?;
    // It may have ended before its signal was blocked.
    if let Some(code) = reap(child) {
        return Ok(Some(code));
    }
    loop {
        match signals.wait() {
            Ok(Signal::SIGCHLD) => {
                if let Some(code) = reap(child) {
                    return Ok(Some(code));
                }
            }
            // It may have ended just now; SIGCHLD says so next.
            Ok(signal) => drop(kill(child, signal)),
            Err(_) => {}
        }
    }
}

/// Takes note of all ended children; the exit code of `child` if it is among them.
fn reap(child: Pid) -> Option<u8> {
    loop {
        match waitpid(None, Some(WaitPidFlag::WNOHANG)) {
            Ok(WaitStatus::Exited(pid, code)) if pid == child => {
                return Some(u8::try_from(code & 0xff).expect("masked"));
            }
            Ok(WaitStatus::Signaled(pid, signal, _)) if pid == child => {
                return Some(128 + u8::try_from(signal as i32).unwrap_or(0));
            }
            Ok(WaitStatus::StillAlive) | Err(Errno::ECHILD) => return None,
            Ok(_) | Err(_) => {}
        }
    }
}
