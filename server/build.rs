//! Embeds what `azds` brings along: the agent's binary and the chart of `use-dev-spaces`.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::{env, fs};

fn main() {
    let out = PathBuf::from(env::var_os("OUT_DIR").expect("cargo sets OUT_DIR"));
    let root = PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").expect("cargo sets it"));
    agent(&out.join("azds-agent"));
    chart(&root.join("charts/azds"), &out.join("chart.rs"));
}

/// Copies the agent's binary; without one the file is empty, and `azds images save` says so.
fn agent(to: &Path) {
    println!("cargo::rerun-if-env-changed=AZDS_AGENT_BINARY");
    let bytes = match env::var_os("AZDS_AGENT_BINARY") {
        Some(from) => {
            println!("cargo::rerun-if-changed={}", Path::new(&from).display());
            fs::read(&from).expect("AZDS_AGENT_BINARY names a file that can be read")
        }
        None => Vec::new(),
    };
    fs::write(to, bytes).expect("OUT_DIR can be written");
}

/// Writes the chart's files as a slice of paths and texts.
fn chart(folder: &Path, to: &Path) {
    println!("cargo::rerun-if-changed={}", folder.display());
    let mut files = Vec::new();
    collect(folder, &mut files);
    files.sort();
    let mut source = String::from("&[");
    for file in files {
        let name = file.strip_prefix(folder).expect("found below it");
        write!(source, "({name:?}, include_str!({file:?})),").expect("a String takes all");
    }
    source.push(']');
    fs::write(to, source).expect("OUT_DIR can be written");
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) {
    let Ok(entries) = fs::read_dir(folder) else {
        return;
    };
    for entry in entries {
        let path = entry.expect("a folder of the source can be read").path();
        match path.is_dir() {
            true => collect(&path, files),
            false => files.push(path),
        }
    }
}
