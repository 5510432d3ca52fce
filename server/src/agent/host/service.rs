//! The process of the service: started, stopped and started again, signalled, and its exit code.

use std::collections::BTreeMap;
use std::os::unix::process::ExitStatusExt as _;
use std::process::ExitStatus;
use std::sync::Arc;
use std::time::Duration;

use azds_protocol::agent::HostState;
use nix::sys::signal::{Signal, kill, killpg};
use nix::unistd::Pid;
use tokio::process::{Child, Command};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::{mpsc, oneshot, watch};

use crate::agent::debug::{self, Replacement, processes};
use crate::failure::{Context, Failure, Result};

/// How long the service may take to end when it is started again.
const STOP: Duration = Duration::from_secs(10);
/// Signals that are the service's business.
const PASSED_ON: [Signal; 7] = [
    Signal::SIGTERM,
    Signal::SIGINT,
    Signal::SIGQUIT,
    Signal::SIGHUP,
    Signal::SIGUSR1,
    Signal::SIGUSR2,
    Signal::SIGWINCH,
];

/// Asks for the service to be ended.
struct Order {
    then: Then,
    done: oneshot::Sender<Result<()>>,
}

/// What is done when the service was ended.
enum Then {
    /// It is started again.
    Restore,
    /// Something is started in its place.
    Replace(Replacement),
    /// Nothing. Somebody must follow, or the host ends.
    Stay,
}

/// The service. Cheap to clone.
#[derive(Clone)]
pub struct Service {
    orders: mpsc::Sender<Order>,
    state: watch::Receiver<HostState>,
    followers: Arc<watch::Sender<usize>>,
}

/// Follows the service; as long as one lives, the host stays when the service has ended.
pub struct Follower {
    /// What the host says of the service.
    pub state: watch::Receiver<HostState>,
    followers: Arc<watch::Sender<usize>>,
}

impl Drop for Follower {
    fn drop(&mut self) {
        self.followers.send_modify(|count| *count -= 1);
    }
}

impl Service {
    /// Starts the service. The second value becomes its exit code when it has ended on its own.
    pub fn start(command: Vec<String>) -> Result<(Service, impl Future<Output = u8>)> {
        let start = Replacement {
            command,
            working_dir: None,
            env: BTreeMap::new(),
        };
        let (orders, asked) = mpsc::channel(1);
        let mut running = Running::start(start)?;
        let service = Service {
            orders,
            state: running.state.subscribe(),
            followers: Arc::clone(&running.followers),
        };
        let ended = async move { running.run(asked).await };
        Ok((service, ended))
    }

    /// Follows the service from now on.
    pub fn follow(&self) -> Follower {
        self.followers.send_modify(|count| *count += 1);
        let mut state = self.state.clone();
        state.mark_changed();
        Follower {
            state,
            followers: Arc::clone(&self.followers),
        }
    }

    /// Ends the service until it is restored. Somebody must follow it.
    pub async fn stop(&self) -> Result<()> {
        self.ask(Then::Stay).await
    }

    async fn ask(&self, then: Then) -> Result<()> {
        let (done, result) = oneshot::channel();
        let gone = || Failure::new("the service was not started again", "", "it has ended");
        self.orders
            .send(Order { then, done })
            .await
            .map_err(|_| gone())?;
        result.await.map_err(|_| gone())?
    }
}

impl debug::Service for Service {
    async fn replace(&self, replacement: Replacement) -> Result<()> {
        self.ask(Then::Replace(replacement)).await
    }

    async fn restore(&self) -> Result<()> {
        self.ask(Then::Restore).await
    }

    fn state(&self) -> HostState {
        self.state.borrow().clone()
    }
}

/// The service while it runs.
struct Running {
    first: Replacement,
    child: Child,
    state: watch::Sender<HostState>,
    followers: Arc<watch::Sender<usize>>,
}

impl Running {
    fn start(start: Replacement) -> Result<Running> {
        let child = spawn(&start)?;
        let working_dir = std::env::current_dir().unwrap_or_default();
        let state = watch::Sender::new(HostState {
            pid: pid(&child).map(Pid::as_raw),
            command: start.command.clone(),
            working_dir: working_dir.display().to_string(),
            starts: 1,
            ended: None,
            debugged_by: None,
        });
        Ok(Running {
            first: start,
            child,
            state,
            followers: Arc::new(watch::Sender::new(0)),
        })
    }

