//! The ways in which a debugger and the service come together, and part.

use std::time::Duration;

use azds_protocol::debug::DebuggerStart;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tokio::process::Child;
use tokio::time::{Instant, sleep};

use super::{Replacement, Service, fit, processes, stream};
use crate::failure::{Context, Failure, Result};

/// What did not happen, if something fails.
pub const NOT_STARTED: &str = "the debugger was not started";
/// How long a debugger may take until it listens; a cold Python on a busy node needs seconds.
const LISTEN_TIMEOUT: Duration = Duration::from_secs(30);
/// How long debugpy's adapter may outlive the service; the next start says so if it takes longer.
const FREE_TIMEOUT: Duration = Duration::from_secs(10);
/// What requests that waited at a breakpoint have to be answered before the service starts again.
const ANSWER_TIME: Duration = Duration::from_secs(1);

/// A debugger that was started.
pub enum Debugger {
    /// A process of its own, which speaks DAP on its standard input and output.
    Beside(Box<Child>),
    /// The service, under a debugger that listens. `resumes` as in [`DebuggerStart::Restart`].
    Under {
        /// Its loopback port.
        port: u16,
        /// Whether it lets the service go on without a client.
        resumes: bool,
        /// Which start of the service is under it.
        starts: u32,
    },
    /// The service itself, which has opened its inspector.
    Inspector,
}

impl Debugger {
    /// Starts a debugger of the service.
    pub async fn launch<S: Service>(service: &S, how: DebuggerStart) -> Result<Debugger> {
        match how {
            DebuggerStart::Beside { command, env } => {
                fits(&command)?;
                Ok(Debugger::Beside(Box::new(stream::start(&command, &env)?)))
            }
            DebuggerStart::Restart {
                command,
                working_dir,
                env,
                port,
                resumes,
            } => {
                if processes::listens(port) {
                    return Err(Failure::new(
                        NOT_STARTED,
                        format!("port {port} of the pod"),
                        "something listens there already",
                    ));
                }
                fits(&command)?;
                let starts = service.state().starts + 1;
                let restarted = async {
                    service
                        .replace(Replacement {
                            command,
                            working_dir,
                            env,
                        })
                        .await?;
                    until_listening(service, port, starts).await
                };
                if let Err(failure) = restarted.await {
                    restore(service).await;
                    until_free(port).await;
                    return Err(failure);
                }
                Ok(Debugger::Under {
                    port,
                    resumes,
                    starts,
                })
            }
            DebuggerStart::Inspector { pid, port } => {
                if !processes::listens(port) {
                    let process = format!("process {pid}");
                    kill(Pid::from_raw(pid), Signal::SIGUSR1).or_fail(NOT_STARTED, process)?;
                    until_listening(service, port, service.state().starts).await?;
                }
                Ok(Debugger::Inspector)
            }
        }
    }

    /// Whether it waits for a connection.
    pub fn listens(&self) -> bool {
        matches!(self, Debugger::Under { port, .. } if processes::listens(*port))
    }

    /// Whether the service is still the one that was started under it.
    pub fn is_under(&self, service: &impl Service) -> bool {
        matches!(self, Debugger::Under { starts, .. } if service.state().starts == *starts)
    }

    /// Starts the service as it was, if the debugger is its parent and nothing else did so already.
    pub async fn finish(self, service: &impl Service) {
        let Debugger::Under { port, .. } = self else {
            return;
        };
        let is_under = || self.is_under(service);
        let deadline = Instant::now() + ANSWER_TIME;
        while is_under() && service.state().pid.is_some() && Instant::now() < deadline {
            sleep(Duration::from_millis(10)).await;
        }
        if is_under() {
            restore(service).await;
        }
        until_free(port).await;
    }
}

fn fits(command: &[String]) -> Result<()> {
    command
        .first()
        .map_or(Ok(()), |program| fit::check(program))
}

async fn restore(service: &impl Service) {
    if let Err(failure) = service.restore().await {
        tracing::error!("{failure}");
    }
}

/// Waits for a debugger of the service's start number `starts`.
async fn until_listening(service: &impl Service, port: u16, starts: u32) -> Result<()> {
    let deadline = Instant::now() + LISTEN_TIMEOUT;
    while !processes::listens(port) {
        let state = service.state();
        let why = if state.pid.is_none() || state.starts > starts {
            "the service ended as soon as it was started under its debugger".to_owned()
        } else if Instant::now() > deadline {
            format!(
                "it does not listen after {} seconds",
                LISTEN_TIMEOUT.as_secs()
            )
        } else {
            sleep(Duration::from_millis(5)).await;
            continue;
        };
        return Err(Failure::new(NOT_STARTED, state.command.join(" "), why)
            .try_to("The last lines of the service's own output say more."));
    }
    Ok(())
}

/// Waits until a debugger is gone that outlives the service by a moment and holds the port.
async fn until_free(port: u16) {
    let deadline = Instant::now() + FREE_TIMEOUT;
    while processes::listens(port) && Instant::now() < deadline {
        sleep(Duration::from_millis(10)).await;
    }
}
