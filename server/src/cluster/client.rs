//! The connection to the API server.

use std::error::Error;
use std::time::Duration;

use hyper::body::Incoming;
use hyper::{Method, Request, Response};
use hyper_util::client::legacy;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::client::legacy::connect::proxy::Tunnel;
use hyper_util::rt::TokioExecutor;
use k8s_openapi::api::core::v1::Pod;
use kube::client::{Body, ClientBuilder, ConfigExt};
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Client, Config, Resource as _};
use tokio::io::DuplexStream;
use tower::{BoxError, ServiceBuilder};

use super::port_forward::bytes_of;
use super::rights::grant_remedy;
use crate::failure::{Context, Failure, Result, chain};

/// How long a TCP connection to the API server may take.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// How long the API server may take to begin its answer.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(30);

/// A cluster that a kubeconfig leads to.
#[derive(Clone)]
pub struct Cluster {
    /// The client; cheap to clone.
    pub client: Client,
    /// Address of the API server.
    pub address: String,
    /// Name of the kubeconfig's context.
    pub context: String,
    /// Namespace of the kubeconfig's context.
    pub default_namespace: String,
}

impl Cluster {
    /// Reads the kubeconfig as kubectl would. Does not talk to the cluster yet.
    pub async fn from_kubeconfig() -> Result<Cluster> {
        let no_cluster = |why: String| {
            Failure::new("there is no cluster to work with", "kubeconfig", why).try_to(
                "Set KUBECONFIG, or choose a context with: kubectl config use-context NAME.",
            )
        };
        let kubeconfig = Kubeconfig::read().map_err(|error| no_cluster(chain(&error)))?;
        let context = kubeconfig.current_context.clone().unwrap_or_default();
        let config = Config::from_custom_kubeconfig(kubeconfig, &KubeConfigOptions::default())
            .await
            .map_err(|error| no_cluster(chain(&error)))?;
        Ok(Cluster {
            address: config.cluster_url.to_string(),
            default_namespace: config.default_namespace.clone(),
            client: client(config).map_err(|error| no_cluster(chain(&error)))?,
            context,
        })
    }

    /// Whether the kubeconfig still leads there.
    pub fn is_current(&self) -> bool {
        let context = Kubeconfig::read().map(|it| it.current_context.unwrap_or_default());
        context.is_ok_and(|context| context == self.context)
    }

    /// Version of Kubernetes, as MAJOR.MINOR: the rest of it is written in many ways.
    pub async fn version(&self) -> Result<String> {
        let version = self.client.apiserver_version().await;
        let version = version.map_err(self.failed("the cluster did not answer", &self.address))?;
        Ok(format!("{}.{}", version.major, version.minor))
    }

    /// Turns an error of the API server, or of the way to it, into a failure.
    pub fn failed(&self, what: &str, object: &str) -> impl FnOnce(kube::Error) -> Failure + use<> {
        let (what, object) = (what.to_owned(), object.to_owned());
        let (address, namespace) = (self.address.clone(), self.default_namespace.clone());
        move |error| {
            match &error {
            kube::Error::Api(status) if status.code == 403 => {
                let namespace = forbidden_in(&status.message).unwrap_or(&namespace);
                Failure::new(what, object, status.message.clone()).try_to(grant_remedy(namespace))
            }
            kube::Error::Api(status) if status.code == 401 => Failure::new(
                what,
                object,
                format!("the API server {address} does not know you: {}", status.message),
            )
            .try_to("Log in to the cluster again; the kubeconfig's credentials have expired or are wrong."),
            kube::Error::Api(status) => Failure::new(what, object, status.message.clone()),
            kube::Error::Service(_) | kube::Error::HyperError(_) => Failure::new(
                what,
                object,
                format!("the API server {address} cannot be reached: {}", chain(&error)),
            )
            .try_to(way_remedy(&chain(&error))),
            _ => Failure::new(what, object, chain(&error)),
        }
        }
    }
}

/// What to do about a way to the API server that is closed, by what rustls or the system says.
fn way_remedy(why: &str) -> &'static str {
    let says = |words: &str| why.contains(words);
    if says("certificate expired") || says("not valid yet") {
        "See whether the clock of this machine is right; if it is, the cluster's certificate must be renewed by its administrator."
    } else if says("UnknownIssuer") || says("invalid peer certificate") {
        "The kubeconfig is of another cluster, or something between here and the cluster answers in its place: get the kubeconfig again."
    } else {
        "See whether the cluster runs and the network leads to it: kubectl version."
    }
}

/// The namespace in which something is forbidden, as the API server says it.
fn forbidden_in(message: &str) -> Option<&str> {
    let (_, rest) = message.split_once("in the namespace \"")?;
    rest.split('"').next()
}

