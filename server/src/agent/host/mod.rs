//! `azds-agent host`: the process that starts the service of a container, and what the developer's
//! machine reaches there.

mod dotnet;
mod exec;
mod init;
mod iterate;
mod service;
mod sync;
mod tunnel;

use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use azds_protocol::agent::{
    AGENT_FOLDER, BuildSpec, HOST_PORT, HostState, ImageStart, SECRET_BUILD, SECRET_FOLDER,
    SECRET_TOKEN,
};
use azds_protocol::sync::{Iterate, SECRET_CHANGES};
use hyper::body::Incoming;
use hyper::{Method, Request, StatusCode};
use serde::Deserialize as _;
use tokio::net::TcpListener;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};
use tokio_util::sync::CancellationToken;

use super::debug::{Debug, Service as _};
use super::http;
use super::probe::held_file;
use crate::failure::{Context, Failure, Result};
pub use init::become_init;
pub use service::Service;
pub use sync::Files;

/// File in the agent's folder with the [`ImageStart`] of the image.
pub const START_FILE: &str = "start.json";
/// File in the agent's folder that says which files of seeded folders were changed.
const RECORD_FILE: &str = "changed";
/// The largest order to build and start again that is read.
const ITERATE_LIMIT: usize = 1 << 20;
/// How long a service stays under a debugger that lets it run, after a session, for the next one.
const REST: Duration = Duration::from_secs(10 * 60);
const WHAT: &str = "the service was not started";

/// What `azds-agent host` is told by the webhook.
#[derive(Debug, Clone, clap::Args)]
pub struct Arguments {
    /// Which of the pod's wrapped containers this is.
    #[arg(long)]
    index: u16,
    /// How many of the words that follow are the chart's `command`; the others are its `args`.
    #[arg(long)]
    command_length: usize,
    /// Whether the chart gives `args`; an empty list replaces the image's, too.
    #[arg(long)]
    args_given: bool,
    /// Whether folders of the container are volumes that were seeded from the image.
    #[arg(long)]
    seeded: bool,
    /// The chart's command and args.
    #[arg(last = true)]
    words: Vec<String>,
}

/// Runs the service until it ends; its exit code is ours.
pub async fn run(arguments: Arguments) -> Result<u8> {
    let secret = PathBuf::from(SECRET_FOLDER);
    let spec: BuildSpec = read(&secret.join(SECRET_BUILD))?;
    let start: ImageStart = read(&PathBuf::from(AGENT_FOLDER).join(START_FILE))?;
    let command = command(&arguments, &spec, start);
    let token = secret.join(SECRET_TOKEN);
    let token = std::fs::read_to_string(&token).or_fail(WHAT, token.display().to_string())?;

    let files = match arguments.seeded {
        true => Files::lasting("/", &PathBuf::from(AGENT_FOLDER).join(RECORD_FILE))?,
        false => Files::new("/"),
    };
    // The developer's machine reaches the first container only, so what it brought was for that.
    if arguments.index == 0 {
        begin_with(&secret.join(SECRET_CHANGES), &files).await?;
    }
    let (service, ended) = Service::start(command)?;
    let held = held_file(arguments.index);
    let host = Arc::new(Host {
        token: token.trim().to_owned(),
        debug: Debug::new(
            Arc::new(service.clone()),
            Path::new(AGENT_FOLDER),
            held.clone(),
            REST,
        ),
        service,
        place: Arc::new(Semaphore::new(1)),
        held,
        files,
    });
    let port = HOST_PORT + arguments.index;
    match TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await {
        Ok(listener) => {
            tokio::spawn(serve(listener, host));
        }
        // The service matters more than what azds does with it.
        Err(error) => tracing::error!(port, %error, "tunnels and debuggers are not available"),
    }
    Ok(ended.await)
}

