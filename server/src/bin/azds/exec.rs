//! `exec`.

use std::io;
use std::path::PathBuf;
use std::pin::Pin;
use std::process::ExitCode;

use azds::commands::exec::{Input, exec};
use azds_protocol::debug::AttachArguments;
use azds_protocol::exec::Exec as Order;
use clap::Args;
use futures_util::stream::{empty, select};
use futures_util::{Stream, StreamExt};
use tokio_util::io::ReaderStream;

use crate::answer;
use crate::raw::{NO_TERMINAL, Raw, sizes, terminal};

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
    /// Give the command a terminal, with -i that of azds
    #[arg(short, long)]
    tty: bool,
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
        let own = terminal();
        if self.tty && own.is_none() {
            eprintln!("azds: {NO_TERMINAL}");
        }
        let order = Order {
            command: self.command,
            in_place: self.on_exit_resume_up,
            terminal: own.filter(|_| self.tty),
        };
        let has_terminal = order.terminal.is_some();
        let ended = answer::run(async |progress| {
            let mut raw = None;
            let input = || -> Pin<Box<dyn Stream<Item = io::Result<Input>> + Send>> {
                let bytes = ReaderStream::new(tokio::io::stdin());
                let bytes = bytes.map(|piece| piece.map(Input::Bytes));
                match (self.interactive, has_terminal) {
                    (true, true) => {
                        raw = Raw::begin();
                        select(bytes, sizes().map(Ok)).boxed()
                    }
                    (true, false) => bytes.boxed(),
                    (false, true) => sizes().map(Ok).boxed(),
                    (false, false) => empty().boxed(),
                }
            };
            let (mut out, mut err) = (tokio::io::stdout(), tokio::io::stderr());
            let ended = exec(&target, &order, &progress, input, &mut out, &mut err).await;
            drop(raw);
            ended
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
