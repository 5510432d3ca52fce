//! Debugs a running service once, as an editor does: for the demo, and to try things by hand.
//!
//! `debug-session AZDS FOLDER SPACE SOURCE URI`: attaches `AZDS dap` to the service in FOLDER, whose tunnel is
//! URI, asks for its products, stops at the line of SOURCE that bears `BP1`, says where and with what variables,
//! and lets it go on.
#![expect(clippy::print_stdout, reason = "it is a program for people")]

use std::path::PathBuf;
use std::process::Command;
use std::time::Instant;

use azds_tests::ask;
use azds_tests::dap::{Client, line_of};
use serde_json::json;

fn main() {
    let mut arguments = std::env::args().skip(1);
    let mut next = |what: &str| {
        arguments
            .next()
            .unwrap_or_else(|| panic!("missing: {what}"))
    };
    let azds = next("AZDS");
    let folder = PathBuf::from(next("FOLDER"));
    let (space, source, uri) = (next("SPACE"), next("SOURCE"), next("URI"));
    let source = folder.join(source);
    let text = std::fs::read_to_string(&source).expect("SOURCE is readable");
    let line = line_of(&text, "BP1");

    let (mut client, mut adapter) = Client::start(&mut Command::new(azds));
    let begun = Instant::now();
    client.attach(
        json!({"folder": folder, "space": space}),
        &source.to_string_lossy(),
        line,
    );
    println!("attached after {:.1?}", begun.elapsed());
    let asked = ask(&uri);
    let stop = client.stopped();
    assert_eq!(stop.frame["line"], line, "it stopped somewhere else");
    println!(
        "stopped in {} at {}:{} after {:.1?}",
        stop.frame["name"].as_str().unwrap_or("?"),
        stop.frame["source"]["path"].as_str().unwrap_or("?"),
        stop.frame["line"],
        begun.elapsed()
    );
    for (name, value) in &stop.variables {
        println!("  {name} = {value}");
    }
    client.go_on(&stop);
    println!(
        "continued; the service answers: {}",
        asked.join().expect("no panic").trim()
    );
    client.disconnect();
    drop(client);
    let status = adapter.wait().expect("azds dap ends");
    assert!(status.success(), "azds dap ended with {status}");
}
