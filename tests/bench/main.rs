//! How long azds takes, beside what the same takes without it: floor and ours in the same run, in turns.
//!
//! `bench AZDS [up|dap] [-o json]`, with a cluster running; `cargo xtask bench` builds and calls it.
//! docs/speed.md says what each row means.
#![expect(clippy::print_stdout, reason = "it is a program for people")]

mod debug;
mod kubectl;
mod service;
mod statistics;
mod tunnel;
mod up;

use std::process::ExitCode;

use service::Service;
use statistics::Row;

fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1);
    let azds = arguments.next().expect("missing: AZDS");
    let arguments: Vec<String> = arguments.collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let (group, json) = match words.as_slice() {
        [group @ ("up" | "dap"), rest @ ..] => (Some(*group), rest),
        rest => (None, rest),
    };
    let json = match json {
        [] | ["-o", "text"] => false,
        ["-o", "json"] => true,
        other => panic!("this is not understood: {other:?}"),
    };
    let runtime = tokio::runtime::Runtime::new().expect("threads can be started");
    let service = runtime.block_on(Service::up(&azds));
    let mut rows = Vec::new();
    if group != Some("dap") {
        rows.push(up::nothing_changed(&service));
        rows.push(runtime.block_on(up::one_file_changed(&service)));
        rows.extend(tunnel::rows(&service));
    }
    if group != Some("up") {
        rows.push(debug::attach(&service));
    }
    drop(service);
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
