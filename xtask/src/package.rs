//! `cargo xtask package`: the VS Code extension with azds inside, as people install it.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::build;
use crate::cache::Cache;
use crate::editor::{Editor, node_modules};
use crate::shell::{checkout, command, output, run};

/// What VS Code calls this machine.
const PLATFORM: &str = "linux-x64";
/// How large the extension may be without azds.
const LIMIT: usize = 500_000;

/// Builds both and gives the path of the VSIX.
pub fn package(release: bool) -> Result<PathBuf> {
    let azds = build::build(release)?;
    let (node, modules) = {
        let cache = Cache::open()?;
        let own = checkout().join("vscode-extension");
        let modules = node_modules(&cache, "extension", &own, |_| Ok(()))?;
        (Editor::prepare(&cache)?.node(), modules)
    };
    let staged = staged();
    stage(&staged, &modules)?;
    let tool = |script: &str| {
        let mut tool = Command::new(&node);
        tool.arg(script).current_dir(&staged);
        tool
    };
    run(tool("node_modules/typescript/bin/tsc").arg("--noEmit"))?;
    run(tool("esbuild.mjs").arg("--tests"))?;
    let vsce =
        |name: &str, target: &[&str]| pack(tool("node_modules/@vscode/vsce/vsce"), name, target);
    let without = fs::read(vsce("without-azds", &[])?)?;
    let size = without.len();
    if size > LIMIT {
        bail!("the extension has {size} bytes without azds; the limit is {LIMIT}");
    }
    if fs::read(vsce("without-azds", &[])?)? != without {
        bail!("the extension packed twice is not the same");
    }
    eprintln!("the extension has {size} bytes without azds, and packed twice is the same");
    let bin = staged.join("bin");
    fs::create_dir(&bin)?;
    fs::copy(azds, bin.join("azds"))?;
    vsce(PLATFORM, &["--target", PLATFORM])
}

/// Packs what is staged. The same files give the same archive.
fn pack(mut vsce: Command, name: &str, target: &[&str]) -> Result<PathBuf> {
    let vsix = checkout().join(format!("target/azds-{name}.vsix"));
    let mut when = command("git log -1 --format=%ct", &[]);
    let when = output(when.current_dir(checkout()))?;
    vsce.args(["package", "--no-dependencies", "--out"])
        .arg(&vsix)
        .args(target)
        .env("SOURCE_DATE_EPOCH", when.trim());
    run(&mut vsce)?;
    Ok(vsix)
}

/// Where the extension is put together.
pub fn staged() -> PathBuf {
    checkout().join("target/vscode-extension")
}

/// A copy of the extension's files as git has them, with its packages from the cache.
fn stage(staged: &Path, modules: &Path) -> Result<()> {
    if staged.exists() {
        fs::remove_dir_all(staged)?;
    }
    let own = checkout().join("vscode-extension");
    let mut list = command("git ls-files --cached --others --exclude-standard", &[]);
    for file in output(list.current_dir(&own))?.lines() {
        let to = staged.join(file);
        fs::create_dir_all(to.parent().context("a file lies in a folder")?)?;
        fs::copy(own.join(file), to).with_context(|| format!("cannot copy {file}"))?;
    }
    fs::copy(checkout().join("LICENSE"), staged.join("LICENSE"))?;
    symlink(modules.join("node_modules"), staged.join("node_modules"))?;
    Ok(())
}
