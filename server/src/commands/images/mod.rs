//! `images`: the image of azds' agent, written and pushed without Docker.

mod oci;
mod push;

use std::path::Path;

use crate::cluster::spaces::AZDS_VERSION;
use crate::failure::{Context, Failure, Result};
use oci::Image;
pub use push::{architectures_in, push};

/// The static agent, or nothing if this azds was built without it.
const AGENT: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/azds-agent"));
const REPOSITORY: &str = "azds/azds-initializer-service";
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
    let name = image(None)?;
    let object = path.display().to_string();
    let image = Image::new(agent()?)?;
    let archive = oci::archive(&image, &name).or_fail(WHAT, object.as_str())?;
    std::fs::write(path, archive).or_fail(WHAT, object)?;
    Ok(name)
}
