//! `down`, `list-up`, `list-uris` and `logs`: a developer's day.

use std::path::PathBuf;
use std::process::ExitCode;

use azds::commands::doctor::{bundle, doctor};
use azds::commands::owner::background;
use azds::commands::up::LogLine;
use azds::commands::{down, list_up, list_uris, logs, terminal};
use azds::progress::Progress;
use azds_protocol::commands::{DoctorResult, ServiceArguments};
use clap::Args;

use crate::answer::{self, Answer};
use crate::log;

/// Which service a command is about, and where.
#[derive(Args)]
pub struct OfService {
    /// Folder of the service
    #[arg(default_value = ".")]
    dir: PathBuf,
    /// Namespace, instead of the folder's chosen space
    #[arg(long)]
    space: Option<String>,
}

impl OfService {
    /// For the service alone, or for all of the space.
    pub fn arguments(self, all: bool) -> ServiceArguments {
        ServiceArguments {
            folder: self.dir,
            space: self.space,
            all,
        }
    }
}

#[derive(Args)]
pub struct Down {
    #[command(flatten)]
    service: OfService,
    #[command(flatten)]
    answer: Answer,
}

impl Down {
    pub fn run(self) -> ExitCode {
        let arguments = self.service.arguments(false);
        let result = answer::run(async |progress| down::down(&arguments, &progress).await);
        self.answer.give(result, |result| match result.removed {
            true => format!(
                "'{}' was removed from dev space '{}'",
                result.service, result.space
            ),
            false => format!(
                "'{}' was not up in dev space '{}'",
                result.service, result.space
            ),
        })
    }
}

#[derive(Args)]
pub struct List {
    #[command(flatten)]
    service: OfService,
    /// All services of the space, not only the folder's
    #[arg(short, long)]
    all: bool,
    #[command(flatten)]
    answer: Answer,
}

impl List {
    pub fn services(self) -> ExitCode {
        let arguments = self.service.arguments(self.all);
        let rows = answer::run(async |progress| list_up::list_up(&arguments, &progress).await);
        self.answer.give(rows, |rows| match rows.is_empty() {
            true => "No service is up.".to_owned(),
            false => terminal::services(rows, jiff::Timestamp::now()),
        })
    }

    pub fn uris(self) -> ExitCode {
        let arguments = self.service.arguments(self.all);
        let rows = answer::run(async |progress| list_uris::list_uris(&arguments, &progress).await);
        self.answer.give(rows, |rows| match rows.is_empty() {
            true => "There are no addresses.".to_owned(),
            false => terminal::uris(rows),
        })
    }
}

#[derive(Args)]
pub struct Logs {
    #[command(flatten)]
    service: OfService,
    /// Only what was written in this time, such as 10m or 1h30m
    #[arg(long, value_name = "TIME")]
    since: Option<jiff::SignedDuration>,
    #[command(flatten)]
    answer: Answer,
}

impl Logs {
    pub fn run(self) -> ExitCode {
        let arguments = self.service.arguments(false);
        let since = self.since.map(|time| jiff::Timestamp::now() - time);
        let show = |line: LogLine| match self.answer.is_json() {
            true => self.answer.line(&line),
            false => answer::line(&line.to_string()),
        };
        let shown = async |progress: Progress| logs::logs(&arguments, since, &progress, show).await;
        match answer::run(shown) {
            Ok(()) => ExitCode::SUCCESS,
            Err(failure) => self.answer.give::<()>(Err(failure), |()| String::new()),
        }
    }
}

/// What the hidden subcommand does that `up -d` starts. Its command was told of a failure.
pub fn own_tunnels() -> ExitCode {
    let runtime = match tokio::runtime::Runtime::new() {
        Ok(runtime) => runtime,
        Err(error) => {
            eprintln!("azds: the tunnels were not opened: {error}.");
            return ExitCode::from(1);
        }
    };
    let ended = runtime.block_on(background::run());
    // Asked to end, it ends, whatever a thread still waits for.
    runtime.shutdown_background();
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("azds: {failure}");
            ExitCode::from(1)
        }
    }
}

#[derive(Args)]
pub struct Doctor {
    #[command(flatten)]
    service: OfService,
    /// Also write what was found, the logs and the objects of the space, without secrets, to this
    /// new archive (tar)
    #[arg(long, value_name = "FILE")]
    bundle: Option<PathBuf>,
    #[command(flatten)]
    answer: Answer,
}

impl Doctor {
    pub fn run(self) -> ExitCode {
        let arguments = self.service.arguments(false);
        let result = answer::run(async |progress: Progress| {
            let result = doctor(&arguments, &progress).await?;
            if let Some(to) = &self.bundle {
                bundle(&arguments, &result, &log::files(), to, &progress).await?;
            }
            Ok(result)
        });
        let healthy = result
            .as_ref()
            .is_ok_and(|result| result.checks.iter().all(|check| check.failure.is_none()));
        let code = self.answer.give(result, diagnosis);
        if healthy { code } else { ExitCode::FAILURE }
    }
}

fn diagnosis(result: &DoctorResult) -> String {
    let names = result.checks.iter().map(|check| check.name.len());
    let width = names.max().unwrap_or_default();
    let lines = result.checks.iter().map(|check| {
        let (mark, said) = match (&check.failure, &check.unknown, &check.found) {
            (Some(failure), ..) => ("wrong", failure.to_string()),
            (None, Some(why), _) => ("?", why.clone()),
            (None, None, found) => ("ok", found.clone().unwrap_or_default()),
        };
        format!("{mark:<6} {:<width$}  {said}", check.name)
    });
    lines.collect::<Vec<_>>().join("\n")
}