    /// Until the service ends on its own.
    async fn run(&mut self, mut asked: mpsc::Receiver<Order>) -> u8 {
        let (signals, mut signalled) = mpsc::channel(8);
        for passed_on in PASSED_ON {
            let Ok(mut stream) = signal(SignalKind::from_raw(passed_on as i32)) else {
                continue;
            };
            let signals = signals.clone();
            tokio::spawn(async move {
                while stream.recv().await.is_some() && signals.send(passed_on).await.is_ok() {}
            });
        }
        let mut followers = self.followers.subscribe();
        let mut ended = None;
        // It was ended to be started again: nobody need be told that it has ended.
        let mut is_away = false;
        // The pod goes: nobody's change will start the service again here.
        let mut is_leaving = false;
        loop {
            if let Some(code) = ended
                && (is_leaving || *followers.borrow_and_update() == 0)
            {
                return code;
            }
            tokio::select! {
                status = self.child.wait(), if ended.is_none() => {
                    ended = Some(code(status));
                    self.state.send_modify(|state| {
                        state.pid = None;
                        state.ended = ended.filter(|_| !is_away);
                    });
                }
                Ok(()) = followers.changed(), if ended.is_some() => {}
                Some(signal) = signalled.recv() => {
                    is_leaving |= signal == Signal::SIGTERM;
                    if let (None, Some(pid)) = (ended, pid(&self.child)) {
                        // It may have ended just now.
                        let _ = kill(pid, signal);
                    }
                }
                Some(Order { then, done }) = asked.recv() => {
                    let start = match then {
                        Then::Restore => self.first.clone(),
                        Then::Replace(start) => start,
                        Then::Stay => {
                            is_away = ended.is_none();
                            self.stop().await;
                            let _ = done.send(Ok(()));
                            continue;
                        }
                    };
                    let _ = done.send(self.start_again(&start).await);
                    // One that could not be started has ended already, as its next look tells.
                    ended = None;
                    is_away = false;
                }
            }
        }
    }

    async fn start_again(&mut self, start: &Replacement) -> Result<()> {
        self.stop().await;
        let failed = match spawn(start) {
            Ok(child) => {
                self.child = child;
                None
            }
            // The service must run again, whatever the other command was.
            Err(failure) => {
                self.child = spawn(&self.first)?;
                Some(failure)
            }
        };
        let command = if failed.is_none() {
            &start.command
        } else {
            &self.first.command
        };
        self.state.send_modify(|state| {
            state.pid = pid(&self.child).map(Pid::as_raw);
            state.command.clone_from(command);
            state.starts += 1;
            state.ended = None;
        });
        failed.map_or(Ok(()), Err)
    }

    /// Asks the service to end, and ends it with all that it started.
    async fn stop(&mut self) {
        let Some(pid) = pid(&self.child) else {
            return;
        };
        // A debugger starts the service in a group of its own.
        let started = processes::descendants(pid.as_raw());
        let _ = kill(pid, Signal::SIGTERM);
        let _ = tokio::time::timeout(STOP, self.child.wait()).await;
        let _ = killpg(pid, Signal::SIGKILL);
        let _ = self.child.wait().await;
        for left in started.iter().filter(|process| processes::is_same(process)) {
            let _ = kill(Pid::from_raw(left.pid), Signal::SIGKILL);
        }
    }
}

fn spawn(start: &Replacement) -> Result<Child> {
    let what = "the service was not started";
    let (program, args) = start.command.split_first().ok_or_else(|| {
        Failure::new(
            what,
            "container",
            "neither the image nor the chart says what to start",
        )
        .try_to("Give the Dockerfile an ENTRYPOINT or a CMD.")
    })?;
    let mut command = Command::new(program);
    if let Some(folder) = &start.working_dir {
        command.current_dir(folder);
    }
    // A value may refer to the one that it takes the place of, as in a pod's specification.
    let env = start.env.iter().map(|(name, value)| {
        let own = std::env::var(name).unwrap_or_default();
        (name, value.replace(&format!("$({name})"), &own))
    });
    command
        .args(args)
        .envs(env)
        // A group of its own, so that what it starts can be ended with it.
        .process_group(0)
        .spawn()
        .or_fail(what, program)
}

pub(super) fn pid(child: &Child) -> Option<Pid> {
    child
        .id()
        .and_then(|id| i32::try_from(id).ok())
        .map(Pid::from_raw)
}

/// The exit code by the shell's custom: 128 and the signal's number for a process that was killed.
pub(super) fn code(status: std::io::Result<ExitStatus>) -> u8 {
    let Ok(status) = status else { return 1 };
    let code = status
        .code()
        .unwrap_or_else(|| 128 + status.signal().unwrap_or(0));
    u8::try_from(code & 0xff).expect("masked")
}

#[cfg(test)]
mod tests;
