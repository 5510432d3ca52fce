//! Debugs a running service once, as an editor does: for the demo, and to try things by hand.
//!
//! `debug-session AZDS FOLDER SPACE SOURCE URL`: attaches `AZDS dap` to the service in FOLDER, stops at
//! the line of SOURCE that bears `BP1` when URL is asked for, says where and with what variables, and
//! lets it go on.
#![expect(clippy::print_stdout, reason = "it is a program for people")]

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::path::PathBuf;
use std::process::Command;
use std::time::Instant;

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
    let (space, source, url) = (next("SPACE"), next("SOURCE"), next("URL"));
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
    let asked = std::thread::spawn(move || get(&url));
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

/// The body of the answer to a GET.
fn get(url: &str) -> String {
    let rest = url.strip_prefix("http://").expect("an http address");
    let (host, path) = rest.split_once('/').unwrap_or((rest, ""));
    let mut stream = TcpStream::connect(host).expect("the tunnel takes connections");
    write!(
        stream,
        "GET /{path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n"
    )
    .expect("the tunnel takes the request");
    let mut answer = String::new();
    stream
        .read_to_string(&mut answer)
        .expect("the service answers");
    let body = answer
        .split_once("\r\n\r\n")
        .map(|(_, body)| body.to_owned());
    body.unwrap_or(answer)
}
