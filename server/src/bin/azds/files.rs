//! `prep`, `explain` and `check`: what needs no cluster.

use std::io::{IsTerminal, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use azds::commands::sync::{Explained, Tier, explain};
use azds::commands::{check as checking, prep};
use azds_protocol::commands::{PrepArguments, PrepResult};
use clap::Args;

use crate::answer::{self, Answer};

#[derive(Args)]
pub struct Prep {
    /// Folder of the service
    #[arg(default_value = ".")]
    dir: PathBuf,
    /// Give the service an Ingress, so that it has a public address
    #[arg(long, visible_alias = "enable-ingress")]
    public: bool,
    /// Use this Helm chart, relative to DIR, instead of writing one
    #[arg(long, value_name = "DIR")]
    chart: Option<PathBuf>,
    /// Take the project for one of this language: dotnet, go, java, node, python
    #[arg(long)]
    language: Option<String>,
    /// Say what would be written, and write nothing
    #[arg(long)]
    dry_run: bool,
    /// Bring an azds.yaml of version 1.0 to 1.1, and do nothing else; azds.yaml.bak is what it was
    #[arg(long, conflicts_with_all = ["public", "chart", "language"])]
    upgrade: bool,
    #[command(flatten)]
    answer: Answer,
}

impl Prep {
    pub fn run(self) -> ExitCode {
        let arguments = PrepArguments {
            folder: self.dir,
            public: self.public,
            chart: self.chart,
            language: self.language,
            dry_run: self.dry_run,
            upgrade: self.upgrade,
        };
        let result = answer::run(async |progress| prep::prep(&arguments, &progress).await);
        self.answer.give(result, |result| match arguments.upgrade {
            true => upgraded(result, arguments.dry_run),
            false => prepared(result, arguments.dry_run),
        })
    }
}

fn upgraded(result: &PrepResult, dry_run: bool) -> String {
    let folder = result.folder.display();
    match (result.written.as_slice(), dry_run) {
        ([backup, ..], false) => {
            format!("azds.yaml in {folder} has version 1.1 now; {backup} is what it was")
        }
        ([backup, ..], true) => {
            format!("azds.yaml in {folder} would get version 1.1, and {backup} what it is")
        }
        ([], _) => format!("azds.yaml in {folder} has version 1.1 already"),
    }
}

fn prepared(result: &PrepResult, dry_run: bool) -> String {
    let (done, written) = match dry_run {
        true => ("Nothing was written to", "would write"),
        false => ("Prepared", "wrote"),
    };
    let mut lines = vec![format!("{done} {}", result.folder.display())];
    let mut list = |verb: &str, files: &[String]| {
        lines.extend(files.iter().map(|file| format!("  {verb:<11} {file}")));
    };
    list(written, &result.written);
    list("kept", &result.kept);
    for warning in &result.warnings {
        lines.push(format!("WARNING: {warning}"));
    }
    if !dry_run {
        lines.push(format!("{} is ready for: azds up", result.service));
    }
    lines.join("\n")
}

#[derive(Args)]
pub struct Explain {
    /// Files of services
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// Configuration of azds.yaml; none for the plain build
    #[arg(long, value_name = "NAME")]
    config: Option<String>,
    #[command(flatten)]
    answer: Answer,
}

impl Explain {
    pub fn run(self) -> ExitCode {
        let result = explain(&self.files, self.config.as_deref());
        self.answer.give(result, |explained| {
            let lines: Vec<_> = explained.iter().map(line).collect();
            lines.join("\n")
        })
    }
}

fn line(explained: &Explained) -> String {
    let tier = match explained.tier {
        Some(Tier::Sync) => "sync",
        Some(Tier::Restart) => "restart",
        Some(Tier::Rebuild) => "rebuild",
        None => "nothing",
    };
    let Explained { file, rule, .. } = explained;
    format!("{}: {tier} ({rule})", file.display())
}

pub fn check(arguments: &checking::Arguments) -> ExitCode {
    let mut out = std::io::stdout();
    let color = out.is_terminal() && std::env::var_os("NO_COLOR").is_none();
    let checked =
        answer::run(async |progress| checking::run(arguments, &mut out, color, &progress).await);
    match checked {
        Ok(false) => ExitCode::SUCCESS,
        Ok(true) => ExitCode::from(1),
        Err(failure) => {
            if arguments.output == checking::Output::Human {
                eprintln!("azds: {failure}");
            } else {
                // Nothing can be done about a reader that went away.
                _ = writeln!(out, "{}", serde_json::json!(failure));
            }
            ExitCode::from(2)
        }
    }
}
