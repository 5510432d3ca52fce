//! `images save`: the agent's image as an archive, without Docker.

use std::io::Write;
use std::path::Path;

use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::cluster::spaces::AZDS_VERSION;
use crate::failure::{Context, Failure, Result};

/// The static agent, or nothing if this azds was built without it.
const AGENT: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/azds-agent"));
/// Where the agent lies in its image.
const AGENT_PATH: &str = "azds-agent";
const REPOSITORY: &str = "azds/azds-initializer-service";
const WHAT: &str = "the images were not saved";

/// Tag of the agent's image: it follows from the agent's content.
pub fn tag() -> Result<String> {
    let digest = blake3::hash(agent()?).to_hex();
    Ok(format!("{AZDS_VERSION}-{}", &digest[..12]))
}

/// Name of the agent's image, in a registry or as a node has it.
pub fn image(registry: Option<&str>) -> Result<String> {
    let registry = registry.unwrap_or("docker.io").trim_end_matches('/');
    Ok(format!("{registry}/{REPOSITORY}:{}", tag()?))
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
    let agent = agent()?;
    let object = path.display().to_string();
    let archive = archive(agent, &name).or_fail(WHAT, object.as_str())?;
    std::fs::write(path, archive).or_fail(WHAT, object)?;
    Ok(name)
}

fn archive(agent: &[u8], name: &str) -> std::io::Result<Vec<u8>> {
    let mut layer = tar::Builder::new(Vec::new());
    append(&mut layer, AGENT_PATH, 0o755, agent)?;
    let layer = layer.into_inner()?;
    let config = json!({
        "architecture": architecture(),
        "os": "linux",
        "config": {"Entrypoint": [format!("/{AGENT_PATH}")], "WorkingDir": "/"},
        "rootfs": {"type": "layers", "diff_ids": [digest(&layer)]},
    })
    .to_string()
    .into_bytes();
    let blob = |kind: &str, bytes: &[u8]| {
        json!({
            "mediaType": format!("application/vnd.oci.image.{kind}"),
            "digest": digest(bytes),
            "size": bytes.len(),
        })
    };
    let manifest = json!({
        "schemaVersion": 2,
        "mediaType": "application/vnd.oci.image.manifest.v1+json",
        "config": blob("config.v1+json", &config),
        "layers": [blob("layer.v1.tar", &layer)],
    })
    .to_string()
    .into_bytes();
    let mut described = blob("manifest.v1+json", &manifest);
    let (_, tag) = name.rsplit_once(':').unwrap_or((name, "latest"));
    described["annotations"] = json!({
        "io.containerd.image.name": name,
        "org.opencontainers.image.ref.name": tag,
    });
    let index: Value = json!({
        "schemaVersion": 2,
        "mediaType": "application/vnd.oci.image.index.v1+json",
        "manifests": [described],
    });
    let mut archive = tar::Builder::new(Vec::new());
    append(
        &mut archive,
        "oci-layout",
        0o644,
        br#"{"imageLayoutVersion":"1.0.0"}"#,
    )?;
    append(
        &mut archive,
        "index.json",
        0o644,
        index.to_string().as_bytes(),
    )?;
    for bytes in [&manifest, &config, &layer] {
        let path = format!("blobs/{}", digest(bytes).replace(':', "/"));
        append(&mut archive, &path, 0o644, bytes)?;
    }
    archive.into_inner()
}

fn append<W: Write>(
    archive: &mut tar::Builder<W>,
    path: &str,
    mode: u32,
    bytes: &[u8],
) -> std::io::Result<()> {
    let mut header = tar::Header::new_gnu();
    header.set_size(bytes.len() as u64);
    header.set_mode(mode);
    header.set_mtime(0);
    archive.append_data(&mut header, path, bytes)
}

fn digest(bytes: &[u8]) -> String {
    let digest = Sha256::digest(bytes);
    let hex: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
    format!("sha256:{hex}")
}

fn architecture() -> &'static str {
    match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::io::Read;

    use super::*;

    #[test]
    fn the_archive_is_whole_and_always_the_same() {
        let name = "docker.io/azds/azds-initializer-service:1-abc";
        let bytes = archive(b"\x7fELF", name).expect("in memory");
        assert_eq!(bytes, archive(b"\x7fELF", name).expect("in memory"));
        let mut files = BTreeMap::new();
        for entry in tar::Archive::new(bytes.as_slice())
            .entries()
            .expect("a tar")
        {
            let mut entry = entry.expect("an entry");
            let mut content = Vec::new();
            entry.read_to_end(&mut content).expect("content");
            files.insert(entry.path().expect("a path").display().to_string(), content);
        }
        let blob = |described: &Value| {
            let digest = described["digest"].as_str().expect("a digest");
            let content = &files[&format!("blobs/{}", digest.replace(':', "/"))];
            assert_eq!(described["size"], content.len());
            content.clone()
        };
        let json = |bytes: &[u8]| serde_json::from_slice::<Value>(bytes).expect("JSON");
        let index = json(&files["index.json"]);
        let described = &index["manifests"][0];
        assert_eq!(described["annotations"]["io.containerd.image.name"], name);
        let manifest = json(&blob(described));
        let config = json(&blob(&manifest["config"]));
        let layer = blob(&manifest["layers"][0]);
        assert_eq!(config["rootfs"]["diff_ids"][0], digest(&layer));
        assert_eq!(config["config"]["Entrypoint"][0], "/azds-agent");
    }
}