/// kube's own client leaves Nagle's algorithm on, which costs every port-forward 40 ms; so the
/// stack is put together here, with all the layers that its builder has and we need.
fn client(config: Config) -> Result<Client, kube::Error> {
    let mut connector = HttpConnector::new();
    connector.enforce_http(false);
    connector.set_nodelay(true);
    connector.set_connect_timeout(Some(CONNECT_TIMEOUT));
    match config.proxy_url.clone() {
        None => stack(
            &config,
            config.rustls_https_connector_with_connector(connector)?,
        ),
        Some(proxy) if proxy.scheme_str() == Some("http") => {
            let tunnel = Tunnel::new(proxy, connector);
            stack(
                &config,
                config.rustls_https_connector_with_connector(tunnel)?,
            )
        }
        Some(proxy) => Err(kube::Error::ProxyProtocolUnsupported {
            proxy_url: Box::new(proxy),
        }),
    }
}

fn stack<C>(config: &Config, connector: C) -> Result<Client, kube::Error>
where
    C: legacy::connect::Connect + Clone + Send + Sync + 'static,
{
    let http = legacy::Client::builder(TokioExecutor::new()).build::<_, Body>(connector);
    // Watches, logs and tunnels stay open for hours: only the head of an answer has a time limit.
    let limited = tower::service_fn(move |request| {
        let answer = answer(http.clone(), request);
        async move {
            match tokio::time::timeout(ANSWER_TIMEOUT, answer).await {
                Ok(answer) => answer.map_err(BoxError::from),
                Err(_) => Err(BoxError::from(format!(
                    "no answer within {} s",
                    ANSWER_TIMEOUT.as_secs()
                ))),
            }
        }
    });
    let service = ServiceBuilder::new()
        .layer(config.base_uri_layer())
        .option_layer(config.auth_layer()?)
        // Without this layer an impersonation in the kubeconfig would be dropped in silence, and
        // the calls would run with the full rights of the certificate.
        .layer(config.extra_headers_layer()?)
        .map_err(BoxError::from)
        .service(limited);
    Ok(ClientBuilder::new(service, config.default_namespace.clone()).build())
}

/// Makes a request, and makes one that only reads once more if its connection closes before there is an answer:
/// the server may have closed one that was idle just when it was used again (RFC 9110, 9.2.2).
async fn answer<C>(
    http: legacy::Client<C, Body>,
    request: Request<Body>,
) -> Result<Response<Incoming>, legacy::Error>
where
    C: legacy::connect::Connect + Clone + Send + Sync + 'static,
{
    let again = (request.method() == Method::GET).then(|| {
        let mut again = Request::new(Body::empty());
        *again.uri_mut() = request.uri().clone();
        *again.headers_mut() = request.headers().clone();
        again
    });
    match (http.request(request).await, again) {
        (Err(error), Some(again)) if is_closed(&error) => http.request(again).await,
        (answer, _) => answer,
    }
}

fn is_closed(error: &legacy::Error) -> bool {
    let source = error.source().and_then(<dyn Error>::downcast_ref);
    source.is_some_and(hyper::Error::is_incomplete_message)
}

/// Opens a port of a pod and gives its bytes. It also works while the pod is still pending.
pub async fn open_port(
    cluster: &Cluster,
    space: &str,
    pod: &str,
    port: u16,
) -> Result<DuplexStream> {
    let what = "there is no connection to the pod";
    let name = format!("pod {pod} in namespace {space}");
    let pods = Pod::url_path(&(), Some(space));
    let request = kube::core::Request::new(pods).portforward(pod, &[port]);
    let request = request.or_fail(what, name.as_str())?;
    let connection = cluster.client.connect(request).await;
    let connection = connection.map_err(cluster.failed(what, &name))?;
    Ok(bytes_of(connection.into_stream(), name))
}

#[cfg(test)]
mod tests {
    use kube::api::{Api, PostParams};
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::net::TcpListener;

    use super::*;

    const ANSWER: &str = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 37\r\n\r\n{\"metadata\":{\"name\":\"x\"},\"spec\":null}";

    /// A server that closes its first connection when it is asked something, and answers on the others.
    async fn closing() -> Client {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("bound");
        tokio::spawn(async move {
            for number in 0.. {
                let (mut stream, _) = listener.accept().await.expect("a connection");
                let _ = stream.read(&mut [0; 4096]).await;
                if number > 0 {
                    let _ = stream.write_all(ANSWER.as_bytes()).await;
                }
            }
        });
        let address = format!("http://{address}").parse().expect("an address");
        client(Config::new(address)).expect("a client")
    }

    #[tokio::test]
    async fn what_only_reads_outlives_a_connection_that_closes() {
        let pods: Api<Pod> = Api::default_namespaced(closing().await);
        let pod = pods.get("x").await.expect("the second answer");
        assert_eq!(pod.metadata.name.as_deref(), Some("x"));
    }

    #[tokio::test]
    async fn what_may_have_been_done_is_not_done_again() {
        let pods: Api<Pod> = Api::default_namespaced(closing().await);
        let failed = pods.create(&PostParams::default(), &Pod::default()).await;
        let failed = chain(&failed.expect_err("it closed"));
        assert!(failed.contains("before message completed"), "{failed}");
    }
}
