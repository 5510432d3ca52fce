//! What a host is asked to keep its container up to date.

use azds_protocol::sync::{Applied, Batch, Iterate, IterateEvent, Synced};
use bytes::Bytes;
use futures_util::StreamExt;
use http_body_util::{BodyExt, StreamBody};
use hyper::Method;
use hyper::body::Frame;
use serde::Serialize;
use tokio::io::AsyncBufRead;

use super::{Agent, empty, full, lines, reader};
use crate::failure::{Context, Failure, Result};

/// The pieces of a batch in its form. `list` is a [`Batch`], or what has its fields.
pub fn in_form<T: Serialize>(
    list: &T,
    contents: Vec<Bytes>,
) -> std::io::Result<impl Iterator<Item = Bytes> + Send + use<T>> {
    let json = serde_json::to_vec(list)?;
    let length = u32::try_from(json.len()).map_err(std::io::Error::other)?;
    let head = [Bytes::copy_from_slice(&length.to_be_bytes()), json.into()];
    Ok(head.into_iter().chain(contents))
}

impl Agent {
    /// What batches have changed in the container.
    pub async fn synced(&self) -> Result<Synced> {
        let what = "the container's files are not known";
        let answer = self.request(Method::GET, "/v1/sync", empty()).await?;
        self.read(answer, what).await
    }

    /// Changes the container's files; `contents` are those of the batch's files, in their order.
    pub async fn sync(&self, batch: &Batch, contents: Vec<Bytes>) -> Result<Applied> {
        let what = "the files were not put into the container";
        let frames = in_form(batch, contents).or_fail(what, "the list of files")?;
        let frames = futures_util::stream::iter(frames.map(|piece| Ok(Frame::data(piece))));
        let body = StreamBody::new(frames).boxed_unsync();
        let answer = self.request(Method::POST, "/v1/sync", body).await?;
        self.read(answer, what).await
    }

    /// Has the service built and started again in its container. `watch` is told every event.
    pub async fn iterate(
        &self,
        order: &Iterate,
        mut watch: impl FnMut(&IterateEvent),
    ) -> Result<()> {
        let what = "the service was not started again";
        let body = serde_json::to_vec(order).or_fail(what, self.name.as_str())?;
        let answer = self
            .request(Method::POST, "/v1/iterate", full(body))
            .await?;
        let mut lines = lines(answer.into_body());
        while let Some(line) = lines.next().await {
            let line = line.or_fail(what, self.name.as_str())?;
            let event = serde_json::from_str(&line).or_fail(what, self.name.as_str())?;
            watch(&event);
            match event {
                IterateEvent::Restarted => return Ok(()),
                IterateEvent::Failed { failure } => return Err(failure),
                IterateEvent::Began { .. } | IterateEvent::Log { .. } => {}
            }
        }
        Err(Failure::new(
            what,
            self.name.as_str(),
            "the agent ended before",
        ))
    }

    /// Follows the service; the host stays for as long as this is read.
    pub async fn follow(&self) -> Result<impl AsyncBufRead + Unpin + Send + use<>> {
        let answer = self.request(Method::GET, "/v1/follow", empty()).await?;
        Ok(reader(answer.into_body()))
    }
}
