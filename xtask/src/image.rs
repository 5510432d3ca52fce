//! OCI images, written without a container engine.

use std::fs::File;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use anyhow::Result;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::cache::hex;

/// The time of every file that is made here, so that the same inputs give the same layers: 2024-01-01.
pub const TIME: u64 = 1_704_067_200;

/// An image: a name, layers as plain tars from the bottom up, and the configuration that containers start with.
pub struct Image {
    /// As a pod names it, in full.
    pub name: &'static str,
    /// From the bottom up.
    pub layers: Vec<PathBuf>,
    /// `Env`, `Entrypoint`, `Cmd`, `WorkingDir`, `User` as in the OCI image configuration.
    pub config: Value,
}

/// Writes all of them as one OCI image archive, in which a layer that several share lies once.
pub fn write_archive(images: &[Image], to: impl Write) -> Result<()> {
    let mut archive = Archive {
        tar: tar::Builder::new(to),
        written: Vec::new(),
    };
    let mut manifests = Vec::new();
    for image in images {
        let mut layers = Vec::new();
        for layer in &image.layers {
            layers.push(archive.file(layer, "application/vnd.oci.image.layer.v1.tar")?);
        }
        let diff_ids: Vec<&Value> = layers.iter().map(|layer| &layer["digest"]).collect();
        let config = json!({
            "architecture": "amd64", "os": "linux", "config": image.config,
            "rootfs": {"type": "layers", "diff_ids": diff_ids},
        });
        let config = archive.json(&config, "application/vnd.oci.image.config.v1+json")?;
        let media_type = "application/vnd.oci.image.manifest.v1+json";
        let manifest = json!({"schemaVersion": 2, "mediaType": media_type, "config": config, "layers": layers});
        let mut manifest = archive.json(&manifest, media_type)?;
        manifest["annotations"] = json!({"io.containerd.image.name": image.name});
        manifests.push(manifest);
    }
    archive.entry(
        "index.json",
        &serde_json::to_vec(&json!({"schemaVersion": 2, "manifests": manifests}))?,
    )?;
    archive.entry("oci-layout", br#"{"imageLayoutVersion":"1.0.0"}"#)?;
    archive.tar.into_inner()?.flush()?;
    Ok(())
}

struct Archive<W: Write> {
    tar: tar::Builder<W>,
    written: Vec<String>,
}

impl<W: Write> Archive<W> {
    fn entry(&mut self, path: &str, content: &[u8]) -> io::Result<()> {
        self.tar.append_data(
            &mut header(tar::EntryType::Regular, 0o644, content.len() as u64),
            path,
            content,
        )
    }

    fn json(&mut self, value: &Value, media_type: &str) -> Result<Value> {
        let content = serde_json::to_vec(value)?;
        self.blob(
            hex(&Sha256::digest(&content)),
            content.len() as u64,
            content.as_slice(),
            media_type,
        )
    }

    fn file(&mut self, file: &Path, media_type: &str) -> Result<Value> {
        let digest = digest(File::open(file)?)?;
        let file = File::open(file)?;
        self.blob(digest, file.metadata()?.len(), file, media_type)
    }

    fn blob(
        &mut self,
        digest: String,
        size: u64,
        content: impl Read,
        media_type: &str,
    ) -> Result<Value> {
        if !self.written.contains(&digest) {
            let mut header = header(tar::EntryType::Regular, 0o644, size);
            self.tar
                .append_data(&mut header, format!("blobs/sha256/{digest}"), content)?;
            self.written.push(digest.clone());
        }
        Ok(json!({"mediaType": media_type, "digest": format!("sha256:{digest}"), "size": size}))
    }
}

/// A tar header of root's, at [`TIME`].
pub fn header(kind: tar::EntryType, mode: u32, size: u64) -> tar::Header {
    let mut header = tar::Header::new_gnu();
    header.set_entry_type(kind);
    header.set_mode(mode);
    header.set_size(size);
    header.set_mtime(TIME);
    header.set_uid(0);
    header.set_gid(0);
    header
}

fn digest(mut content: impl Read) -> io::Result<String> {
    let mut hash = Sha256::new();
    let mut buffer = vec![0; 1 << 20];
    loop {
        match content.read(&mut buffer)? {
            0 => return Ok(hex(&hash.finalize())),
            read => hash.update(&buffer[..read]),
        }
    }
}
