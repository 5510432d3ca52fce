//! `space` and `show-context`: where commands work.

use std::path::PathBuf;
use std::process::ExitCode;

use azds::commands::use_dev_spaces::remove_space;
use azds::commands::{space, terminal};
use azds_protocol::commands::{RemoveSpaceArguments, SelectSpaceArguments, ServiceArguments};
use clap::{Args, Subcommand};

use crate::answer::{self, Answer};
use crate::services::OfService;

#[derive(Subcommand)]
pub enum Space {
    /// Work in this space from now on
    Select {
        /// Name of the space, or PARENT/NAME
        #[arg(short, long)]
        name: String,
        /// Make the space if there is none of this name; needs the right to make namespaces
        #[arg(short, long)]
        yes: bool,
        /// Folder of the service
        #[arg(default_value = ".")]
        dir: PathBuf,
        #[command(flatten)]
        answer: Answer,
    },
    /// List the spaces; * marks the chosen one
    List {
        /// Folder of the service
        #[arg(default_value = ".")]
        dir: PathBuf,
        #[command(flatten)]
        answer: Answer,
    },
    /// Make a space an ordinary namespace again, and delete it if azds made it; for administrators
    Remove {
        /// Name of the space
        #[arg(short, long)]
        name: String,
        /// Keep the namespace and all that is in it
        #[arg(long)]
        no_delete: bool,
        /// Delete what runs in the namespace, too
        #[arg(short, long)]
        yes: bool,
        #[command(flatten)]
        answer: Answer,
    },
}

impl Space {
    pub fn run(self) -> ExitCode {
        match self {
            Space::Select {
                name,
                yes,
                dir,
                answer,
            } => {
                let arguments = SelectSpaceArguments {
                    folder: dir,
                    space: Some(name.clone()),
                    create: yes,
                };
                let result =
                    answer::run(async |progress| space::select_space(&arguments, &progress).await);
                answer.give(result, |()| format!("Dev space '{name}' is selected"))
            }
            Space::List { dir, answer } => {
                let arguments = ServiceArguments {
                    folder: dir,
                    space: None,
                    all: false,
                };
                let rows =
                    answer::run(async |progress| space::space_list(&arguments, &progress).await);
                answer.give(rows, |rows| terminal::spaces(rows))
            }
            Space::Remove {
                name,
                no_delete,
                yes,
                answer,
            } => {
                let arguments = RemoveSpaceArguments {
                    space: name,
                    keep_namespace: no_delete,
                    yes,
                };
                let result =
                    answer::run(async |progress| remove_space(&arguments, &progress).await);
                answer.give(result, |result| match result.namespace_deleted {
                    true => format!(
                        "Dev space '{}' and its namespace were removed",
                        result.space
                    ),
                    false => format!(
                        "'{}' is no dev space any more; its namespace stays",
                        result.space
                    ),
                })
            }
        }
    }
}

#[derive(Args)]
pub struct ShowContext {
    #[command(flatten)]
    service: OfService,
    #[command(flatten)]
    answer: Answer,
}

impl ShowContext {
    pub fn run(self) -> ExitCode {
        let arguments = self.service.arguments(false);
        let result = answer::run(async |progress| space::show_context(&arguments, &progress).await);
        self.answer.give(result, terminal::context)
    }
}
