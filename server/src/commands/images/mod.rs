//! `images`: the images of azds' agent and of debuggers, written and pushed without Docker.

mod oci;
mod push;

use std::path::Path;

use azds_protocol::agent::DEBUGGERS_IN_IMAGE;

use super::debugger::Installed;
use crate::cluster::spaces::AZDS_VERSION;
use crate::failure::{Context, Failure, Result};
use oci::Image;
pub use push::{architectures_in, push};

/// The static agent, or nothing if this azds was built without it. A constant would be in the binary once for each
/// place that names it, some 18 MB each.
static AGENT: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/azds-agent"));
const REPOSITORY: &str = "azds/azds-initializer-service";
/// Images of debuggers, but for the runtime.
const DEBUGGER: &str = "azds/debugger";
/// Stands for the registry of an image that is on the nodes: a name that leads to nobody else's.
const NO_REGISTRY: &str = "localhost";
const WHAT: &str = "the images were not saved";

/// Tag of the agent's image: it follows from the agent's content.
pub fn tag() -> Result<String> {
    let digest = blake3::hash(agent()?).to_hex();
    Ok(format!("{AZDS_VERSION}-{}", &digest[..12]))
}

/// Name of the agent's image, in a registry or as a node has it.
pub fn image(registry: Option<&str>) -> Result<String> {
    let registry = registry.unwrap_or(NO_REGISTRY).trim_end_matches('/');
    Ok(format!("{registry}/{REPOSITORY}:{}", tag()?))
}

/// The architecture, in Kubernetes' words, of the agent inside of this azds.
pub fn architecture() -> Result<&'static str> {
    oci::architecture(agent()?)
}

fn agent() -> Result<&'static [u8]> {
    match AGENT.is_empty() {
        true => Err(Failure::new(
            "the agent's image is not there",
            "azds",
            "this azds was built without its agent",
        )
        .try_to("Build it with: cargo xtask build.")),
        false => Ok(AGENT),
    }
}

/// Writes an OCI archive with the agent's image to `path`. Blocking.
pub fn save(path: &Path) -> Result<String> {
    write(path, image(None)?, &Image::new(agent()?)?)
}

/// Writes an OCI archive with the image of a debugger to `path`: the debugger, and the agent, which copies
/// it into pods. Blocking.
pub fn save_debugger(path: &Path, installed: &Installed) -> Result<String> {
    let stored = installed.stored_as();
    let tag = stored.strip_prefix(&format!("{}-", installed.name));
    let tag = tag.unwrap_or(&stored);
    let name = format!("{NO_REGISTRY}/{DEBUGGER}-{}:{tag}", installed.name);
    let folder = format!("{}/{stored}", DEBUGGERS_IN_IMAGE.trim_start_matches('/'));
    let debugger = installed.archive(&folder);
    let debugger = debugger.or_fail(WHAT, installed.folder.display().to_string())?;
    write(path, name, &Image::with(agent()?, Some(debugger))?)
}

fn write(path: &Path, name: String, image: &Image) -> Result<String> {
    let object = path.display().to_string();
    let archive = oci::archive(image, &name).or_fail(WHAT, object.as_str())?;
    std::fs::write(path, archive).or_fail(WHAT, object)?;
    Ok(name)
}
