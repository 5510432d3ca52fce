//! Conversations between an editor, the adapter, the host's side of a pod, and a debugger.

// A panic is how a test says what is wrong.
#![allow(clippy::unwrap_used)]
// The pod's side of them is the agent itself.
#![cfg(target_os = "linux")]

mod again;
mod breakpoints;
mod editor;
mod netcoredbg;
mod pod;
mod python;
#[path = "../../../tests/schema.rs"]
mod schema;

use editor::Editor;
use pod::OnePod;
use tokio::task::JoinHandle;

/// A debug adapter for an editor; ends when the editor is gone.
fn adapter(services: OnePod) -> (Editor, JoinHandle<()>) {
    let (here, there) = tokio::io::duplex(64 << 10);
    let adapter = tokio::spawn(async move {
        let (input, output) = tokio::io::split(there);
        azds::dap::serve(input, output, services).await;
    });
    (Editor::new(here), adapter)
}
