//! `up`, and what it does while it stays: output, and changes brought to the container.

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Instant;

use azds::commands::sync::{Done, News, Sync, Tier, ms_since};
use azds::commands::up::{Attached, follow_output, up, up_attached};
use azds::progress::Progress;
use azds_protocol::commands::{PortMapping, UpArguments, UpResult};
use clap::Args;

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
        let arguments = UpArguments {
            folder: self.dir,
            space: self.space,
            configuration: self.config,
            ports: self.ports,
            command: self.command.into_iter().chain(self.arguments).collect(),
        };
        if self.detach || self.old.detach() {
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
            stay(attached, &arguments, &progress, &self.answer).await;
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
/// tunnels over.
async fn stay(mut attached: Attached, arguments: &UpArguments, progress: &Progress, form: &Answer) {
    let mut first = true;
    loop {
        let begun = Sync::begin(attached.subject()).await;
        let (mut sync, warning) = match begun {
            Ok(begun) => begun,
            Err(failure) => {
                eprintln!("azds: {failure}");
                return only_logs(&attached, progress).await;
            }
        };
        if let Some(warning) = warning.filter(|_| first) {
            eprintln!("azds: {warning}");
        }
        first = false;
        loop {
            let mut listen = |news| tell(form, &news);
            let asked = tokio::select! {
                () = logs(&attached) => None,
                asked = sync.until_rebuild(&mut listen) => Some(asked),
                () = progress.cancellation().cancelled() => None,
                () = attached.owner.ended.cancelled() => return taken_over(),
            };
            let Some(asked) = asked else {
                if let Err(failure) = sync.keep().await {
                    eprintln!("azds: {failure}");
                }
                return;
            };
            eprintln!("{} changed: building again ({})", of(&asked), asked.rule);
            let at = Instant::now();
            match attached.again(arguments, progress).await {
                Ok(()) => {
                    let ms = ms_since(at);
                    tell(form, &News::Done(Done { ms, ..asked }));
                    break;
                }
                Err(_) if progress.cancellation().is_cancelled() => return,
                Err(failure) => {
                    tell(form, &News::Failed(failure));
                    sync.owe(asked);
                }
            }
        }
    }
}

async fn only_logs(attached: &Attached, progress: &Progress) {
    tokio::select! {
        () = logs(attached) => {}
        () = progress.cancellation().cancelled() => {}
        () = attached.owner.ended.cancelled() => taken_over(),
    }
}

async fn logs(attached: &Attached) {
    follow_output(attached, |line| eprintln!("{line}")).await;
}

fn taken_over() {
    eprintln!("Another azds has taken the tunnels over, or closed them.");
}

fn of(done: &Done) -> String {
    match done.others {
        0 => done.file.clone(),
        1 => format!("{} and another file", done.file),
        others => format!("{} and {others} other files", done.file),
    }
}

fn tell(form: &Answer, news: &News) {
    match news {
        News::Done(done) if form.is_json() => form.line(done),
        News::Done(done) => {
            let what = match done.tier {
                Tier::Sync => "synced",
                Tier::Restart => "synced and started again",
                Tier::Rebuild => "built again",
            };
            let Done { rule, ms, .. } = done;
            eprintln!("{}: {what} in {ms} ms ({rule})", of(done));
        }
        News::Failed(failure) if form.is_json() => form.line(failure),
        News::Failed(failure) => eprintln!("azds: {failure}"),
        News::Output(line) => eprintln!("{line}"),
        News::Ended(code) => eprintln!(
            "The service has ended with exit code {code}; the next change starts it again."
        ),
    }
}

fn is_up(result: &UpResult) -> String {
    let counted = result.context;
    format!(
        "'{}' is up in dev space '{}' ({} of {} files sent)",
        result.service, result.space, counted.sent_files, counted.files
    )
}
