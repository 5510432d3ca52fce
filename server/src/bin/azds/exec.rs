//! `exec`.

use std::path::PathBuf;
use std::process::ExitCode;

use azds::commands::exec::exec;
use azds_protocol::debug::AttachArguments;
use azds_protocol::exec::Exec as Order;
use clap::Args;
use tokio::io::AsyncRead;

use crate::answer;

/// How azds ends if the command was not run: no program's own exit code is usually that.
const NOT_RUN: u8 = 125;

#[derive(Args)]
pub struct Exec {
    /// Folder of the service
    #[arg(long, default_value = ".")]
    dir: PathBuf,
    /// Pass standard input on
    #[arg(short, long)]
    interactive: bool,
    /// End the service first, and start it again when the command has ended
    #[arg(long, alias = "restore-command")]
    on_exit_resume_up: bool,
    /// Namespace to work in, instead of the folder's chosen space
    #[arg(long)]
    space: Option<String>,
    /// Configuration of azds.yaml; none for the plain build
    #[arg(long, value_name = "NAME")]
    config: Option<String>,
    /// Pod, where the service has several
    #[arg(long)]
    pod: Option<String>,
    /// Program and arguments
    #[arg(last = true, required = true, value_name = "COMMAND")]
    command: Vec<String>,
}

impl Exec {
    pub fn run(self) -> ExitCode {
        let target = AttachArguments {
            folder: Some(self.dir),
            configuration: self.config,
            space: self.space,
            pod: self.pod,
            ..AttachArguments::default()
        };
        let order = Order {
            command: self.command,
            in_place: self.on_exit_resume_up,
        };
        let ended = answer::run(async |progress| {
            let input: Box<dyn AsyncRead + Send + Unpin> = match self.interactive {
                true => Box::new(tokio::io::stdin()),
                false => Box::new(tokio::io::empty()),
            };
            let (mut out, mut err) = (tokio::io::stdout(), tokio::io::stderr());
            exec(&target, &order, &progress, input, &mut out, &mut err).await
        });
        match ended {
            Ok(code) => ExitCode::from(code),
            Err(failure) => {
                eprintln!("azds: {failure}");
                ExitCode::from(NOT_RUN)
            }
        }
    }
}
