//! What runs in the cluster: initializer, builder, build, seed, host, probe, clean.
//!
//! The agent is linked statically so that any image can run it. A static glibc crashes in its
//! name-service modules, so nothing here resolves a name: every address is numeric.

pub mod build;
pub mod builder;
pub mod clean;
pub mod debug;
mod files;
pub mod host;
mod http;
pub mod initializer;
pub mod install;
pub mod probe;
pub mod seed;
mod tls;

use std::collections::BTreeMap;
use std::time::Duration;

use k8s_openapi::ByteString;
use tokio::net::{TcpListener, TcpStream};

use crate::failure::{Context, Result};

/// Secret with the gate's certificate, which the initializer writes and the gate reads.
const GATE_SECRET: &str = "azds-gate";

/// Name of a space's image in a registry that images are pushed to. Each space has a repository of its own, and
/// tags follow from what is built: nothing that a space can say leads to another name.
fn pushed_image(registry: &str, space: &str, tag: &str) -> String {
    format!("{registry}/{space}:{tag}")
}

/// A client of the API server for a pod, by its numeric address.
fn in_cluster_client() -> Result<kube::Client> {
    tls::init();
    let what = "the agent did not reach the API server";
    let config = kube::Config::incluster_env().or_fail(what, "its service account")?;
    kube::Client::try_from(config).or_fail(what, "its service account")
}

/// The next connection. Running out of file descriptors, say, ends one connection, not the agent.
async fn accept(listener: &TcpListener) -> TcpStream {
    loop {
        match listener.accept().await {
            Ok((stream, _)) => {
                // Small messages go both ways; waiting to fill a packet only delays them.
                let _ = stream.set_nodelay(true);
                return stream;
            }
            Err(error) => {
                tracing::warn!(%error, "a connection was not accepted");
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        }
    }
}

/// Certificate and key of a Secret of type `kubernetes.io/tls`.
fn pair_of(data: &BTreeMap<String, ByteString>) -> Option<(String, String)> {
    let text = |name: &str| String::from_utf8(data.get(name)?.0.clone()).ok();
    Some((text("tls.crt")?, text("tls.key")?))
}
