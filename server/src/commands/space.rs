//! `space select`, `space list` and `show-context`: where commands work.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use azds_protocol::agent::SpaceStatus;
use azds_protocol::commands::{
    ContextResult, SelectSpaceArguments, ServiceArguments, SpaceRow, SpacesResult,
};
use tokio::time::{Instant, sleep};

use super::use_dev_spaces::make_space;
use crate::cluster::client::Cluster;
use crate::cluster::spaces::{self, Space};
use crate::failure::{Context, Failure, Result};
use crate::progress::Progress;

const WHAT: &str = "the space was not chosen";
const NOT_KNOWN: &str = "the spaces are not known";
/// How long the initializer may take to tell a new space its status.
const TOLD: Duration = Duration::from_secs(60);
const PAUSE: Duration = Duration::from_millis(200);

/// Keeps the choice of a space for a folder. It must be set up, or is made if that is asked for.
pub async fn select_space(arguments: &SelectSpaceArguments, progress: &Progress) -> Result<()> {
    let cluster = Cluster::from_kubeconfig().await?;
    let path = arguments.space.as_deref().ok_or_else(|| {
        Failure::new(WHAT, "", "no space is named").try_to("Name one: --name NAME.")
    })?;
    let (parent, name) = match path.rsplit_once('/') {
        Some((above, name)) => (above.rsplit('/').next(), name),
        None => (None, path),
    };
    let mut status = progress
        .or_cancelled(WHAT, spaces::status(&cluster, name))
        .await;
    if status.is_err() && arguments.create {
        let _step = progress.begin(format!("Setting up dev space '{path}'"));
        let made = async {
            make_space(&cluster, path).await?;
            told(&cluster, name).await
        };
        status = progress.or_cancelled(WHAT, made).await;
    } else if let Err(failure) = status {
        return Err(failure.try_to(format!(
            "azds space select --name {path} --yes makes it, with the right to make namespaces; else an administrator runs: azds use-dev-spaces --space {path} --grant YOUR-NAME."
        )));
    }
    let known = status?.parents;
    if let Some(parent) = parent
        && known.first().is_none_or(|it| it != parent)
    {
        let why = match known.first() {
            Some(other) => format!("it is a child of {other}, not of {parent}"),
            None => format!("it is not a child of {parent}"),
        };
        return Err(Failure::new(WHAT, format!("dev space {name}"), why)
            .try_to("Run azds space list to see the spaces and their parents."));
    }
    let folder = dunce::canonicalize(&arguments.folder);
    let folder = folder.or_fail(WHAT, arguments.folder.display().to_string())?;
    spaces::select(&folder, name)
}

async fn told(cluster: &Cluster, space: &str) -> Result<SpaceStatus> {
    let end = Instant::now() + TOLD;
    loop {
        match spaces::status(cluster, space).await {
            Err(failure) if Instant::now() > end => return Err(failure),
            Err(_) => sleep(PAUSE).await,
            told => return told,
        }
    }
}

/// Lists the spaces that a folder's service could be in.
pub async fn spaces(arguments: &ServiceArguments, progress: &Progress) -> Result<SpacesResult> {
    let (chosen, listed) = listed(arguments, progress).await?;
    let mut spaces = BTreeSet::from([chosen.clone()]);
    spaces.extend(listed.into_iter().map(|space| space.name));
    Ok(SpacesResult {
        chosen,
        spaces: spaces.into_iter().collect(),
    })
}

/// Lists the spaces with their parents, and the namespace that is chosen.
pub async fn space_list(
    arguments: &ServiceArguments,
    progress: &Progress,
) -> Result<Vec<SpaceRow>> {
    let (chosen, listed) = listed(arguments, progress).await?;
    let mut rows: BTreeMap<String, SpaceRow> = BTreeMap::new();
    for Space { name, parent } in listed {
        let row = SpaceRow {
            selected: name == chosen,
            name: name.clone(),
            parent,
            dev_spaces_enabled: true,
        };
        rows.insert(name, row);
    }
    rows.entry(chosen.clone()).or_insert(SpaceRow {
        name: chosen,
        parent: None,
        dev_spaces_enabled: false,
        selected: true,
    });
    Ok(rows.into_values().collect())
}

async fn listed(arguments: &ServiceArguments, progress: &Progress) -> Result<(String, Vec<Space>)> {
    let cluster = Cluster::from_kubeconfig().await?;
    let chosen = spaces::choose(&cluster, arguments.space.as_deref(), &arguments.folder)?;
    let listed = async { Ok(spaces::list(&cluster).await) };
    let listed = progress.or_cancelled(NOT_KNOWN, listed).await?;
    Ok((chosen, listed))
}

/// Says where the commands of a folder work.
pub async fn show_context(
    arguments: &ServiceArguments,
    progress: &Progress,
) -> Result<ContextResult> {
    let cluster = Cluster::from_kubeconfig().await?;
    let space = spaces::choose(&cluster, arguments.space.as_deref(), &arguments.folder)?;
    let status = spaces::status(&cluster, &space);
    let status = progress
        .or_cancelled("the context is not known", status)
        .await?;
    Ok(ContextResult {
        name: cluster.context,
        cluster: cluster.address,
        dev_space: space,
        parents: status.parents,
        host_suffix: status.host_suffix,
        ingress_class: status.ingress_class,
        version: status.version,
    })
}
