//! `up` of several services, in one process.

use std::path::PathBuf;
use std::process::ExitCode;

use azds::commands::terminal::table;
use azds::commands::together::{Member, in_order};
use azds::commands::up::{Attached, up, up_attached};
use azds::failure::{Failure, Result};
use azds::progress::Progress;
use azds_protocol::commands::{UpArguments, UpResult};
use futures_util::future::join_all;
use serde_json::json;

use crate::answer::{self, Answer};
use crate::up::keep;

/// What became of one of them.
struct Row {
    name: String,
    up: Result<(UpResult, Option<Attached>)>,
}

/// Brings the services of some folders up, each after those that it needs; `common` is what holds for all.
pub fn run(folders: &[PathBuf], common: &UpArguments, form: &Answer) -> ExitCode {
    let members = match in_order(folders, common.configuration.as_deref()) {
        Ok(members) => members,
        Err(failure) => return form.give::<UpResult>(Err(failure), |_| String::new()),
    };
    let mut code = ExitCode::SUCCESS;
    let ran = answer::run(async |progress| {
        let rows = bring_up(members, common, &progress).await;
        if rows.iter().any(|row| row.up.is_err()) {
            code = ExitCode::FAILURE;
        }
        show(&rows, form);
        if !common.detach {
            stay(rows, common, &progress, form).await;
        }
        Ok(())
    });
    match ran {
        Ok(()) => code,
        Err(failure) => form.give::<UpResult>(Err(failure), |_| String::new()),
    }
}

async fn bring_up(members: Vec<Member>, common: &UpArguments, progress: &Progress) -> Vec<Row> {
    let mut rows: Vec<Row> = Vec::new();
    for member in members {
        let arguments = of(&member, common);
        let missing = rows
            .iter()
            .find(|row| row.up.is_err() && member.needs.contains(&row.name));
        let up = match (missing, common.detach) {
            (Some(missing), _) => {
                let why = format!("it needs {}, which did not start", missing.name);
                let what = format!("{} was not started", member.name);
                Err(Failure::new(what, member.folder.display().to_string(), why))
            }
            (None, true) => up(&arguments, progress).await.map(|result| (result, None)),
            (None, false) => {
                let attached = up_attached(&arguments, progress).await;
                attached.map(|attached| (attached.result.clone(), Some(attached)))
            }
        };
        if let Err(failure) = &up {
            progress.warn(failure.to_string());
        }
        let name = member.name;
        rows.push(Row { name, up });
    }
    rows
}

fn of(member: &Member, common: &UpArguments) -> UpArguments {
    UpArguments {
        folder: member.folder.clone(),
        ..common.clone()
    }
}

/// The table of states.
fn show(rows: &[Row], form: &Answer) {
    if form.is_json() {
        let values = rows.iter().map(|row| match &row.up {
            Ok((result, _)) => json!(result),
            Err(failure) => json!(failure),
        });
        return form.line(&values.collect::<Vec<_>>());
    }
    let lines = rows.iter().map(|row| match &row.up {
        Ok((result, _)) => {
            let uris = result.uris.iter().map(|row| row.uri.as_str());
            [
                row.name.clone(),
                "Running".to_owned(),
                uris.collect::<Vec<_>>().join(" "),
            ]
        }
        Err(failure) => [row.name.clone(), "Not up".to_owned(), failure.why.clone()],
    });
    answer::line(&table(&["Name", "Status", "URI"], lines));
}

/// Keeps those that are up until Ctrl+C.
async fn stay(rows: Vec<Row>, common: &UpArguments, progress: &Progress, form: &Answer) {
    let up = rows.into_iter().filter_map(|row| row.up.ok()?.1);
    let up: Vec<Attached> = up.collect();
    if up.is_empty() {
        return;
    }
    eprintln!("Changes are synced. Press Ctrl+C to detach");
    let stays = up.into_iter().map(|attached| async move {
        let name = attached.result.service.clone();
        let arguments = UpArguments {
            folder: attached.folder().to_owned(),
            ..common.clone()
        };
        keep(attached, &arguments, Some(&name), progress, form).await;
    });
    join_all(stays).await;
    eprintln!("All of them go on running; azds down removes each.");
}
