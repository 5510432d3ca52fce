//! `use-dev-spaces`, `remove-dev-spaces` and `images`: an administrator's part.

use std::path::PathBuf;
use std::process::ExitCode;

use azds::commands::use_dev_spaces::{remove_dev_spaces, use_dev_spaces};
use azds::commands::{debugger, images};
use azds_protocol::commands::{PushImagesArguments, UseDevSpacesArguments};
use clap::{Args, Subcommand};

use crate::answer::{self, Answer};

#[derive(Args)]
pub struct UseDevSpaces {
    /// Namespace that becomes a space, instead of the kubeconfig's; it is made if need be
    #[arg(short, long)]
    space: Option<String>,
    /// What $(hostSuffix) in azds.yaml stands for, with its leading dot
    #[arg(long, value_name = "SUFFIX")]
    host_suffix: Option<String>,
    /// Class of the Ingresses that azds writes
    #[arg(long, value_name = "CLASS")]
    ingress_class: Option<String>,
    /// Registry with the images of azds; without one they must be on the nodes
    #[arg(long)]
    registry: Option<String>,
    /// Push what is built to a registry, HOST/FOLDER or HOST:PORT/FOLDER, where nodes pull it; `nodes` to build into the
    /// stores of the nodes again
    #[arg(long, value_name = "REGISTRY")]
    builds_to: Option<String>,
    /// Keep this machine's Docker login for that registry in the cluster, to push with
    #[arg(long, requires = "builds_to")]
    builds_login: bool,
    /// A user, or group:NAME, who may work in the space; can be given again
    #[arg(long, value_name = "USER|group:GROUP")]
    grant: Vec<String>,
    /// Values file for the chart of azds; can be given again, later ones win
    #[arg(long, value_name = "FILE")]
    values: Vec<PathBuf>,
    #[command(flatten)]
    answer: Answer,
}

impl UseDevSpaces {
    pub fn run(self) -> ExitCode {
        let arguments = UseDevSpacesArguments {
            space: self.space,
            host_suffix: self.host_suffix,
            ingress_class: self.ingress_class,
            registry: self.registry,
            builds_to: self.builds_to,
            builds_login: self.builds_login,
            grant: self.grant,
            values: self.values,
        };
        let result = answer::run(async |progress| use_dev_spaces(&arguments, &progress).await);
        self.answer.give(result, |result| {
            let space = result.space.as_deref().unwrap_or_default();
            match result.changed {
                true => format!("Dev space '{space}' is ready (release {})", result.release),
                false => format!("Dev space '{space}' is ready; nothing had to be changed"),
            }
        })
    }
}

#[derive(Args)]
pub struct RemoveDevSpaces {
    #[command(flatten)]
    answer: Answer,
}

impl RemoveDevSpaces {
    pub fn run(self) -> ExitCode {
        let result = answer::run(async |progress| remove_dev_spaces(&progress).await);
        self.answer.give(result, |result| match result.changed {
            true => "Dev spaces were removed".to_owned(),
            false => "There were no dev spaces".to_owned(),
        })
    }
}

#[derive(Subcommand)]
pub enum Images {
    /// Write an archive to import on each node: ctr -n k8s.io images import FILE
    Save {
        /// The archive
        file: PathBuf,
        /// Which image: that of azds, or of a debugger that is installed here
        #[arg(default_value = "azds", value_parser = ["azds", "debugger-dotnet", "debugger-go", "debugger-python"])]
        image: String,
        /// A folder that holds the debugger, instead of the one that is installed
        #[arg(long, value_name = "FOLDER")]
        from: Option<PathBuf>,
        #[command(flatten)]
        answer: Answer,
    },
    /// Push to a registry of your own, with Docker's credentials for it
    Push {
        /// Where to: HOST, HOST:PORT or HOST/FOLDER
        #[arg(long)]
        registry: String,
        /// azds-agent for another architecture, of the same release; can be given again
        #[arg(long = "agent", value_name = "FILE")]
        agents: Vec<PathBuf>,
        /// Authorities (PEM) that the registry's certificate may be signed by
        #[arg(long, value_name = "FILE")]
        registry_ca: Option<PathBuf>,
        /// Speak HTTP without TLS
        #[arg(long)]
        plain_http: bool,
        #[command(flatten)]
        answer: Answer,
    },
}

impl Images {
    pub fn run(self) -> ExitCode {
        match self {
            Images::Save {
                file,
                image,
                from,
                answer,
            } => {
                let saved = match image.strip_prefix("debugger-") {
                    Some(runtime) => debugger::in_folder_or_installed(runtime, from)
                        .and_then(|installed| images::save_debugger(&file, &installed)),
                    None => images::save(&file),
                };
                answer.give(saved, |image| {
                    format!("Wrote {image} to {}", file.display())
                })
            }
            Images::Push {
                registry,
                agents,
                registry_ca,
                plain_http,
                answer,
            } => {
                let arguments = PushImagesArguments {
                    registry,
                    agents,
                    registry_ca,
                    plain_http,
                };
                let pushed =
                    answer::run(async |progress| images::push(&arguments, &progress).await);
                answer.give(pushed, |pushed| {
                    let architectures = pushed.architectures.join(", ");
                    format!(
                        "Pushed {} ({architectures}), {}",
                        pushed.image, pushed.digest
                    )
                })
            }
        }
    }
}
