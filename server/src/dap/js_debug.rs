//! js-debug's own DAP server, a program of the developer's machine, for editors that have no debugger
//! for Node.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use azds_protocol::debug::AttachArguments;
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, AsyncRead, BufReader, copy, sink};
use tokio::process::{Child, Command};
use tokio::time::timeout;

use crate::failure::{Context, Failure, Result};
use crate::system::{self, Connected, local_address, path_variable};

/// Variable with the path of the server.
const VARIABLE: &str = "AZDS_JS_DEBUG";
const WHAT: &str = "js-debug was not started";
/// Ends the server with its standard input, which is ours: it ends with azds, however that ends. Its
/// workers, which read this, too, have none.
const ENDS: &str = "data:text/javascript,import{isMainThread as main}from'node:worker_threads';\
    if(main)process.stdin.on('end',()=>process.exit()).resume()";
/// What it may take to listen; it has a megabyte of JavaScript to read.
const START_TIMEOUT: Duration = Duration::from_secs(20);

/// The server; it ends when this is dropped, and lets what it debugs go on.
///
/// It runs whatever it is told to, and asks nobody for a token. On a port any page in a browser could tell
/// it something: it passes over the head of an HTTP request, and reads the body. So it has a socket in a
/// folder that is the user's alone.
pub struct JsDebug {
    _process: Child,
    folder: TempDir,
}

impl JsDebug {
    /// Starts the server that the arguments or the environment name.
    pub async fn start(arguments: &AttachArguments) -> Result<JsDebug> {
        let program = program(arguments)?;
        let object = program.display().to_string();
        let folder = tempfile::Builder::new().prefix("azds-").tempdir();
        let folder = folder.or_fail(WHAT, std::env::temp_dir().display().to_string())?;
        let mut process = Command::new("node")
            .args(["--import", ENDS])
            .arg(&program)
            .arg(local_address(&socket_in(&folder)))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .map_err(|error| {
                Failure::new(WHAT, &object, format!("node does not start: {error}"))
                    .try_to("Install Node.js, or have `node` on the PATH.")
            })?;
        let output = process.stdout.take().expect("piped at the start");
        match timeout(START_TIMEOUT, listens(output)).await {
            Ok(true) => Ok(JsDebug {
                _process: process,
                folder,
            }),
            Ok(false) => Err(Failure::new(WHAT, &object, "it ended at once")
                .try_to("Name the DAP server of js-debug: dapDebugServer.js of its releases.")),
            Err(_) => {
                let why = format!("it does not listen after {} s", START_TIMEOUT.as_secs());
                Err(Failure::new(WHAT, &object, why))
            }
        }
    }

    /// Where it listens.
    pub fn socket(&self) -> PathBuf {
        socket_in(&self.folder)
    }
}

/// Connects to a server that listens.
pub async fn connect(socket: &Path) -> Result<Connected> {
    let stream = system::connect(socket).await;
    stream.or_fail("js-debug was not reached", socket.display().to_string())
}

fn socket_in(folder: &TempDir) -> PathBuf {
    folder.path().join("js-debug.sock")
}

fn program(arguments: &AttachArguments) -> Result<PathBuf> {
    let named = arguments.js_debug.clone();
    let program = named.or_else(|| path_variable(VARIABLE));
    program.filter(|program| program.is_file()).ok_or_else(|| {
        let why = match &arguments.js_debug {
            Some(program) => format!("there is no file {}", program.display()),
            None => format!("neither \"jsDebug\" nor {VARIABLE} names one"),
        };
        Failure::new("the debug session did not start", "js-debug for Node", why).try_to(
            "Get js-debug-dap from https://github.com/microsoft/vscode-js-debug/releases and set \"jsDebug\" to its dapDebugServer.js. VS Code has js-debug: its extension needs none.",
        )
    })
}

/// Waits until the server says that it listens; what it says later is read and dropped.
async fn listens(output: impl AsyncRead + Unpin + Send + 'static) -> bool {
    let mut lines = BufReader::new(output).lines();
    while let Ok(Some(line)) = lines.next_line().await {
        if line.contains("listening") {
            tokio::spawn(async move { copy(&mut lines.into_inner(), &mut sink()).await });
            return true;
        }
    }
    false
}
