//! A person's terminal, given to a command in the cluster: not on Windows, where the command gets none.

use azds::commands::exec::Input;
use azds_protocol::exec::Terminal;
use futures_util::Stream;
use futures_util::stream::empty;

/// Why a command gets no terminal.
pub const NO_TERMINAL: &str =
    "on Windows azds has no terminal to give; the command runs without one.";

/// The terminal that standard input is.
pub fn terminal() -> Option<Terminal> {
    None
}

/// Its size, each time that it changes.
pub fn sizes() -> impl Stream<Item = Input> + Send {
    empty()
}

/// Every key goes to the command.
pub struct Raw;

impl Raw {
    /// Nothing for a terminal that cannot be so.
    pub fn begin() -> Option<Raw> {
        None
    }
}

// What is dropped by hand must have this.
impl Drop for Raw {
    fn drop(&mut self) {}
}
