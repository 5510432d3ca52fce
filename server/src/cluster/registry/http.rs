//! HTTP to a registry: TLS with the authorities that Docker would trust, and the usual proxies.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::{Request, Response, Uri};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::client::legacy::connect::proxy::Tunnel;
use hyper_util::client::legacy::{Client, ResponseFuture};
use hyper_util::client::proxy::matcher::Matcher;
use hyper_util::rt::TokioExecutor;
use tokio_rustls::rustls::pki_types::CertificateDer;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::{ClientConfig, RootCertStore, crypto};

use super::Options;
use crate::failure::{Context, Failure, Result, chain};

const WHAT: &str = "the registry cannot be reached";
const CONNECT: Duration = Duration::from_secs(15);
/// How long a request may take, with all of an image.
const REQUEST: Duration = Duration::from_secs(600);

/// A client for one host, and for the one that gives its tokens.
pub struct Http {
    send: Box<dyn Fn(Request<Full<Bytes>>) -> ResponseFuture + Send + Sync>,
}

impl Http {
    /// A client for `base` (`https://HOST`); Docker knows the registry as `host`.
    pub fn new(base: &str, host: &str, options: &Options) -> Result<Http> {
        let mut connector = HttpConnector::new();
        connector.enforce_http(false);
        connector.set_connect_timeout(Some(CONNECT));
        let tls = tls(host, options)?;
        let target: Uri = base.parse().or_fail(WHAT, base)?;
        let Some(proxy) = Matcher::from_env().intercept(&target) else {
            let client = Client::builder(TokioExecutor::new()).build(https(tls, connector));
            return Ok(Http {
                send: Box::new(move |request| client.request(request)),
            });
        };
        let mut tunnel = Tunnel::new(proxy.uri().clone(), connector);
        if let Some(login) = proxy.basic_auth() {
            tunnel = tunnel.with_auth(login.clone());
        }
        let client = Client::builder(TokioExecutor::new()).build(https(tls, tunnel));
        Ok(Http {
            send: Box::new(move |request| client.request(request)),
        })
    }

    /// Sends a request and reads all of the answer.
    pub async fn send(&self, request: Request<Bytes>) -> Result<Response<Bytes>> {
        let host = request.uri().host().unwrap_or_default().to_owned();
        let asked = async {
            let answer = (self.send)(request.map(Full::new)).await;
            let answer = answer.map_err(|error| unreachable(&host, chain(&error)))?;
            let (head, body) = answer.into_parts();
            let body = body.collect().await;
            let body = body.map_err(|error| unreachable(&host, chain(&error)))?;
            Ok(Response::from_parts(head, body.to_bytes()))
        };
        let asked = tokio::time::timeout(REQUEST, asked).await;
        asked.unwrap_or_else(|_| {
            let why = format!("it took longer than {} s", REQUEST.as_secs());
            Err(unreachable(&host, why))
        })
    }
}

fn unreachable(host: &str, why: String) -> Failure {
    let failure = Failure::new(WHAT, host, why);
    let remedy = if failure.why.contains("certificate") {
        "Name the file with its authority: --registry-ca FILE."
    } else if failure.why.contains("corrupt message") || failure.why.contains("InvalidContentType")
    {
        "If it really speaks HTTP without TLS, say --plain-http."
    } else {
        "See whether the name is right and the network leads there; HTTPS_PROXY and NO_PROXY are heeded."
    };
    failure.try_to(remedy)
}

fn https<C>(tls: ClientConfig, connector: C) -> HttpsConnector<C> {
    HttpsConnectorBuilder::new()
        .with_tls_config(tls)
        .https_or_http()
        .enable_http1()
        .wrap_connector(connector)
}

fn tls(host: &str, options: &Options) -> Result<ClientConfig> {
    let mut roots = RootCertStore::empty();
    // One that this machine has and rustls can't read is no reason to trust fewer.
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    for file in docker_authorities(host) {
        trust(&mut roots, &file)?;
    }
    if let Some(file) = &options.authority {
        trust(&mut roots, file)?;
    }
    let config = ClientConfig::builder_with_provider(Arc::new(crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .or_fail(WHAT, host)?;
    Ok(config.with_root_certificates(roots).with_no_client_auth())
}

fn trust(roots: &mut RootCertStore, file: &Path) -> Result<()> {
    let object = file.display().to_string();
    let certificates = CertificateDer::pem_file_iter(file).or_fail(WHAT, &object)?;
    let mut count = 0;
    for certificate in certificates {
        roots
            .add(certificate.or_fail(WHAT, &object)?)
            .or_fail(WHAT, &object)?;
        count += 1;
    }
    match count {
        0 => Err(Failure::new(WHAT, object, "the file holds no certificate")
            .try_to("Name a file with certificates in PEM.")),
        _ => Ok(()),
    }
}

/// Where Docker looks for a registry's own authorities.
fn docker_authorities(host: &str) -> Vec<PathBuf> {
    let folder = Path::new("/etc/docker/certs.d").join(host);
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let files = entries.map(|entry| entry.path());
    files
        .filter(|file| file.extension().is_some_and(|it| it == "crt"))
        .collect()
}
