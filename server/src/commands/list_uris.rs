//! `list-uris`: the addresses of services, public and tunnelled.

use std::collections::BTreeSet;
use std::time::Duration;

use azds_protocol::commands::{ServiceArguments, UriRow, UriStatus};
use bytes::Bytes;
use futures_util::future::{join_all, try_join};
use http_body_util::Empty;
use hyper::header::HOST;
use hyper::{Request, StatusCode};
use hyper_util::rt::TokioIo;
use k8s_openapi::api::networking::v1::Ingress;
use kube::api::ListParams;
use kube::{Api, ResourceExt};
use tokio::net::TcpStream;

use super::up::RELEASE_ANNOTATION;
use crate::cluster::client::Cluster;
use crate::cluster::spaces;
use crate::commands::owner;
use crate::commands::service::{CONFIG_FILE, Service};
use crate::failure::Result;
use crate::progress::Progress;

const WHAT: &str = "the addresses are not known";
/// How long a public address may take to answer.
const PROBE_TIMEOUT: Duration = Duration::from_secs(2);

/// Lists the addresses of the folder's service, or of all services of the space.
pub async fn list_uris(arguments: &ServiceArguments, progress: &Progress) -> Result<Vec<UriRow>> {
    let cluster = Cluster::from_kubeconfig().await?;
    let folder = arguments.folder.as_path();
    let (space, release) = match !arguments.all && folder.join(CONFIG_FILE).is_file() {
        true => {
            let service = Service::find(folder, WHAT)?;
            let space = spaces::choose(&cluster, arguments.space.as_deref(), &service.folder)?;
            let release = service.release(&space);
            (space, Some(release))
        }
        false => (
            spaces::choose(&cluster, arguments.space.as_deref(), folder)?,
            None,
        ),
    };
    let wanted = |its: &str| match &release {
        Some(release) => its == release,
        None => its.starts_with("azds-"),
    };
    let ingresses: Api<Ingress> = Api::namespaced(cluster.client.clone(), &space);
    let ask = try_join(
        async {
            let found = ingresses.list(&ListParams::default()).await;
            found.map_err(cluster.failed(WHAT, &format!("namespace {space}")))
        },
        owner::all(),
    );
    let (ingresses, owners) = progress.or_cancelled(WHAT, ask).await?;
    let public = ingresses.items.iter().filter(|ingress| {
        let its = ingress.annotations().get(RELEASE_ANNOTATION);
        its.is_some_and(|its| wanted(its))
    });
    let addresses: Vec<Public> = public.flat_map(public_addresses).collect();
    let probed = join_all(addresses.iter().map(Public::probe));
    let mut rows = progress
        .or_cancelled(WHAT, async { Ok(probed.await) })
        .await?;
    for owned in owners {
        let ownership = &owned.ownership;
        if ownership.space == space
            && ownership.cluster == cluster.address
            && wanted(&ownership.release)
        {
            rows.extend(owned.uris());
        }
    }
    Ok(rows)
}

/// Hosts of a release's Ingresses whose names nobody's DNS knows.
pub(super) async fn unknown_hosts(
    cluster: &Cluster,
    space: &str,
    release: &str,
) -> kube::Result<Vec<String>> {
    let ingresses: Api<Ingress> = Api::namespaced(cluster.client.clone(), space);
    let found = ingresses.list(&ListParams::default()).await?;
    let of_release = found.items.iter().filter(|ingress| {
        let its = ingress.annotations().get(RELEASE_ANNOTATION);
        its.is_some_and(|its| its == release)
    });
    let hosts: BTreeSet<String> = of_release
        .flat_map(public_addresses)
        .map(|address| address.host)
        .collect();
    let looked_up = hosts.into_iter().map(|host| async move {
        let is_known = {
            let found = tokio::net::lookup_host((host.as_str(), 80));
            matches!(tokio::time::timeout(PROBE_TIMEOUT, found).await, Ok(Ok(_)))
        };
        (!is_known).then_some(host)
    });
    Ok(join_all(looked_up).await.into_iter().flatten().collect())
}

/// An address that an Ingress gives a service.
#[derive(Debug, PartialEq, Eq)]
pub struct Public {
    service: String,
    tls: bool,
    host: String,
    path: String,
}

