//! `up`, `down`, `list-up`, `list-uris` and `space`: a developer's day.

use std::path::PathBuf;
use std::process::ExitCode;

use azds::commands::doctor::doctor;
use azds::commands::owner::background;
use azds::commands::up::{Attached, follow_logs, up, up_attached};
use azds::commands::{down, list_up, list_uris, logs, select_space, terminal};
use azds::failure::Result;
use azds::progress::Progress;
use azds_protocol::commands::{DoctorResult, PortMapping, ServiceArguments, UpArguments, UpResult};
use clap::{Args, Subcommand};

use crate::answer::{self, Answer};

#[derive(Args)]
pub struct Up {
    /// Folder of the service
    #[arg(default_value = ".")]
    dir: PathBuf,
    /// Leave the tunnels to a background process instead of showing the service's output
    #[arg(short, long)]
    detach: bool,
    /// Say more of what is done
    #[arg(short, long)]
    pub verbose: bool,
    /// Local port of a tunnel and the service's port that it leads to; can be given again
    #[arg(short, long = "port", value_name = "LOCAL:REMOTE", value_parser = port_mapping)]
    ports: Vec<PortMapping>,
    /// Namespace to work in, instead of the folder's chosen space
    #[arg(long)]
    space: Option<String>,
    /// Configuration of azds.yaml; none for the plain build
    #[arg(long, value_name = "NAME")]
    config: Option<String>,
    #[command(flatten)]
    answer: Answer,
}

fn port_mapping(text: &str) -> Result<PortMapping, String> {
    let form = || "it must have the form LOCAL:REMOTE, such as 8080:80".to_owned();
    let (local, remote) = text.split_once(':').ok_or_else(form)?;
    let port = |text: &str| text.parse().ok().filter(|port| *port != 0).ok_or_else(form);
    Ok(PortMapping {
        local: port(local)?,
        remote: port(remote)?,
    })
}

impl Up {
    pub fn run(self) -> ExitCode {
        let arguments = UpArguments {
            folder: self.dir,
            space: self.space,
            configuration: self.config,
            ports: self.ports,
        };
        if self.detach {
            let result = answer::run(async |progress| up(&arguments, &progress).await);
            return self.answer.give(result, is_up);
        }
        let mut code = ExitCode::SUCCESS;
        let shown = answer::run(async |progress| {
            let attached = up_attached(&arguments, &progress).await?;
            code = self
                .answer
                .give(Ok(&attached.result), |result| is_up(result));
            eprintln!("Press Ctrl+C to detach");
            stay(&attached, &progress).await;
            Ok(attached.result)
        });
        match shown {
            Ok(result) => {
                eprintln!(
                    "'{}' goes on running in dev space '{}'; azds down removes it.",
                    result.service, result.space
                );
                code
            }
            Err(failure) => self
                .answer
                .give::<UpResult>(Err(failure), |_| String::new()),
        }
    }
}

/// Shows the service's output until Ctrl+C, or until another azds takes the tunnels over.
async fn stay(attached: &Attached, progress: &Progress) {
    let logs = async {
        follow_logs(&attached.cluster, &attached.pod, |line| eprintln!("{line}")).await;
        eprintln!("The pod is gone; the tunnels lead to the one that replaces it.");
        std::future::pending::<()>().await;
    };
    tokio::select! {
        () = logs => {}
        () = progress.cancellation().cancelled() => {}
        () = attached.owner.ended.cancelled() => {
            eprintln!("Another azds has taken the tunnels over, or closed them.");
        }
    }
}

fn is_up(result: &UpResult) -> String {
    let counted = result.context;
    format!(
        "'{}' is up in dev space '{}' ({} of {} files sent)",
        result.service, result.space, counted.sent_files, counted.files
    )
}

#[derive(Args)]
pub struct Down {
    /// Folder of the service
    #[arg(default_value = ".")]
    dir: PathBuf,
    /// Namespace to work in, instead of the folder's chosen space
    #[arg(long)]
    space: Option<String>,
    #[command(flatten)]
    answer: Answer,
}

