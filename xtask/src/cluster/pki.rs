//! Certificates and kubeconfigs of one cluster, made anew at every start.

use std::fs::{self, File};
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use anyhow::Result;
use base64::prelude::{BASE64_STANDARD, Engine};
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa,
    KeyPair, KeyUsagePurpose,
};
use serde_json::json;

/// The cluster's certificate authority and the folder that its files lie in.
pub struct Pki {
    authority: CertifiedIssuer<'static, KeyPair>,
    folder: PathBuf,
}

impl Pki {
    /// A new authority, in ca.crt, and the key pair that service account tokens are signed with, in sa.key and sa.pub.
    pub fn create(folder: &Path) -> Result<Self> {
        fs::create_dir_all(folder)?;
        let mut parameters = CertificateParams::default();
        parameters
            .distinguished_name
            .push(DnType::CommonName, "azds-test-cluster");
        parameters.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        parameters.key_usages = vec![
            KeyUsagePurpose::KeyCertSign,
            KeyUsagePurpose::DigitalSignature,
        ];
        let authority = CertifiedIssuer::self_signed(parameters, KeyPair::generate()?)?;
        let pki = Self {
            authority,
            folder: folder.to_owned(),
        };
        private(&pki.file("ca.crt"), &pki.authority.pem())?;
        let tokens = KeyPair::generate()?;
        private(&pki.file("sa.key"), &tokens.serialize_pem())?;
        private(&pki.file("sa.pub"), &tokens.public_key_pem())?;
        Ok(pki)
    }

    /// One of the files.
    pub fn file(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// Writes `name`.crt and `name`.key for a user of a group who serves `addresses`.
    pub fn certificate(
        &self,
        name: &str,
        user: &str,
        group: &str,
        addresses: &[&str],
    ) -> Result<()> {
        let addresses: Vec<String> = addresses
            .iter()
            .map(|&address| address.to_owned())
            .collect();
        let mut parameters = CertificateParams::new(addresses)?;
        parameters.distinguished_name.push(DnType::CommonName, user);
        parameters
            .distinguished_name
            .push(DnType::OrganizationName, group);
        parameters.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        parameters.extended_key_usages = vec![
            ExtendedKeyUsagePurpose::ServerAuth,
            ExtendedKeyUsagePurpose::ClientAuth,
        ];
        let key = KeyPair::generate()?;
        let certificate = parameters.signed_by(&key, &self.authority)?;
        private(&self.file(&format!("{name}.crt")), &certificate.pem())?;
        private(&self.file(&format!("{name}.key")), &key.serialize_pem())
    }

    /// Writes a kubeconfig for the user of `certificate`; everything it needs is in it.
    pub fn kubeconfig(&self, file: &Path, certificate: &str, server: &str) -> Result<()> {
        let data = |name: &str| -> Result<String> {
            Ok(BASE64_STANDARD.encode(fs::read(self.file(name))?))
        };
        let user = json!({
            "client-certificate-data": data(&format!("{certificate}.crt"))?,
            "client-key-data": data(&format!("{certificate}.key"))?,
        });
        let cluster = json!({"server": server, "certificate-authority-data": data("ca.crt")?});
        let kubeconfig = json!({
            "apiVersion": "v1", "kind": "Config", "current-context": "azds-test",
            "clusters": [{"name": "azds-test", "cluster": cluster}],
            "users": [{"name": "azds-test", "user": user}],
            "contexts": [{"name": "azds-test", "context": {"cluster": "azds-test", "user": "azds-test"}}],
        });
        private(file, &serde_json::to_string_pretty(&kubeconfig)?)
    }
}

/// Writes a file that only its owner reads.
fn private(file: &Path, content: &str) -> Result<()> {
    let mut file = File::options()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(file)?;
    Ok(file.write_all(content.as_bytes())?)
}