/// The addresses that an Ingress gives services.
pub fn public_addresses(ingress: &Ingress) -> Vec<Public> {
    let Some(spec) = &ingress.spec else {
        return Vec::new();
    };
    let has_tls = |host: &str| {
        let mut entries = spec.tls.iter().flatten();
        entries.any(|entry| entry.hosts.iter().flatten().any(|its| its == host))
    };
    let mut found = Vec::new();
    for rule in spec.rules.iter().flatten() {
        let Some(host) = &rule.host else { continue };
        for path in rule.http.iter().flat_map(|http| &http.paths) {
            let service = path
                .backend
                .service
                .as_ref()
                .map(|service| service.name.clone());
            found.push(Public {
                service: service.unwrap_or_default(),
                tls: has_tls(host),
                host: host.clone(),
                path: plain(path.path.as_deref().unwrap_or("/")).to_owned(),
            });
        }
    }
    found
}

/// The part of an Ingress's path that a person can open: many are regular expressions.
fn plain(path: &str) -> &str {
    let end = path.find(['(', '*', '[', '$', '?']).unwrap_or(path.len());
    &path[..end]
}

impl Public {
    async fn probe(&self) -> UriRow {
        let answers = tokio::time::timeout(PROBE_TIMEOUT, self.answers()).await;
        let scheme = if self.tls { "https" } else { "http" };
        UriRow {
            uri: format!("{scheme}://{}{}", self.host, self.path),
            status: match answers {
                Ok(true) => UriStatus::Available,
                _ => UriStatus::Pending,
            },
            service: self.service.clone(),
        }
    }

    /// Whether something is there. Behind TLS an accepted connection is enough: whose certificate
    /// it has is for the browser to judge.
    async fn answers(&self) -> bool {
        let port = if self.tls { 443 } else { 80 };
        let Ok(stream) = TcpStream::connect((self.host.as_str(), port)).await else {
            return false;
        };
        match self.tls {
            true => true,
            false => matches!(self.get(stream).await, Some(status) if is_the_service(status)),
        }
    }

    async fn get(&self, stream: TcpStream) -> Option<StatusCode> {
        let io = TokioIo::new(stream);
        let (mut sender, connection) = hyper::client::conn::http1::handshake(io).await.ok()?;
        let path = match self.path.as_str() {
            "" => "/",
            path => path,
        };
        let request = Request::get(path)
            .header(HOST, &self.host)
            .body(Empty::<Bytes>::new())
            .ok()?;
        // It ends with the sender; an answer that came before it broke still counts.
        tokio::spawn(connection);
        Some(sender.send_request(request).await.ok()?.status())
    }
}

/// These are what a proxy answers that has no service behind it.
fn is_the_service(status: StatusCode) -> bool {
    !matches!(
        status,
        StatusCode::BAD_GATEWAY | StatusCode::SERVICE_UNAVAILABLE | StatusCode::GATEWAY_TIMEOUT
    )
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;

    use super::*;

    #[test]
    fn an_ingress_gives_an_address_for_each_host_and_path() {
        let ingress: Ingress = serde_json::from_value(json!({"spec": {
            "tls": [{"hosts": ["b.example.com"]}],
            "rules": [
                {"host": "a.example.com", "http": {"paths": [{"path": "/", "pathType": "Prefix",
                    "backend": {"service": {"name": "consumer"}}}]}},
                {"host": "b.example.com", "http": {"paths": [{"path": "/api(/|$)(.*)", "pathType": "Prefix",
                    "backend": {"service": {"name": "api"}}}]}},
                {"http": {"paths": []}},
            ],
        }}))
        .expect("an ingress");
        let found = public_addresses(&ingress);
        let public = |service: &str, tls, host: &str, path: &str| Public {
            service: service.to_owned(),
            tls,
            host: host.to_owned(),
            path: path.to_owned(),
        };
        assert_eq!(
            found,
            [
                public("consumer", false, "a.example.com", "/"),
                public("api", true, "b.example.com", "/api"),
            ]
        );
    }

    #[tokio::test]
    async fn a_service_that_fails_is_available_and_a_proxy_without_one_is_not() {
        for (answer, expected) in [("500 No", true), ("200 OK", true), ("503 None", false)] {
            let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
            let address = listener.local_addr().expect("an address");
            tokio::spawn(async move {
                let (mut stream, _) = listener.accept().await.expect("a connection");
                let mut request = [0; 1024];
                let _ = stream.read(&mut request).await.expect("a request");
                let answer = format!("HTTP/1.1 {answer}\r\ncontent-length: 0\r\n\r\n");
                stream.write_all(answer.as_bytes()).await.expect("sent");
            });
            let public = Public {
                service: String::new(),
                tls: false,
                host: address.ip().to_string(),
                path: String::new(),
            };
            let stream = TcpStream::connect(address).await.expect("a connection");
            let status = public.get(stream).await.expect("an answer");
            assert_eq!(is_the_service(status), expected, "{answer}");
        }
    }
}
