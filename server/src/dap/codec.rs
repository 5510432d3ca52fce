//! The framing of DAP: headers, an empty line, a body of so many bytes.
//!
//! Reading is lenient, since debuggers differ in letter case, further headers and stray lines.
//! Writing is what the strictest of them (netcoredbg) accepts.

use std::io;

use bytes::{Buf, BufMut, Bytes, BytesMut};
use tokio_util::codec::{Decoder, Encoder};

const MAX_LINE: usize = 8 << 10;
/// Above every real message, below what would exhaust the machine.
const MAX_BODY: usize = 256 << 20;
/// What a header alone may take of the memory; the rest is taken as the body comes.
const MOST_RESERVED: usize = 1 << 20;

/// Frames of DAP; the items are bodies.
#[derive(Debug, Default)]
pub struct Codec {
    /// What the header said so far.
    length: Option<usize>,
    in_body: bool,
}

impl Decoder for Codec {
    type Item = Bytes;
    type Error = io::Error;

    fn decode(&mut self, source: &mut BytesMut) -> io::Result<Option<Bytes>> {
        while !self.in_body {
            let Some(end) = source.iter().position(|&byte| byte == b'\n') else {
                if source.len() > MAX_LINE {
                    return Err(invalid("a header line without an end"));
                }
                return Ok(None);
            };
            let line = source.split_to(end + 1);
            self.header(line.trim_ascii())?;
        }
        let length = self.length.unwrap_or_default();
        if source.len() < length {
            source.reserve((length - source.len()).min(MOST_RESERVED));
            return Ok(None);
        }
        *self = Codec::default();
        Ok(Some(source.split_to(length).freeze()))
    }
}

impl Codec {
    fn header(&mut self, line: &[u8]) -> io::Result<()> {
        if line.is_empty() {
            // Without a length it is a blank line between two messages.
            self.in_body = self.length.is_some();
            return Ok(());
        }
        let Some(colon) = line.iter().position(|&byte| byte == b':') else {
            return Ok(());
        };
        let (name, value) = (&line[..colon], &line[colon + 1..]);
        if name.trim_ascii().eq_ignore_ascii_case(b"content-length") {
            let length = std::str::from_utf8(value.trim_ascii())
                .ok()
                .and_then(|value| value.parse().ok())
                .ok_or_else(|| invalid("a Content-Length that is no number"))?;
            if length > MAX_BODY {
                return Err(invalid("a Content-Length beyond all reason"));
            }
            self.length = Some(length);
        }
        Ok(())
    }
}

impl Encoder<Bytes> for Codec {
    type Error = io::Error;

    fn encode(&mut self, body: Bytes, target: &mut BytesMut) -> io::Result<()> {
        let header = format!("Content-Length: {}\r\n\r\n", body.len());
        target.reserve(header.len() + body.remaining());
        target.put_slice(header.as_bytes());
        target.put(body);
        Ok(())
    }
}

fn invalid(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn decode_all(codec: &mut Codec, buffer: &mut BytesMut) -> io::Result<Vec<Bytes>> {
        std::iter::from_fn(|| codec.decode(buffer).transpose()).collect()
    }

    #[test]
    fn what_debuggers_really_send_is_read() {
        for (name, text) in [
            ("lower case", "content-length: 2\r\n\r\n{}"),
            (
                "further headers",
                "Content-Type: x; charset=utf-8\r\nContent-Length: 2\r\n\r\n{}",
            ),
            ("blank line before", "\r\nContent-Length:2\r\n\r\n{}"),
            (
                "stray output before",
                "Could not load symbols\nContent-Length: 2\r\n\r\n{}",
            ),
            ("bare line feeds", "Content-Length: 2\n\n{}"),
        ] {
            let bodies = decode_all(&mut Codec::default(), &mut BytesMut::from(text));
            assert_eq!(bodies.expect(name), ["{}"], "{name}");
        }
    }

    #[test]
    fn nonsense_is_an_error_and_not_a_wait_without_end() {
        for text in [
            "Content-Length: two\r\n\r\n",
            "Content-Length: 99999999999\r\n\r\n",
            &"x".repeat(9000),
        ] {
            assert!(decode_all(&mut Codec::default(), &mut BytesMut::from(text)).is_err());
        }
    }

    #[test]
    fn a_header_alone_takes_no_memory() {
        let mut buffer = BytesMut::from("Content-Length: 268435456\r\n\r\n{");
        let bodies = decode_all(&mut Codec::default(), &mut buffer);
        assert!(bodies.expect("it waits").is_empty());
        assert!(buffer.capacity() < 4 << 20, "{}", buffer.capacity());
    }

    #[test]
    fn the_header_is_written_exactly_and_counts_bytes() {
        let mut written = BytesMut::new();
        Codec::default()
            .encode(Bytes::from("{\"é\":1}"), &mut written)
            .expect("always");
        assert_eq!(written, "Content-Length: 8\r\n\r\n{\"é\":1}");
    }

    proptest! {
        #[test]
        fn bodies_survive_any_cut(
            bodies in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..80), 1..5),
            cuts in prop::collection::vec(1_usize..40, 1..20),
        ) {
            let mut wire = BytesMut::new();
            for body in &bodies {
                Codec::default().encode(Bytes::from(body.clone()), &mut wire).expect("always");
            }
            let mut codec = Codec::default();
            let (mut received, mut buffer) = (Vec::new(), BytesMut::new());
            for cut in cuts.iter().cycle() {
                if wire.is_empty() {
                    break;
                }
                buffer.put(wire.split_to((*cut).min(wire.len())));
                received.extend(decode_all(&mut codec, &mut buffer).expect("well-formed"));
            }
            prop_assert_eq!(received, bodies);
        }
    }
}
