//! A person's terminal, given to a command in the cluster.

use std::io::{IsTerminal as _, stdin};

use azds::commands::exec::Input;
use azds_protocol::exec::Terminal;
use futures_util::Stream;
use futures_util::stream::unfold;
use rustix::termios::{OptionalActions, Termios, tcgetattr, tcgetwinsize, tcsetattr};
use tokio::signal::unix::{SignalKind, signal};

/// Why a command gets no terminal.
pub const NO_TERMINAL: &str = "standard input is no terminal; the command gets none either.";

/// The terminal that standard input is, if it is one.
pub fn terminal() -> Option<Terminal> {
    if !stdin().is_terminal() {
        return None;
    }
    let (rows, columns) = size().unwrap_or((24, 80));
    Some(Terminal {
        kind: std::env::var("TERM").unwrap_or_else(|_| "dumb".to_owned()),
        rows,
        columns,
    })
}

fn size() -> Option<(u16, u16)> {
    let size = tcgetwinsize(stdin()).ok()?;
    (size.ws_row > 0).then_some((size.ws_row, size.ws_col))
}

/// Its size, each time that it changes.
pub fn sizes() -> impl Stream<Item = Input> + Send {
    unfold(signal(SignalKind::window_change()).ok(), async |changes| {
        let mut changes = changes?;
        loop {
            changes.recv().await?;
            if let Some((rows, columns)) = size() {
                return Some((Input::Size(rows, columns), Some(changes)));
            }
        }
    })
}

/// Every key goes to the command, Ctrl+C too, and the terminal shows what the command says only; dropped, it
/// is as before.
pub struct Raw(Termios);

impl Raw {
    /// Nothing for a terminal that cannot be so.
    pub fn begin() -> Option<Raw> {
        let before = tcgetattr(stdin()).ok()?;
        let mut raw = before.clone();
        raw.make_raw();
        tcsetattr(stdin(), OptionalActions::Now, &raw).ok()?;
        Some(Raw(before))
    }
}

impl Drop for Raw {
    fn drop(&mut self) {
        // A terminal that is gone needs nothing.
        let _ = tcsetattr(stdin(), OptionalActions::Now, &self.0);
    }
}
