//! Gets debuggers by programs of the user's own.

use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use sha2::{Digest, Sha256};
use tokio::process::Command;

use super::{Debugger, Install, WHAT, has};
use crate::failure::{Context, Failure, Result};
use crate::progress::Progress;

/// Downloads and unpacks an archive by the user's own curl and tar, which know their proxies.
pub async fn download(
    debugger: &Debugger,
    address: &str,
    install: &Install<'_>,
    target: &Path,
    unfinished: &Path,
    trust: impl FnOnce(&str) -> bool,
    progress: &Progress,
) -> Result<PathBuf> {
    let archive = unfinished.join("archive");
    {
        let _step = progress.begin(format!("Downloading {address}"));
        let mut curl = Command::new("curl");
        curl.args([
            "--fail",
            "--location",
            "--silent",
            "--show-error",
            "--output",
        ]);
        run(curl.arg(&archive).arg("--").arg(address), address).await?;
    }
    let checksum = checksum(&archive).or_fail(WHAT, address)?;
    // Beside the folder, not in it: it outlives the folder.
    let kept = target.with_file_name(format!("{}.sha256", debugger.version));
    let known = std::fs::read_to_string(&kept).ok();
    let expected = install
        .sha256
        .or(known.as_deref())
        .map(|text| text.trim().to_lowercase());
    match expected {
        Some(expected) if expected == checksum => {}
        Some(expected) => {
            let why = format!("its SHA-256 is {checksum}, and {expected} was expected");
            return Err(Failure::new(WHAT, address, why).try_to(
                "Do not use it unless you know why it changed; --sha256 says which one you trust.",
            ));
        }
        None if trust(&checksum) => {}
        None => {
            let why = format!("nobody has confirmed its SHA-256, {checksum}");
            return Err(Failure::new(WHAT, address, why).try_to(format!(
                "Compare it with one you trust, then add `--sha256 {checksum}`."
            )));
        }
    }
    let content = unfinished.join("content");
    std::fs::create_dir(&content).or_fail(WHAT, content.display().to_string())?;
    let mut tar = Command::new("tar");
    run(
        tar.arg("-xf").arg(&archive).arg("-C").arg(&content),
        address,
    )
    .await?;
    if let Some(link) = leads_out(&content).or_fail(WHAT, address)? {
        let why = format!("its link {} leads out of it", link.display());
        return Err(Failure::new(WHAT, address, why).try_to("Do not use it."));
    }
    std::fs::write(&kept, checksum).or_fail(WHAT, kept.display().to_string())?;
    // Releases have everything in one folder.
    let inner = content.join(debugger.mark);
    Ok(if has(debugger, &inner) {
        inner
    } else {
        content
    })
}

/// A link below a folder that leads out of it. What it leads to would be sent to pods.
fn leads_out(folder: &Path) -> std::io::Result<Option<PathBuf>> {
    let root = dunce::canonicalize(folder)?;
    let mut folders = vec![root.clone()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder)? {
            let entry = entry?;
            let kind = entry.file_type()?;
            // One that leads nowhere leads to nothing that could be sent.
            let leads =
                |path: &Path| dunce::canonicalize(path).is_ok_and(|to| !to.starts_with(&root));
            if kind.is_dir() {
                folders.push(entry.path());
            } else if kind.is_symlink() && leads(&entry.path()) {
                let path = entry.path();
                return Ok(Some(path.strip_prefix(&root).unwrap_or(&path).to_owned()));
            }
        }
    }
    Ok(None)
}

/// SHA-256 of a file, in hexadecimal.
pub fn checksum(file: &Path) -> std::io::Result<String> {
    let mut file = std::fs::File::open(file)?;
    let mut hash = Sha256::new();
    let mut buffer = vec![0; 64 << 10];
    loop {
        let length = file.read(&mut buffer)?;
        if length == 0 {
            return Ok(hash
                .finalize()
                .iter()
                .map(|byte| format!("{byte:02x}"))
                .collect());
        }
        hash.update(&buffer[..length]);
    }
}

/// Gets a package by the user's own pip. Of the package's files the ones without compiled parts: they
/// run on every Python, C library and processor that a pod may have. Its modules are compiled for the
/// Python of this machine: a pod with the same version starts it in half the time.
pub async fn pip(
    package: &str,
    version: &str,
    unfinished: &Path,
    progress: &Progress,
) -> Result<PathBuf> {
    let requirement = format!("{package}=={version}");
    let _step = progress.begin(format!("Getting {requirement} with pip"));
    let content = unfinished.join("content");
    let python = if cfg!(windows) { "python" } else { "python3" };
    let mut pip = Command::new(python);
    pip.args([
        "-m",
        "pip",
        "install",
        "--quiet",
        "--disable-pip-version-check",
        "--no-deps",
    ]);
    pip.args([
        "--only-binary=:all:",
        "--implementation",
        "py",
        "--abi",
        "none",
    ]);
    pip.args(["--platform", "any", "--compile", "--target"]);
    run(pip.arg(&content).arg(&requirement), &requirement).await?;
    Ok(content)
}

/// Builds a program by the user's own Go, for Linux and without a C library, so that every image runs it.
pub async fn go(
    package: &str,
    version: &str,
    unfinished: &Path,
    progress: &Progress,
) -> Result<PathBuf> {
    let requirement = format!("{package}@v{version}");
    let _step = progress.begin(format!("Building {requirement} with go"));
    let content = unfinished.join("content");
    let architecture = match std::env::consts::ARCH {
        "aarch64" => "arm64",
        _ => "amd64",
    };
    // Go installs what it builds for another system into a folder below GOPATH, and into GOBIN never.
    let path = unfinished.join("go");
    let mut go = Command::new("go");
    go.args(["install", "-trimpath", "-ldflags=-s -w", "-modcacherw"])
        .arg(&requirement)
        .env("GOPATH", &path)
        .env_remove("GOBIN")
        .env("GOOS", "linux")
        .env("GOARCH", architecture)
        .env("CGO_ENABLED", "0");
    run(&mut go, &requirement).await?;
    let name = package.rsplit('/').next().unwrap_or(package);
    let built = [
        path.join("bin"),
        path.join(format!("bin/linux_{architecture}")),
    ];
    let built = built
        .iter()
        .map(|folder| folder.join(name))
        .find(|file| file.is_file());
    let built = built.ok_or_else(|| Failure::new(WHAT, &requirement, "go left no program"))?;
    std::fs::create_dir(&content).or_fail(WHAT, content.display().to_string())?;
    std::fs::rename(built, content.join(name)).or_fail(WHAT, &requirement)?;
    Ok(content)
}

/// Runs a program to its end; what it said on standard error is why it failed.
pub async fn run(command: &mut Command, object: &str) -> Result<()> {
    let program = command
        .as_std()
        .get_program()
        .to_string_lossy()
        .into_owned();
    let output = command
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .output()
        .await;
    let output = output.map_err(|error| {
        Failure::new(WHAT, object, format!("{program} did not start: {error}"))
            .try_to(format!("Install {program}, or give a folder with --from."))
    })?;
    if output.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&output.stderr).trim().to_owned();
    Err(Failure::new(
        WHAT,
        object,
        format!("{program} ended with {}: {said}", output.status),
    )
    .try_to("Give a folder or an address that can be reached with --from."))
}
