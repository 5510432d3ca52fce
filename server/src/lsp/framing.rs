//! Messages on a stream of bytes: `Content-Length`, an empty line, JSON.

use std::io;

use serde_json::Value as Json;
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, BufReader};

/// No editor sends so much at once: a length beyond it is a broken stream.
const LONGEST: usize = 256 << 20;

/// What came next on the stream.
pub enum Frame {
    /// A message.
    Json(Json),
    /// A body that is no JSON. The stream goes on after it.
    NotJson,
    /// The stream's end, or bytes after which no message can be found any more.
    End,
}

/// Reads messages.
pub struct Reader<R> {
    input: BufReader<R>,
    line: String,
}

impl<R: AsyncRead + Unpin> Reader<R> {
    /// Reads from a stream.
    pub fn new(input: R) -> Reader<R> {
        Reader {
            input: BufReader::with_capacity(64 << 10, input),
            line: String::new(),
        }
    }

    /// Waits for what comes next.
    pub async fn next(&mut self) -> Frame {
        match self.body().await {
            Ok(Some(body)) => serde_json::from_slice(&body).map_or(Frame::NotJson, Frame::Json),
            Ok(None) => Frame::End,
            Err(error) => {
                tracing::error!(%error, "the editor's stream is broken");
                Frame::End
            }
        }
    }

    async fn body(&mut self) -> io::Result<Option<Vec<u8>>> {
        let mut length = None;
        loop {
            self.line.clear();
            if self.input.read_line(&mut self.line).await? == 0 {
                return Ok(None);
            }
            let header = self.line.trim_end();
            if header.is_empty() {
                break;
            }
            if let Some((name, value)) = header.split_once(':')
                && name.eq_ignore_ascii_case("content-length")
            {
                length = value.trim().parse().ok();
            }
        }
        let length = length.filter(|&length| length <= LONGEST);
        let length = length.ok_or_else(|| io::Error::other("a message without a usable length"))?;
        let mut body = vec![0; length];
        self.input.read_exact(&mut body).await?;
        Ok(Some(body))
    }
}

/// Writes a message.
pub async fn write(output: &mut (impl AsyncWrite + Unpin), message: &Json) -> io::Result<()> {
    let body = message.to_string();
    let frame = format!("Content-Length: {}\r\n\r\n{body}", body.len());
    output.write_all(frame.as_bytes()).await?;
    output.flush().await
}
