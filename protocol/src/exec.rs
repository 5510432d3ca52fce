//! A command that is run in a container with its standard streams. A request to the host, besides
//! those of [`crate::agent`]:
//!
//! | request | body → answer |
//! |---|---|
//! | `POST /v1/exec` | an [`Exec`], then frames of input → frames of output |
//!
//! The body begins with the length of the JSON as u32 in big-endian order, and the JSON. Its end is the
//! end of standard input. A frame is one byte that says what it is, the length of its content as u32
//! in big-endian order, and the content. [`END`] is the last one of output. A developer who is gone ends
//! the command.
//!
//! Whoever has the token of an `up` has changed the files that run in its container and can start its
//! service under a debugger: the command may do nothing that they could not do before.

use serde::{Deserialize, Serialize};

/// The length of a frame's head.
pub const FRAME_HEAD: usize = 5;
/// The longest frame.
pub const FRAME: u32 = 1 << 20;
/// A frame of standard input.
pub const STDIN: u8 = 0;
/// A frame of input with the rows and the columns of the developer's terminal, each as u16 in big-endian
/// order.
pub const SIZE: u8 = 4;
/// A frame of standard output, or of all output of a terminal.
pub const STDOUT: u8 = 1;
/// A frame of standard error.
pub const STDERR: u8 = 2;
/// The frame with the exit code as its one byte.
pub const END: u8 = 3;

/// What is to be run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Exec {
    /// Program and arguments.
    pub command: Vec<String>,
    /// Whether the service is ended first, and started again when the command has ended.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub in_place: bool,
    /// The developer's terminal, if the command is to have one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub terminal: Option<Terminal>,
}

/// A terminal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Terminal {
    /// What it understands, as in the variable `TERM`.
    pub kind: String,
    /// Its height in letters.
    pub rows: u16,
    /// Its width in letters.
    pub columns: u16,
}

/// A frame as bytes. Its content is shorter than [`FRAME`].
#[must_use]
pub fn frame(kind: u8, content: &[u8]) -> Vec<u8> {
    let length = u32::try_from(content.len()).unwrap_or(u32::MAX);
    [&[kind], length.to_be_bytes().as_slice(), content].concat()
}