/// Puts what was brought to containers before this one into its files, and builds if that was part of it.
async fn begin_with(kept: &Path, files: &Files) -> Result<()> {
    let changes = match std::fs::read(kept) {
        Ok(changes) => changes,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error).or_fail(WHAT, kept.display().to_string()),
    };
    let applied = files.read(changes.as_slice()).await?;
    let mut list = serde_json::Deserializer::from_slice(changes.get(4..).unwrap_or_default());
    let object = kept.display().to_string();
    let order = Iterate::deserialize(&mut list).or_fail(WHAT, object)?;
    tracing::info!(
        applied.files,
        applied.removed,
        "begins with the files that were synced"
    );
    iterate::build_alone(&order).await
}

fn read<T: serde::de::DeserializeOwned>(path: &Path) -> Result<T> {
    let object = path.display().to_string();
    let text = std::fs::read(path).or_fail(WHAT, &object)?;
    serde_json::from_slice(&text).or_fail(WHAT, object)
}

/// What is started: what azds.yaml says, else what the chart says, else what the image says. The
/// chart's `command` replaces both parts of the image's, its `args` the second, as in a pod without us.
fn command(arguments: &Arguments, spec: &BuildSpec, image: ImageStart) -> Vec<String> {
    if arguments.index == 0 && !spec.command.is_empty() {
        return spec.command.clone();
    }
    let (command, args) = arguments
        .words
        .split_at(arguments.command_length.min(arguments.words.len()));
    if !command.is_empty() {
        return [command, args].concat();
    }
    let args = if arguments.args_given {
        args.to_vec()
    } else {
        image.cmd
    };
    [image.entrypoint, args].concat()
}

/// What a connection needs.
struct Host {
    token: String,
    service: Service,
    debug: Debug<Service>,
    files: Files,
    /// Held by a command that runs in the service's place.
    place: Arc<Semaphore>,
    /// The file by which probes know that the service may be silent.
    held: PathBuf,
}

impl Host {
    /// The right to run in the service's place, unless somebody has it.
    fn take_place(&self) -> Option<OwnedSemaphorePermit> {
        Arc::clone(&self.place).try_acquire_owned().ok()
    }
}

async fn serve(listener: TcpListener, host: Arc<Host>) {
    loop {
        let stream = super::accept(&listener).await;
        let host = Arc::clone(&host);
        tokio::spawn(async move {
            let respond = move |request| respond(request, Arc::clone(&host));
            if let Err(error) = http::serve(stream, respond, &CancellationToken::new()).await {
                tracing::debug!(%error, "a connection of a developer ended");
            }
        });
    }
}

async fn respond(request: Request<Incoming>, host: Arc<Host>) -> http::Answer {
    if let Err(answer) = http::check_version(&request) {
        return *answer;
    }
    if !http::bearer(&request).is_some_and(|token| http::same_secret(token, &host.token)) {
        let failure = Failure::new(
            "the host did not listen",
            "",
            "the token is not that of this up",
        )
        .try_to("Run up again.");
        return http::refuse(StatusCode::FORBIDDEN, &failure);
    }
    match (request.method(), request.uri().path()) {
        _ if Debug::<Service>::answers(&request) => host.debug.respond(request).await,
        (&Method::GET, "/v1/state") => {
            let debugged_by = host.debug.debugged_by();
            http::json(
                StatusCode::OK,
                &HostState {
                    debugged_by,
                    ..host.service.state()
                },
            )
        }
        (&Method::GET, "/v1/follow") => follow(&host),
        (&Method::GET, "/v1/sync") => http::json(StatusCode::OK, &host.files.synced().await),
        (&Method::POST, "/v1/sync") => match host.files.apply(request.into_body()).await {
            Ok(applied) => http::json(StatusCode::OK, &applied),
            Err(failure) => http::refuse(StatusCode::BAD_REQUEST, &failure),
        },
        (&Method::POST, "/v1/iterate") => iterate_in(request, &host).await,
        (&Method::POST, "/v1/exec") => exec::exec(request, &host).await,
        (&Method::CONNECT, _) => tunnel::open(request).await,
        _ => http::unknown(&request),
    }
}

