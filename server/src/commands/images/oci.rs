//! An image of one program, by the image format of OCI.

use std::io::Write;

use bytes::Bytes;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::cluster::registry::{INDEX, MANIFEST};
use crate::failure::{Context, Failure, Result};

/// Where the agent lies in its image.
const AGENT_PATH: &str = "azds-agent";
const WHAT: &str = "the image was not made";

/// The image of an agent.
pub struct Image {
    /// `amd64` or `arm64`.
    pub architecture: &'static str,
    pub layers: Vec<Blob>,
    pub config: Blob,
    pub manifest: Blob,
}

/// Content with its digest.
pub struct Blob {
    pub digest: String,
    pub content: Bytes,
}

impl Blob {
    fn new(content: impl Into<Bytes>) -> Blob {
        let content = content.into();
        let hash = Sha256::digest(&content);
        let hex: String = hash.iter().map(|byte| format!("{byte:02x}")).collect();
        Blob {
            digest: format!("sha256:{hex}"),
            content,
        }
    }

    fn descriptor(&self, media_type: &str) -> Value {
        json!({"mediaType": media_type, "digest": self.digest, "size": self.content.len()})
    }
}

impl Image {
    /// The image of this program. The same program makes the same image.
    pub fn new(agent: &[u8]) -> Result<Image> {
        Image::with(agent, None)
    }

    /// The image of this program, and a layer of more files.
    pub fn with(agent: &[u8], more: Option<Vec<u8>>) -> Result<Image> {
        let architecture = architecture(agent)?;
        let mut layer = tar::Builder::new(Vec::new());
        append(&mut layer, AGENT_PATH, 0o755, agent).or_fail(WHAT, AGENT_PATH)?;
        let layer = Blob::new(layer.into_inner().or_fail(WHAT, AGENT_PATH)?);
        let layers: Vec<Blob> = [layer].into_iter().chain(more.map(Blob::new)).collect();
        let digests: Vec<&str> = layers.iter().map(|layer| layer.digest.as_str()).collect();
        let described = layers.iter();
        let described = described.map(|it| it.descriptor("application/vnd.oci.image.layer.v1.tar"));
        let described: Vec<Value> = described.collect();
        let config = json!({
            "architecture": architecture,
            "os": "linux",
            "config": {"Entrypoint": [format!("/{AGENT_PATH}")], "WorkingDir": "/"},
            "rootfs": {"type": "layers", "diff_ids": digests},
        });
        let config = Blob::new(config.to_string());
        let manifest = json!({
            "schemaVersion": 2,
            "mediaType": MANIFEST,
            "config": config.descriptor("application/vnd.oci.image.config.v1+json"),
            "layers": described,
        });
        Ok(Image {
            architecture,
            layers,
            config,
            manifest: Blob::new(manifest.to_string()),
        })
    }

    fn descriptor(&self) -> Value {
        let mut descriptor = self.manifest.descriptor(MANIFEST);
        descriptor["platform"] = json!({"architecture": self.architecture, "os": "linux"});
        descriptor
    }
}

/// The index of an image for several architectures.
pub fn index(images: &[Image]) -> Blob {
    let manifests: Vec<Value> = images.iter().map(Image::descriptor).collect();
    let index = json!({"schemaVersion": 2, "mediaType": INDEX, "manifests": manifests});
    Blob::new(index.to_string())
}

/// An archive that containerd imports under `name`.
pub fn archive(image: &Image, name: &str) -> std::io::Result<Vec<u8>> {
    let mut described = image.descriptor();
    let (_, tag) = name.rsplit_once(':').unwrap_or((name, "latest"));
    described["annotations"] = json!({
        "io.containerd.image.name": name,
        "org.opencontainers.image.ref.name": tag,
    });
    let index = json!({"schemaVersion": 2, "mediaType": INDEX, "manifests": [described]});
    let mut archive = tar::Builder::new(Vec::new());
    let layout = br#"{"imageLayoutVersion":"1.0.0"}"#;
    append(&mut archive, "oci-layout", 0o644, layout)?;
    let index = index.to_string();
    append(&mut archive, "index.json", 0o644, index.as_bytes())?;
    for blob in [&image.manifest, &image.config]
        .into_iter()
        .chain(&image.layers)
    {
        let path = format!("blobs/{}", blob.digest.replace(':', "/"));
        append(&mut archive, &path, 0o644, &blob.content)?;
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

/// The architecture of a Linux program, in Kubernetes' words, by the head of its ELF file.
pub fn architecture(program: &[u8]) -> Result<&'static str> {
    let machine = program
        .starts_with(b"\x7fELF")
        .then(|| program.get(18..20))
        .flatten();
    match machine {
        Some([0x3e, 0]) => Ok("amd64"),
        Some([0xb7, 0]) => Ok("arm64"),
        _ => Err(Failure::new(
            WHAT,
            AGENT_PATH,
            "it is no Linux program for amd64 or arm64",
        )),
    }
}

#[cfg(test)]
pub(super) mod tests {
    use std::collections::BTreeMap;
    use std::io::Read;

    use super::*;

    /// The head of a program.
    pub fn program(machine: u8) -> Vec<u8> {
        let mut head = b"\x7fELF".to_vec();
        head.resize(18, 0);
        head.extend([machine, 0, 1, 2, 3]);
        head
    }

    #[test]
    fn programs_tell_their_architecture() {
        assert_eq!(architecture(&program(0x3e)).ok(), Some("amd64"));
        assert_eq!(architecture(&program(0xb7)).ok(), Some("arm64"));
        assert!(architecture(&program(0x28)).is_err());
        assert!(architecture(b"#!/bin/sh").is_err());
    }

    #[test]
    fn the_archive_is_whole_and_always_the_same() {
        let name = "localhost/azds/azds-initializer-service:1-abc";
        let image = || Image::with(&program(0x3e), Some(b"more".to_vec())).expect("a program");
        let bytes = archive(&image(), name).expect("in memory");
        assert_eq!(bytes, archive(&image(), name).expect("in memory"));
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
        assert_eq!(blob(&manifest["layers"][1]), b"more");
        for at in 0..2 {
            let layer = Blob::new(blob(&manifest["layers"][at]));
            assert_eq!(config["rootfs"]["diff_ids"][at], layer.digest.as_str());
        }
        assert_eq!(config["architecture"], "amd64");
        assert_eq!(config["config"]["Entrypoint"][0], "/azds-agent");
    }

    #[test]
    fn an_index_has_a_manifest_for_each_architecture() {
        let images = [0x3e, 0xb7].map(|machine| Image::new(&program(machine)).expect("a program"));
        let index: Value = serde_json::from_slice(&index(&images).content).expect("JSON");
        let platforms: Vec<_> = index["manifests"]
            .as_array()
            .expect("manifests")
            .iter()
            .map(|it| it["platform"]["architecture"].clone())
            .collect();
        assert_eq!(platforms, ["amd64", "arm64"]);
    }
}
