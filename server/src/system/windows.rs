//! Windows. What is in a user's profile is, by its inherited rights, of this user alone already.

use std::fs::{Metadata, OpenOptions, create_dir_all};
use std::future::pending;
use std::io::{self, ErrorKind};
use std::mem::replace;
use std::os::windows::io::AsRawHandle as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::net::windows::named_pipe::{
    ClientOptions, NamedPipeClient, NamedPipeServer, ServerOptions,
};
use tokio::process::Command;
use tokio::time::{Instant, sleep};
use windows_sys::Win32::Foundation::{HANDLE_FLAG_INHERIT, SetHandleInformation};

/// CREATE_NEW_PROCESS_GROUP and DETACHED_PROCESS (Win32, Process Creation Flags).
const NEW_GROUP: u32 = 0x200;
const DETACHED: u32 = 0x8;
/// ERROR_ACCESS_DENIED: somebody has the pipe. ERROR_PIPE_BUSY: the server has not come to the next
/// connection yet (Win32, System Error Codes).
const ACCESS_DENIED: i32 = 5;
const PIPE_BUSY: i32 = 231;
/// How long either may last: the process that has the pipe may be ending.
const BUSY_TIMEOUT: Duration = Duration::from_secs(2);
const BUSY_PAUSE: Duration = Duration::from_millis(10);

/// The files that are created are of this user alone.
pub fn private(options: &mut OpenOptions) -> &mut OpenOptions {
    options
}

/// Creates folders that are of this user alone.
pub fn create_private_folder(path: &Path) -> io::Result<()> {
    create_dir_all(path)
}

/// Whether only this user can enter a folder.
pub fn is_private_folder(found: &Metadata) -> bool {
    found.is_dir()
}

/// Where what this user runs is found: it need not outlive the processes.
pub fn runtime_folder() -> PathBuf {
    let folder = super::path_variable("XDG_RUNTIME_DIR");
    folder.unwrap_or_else(std::env::temp_dir).join("azds")
}

/// Users have no numbers here.
pub fn user() -> Option<u32> {
    None
}

/// Ctrl+C in the terminal does not reach the process.
pub fn without_interrupts(command: &mut Command) -> &mut Command {
    command.creation_flags(NEW_GROUP)
}

/// Asks a process that was started [`without_interrupts`] to end. Says whether it was asked: processes
/// can't be here, only ended.
pub fn interrupt(_process: u32) -> bool {
    false
}

/// The process will [`detach`] from the terminal.
pub fn detached(command: &mut Command) -> &mut Command {
    keep_own_streams();
    command.creation_flags(NEW_GROUP | DETACHED)
}

/// A child gets all handles that may be inherited, these among them: whoever reads our output by a pipe would wait
/// for the child's end, too. What a child is meant to have, std hands on as a copy.
#[expect(unsafe_code, reason = "nothing safe sets it")]
fn keep_own_streams() {
    let streams = [
        io::stdin().as_raw_handle(),
        io::stdout().as_raw_handle(),
        io::stderr().as_raw_handle(),
    ];
    for stream in streams {
        // SAFETY: it takes any handle, and fails for what is none (Win32, SetHandleInformation).
        unsafe { SetHandleInformation(stream, HANDLE_FLAG_INHERIT, 0) };
    }
}

/// This process outlives the terminal that it was started from, if it was started [`detached`].
pub fn detach() {}

/// Waits until this process is asked to end in the way for processes without a terminal: there is none.
pub async fn asked_to_end() -> io::Result<()> {
    pending().await
}

/// The end of a connection by a local socket that connected.
pub type Connected = NamedPipeClient;
/// The end of a connection by a local socket that listens.
pub type Accepted = NamedPipeServer;

/// A named pipe in the name of a file, which is there as long as somebody listens.
pub struct LocalListener {
    pipe: PathBuf,
    /// The instance that the next connection gets.
    next: NamedPipeServer,
}

impl LocalListener {
    /// Listens; there must be no such file.
    pub async fn bind(path: &Path) -> io::Result<LocalListener> {
        let pipe = local_address(path);
        // A second first instance is refused: nobody listens in our name.
        let first = || ServerOptions::new().first_pipe_instance(true).create(&pipe);
        let next = patiently(ACCESS_DENIED, first).await?;
        OpenOptions::new().write(true).create_new(true).open(path)?;
        Ok(LocalListener { pipe, next })
    }

    /// The next connection.
    pub async fn accept(&mut self) -> io::Result<Accepted> {
        self.next.connect().await?;
        let next = ServerOptions::new().create(&self.pipe)?;
        Ok(replace(&mut self.next, next))
    }
}

/// Connects to a listener. `NotFound` without the file, `ConnectionRefused` if nobody listens any more.
pub async fn connect(path: &Path) -> io::Result<Connected> {
    let pipe = local_address(path);
    let connected = patiently(PIPE_BUSY, || ClientOptions::new().open(&pipe)).await;
    connected.map_err(|error| match error.kind() {
        ErrorKind::NotFound if path.exists() => ErrorKind::ConnectionRefused.into(),
        _ => error,
    })
}

/// What other programs are told, so that they listen where [`connect`] with this path leads.
pub fn local_address(path: &Path) -> PathBuf {
    let name = blake3::hash(path.as_os_str().as_encoded_bytes()).to_hex();
    PathBuf::from(format!(r"\\.\pipe\azds-{name}"))
}

async fn patiently<T>(meanwhile: i32, mut attempt: impl FnMut() -> io::Result<T>) -> io::Result<T> {
    let deadline = Instant::now() + BUSY_TIMEOUT;
    loop {
        match attempt() {
            Err(error) if error.raw_os_error() == Some(meanwhile) && Instant::now() < deadline => {
                sleep(BUSY_PAUSE).await;
            }
            done => return done,
        }
    }
}
