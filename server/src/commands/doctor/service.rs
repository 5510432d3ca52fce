//! The layers of one service: its release, its pods, its addresses, its debugger.

use std::time::Duration;

use azds_protocol::commands::{Check, ServiceArguments, UriStatus};
use k8s_openapi::api::apps::v1::{Deployment, ReplicaSet};
use k8s_openapi::api::core::v1::Pod;
use kube::Api;
use kube::api::ListParams;
use tokio::net::TcpStream;

use super::{Report, WHAT};
use crate::cluster::client::Cluster;
use crate::cluster::{helm, pods};
use crate::commands::list_uris::list_uris;
use crate::commands::owner::{self, runtime};
use crate::commands::service::Service;
use crate::commands::up::{Objects, Verdict, trouble};
use crate::commands::{debugger, prep};
use crate::failure::{Context, Failure, Result};
use crate::progress::Progress;

/// How long a tunnel of this machine may take to be there.
const TUNNEL: Duration = Duration::from_secs(2);
const NOT_UP: &str = "the service is not up";

/// Looks at what there is of a service in a space.
pub async fn look(report: &mut Report, cluster: &Cluster, space: &str, service: &Service) {
    let release = service.release(space);
    let state = release_state(&release, space).await;
    let is_up = matches!(&state, Ok(Some(_)));
    report.note("release", state, |state| match state {
        Some(state) => format!("{release} is {state}"),
        None => NOT_UP.to_owned(),
    });
    if !is_up {
        return;
    }
    report.note("pods", pods(cluster, space, service).await, Clone::clone);
    let addresses = addresses(space, service).await;
    report.note("DNS and Ingress", addresses, Clone::clone);
    let tunnels = tunnels(&runtime::key(&release, &cluster.address)).await;
    report.note("tunnels", tunnels, Clone::clone);
}

/// helm's word for the release, if there is one.
async fn release_state(release: &str, space: &str) -> Result<Option<String>> {
    let found = helm::list(space, &format!("^{release}$")).await?;
    let Some(found) = found.into_iter().next() else {
        return Ok(None);
    };
    let failure = |why: String| Failure::new(WHAT, format!("release {release}"), why);
    match found.status.as_str() {
        "deployed" => Ok(Some(found.status)),
        "failed" => Err(failure("its last installation failed".to_owned())
            .try_to("Run azds up, which says why if it fails again.")),
        pending => Err(failure(format!(
            "it is {pending}: somebody installs it now, or was ended in the middle of it"
        ))
        .try_to("Wait until the other azds or helm is done; if there is none, run azds up again.")),
    }
}

async fn pods(cluster: &Cluster, space: &str, service: &Service) -> Result<String> {
    let client = || cluster.client.clone();
    let all = ListParams::default();
    let what = format!("{} does not run", service.name);
    let object = format!("namespace {space}");
    let deployments: Api<Deployment> = Api::namespaced(client(), space);
    let replica_sets: Api<ReplicaSet> = Api::namespaced(client(), space);
    let pods: Api<Pod> = Api::namespaced(client(), space);
    let found = futures_util::future::try_join3(
        deployments.list(&all),
        replica_sets.list(&all),
        pods.list(&all),
    );
    let (deployments, replica_sets, pods) = found.await.map_err(cluster.failed(&what, &object))?;
    let mut objects = Objects::default();
    deployments
        .items
        .into_iter()
        .for_each(|it| objects.deployments.put(it));
    replica_sets
        .items
        .into_iter()
        .for_each(|it| objects.replica_sets.put(it));
    pods.items.into_iter().for_each(|it| objects.pods.put(it));
    let release = service.release(space);
    let Some(tag) = objects.tag_of(&release) else {
        return Ok("no Deployment of it has an image that azds built".to_owned());
    };
    let verdict = objects.verdict(&release, &tag);
    let object = format!("release {release} in space {space}");
    if let Some(failure) = trouble(cluster, &what, &object, &verdict).await {
        return Err(failure);
    }
    if let (Verdict::Waiting(at), Some(pod)) = (&verdict, objects.waiting(&tag)) {
        // Without its log: a service that only starts says something, too.
        let warnings = pods::last_words(cluster, pod, None).await;
        if !warnings.is_empty() {
            let why = format!("{at}{warnings}");
            return Err(Failure::new(what, object, why).try_to(
                "Bring what it lacks, or correct the chart or its values and run azds up again.",
            ));
        }
    }
    Ok(verdict.to_string())
}

async fn addresses(space: &str, service: &Service) -> Result<String> {
    let arguments = ServiceArguments {
        folder: service.folder.clone(),
        space: Some(space.to_owned()),
        all: false,
    };
    let rows = list_uris(&arguments, &Progress::silent()).await?;
    let public: Vec<_> = rows
        .iter()
        .filter(|row| row.status != UriStatus::Tunneled)
        .collect();
    if let Some(row) = public.iter().find(|row| row.status == UriStatus::Pending) {
        return Err(Failure::new(
            "a public address of the service does not answer",
            row.uri.as_str(),
            "its name is not known to DNS, or no Ingress controller serves it",
        )
        .try_to("Wait until DNS knows it, or use the tunnel (azds list-uris); an administrator sets suffix and class by azds use-dev-spaces --host-suffix, --ingress-class."));
    }
    Ok(match public.len() {
        0 => "the service has no public address".to_owned(),
        _ => {
            let uris: Vec<_> = public.iter().map(|row| row.uri.as_str()).collect();
            format!("{} answer", uris.join(", "))
        }
    })
}

async fn tunnels(key: &str) -> Result<String> {
    let Some(owned) = owner::find(key).await? else {
        return Ok("none are open: azds up opens them".to_owned());
    };
    for port in &owned.local_ports {
        let object = format!("localhost:{port}");
        let connected = TcpStream::connect(("127.0.0.1", *port));
        let connected = tokio::time::timeout(TUNNEL, connected).await;
        connected
            .or_fail("a tunnel does not answer", object.as_str())
            .and_then(|it| it.or_fail("a tunnel does not answer", object.as_str()))
            .map_err(|failure| failure.try_to("Run azds up again, which opens it anew."))?;
    }
    Ok(format!(
        "{} open, owned by process {}",
        owned.local_ports.len(),
        owned.pid
    ))
}

/// The debugger of this machine for the service's language.
pub async fn debugger(service: &Service) -> Check {
    let folder = service.folder.clone();
    let found = tokio::task::spawn_blocking(move || {
        let Some(language) = prep::language(&folder) else {
            return Ok("azds does not know the language of the folder".to_owned());
        };
        if language == "node" {
            return Ok("node has its own".to_owned());
        }
        let installed = debugger::list(&debugger::folder()?);
        let found = installed.iter().rfind(|it| it.name == language);
        Ok(match found {
            Some(found) => format!(
                "{} {} in {}",
                found.name,
                found.version,
                found.folder.display()
            ),
            None => format!("none for {language} is installed: azds debugger install {language}"),
        })
    });
    Check::of(
        "debugger",
        found.await.or_fail(WHAT, "debugger").and_then(|it| it),
    )
}
