//! A command that is run by a host, with its standard streams.

use std::io;

use azds_protocol::exec::{END, Exec, FRAME, FRAME_HEAD, SIZE, STDIN, STDOUT, frame};
use bytes::Bytes;
use futures_util::{Stream, StreamExt};
use http_body_util::{BodyExt, StreamBody};
use hyper::Method;
use hyper::body::Frame;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

use super::{Agent, reader};
use crate::failure::{Context, Failure, Result};

const WHAT: &str = "the command did not come to its end";

/// What a developer gives to a command.
#[derive(Debug)]
pub enum Input {
    /// For its standard input.
    Bytes(Bytes),
    /// The terminal has so many rows and columns now.
    Size(u16, u16),
}

impl Input {
    fn frame(&self) -> Bytes {
        match self {
            Input::Bytes(bytes) => frame(STDIN, bytes),
            Input::Size(rows, columns) => {
                frame(SIZE, &[rows.to_be_bytes(), columns.to_be_bytes()].concat())
            }
        }
        .into()
    }
}

impl Agent {
    /// Runs a command and carries its streams; its exit code. Dropped, it ends the command.
    pub async fn exec(
        &self,
        order: &Exec,
        input: impl Stream<Item = io::Result<Input>> + Send + 'static,
        out: &mut (impl AsyncWrite + Unpin),
        err: &mut (impl AsyncWrite + Unpin),
    ) -> Result<u8> {
        let json = serde_json::to_vec(order).or_fail(WHAT, self.name.as_str())?;
        let length = u32::try_from(json.len()).or_fail(WHAT, "its command line")?;
        let head = [Bytes::copy_from_slice(&length.to_be_bytes()), json.into()];
        let head = futures_util::stream::iter(head.map(Ok));
        let input = input.map(|piece| piece.map(|piece| piece.frame()));
        let body = head.chain(input);
        let body = StreamBody::new(body.map(|piece| piece.map(Frame::data))).boxed_unsync();
        let answer = self.request(Method::POST, "/v1/exec", body).await?;
        let mut frames = reader(answer.into_body());
        let gone = |error: io::Error| {
            let name = self.name.as_str();
            match error.kind() {
                io::ErrorKind::InvalidData => Failure::new(WHAT, name, error.to_string()),
                _ => Failure::new(WHAT, name, "the connection to its pod broke"),
            }
        };
        loop {
            let (kind, content) = read_frame(&mut frames).await.map_err(gone)?;
            match (kind, content.as_slice()) {
                (END, [code]) => return Ok(*code),
                (STDOUT, content) => write(out, content).await?,
                (_, content) => write(err, content).await?,
            }
        }
    }
}

/// What the next frame is, and its content.
pub async fn read_frame(from: &mut (impl AsyncRead + Unpin)) -> io::Result<(u8, Vec<u8>)> {
    let mut head = [0; FRAME_HEAD];
    from.read_exact(&mut head).await?;
    let [kind, length @ ..] = head;
    let length = u32::from_be_bytes(length);
    if length > FRAME {
        let why = format!("a frame of more than {FRAME} bytes came");
        return Err(io::Error::new(io::ErrorKind::InvalidData, why));
    }
    let mut content = vec![0; length as usize];
    from.read_exact(&mut content).await?;
    Ok((kind, content))
}

async fn write(to: &mut (impl AsyncWrite + Unpin), content: &[u8]) -> Result<()> {
    let what = "the output of the command is not shown";
    to.write_all(content).await.or_fail(what, "")?;
    to.flush().await.or_fail(what, "")
}
