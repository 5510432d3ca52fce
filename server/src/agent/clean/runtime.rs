//! The node's container runtime, through the kubelet's own interface to it (CRI, `runtime.v1`):
//! gRPC on a unix socket, which is HTTP/2 with protobuf messages behind five bytes of length.
//!
//! Only the fields that are read stand here; their numbers are those of `k8s.io/cri-api`.

use std::collections::HashSet;
use std::path::Path;
use std::time::Duration;

use bytes::{BufMut, Bytes, BytesMut};
use http_body_util::{BodyExt, Full};
use hyper::Request;
use hyper::client::conn::http2::{SendRequest, handshake};
use hyper::header::{CONTENT_TYPE, TE};
use hyper_util::rt::{TokioExecutor, TokioIo};
use prost::Message;
use tokio::net::UnixStream;
use tokio::time::timeout;

use crate::failure::{Context, Failure, Result};

const WHAT: &str = "the node was not cleaned";
const OBJECT: &str = "the container runtime";
/// How long one call may take; removing a large image takes seconds.
const CALL: Duration = Duration::from_secs(60);
/// Length of a message's head: whether it is compressed, and its length.
const HEAD: usize = 5;

/// An image on the node.
#[derive(Clone, PartialEq, Message)]
pub struct Image {
    /// Digest of its configuration.
    #[prost(string, tag = "1")]
    pub id: String,
    /// Its names with tags.
    #[prost(string, repeated, tag = "2")]
    pub repo_tags: Vec<String>,
}

#[derive(Clone, PartialEq, Message)]
struct ImageSpec {
    #[prost(string, tag = "1")]
    image: String,
}

#[derive(Clone, PartialEq, Message)]
struct Nothing {}

#[derive(Clone, PartialEq, Message)]
struct ListImagesResponse {
    #[prost(message, repeated, tag = "1")]
    images: Vec<Image>,
}

#[derive(Clone, PartialEq, Message)]
struct RemoveImageRequest {
    #[prost(message, optional, tag = "1")]
    image: Option<ImageSpec>,
}

#[derive(Clone, PartialEq, Message)]
struct Container {
    #[prost(message, optional, tag = "4")]
    image: Option<ImageSpec>,
    #[prost(string, tag = "5")]
    image_ref: String,
    #[prost(string, tag = "10")]
    image_id: String,
}

#[derive(Clone, PartialEq, Message)]
struct ListContainersResponse {
    #[prost(message, repeated, tag = "1")]
    containers: Vec<Container>,
}

/// A connection to the runtime.
pub struct Runtime {
    sender: SendRequest<Full<Bytes>>,
}

impl Runtime {
    /// Connects to the runtime's socket.
    pub async fn connect(socket: &Path) -> Result<Runtime> {
        let object = socket.display().to_string();
        let stream = UnixStream::connect(socket).await.or_fail(WHAT, &object)?;
        let (sender, connection) = handshake(TokioExecutor::new(), TokioIo::new(stream))
            .await
            .or_fail(WHAT, &object)?;
        tokio::spawn(async move {
            if let Err(error) = connection.await {
                tracing::warn!(%error, "the connection to the container runtime ended");
            }
        });
        Ok(Runtime { sender })
    }

    /// All images.
    pub async fn images(&self) -> Result<Vec<Image>> {
        let answer: ListImagesResponse = self.call("ImageService/ListImages", &Nothing {}).await?;
        Ok(answer.images)
    }

    /// What the containers of the node, running or not, call their images.
    pub async fn images_in_use(&self) -> Result<HashSet<String>> {
        let answer: ListContainersResponse = self
            .call("RuntimeService/ListContainers", &Nothing {})
            .await?;
        let names = answer.containers.into_iter().flat_map(|container| {
            let named = container.image.map(|image| image.image);
            [Some(container.image_ref), Some(container.image_id), named]
        });
        Ok(names.flatten().filter(|name| !name.is_empty()).collect())
    }

    /// Removes an image with all of its names.
    pub async fn remove(&self, id: &str) -> Result<()> {
        let image = Some(ImageSpec {
            image: id.to_owned(),
        });
        let _: Nothing = self
            .call("ImageService/RemoveImage", &RemoveImageRequest { image })
            .await?;
        Ok(())
    }

    async fn call<A: Message + Default>(&self, method: &str, message: &impl Message) -> Result<A> {
        let called = timeout(CALL, self.call_unbounded(method, message)).await;
        called.unwrap_or_else(|_| {
            let why = format!("{method} was not answered within {} s", CALL.as_secs());
            Err(Failure::new(WHAT, OBJECT, why))
        })
    }

    async fn call_unbounded<A: Message + Default>(
        &self,
        method: &str,
        message: &impl Message,
    ) -> Result<A> {
        let length = message.encoded_len();
        let mut body = BytesMut::with_capacity(HEAD + length);
        body.put_u8(0);
        body.put_u32(u32::try_from(length).expect("our own messages are short"));
        message.encode(&mut body).expect("the buffer grows");
        let request = Request::post(format!("http://localhost/runtime.v1.{method}"))
            .header(CONTENT_TYPE, "application/grpc")
            .header(TE, "trailers")
            .body(Full::new(body.freeze()))
            .expect("a request of constants is valid");
        let mut sender = self.sender.clone();
        let response = sender.send_request(request).await.or_fail(WHAT, OBJECT)?;
        // A call that fails at once has its status among the headers.
        let (parts, body) = response.into_parts();
        let body = body.collect().await.or_fail(WHAT, OBJECT)?;
        let text = |name: &str| {
            let trailer = body.trailers().and_then(|trailers| trailers.get(name));
            let value = trailer.or_else(|| parts.headers.get(name))?;
            Some(String::from_utf8_lossy(value.as_bytes()).into_owned())
        };
        if text("grpc-status").as_deref() != Some("0") {
            let said = text("grpc-message").unwrap_or_else(|| parts.status.to_string());
            let why = format!("{method} failed: {said}");
            return Err(Failure::new(WHAT, OBJECT, why));
        }
        let bytes = body.to_bytes();
        let message = bytes.get(HEAD..).unwrap_or_default();
        A::decode(message).or_fail(WHAT, OBJECT)
    }
}
