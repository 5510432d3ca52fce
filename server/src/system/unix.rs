//! Linux and macOS.

use std::fs::{DirBuilder, Metadata, OpenOptions, Permissions, set_permissions};
use std::io;
use std::os::unix::fs::{
    DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _,
};
use std::path::{Path, PathBuf};

use nix::sys::signal::{Signal, kill};
use nix::unistd::{Pid, getuid, setsid};
use tokio::net::{UnixListener, UnixStream};
use tokio::process::Command;
use tokio::signal::unix::{SignalKind, signal};

/// The end of a connection by a local socket that connected.
pub type Connected = UnixStream;
/// The end of a connection by a local socket that listens.
pub type Accepted = UnixStream;

/// The files that are created are of this user alone.
pub fn private(options: &mut OpenOptions) -> &mut OpenOptions {
    options.mode(0o600)
}

/// Creates folders that are of this user alone.
pub fn create_private_folder(path: &Path) -> io::Result<()> {
    DirBuilder::new().mode(0o700).recursive(true).create(path)
}

/// Whether only this user can enter a folder.
pub fn is_private_folder(found: &Metadata) -> bool {
    found.is_dir() && found.uid() == getuid().as_raw() && found.mode() & 0o077 == 0
}

/// Where what this user runs is found: it need not outlive the processes.
pub fn runtime_folder() -> PathBuf {
    match super::path_variable("XDG_RUNTIME_DIR") {
        Some(folder) => folder.join("azds"),
        None => std::env::temp_dir().join(format!("azds-{}", getuid())),
    }
}

/// The number of this user.
pub fn user() -> Option<u32> {
    Some(getuid().as_raw())
}

/// Ctrl+C in the terminal does not reach the process.
pub fn without_interrupts(command: &mut Command) -> &mut Command {
    command.process_group(0)
}

/// Asks a process that was started [`without_interrupts`] to end, as Ctrl+C would. Says whether it was
/// asked: it may have ended just now.
pub fn interrupt(process: u32) -> bool {
    i32::try_from(process).is_ok_and(|it| kill(Pid::from_raw(it), Signal::SIGINT).is_ok())
}

/// The process will [`detach`] from the terminal.
pub fn detached(command: &mut Command) -> &mut Command {
    command
}

/// This process outlives the terminal that it was started from.
pub fn detach() {
    // Fails only for a process that leads its group already, and so needs no detaching.
    let _ = setsid();
}

/// Waits until this process is asked to end in the way for processes without a terminal.
pub async fn asked_to_end() -> io::Result<()> {
    signal(SignalKind::terminate())?.recv().await;
    Ok(())
}

/// A socket that only this user's programs reach, by the path of a file.
pub struct LocalListener(UnixListener);

impl LocalListener {
    /// Listens; there must be no such file.
    pub async fn bind(path: &Path) -> io::Result<LocalListener> {
        let listener = UnixListener::bind(path)?;
        set_permissions(path, Permissions::from_mode(0o600))?;
        Ok(LocalListener(listener))
    }

    /// The next connection.
    pub async fn accept(&mut self) -> io::Result<Accepted> {
        let (stream, _) = self.0.accept().await?;
        Ok(stream)
    }
}

/// Connects to a listener. `NotFound` without the file, `ConnectionRefused` if nobody listens any more.
pub async fn connect(path: &Path) -> io::Result<Connected> {
    UnixStream::connect(path).await
}

/// What other programs are told, so that they listen where [`connect`] with this path leads.
pub fn local_address(path: &Path) -> PathBuf {
    path.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_socket_is_its_users_alone() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("x.sock");
        let _listener = LocalListener::bind(&path).await.expect("a socket");
        let mode = path.metadata().expect("a socket").mode();
        assert_eq!(mode & 0o777, 0o600);
    }
}
