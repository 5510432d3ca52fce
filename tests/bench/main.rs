//! How long azds takes, beside what the same takes without it: floor and ours in the same run, in turns.
//!
//! `bench AZDS [up|dap|loop|scale] [-o json]`, with a cluster running, or `bench AZDS lsp [-o json]` without one;
//! `cargo xtask bench` builds and calls it.
//! docs/speed.md says what each row means.
#![expect(clippy::print_stdout, reason = "it is a program for people")]

mod debug;
mod kubectl;
mod live;
mod lsp;
mod scale;
mod service;
mod session;
mod statistics;
mod tunnel;
mod up;

use std::path::PathBuf;
use std::process::ExitCode;

use service::Service;
use statistics::Row;

fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1);
    let azds = arguments.next().expect("missing: AZDS");
    if azds == lsp::instructions::ARGUMENT {
        let mut argument = || arguments.next().expect("--work NUMBER TIMES");
        lsp::instructions::work(&argument(), &argument());
        return ExitCode::SUCCESS;
    }
    let arguments: Vec<String> = arguments.collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let (group, json) = match words.as_slice() {
        [group @ ("up" | "dap" | "loop" | "scale" | "lsp"), rest @ ..] => (Some(*group), rest),
        rest => (None, rest),
    };
    let json = match json {
        [] | ["-o", "text"] => false,
        ["-o", "json"] => true,
        other => panic!("this is not understood: {other:?}"),
    };
    let rows = match group {
        Some("lsp") => {
            let peer = std::env::var_os("AZDS_YAML_LANGUAGE_SERVER").map(PathBuf::from);
            if peer.is_none() {
                note("not run: yaml-language-server, which is not there");
            }
            lsp::rows(&azds, peer.as_deref())
        }
        group => on_the_cluster(&azds, group),
    };
    if json {
        println!(
            "{}",
            serde_json::to_string_pretty(&rows).expect("rows are JSON")
        );
    } else {
        rows.iter().for_each(print);
    }
    match rows.iter().all(|row| row.pass) {
        true => ExitCode::SUCCESS,
        false => ExitCode::FAILURE,
    }
}

/// What needs a cluster: a group, or all of them but `scale`, which fills the cluster.
fn on_the_cluster(azds: &str, group: Option<&str>) -> Vec<Row> {
    let runtime = tokio::runtime::Runtime::new().expect("threads can be started");
    let service = runtime.block_on(Service::up(azds));
    let mut rows = Vec::new();
    let is_asked = |name| group.is_none_or(|group| group == name);
    if is_asked("up") {
        rows.push(up::nothing_changed(&service));
        rows.push(up::one_file_changed(&service));
        rows.extend(tunnel::rows(&service));
    }
    if is_asked("dap") {
        rows.extend(debug::rows(&service));
    }
    if is_asked("loop") {
        rows.extend(live::rows(&service));
    }
    if group == Some("scale") {
        rows.extend(scale::rows(&service));
    }
    rows
}

fn print(row: &Row) {
    let verdict = if row.pass { "ok  " } else { "OVER" };
    println!(
        "{verdict} {:<58} floor {:>8.1}  ours {:>8.1}  limit {:>8.1} {}",
        row.work, row.floor, row.ours, row.limit, row.unit
    );
}

/// What is beside the rows, for people.
fn note(text: &str) {
    eprintln!("  {text}");
}
