//! containerd's folder with the base images in it, unpacked once and copied at every start.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use crate::cache::{Cache, Key};
use crate::image::{Image, write_archive};
use crate::shell::{command, output, run, tail_of};

/// containerd's folder after the import of these images.
pub fn images_imported(cache: &Cache, images: &[Image]) -> Result<PathBuf> {
    let mut key = Key::of(&output(&mut command("containerd --version", &[]))?);
    for image in images {
        key = key
            .and(image.name.as_bytes())
            .and(image.config.to_string().as_bytes());
        for layer in &image.layers {
            key = key.and_entry(layer);
        }
    }
    let entry = cache.entry("containerd", &key, |folder| {
        let mut containerd = Containerd::start(folder)?;
        let imported = containerd.import(images);
        containerd.end()?;
        imported
    })?;
    Ok(entry.join("root"))
}

/// Copies it by hard links: what containerd has stored it never writes to again, except for its databases.
pub fn copy(template: &Path, to: &Path) -> Result<()> {
    run(command("cp -al", &[]).arg(template).arg(to))?;
    for database in [
        "io.containerd.metadata.v1.bolt/meta.db",
        "io.containerd.snapshotter.v1.overlayfs/metadata.db",
    ] {
        fs::remove_file(to.join(database))
            .with_context(|| format!("{database} is not where containerd puts it"))?;
        fs::copy(template.join(database), to.join(database))?;
    }
    Ok(())
}

/// A containerd that only imports.
struct Containerd {
    process: Child,
    socket: PathBuf,
    log: PathBuf,
}

impl Containerd {
    fn start(folder: &Path) -> Result<Self> {
        let (socket, log) = (folder.join("socket"), folder.join("log"));
        let config = folder.join("config.toml");
        fs::write(
            &config,
            "version = 2\ndisabled_plugins = [\"io.containerd.grpc.v1.cri\", \"io.containerd.internal.v1.opt\"]\n",
        )?;
        let process = Command::new("containerd")
            .arg("--config")
            .arg(config)
            .arg("--root")
            .arg(folder.join("root"))
            .arg("--state")
            .arg(folder.join("state"))
            .arg("--address")
            .arg(&socket)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(File::create(&log)?)
            .spawn()
            .context("containerd does not start")?;
        let mut containerd = Self {
            process,
            socket,
            log,
        };
        let until = Instant::now() + Duration::from_secs(30);
        while output(&mut containerd.ctr("version")).is_err() {
            if containerd.process.try_wait()?.is_some() || Instant::now() > until {
                let said = tail_of(&containerd.log);
                containerd.end()?;
                bail!("containerd does not answer:\n{said}");
            }
            sleep(Duration::from_millis(100));
        }
        Ok(containerd)
    }

    fn ctr(&self, arguments: &str) -> Command {
        let mut ctr = command("ctr --namespace k8s.io --address", &[]);
        ctr.arg(&self.socket).args(arguments.split(' '));
        ctr
    }

    fn import(&mut self, images: &[Image]) -> Result<()> {
        eprintln!("importing {} images", images.len());
        let mut import = self.ctr("images import -");
        let mut import = import.stdin(Stdio::piped()).stdout(Stdio::null()).spawn()?;
        let written = write_archive(images, import.stdin.take().context("stdin is piped")?);
        let status = import.wait()?;
        if !status.success() {
            bail!(
                "ctr images import failed ({status}):\n{}",
                tail_of(&self.log)
            );
        }
        written
    }

    fn end(&mut self) -> Result<()> {
        let pid = nix::unistd::Pid::from_raw(i32::try_from(self.process.id())?);
        nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGTERM)?;
        self.process.wait()?;
        Ok(())
    }
}
