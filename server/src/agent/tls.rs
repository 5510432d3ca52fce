//! TLS between the agents, and between the API server and the webhook.

use std::sync::{Arc, Once};

use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::{ClientConfig, RootCertStore, ServerConfig, crypto};

use crate::failure::{Context, Failure, Result};

/// Protocol of the agents among themselves (RFC 7301, RFC 9113).
pub const H2: &[u8] = b"h2";

/// Makes rustls' `ring` provider the one in use. The tree may hold others, so none is implied.
pub fn init() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        // An error means that another provider was chosen before, which serves as well.
        let _ = crypto::ring::default_provider().install_default();
    });
}

/// A server with this certificate and key, PEM.
pub fn server(certificate: &str, key: &str, protocols: &[&[u8]]) -> Result<Arc<ServerConfig>> {
    init();
    let what = "azds did not read its certificate";
    let certificates = CertificateDer::pem_slice_iter(certificate.as_bytes())
        .collect::<Result<Vec<_>, _>>()
        .or_fail(what, "")?;
    let key = PrivateKeyDer::from_pem_slice(key.as_bytes()).or_fail(what, "")?;
    let mut config = ServerConfig::builder()
        .with_no_client_auth()
        .with_single_cert(certificates, key)
        .or_fail(what, "")?;
    config.alpn_protocols = protocols.iter().map(|name| name.to_vec()).collect();
    Ok(Arc::new(config))
}

/// A client that trusts this authority and no other.
pub fn client(authority: &str) -> Result<Arc<ClientConfig>> {
    init();
    let what = "azds did not read the certificate of its authority";
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(authority.as_bytes()) {
        roots
            .add(certificate.or_fail(what, "")?)
            .or_fail(what, "")?;
    }
    if roots.is_empty() {
        return Err(Failure::ours(what, "", "there is none"));
    }
    let mut config = ClientConfig::builder()
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = vec![H2.to_vec()];
    Ok(Arc::new(config))
}
