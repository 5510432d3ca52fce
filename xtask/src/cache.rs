//! What is expensive to make, kept by the hash of what it is made from.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::{Context, Result, bail};
use sha2::{Digest, Sha256};

/// A hash of everything that an entry is made from.
#[derive(Clone)]
pub struct Key(Sha256);

impl Key {
    /// Starts with a text: the recipe, or its version.
    pub fn of(recipe: &str) -> Self {
        Self(Sha256::new()).and(recipe.as_bytes())
    }

    /// Adds one more input. Its length goes in too, so that inputs cannot run into each other.
    pub fn and(mut self, input: &[u8]) -> Self {
        self.0.update((input.len() as u64).to_le_bytes());
        self.0.update(input);
        self
    }

    /// Adds every file of a folder, by name and content. Folders inside it are not looked at.
    pub fn and_files_of(mut self, folder: &Path) -> Result<Self> {
        let mut files: Vec<PathBuf> = fs::read_dir(folder)?
            .map(|entry| Ok(entry?.path()))
            .collect::<std::io::Result<_>>()?;
        files.retain(|file| file.is_file());
        files.sort();
        for file in files {
            self = self
                .and(file.file_name().unwrap_or_default().as_encoded_bytes())
                .and(&fs::read(&file)?);
        }
        Ok(self)
    }

    /// Adds a file of another entry: that entry's folder name holds the hash of what the file was made from.
    pub fn and_entry(self, file: &Path) -> Self {
        let entry = file.parent().and_then(Path::file_name).unwrap_or_default();
        self.and(entry.as_encoded_bytes())
            .and(file.file_name().unwrap_or_default().as_encoded_bytes())
    }

    /// Sixteen hexadecimal digits.
    pub fn text(&self) -> String {
        hex(&self.0.clone().finalize())[..16].to_owned()
    }
}

/// Lower-case hexadecimal digits of a hash.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The folder that holds the entries.
pub struct Cache {
    folder: PathBuf,
    /// Held as long as this process makes entries: two at once would make the same ones twice.
    _lock: File,
}

impl Cache {
    /// `AZDS_CACHE`, else `azds` in the user's cache folder.
    pub fn folder() -> Result<PathBuf> {
        let set = |name| {
            std::env::var_os(name)
                .filter(|value| !value.is_empty())
                .map(PathBuf::from)
        };
        let folder = set("AZDS_CACHE")
            .or_else(|| set("XDG_CACHE_HOME").map(|folder| folder.join("azds")))
            .or_else(|| set("HOME").map(|home| home.join(".cache/azds")));
        let Some(folder) = folder else {
            bail!("set AZDS_CACHE to a folder for the cluster's parts")
        };
        Ok(std::path::absolute(folder)?)
    }

    /// Opens it for this process alone; waits while another one makes entries.
    pub fn open() -> Result<Self> {
        let folder = Self::folder()?;
        fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
        let lock = File::create(folder.join("lock"))?;
        if lock.try_lock().is_err() {
            eprintln!(
                "waiting for another xtask that makes parts in {}",
                folder.display()
            );
            lock.lock()?;
        }
        Ok(Self {
            folder,
            _lock: lock,
        })
    }

    /// The folder `name-key`; where it is not there yet, `make` fills it.
    pub fn entry(
        &self,
        name: &str,
        key: &Key,
        make: impl FnOnce(&Path) -> Result<()>,
    ) -> Result<PathBuf> {
        let entry = self.folder.join(format!("{name}-{}", key.text()));
        if entry.exists() {
            return Ok(entry);
        }
        let started = Instant::now();
        let unfinished = self.folder.join(format!("{name}.unfinished"));
        if unfinished.exists() {
            fs::remove_dir_all(&unfinished)?;
        }
        fs::create_dir(&unfinished)?;
        make(&unfinished).with_context(|| format!("cannot make {name}"))?;
        fs::rename(&unfinished, &entry)?;
        eprintln!("made {name} in {:.0?}", started.elapsed());
        Ok(entry)
    }
}