impl Down {
    pub fn run(self) -> ExitCode {
        let arguments = service_arguments(self.dir, self.space, false);
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
    /// Folder whose space is meant
    #[arg(default_value = ".")]
    dir: PathBuf,
    /// Namespace, instead of the folder's chosen space
    #[arg(long)]
    space: Option<String>,
    /// All services of the space, not only the folder's
    #[arg(short, long)]
    all: bool,
    #[command(flatten)]
    answer: Answer,
}

impl List {
    pub fn services(self) -> ExitCode {
        let arguments = service_arguments(self.dir, self.space, self.all);
        let rows = answer::run(async |progress| list_up::list_up(&arguments, &progress).await);
        self.answer.give(rows, |rows| match rows.is_empty() {
            true => "No service is up.".to_owned(),
            false => terminal::services(rows, jiff::Timestamp::now()),
        })
    }

    pub fn uris(self) -> ExitCode {
        let arguments = service_arguments(self.dir, self.space, self.all);
        let rows = answer::run(async |progress| list_uris::list_uris(&arguments, &progress).await);
        self.answer.give(rows, |rows| match rows.is_empty() {
            true => "There are no addresses.".to_owned(),
            false => terminal::uris(rows),
        })
    }
}

#[derive(Args)]
pub struct Logs {
    /// Folder of the service
    #[arg(default_value = ".")]
    dir: PathBuf,
    /// Namespace to look in, instead of the folder's chosen space
    #[arg(long)]
    space: Option<String>,
}

impl Logs {
    pub fn run(self) -> ExitCode {
        let arguments = service_arguments(self.dir, self.space, false);
        let shown =
            async |progress: Progress| logs::logs(&arguments, &progress, answer::line).await;
        match answer::run(shown) {
            Ok(()) => ExitCode::SUCCESS,
            Err(failure) => {
                eprintln!("azds: {failure}");
                ExitCode::FAILURE
            }
        }
    }
}

#[derive(Subcommand)]
pub enum Space {
    /// Work in this space from now on
    Select {
        /// Name of the space
        #[arg(short, long)]
        name: String,
        /// Folder of the service
        #[arg(default_value = ".")]
        dir: PathBuf,
        #[command(flatten)]
        answer: Answer,
    },
}

impl Space {
    pub fn run(self) -> ExitCode {
        let Space::Select { name, dir, answer } = self;
        let arguments = service_arguments(dir, Some(name.clone()), false);
        let result =
            answer::run(async |progress| select_space::select_space(&arguments, &progress).await);
        answer.give(result, |()| format!("Dev space '{name}' is selected"))
    }
}

fn service_arguments(folder: PathBuf, space: Option<String>, all: bool) -> ServiceArguments {
    ServiceArguments { folder, space, all }
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
    /// Folder of the service
    #[arg(default_value = ".")]
    dir: PathBuf,
    /// Namespace to look at, instead of the folder's chosen space
    #[arg(long)]
    space: Option<String>,
    #[command(flatten)]
    answer: Answer,
}

impl Doctor {
    pub fn run(self) -> ExitCode {
        let arguments = ServiceArguments {
            folder: self.dir,
            space: self.space,
            all: false,
        };
        let result = answer::run(async |progress| doctor(&arguments, &progress).await);
        let healthy = result
            .as_ref()
            .is_ok_and(|result| result.checks.iter().all(|check| check.failure.is_none()));
        let code = self.answer.give(result, diagnosis);
        if healthy { code } else { ExitCode::FAILURE }
    }
}

fn diagnosis(result: &DoctorResult) -> String {
    let lines = result.checks.iter().map(|check| {
        let (mark, said) = match (&check.failure, &check.found) {
            (Some(failure), _) => ("wrong", failure.to_string()),
            (None, found) => ("ok", found.clone().unwrap_or_default()),
        };
        format!("{mark:<6} {:<20} {said}", check.name)
    });
    lines.collect::<Vec<_>>().join("\n")
}
