//! How the services of the folders are that an editor has open.

use std::collections::BTreeMap;

use azds_protocol::commands::{
    PodRow, ServiceArguments, ServiceFolder, ServiceStatus, StatusResult, WorkspaceArguments,
};
use futures_util::future::join_all;
use kube::ResourceExt;

use super::list_uris::list_uris;
use super::objects::Objects;
use super::service::Service;
use super::services::services;
use crate::cluster::client::Cluster;
use crate::cluster::pods;
use crate::cluster::spaces;
use crate::failure::{Failure, Result};
use crate::progress::Progress;

const WHAT: &str = "the services are not known";
const NOT_UP: &str = "Not up";

/// Says of each service whether it is up and how it is. A cluster that does not answer is part of
/// the result: the services are there all the same.
pub async fn status(arguments: &WorkspaceArguments, progress: &Progress) -> Result<StatusResult> {
    let folders = services(arguments, progress).await?;
    if folders.is_empty() {
        return Ok(StatusResult::default());
    }
    let cluster = match Cluster::from_kubeconfig().await {
        Ok(cluster) => cluster,
        Err(failure) => {
            let unknown = folders.into_iter().map(|it| unknown(it, None, &failure));
            let services = unknown.collect();
            return Ok(StatusResult {
                target: None,
                services,
            });
        }
    };
    let placed: Vec<_> = folders
        .into_iter()
        .map(|folder| {
            let space = spaces::choose(&cluster, None, &folder.folder);
            (folder, space)
        })
        .collect();
    let mut asked: BTreeMap<&str, Option<Result<Objects>>> = BTreeMap::new();
    for (_, space) in &placed {
        if let Ok(space) = space {
            asked.insert(space, None);
        }
    }
    let ask = asked.iter_mut().map(|(space, objects)| {
        let cluster = &cluster;
        async move { *objects = Some(Objects::of(cluster, space, WHAT).await) }
    });
    progress
        .or_cancelled(WHAT, async {
            join_all(ask).await;
            Ok(())
        })
        .await?;
    let rows = placed.iter().map(|(folder, space)| {
        let objects = space.as_ref().map(|space| asked[space.as_str()].as_ref());
        row(folder, space, objects.ok().flatten(), progress)
    });
    let services = join_all(rows).await;
    Ok(StatusResult {
        target: Some(cluster.context),
        services,
    })
}

async fn row(
    folder: &ServiceFolder,
    space: &Result<String>,
    objects: Option<&Result<Objects>>,
    progress: &Progress,
) -> ServiceStatus {
    let space = match space {
        Ok(space) => space,
        Err(failure) => return unknown(folder.clone(), None, failure),
    };
    let service = match Service::find(&folder.folder, WHAT) {
        Ok(service) => service,
        Err(failure) => return unknown(folder.clone(), Some(space), &failure),
    };
    let objects = match objects {
        Some(Ok(objects)) => objects,
        Some(Err(failure)) => return unknown(folder.clone(), Some(space), failure),
        None => {
            return unknown(
                folder.clone(),
                Some(space),
                &Failure::ours(WHAT, space, "it was not asked"),
            );
        }
    };
    let release = service.release(space);
    let up = objects.has(&release);
    let pods = objects.pods_of(&release).into_iter().map(|pod| PodRow {
        name: pod.name_any(),
        status: pods::state(pod).to_string(),
    });
    let pods: Vec<_> = pods.collect();
    // A service that is not up has no addresses; asking would make the list slow.
    let uris = match up {
        true => list_uris(&arguments(folder, space), progress).await,
        false => Ok(Vec::new()),
    };
    ServiceStatus {
        name: folder.name.clone(),
        folder: folder.folder.clone(),
        space: Some(space.clone()),
        up,
        status: match (up, pods.last()) {
            (false, _) => NOT_UP.to_owned(),
            (true, None) => "No pod".to_owned(),
            (true, Some(newest)) => newest.status.clone(),
        },
        pods,
        failure: uris.as_ref().err().cloned(),
        uris: uris.unwrap_or_default(),
    }
}

fn arguments(folder: &ServiceFolder, space: &str) -> ServiceArguments {
    ServiceArguments {
        folder: folder.folder.clone(),
        space: Some(space.to_owned()),
        all: false,
    }
}

fn unknown(folder: ServiceFolder, space: Option<&String>, failure: &Failure) -> ServiceStatus {
    ServiceStatus {
        name: folder.name,
        folder: folder.folder,
        space: space.cloned(),
        up: false,
        status: "Unknown".to_owned(),
        pods: Vec::new(),
        uris: Vec::new(),
        failure: Some(failure.clone()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn without_services_no_cluster_is_asked() {
        let arguments = WorkspaceArguments::default();
        let found = status(&arguments, &Progress::silent()).await;
        assert_eq!(found.expect("nothing to ask"), StatusResult::default());
    }
}
