//! `up`, and what it does while it stays: output, and changes brought to the container.

use std::path::PathBuf;
use std::process::ExitCode;

use azds::commands::stay::Stay;
use azds::commands::sync::{News, files_of, line_of};
use azds::commands::together::below;
use azds::commands::up::{Attached, up, up_attached};
use azds::failure::Failure;
use azds::progress::Progress;
use azds_protocol::change::Change;
use azds_protocol::commands::{PortMapping, UpArguments, UpResult};
use clap::Args;
use serde::Serialize;

use crate::answer::{self, Answer};
use crate::up_together;

#[derive(Args)]
pub struct Up {
    /// Folder of the service; of several, each is brought up after those that it needs
    #[arg(default_value = ".")]
    dirs: Vec<PathBuf>,
    /// All services in the folders and below them
    #[arg(short, long)]
    all: bool,
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
    /// Program to start in the container, instead of what azds.yaml, chart and image say; its arguments
    /// follow after --
    #[arg(long, value_name = "PROGRAM")]
    command: Option<String>,
    #[command(flatten)]
    old: Old,
    #[command(flatten)]
    answer: Answer,
    /// Arguments of --command
    #[arg(last = true, requires = "command", value_name = "ARGUMENTS")]
    arguments: Vec<String>,
}

/// What the tasks that Azure Dev Spaces wrote say besides. They end when the service is up and leave
/// the rest to a background process, which azds does with --detach.
#[derive(Args)]
struct Old {
    /// The service runs until `azds exec --on-exit-resume-up` takes its place
    #[arg(long, alias = "no-command", hide = true)]
    await_exec: bool,
    #[arg(long, hide = true)]
    keep_alive: bool,
    #[arg(long, hide = true)]
    iterate: bool,
    #[arg(long, hide = true)]
    sync_only: bool,
    #[arg(long, hide = true)]
    disable_http_traces: bool,
    #[arg(long, hide = true)]
    no_telemetry: bool,
}

impl Old {
    fn detach(&self) -> bool {
        let Old {
            await_exec,
            keep_alive,
            iterate,
            sync_only,
            // There are no traces and no telemetry to switch off.
            disable_http_traces: _,
            no_telemetry: _,
        } = *self;
        await_exec || keep_alive || iterate || sync_only
    }
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
        let mut arguments = UpArguments {
            folder: PathBuf::new(),
            space: self.space,
            configuration: self.config,
            ports: self.ports,
            command: self.command.into_iter().chain(self.arguments).collect(),
            detach: self.detach || self.old.detach(),
        };
        let folders = match self.all {
            true => below(&self.dirs),
            false => Ok(self.dirs),
        };
        arguments.folder = match folders.as_deref() {
            Ok([only]) => only.clone(),
            Ok(several) if !arguments.ports.is_empty() || !arguments.command.is_empty() => {
                let object = format!("{} services", several.len());
                let why = "a local port, and a command, can be that of one of them only";
                let failure = Failure::new("the services were not started", object, why)
                    .try_to("Leave --port and --command out, or bring that service up by itself.");
                return self
                    .answer
                    .give::<UpResult>(Err(failure), |_| String::new());
            }
            Ok(several) => return up_together::run(several, &arguments, &self.answer),
            Err(failure) => {
                let failure = failure.clone();
                return self
                    .answer
                    .give::<UpResult>(Err(failure), |_| String::new());
            }
        };
        if arguments.detach {
            let result = answer::run(async |progress| up(&arguments, &progress).await);
            return self.answer.give(result, is_up);
        }
        let mut code = ExitCode::SUCCESS;
        let shown = answer::run(async |progress| {
            let attached = up_attached(&arguments, &progress).await?;
            code = self
                .answer
                .give(Ok(&attached.result), |result| is_up(result));
            eprintln!("Changes are synced. Press Ctrl+C to detach");
            let result = attached.result.clone();
            keep(attached, &arguments, None, &progress, &self.answer).await;
            Ok(result)
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

/// Shows the service's output and keeps it up to date until Ctrl+C, or until another azds takes the
/// tunnels over. One of several is told apart by its name.
pub async fn keep(
    attached: Attached,
    arguments: &UpArguments,
    name: Option<&str>,
    progress: &Progress,
    form: &Answer,
) {
    let (mut stay, warning) = Stay::begin(attached, arguments.clone()).await;
    let voice = Voice { form, name };
    if let Some(warning) = warning {
        voice.line(format_args!("azds: {warning}"));
    }
    let tell = |news: News| voice.tell(&news);
    while !progress.cancellation().is_cancelled() {
        let asked = tokio::select! {
            asked = stay.until_rebuild(&tell, true) => asked,
            () = progress.cancellation().cancelled() => break,
        };
        let Some(asked) = asked else {
            let gone = "Another azds has taken the tunnels over, or closed them.";
            return voice.line(format_args!("{gone}"));
        };
        stay.rebuild(asked, progress, &tell).await;
    }
    if let Err(failure) = stay.end().await {
        eprintln!("azds: {failure}");
    }
}

/// How the news of a service are told.
struct Voice<'a> {
    form: &'a Answer,
    name: Option<&'a str>,
}

impl Voice<'_> {
    fn line(&self, line: std::fmt::Arguments<'_>) {
        match self.name {
            Some(name) => eprintln!("[{name}] {line}"),
            None => eprintln!("{line}"),
        }
    }

    /// A line for a program.
    fn value(&self, value: &impl Serialize) {
        let mut value = serde_json::json!(value);
        if let Some(name) = self.name {
            value["service"] = name.into();
        }
        self.form.line(&value);
    }

    fn tell(&self, news: &News) {
        match news {
            News::Done(change) if self.form.is_json() => self.value(change),
            News::Done(change) => self.line(format_args!("{}", line_of(change))),
            News::Rebuilding(change) => {
                let Change { rule, .. } = change;
                let files = files_of(change);
                self.line(format_args!("{files} changed: building again ({rule})"));
            }
            News::Failed(failure) if self.form.is_json() => self.value(failure),
            News::Failed(failure) => self.line(format_args!("azds: {failure}")),
            News::Mistaken(mistakes) if self.form.is_json() => self.value(mistakes),
            // Whoever reads the output has read them there.
            News::Mistaken(_) => {}
            News::Output(line) => self.line(format_args!("{line}")),
            News::Ended(code) => self.line(format_args!(
                "The service has ended with exit code {code}; the next change starts it again."
            )),
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