fn follow(host: &Host) -> http::Answer {
    let (states, receiver) = mpsc::channel(8);
    let mut follower = host.service.follow();
    tokio::spawn(async move {
        loop {
            let changed = tokio::select! {
                changed = follower.state.changed() => changed,
                () = states.closed() => return,
            };
            let state = follower.state.borrow_and_update().clone();
            if changed.is_err() || states.send(state).await.is_err() {
                return;
            }
        }
    });
    http::lines(http::received(receiver))
}

async fn iterate_in(request: Request<Incoming>, host: &Host) -> http::Answer {
    let order = match http::read_json::<Iterate>(request.into_body(), ITERATE_LIMIT).await {
        Ok(order) => order,
        Err(failure) => return http::refuse(StatusCode::BAD_REQUEST, &failure),
    };
    if host.place.available_permits() == 0 {
        let why = "azds exec runs in its place";
        let failure = Failure::new("the service was not started again", "", why)
            .try_to("End that; the next change starts the service again.");
        return http::refuse(StatusCode::CONFLICT, &failure);
    }
    let (events, receiver) = mpsc::channel(256);
    tokio::spawn(iterate::iterate(host.service.clone(), order, events));
    http::lines(http::received(receiver))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str) -> Vec<String> {
        text.split_whitespace().map(str::to_owned).collect()
    }

    fn started(chart: (&str, Option<&str>), azds: &str) -> String {
        let (chart_command, chart_args) = chart;
        let arguments = Arguments {
            index: 0,
            command_length: words(chart_command).len(),
            args_given: chart_args.is_some(),
            seeded: false,
            words: [words(chart_command), words(chart_args.unwrap_or(""))].concat(),
        };
        let spec = BuildSpec {
            release: String::new(),
            context: crate::context::digest_of(b""),
            args: Default::default(),
            command: words(azds),
        };
        let image = ImageStart {
            entrypoint: words("entry -e"),
            cmd: words("cmd -c"),
            working_dir: String::new(),
        };
        command(&arguments, &spec, image).join(" ")
    }

    #[test]
    fn command_and_args_mean_what_they_mean_in_a_pod() {
        assert_eq!(started(("", None), ""), "entry -e cmd -c");
        assert_eq!(started(("", Some("a b")), ""), "entry -e a b");
        assert_eq!(started(("", Some("")), ""), "entry -e");
        assert_eq!(started(("c", None), ""), "c");
        assert_eq!(started(("c", Some("a")), ""), "c a");
        assert_eq!(started(("c", Some("a")), "dotnet run"), "dotnet run");
    }

    #[tokio::test]
    async fn a_container_begins_with_what_was_brought_to_those_before() {
        let folder = tempfile::tempdir().expect("a folder");
        let files = Files::new(folder.path());
        let kept = folder.path().join("kept");
        begin_with(&kept, &files).await.expect("nothing to do");

        let built = folder.path().join("built");
        let list = azds_protocol::sync::Kept {
            iterate: Iterate {
                build_commands: vec![vec!["touch".to_owned(), built.display().to_string()]],
            },
            batch: azds_protocol::sync::Batch {
                entries: vec![azds_protocol::agent::Entry::File {
                    path: "app/a.py".to_owned(),
                    blob: crate::context::blob_of(b"new"),
                    executable: false,
                }],
                ..azds_protocol::sync::Batch::default()
            },
        };
        let form = crate::cluster::agent::in_form(&list, vec!["new".into()]).expect("a form");
        std::fs::write(&kept, form.collect::<Vec<_>>().concat()).expect("written");
        begin_with(&kept, &files).await.expect("applied");
        let file = std::fs::read_to_string(folder.path().join("app/a.py"));
        assert_eq!(file.expect("there"), "new");
        assert!(built.exists(), "it was built");
        assert_eq!(files.synced().await.batch, list.batch, "and is known");
    }
}
