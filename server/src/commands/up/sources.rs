//! Sending the contents that the builder lacks.

use std::io::{self, Read};
use std::sync::Arc;

use azds_protocol::agent::{Digest, FRAME, Received};
use bytes::{Bytes, BytesMut};
use http_body_util::{BodyExt, StreamBody};
use hyper::body::Frame;
use tokio::sync::mpsc;

use super::build::Because;
use crate::cluster::agent::Agent;
use crate::context::BuildContext;
use crate::failure::{Context, Result};

/// How much goes into one piece of the body: many small files share one.
const PIECE: usize = 256 * 1024;
/// Pieces that are read ahead of the network.
const AHEAD: usize = 4;

type Pieces = mpsc::Sender<io::Result<Frame<Bytes>>>;

/// Sends the contents of `missing`. It is of no use to try again if a file is no longer what it was when it was read.
pub async fn send(
    agent: &Agent,
    context: &Arc<BuildContext>,
    missing: Vec<Digest>,
) -> Result<Received, Because> {
    if missing.is_empty() {
        return Ok(Received::default());
    }
    let (pieces, queue) = mpsc::channel(AHEAD);
    let context = Arc::clone(context);
    let reading = tokio::task::spawn_blocking(move || read(&context, &missing, &pieces));
    let queue = futures_util::stream::unfold(queue, async |mut queue| {
        let piece = queue.recv().await?;
        Some((piece, queue))
    });
    let sent = agent
        .send_files(StreamBody::new(queue).boxed_unsync())
        .await;
    // What went wrong with a file says more than the request that was broken off because of it.
    let read = reading.await.or_fail("the files were not sent", "")?;
    read.map_err(Because::Failed)?;
    Ok(sent?)
}

fn read(context: &BuildContext, missing: &[Digest], pieces: &Pieces) -> Result<()> {
    let mut piece = BytesMut::with_capacity(PIECE);
    for digest in missing {
        if let Err(failure) = frame(context, digest, &mut piece, pieces) {
            // Ends the request as broken, so that the builder keeps nothing of the file.
            let _ = pieces.blocking_send(Err(io::Error::other(failure.to_string())));
            return Err(failure);
        }
    }
    if !piece.is_empty() {
        // Nobody takes it if the request has ended; its own failure says why.
        let _ = pieces.blocking_send(Ok(Frame::data(piece.freeze())));
    }
    Ok(())
}

fn frame(
    context: &BuildContext,
    digest: &Digest,
    piece: &mut BytesMut,
    pieces: &Pieces,
) -> Result<()> {
    let (mut file, size) = context.open(digest)?;
    let mut header = [0; FRAME];
    header[..32].copy_from_slice(digest.0.as_bytes());
    header[32..].copy_from_slice(&size.to_be_bytes());
    piece.extend_from_slice(&header);

    let mut hasher = blake3::Hasher::new();
    let mut left = size;
    while left > 0 {
        let used = piece.len();
        let room = usize::try_from(left).map_or(PIECE, |left| left.min(PIECE));
        piece.resize(used + room, 0);
        let read = file
            .read(&mut piece[used..])
            .map_err(|_| context.changed(digest))?;
        if read == 0 {
            return Err(context.changed(digest));
        }
        piece.truncate(used + read);
        hasher.update(&piece[used..]);
        left -= read as u64;
        if piece.len() >= PIECE {
            let full = std::mem::replace(piece, BytesMut::with_capacity(PIECE)).freeze();
            if pieces.blocking_send(Ok(Frame::data(full))).is_err() {
                return Ok(());
            }
        }
    }
    let grown = file.read(&mut [0]).map_err(|_| context.changed(digest))? != 0;
    if grown || hasher.finalize() != digest.0 {
        return Err(context.changed(digest));
    }
    Ok(())
}
