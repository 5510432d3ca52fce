//! The debugger's end of a conversation.

use tokio::io::{ReadHalf, WriteHalf};
use tokio_util::codec::{FramedRead, FramedWrite};

use super::attach::Stream;
use super::codec::Codec;

/// The two directions of a debugger's stream.
pub struct Wire {
    /// What it says.
    pub from: FramedRead<ReadHalf<Box<dyn Stream>>, Codec>,
    /// What it is told.
    pub to: FramedWrite<WriteHalf<Box<dyn Stream>>, Codec>,
}

impl Wire {
    /// Both directions of a stream.
    pub fn new(stream: Box<dyn Stream>) -> Wire {
        let (reader, writer) = tokio::io::split(stream);
        Wire {
            from: FramedRead::new(reader, Codec::default()),
            to: FramedWrite::new(writer, Codec::default()),
        }
    }
}
