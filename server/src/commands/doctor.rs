//! `doctor`: what of folder, machine and cluster is as it should be, and what to do about the rest.

use azds_protocol::commands::{Check, DoctorResult, ServiceArguments};

use super::service::{CONFIG_FILE, Service};
use super::up;
use crate::cluster::client::Cluster;
use crate::cluster::{helm, spaces};
use crate::failure::{Context, Result};
use crate::progress::Progress;

const WHAT: &str = "azds up would not start the service";

/// Looks at everything that `up` needs. What is wrong is part of the result, not a failure.
pub async fn doctor(arguments: &ServiceArguments, progress: &Progress) -> Result<DoctorResult> {
    let step = progress.begin("Looking at folder, machine and cluster");
    let mut report = Report::default();
    let folder = arguments.folder.clone();
    let service = tokio::task::spawn_blocking(move || Service::read(&folder, WHAT))
        .await
        .or_fail(WHAT, "its folder")?;
    let service = report.note(CONFIG_FILE, service, |it| {
        it.folder.join(CONFIG_FILE).display().to_string()
    });
    report.note("helm", helm::require(WHAT), |()| "it is there".to_owned());
    let cluster = Cluster::from_kubeconfig().await;
    let kubeconfig = |it: &Cluster| format!("context {} at {}", it.context, it.address);
    if let Some(cluster) = report.note("kubeconfig", cluster, kubeconfig) {
        step.say(&cluster.address);
        look_at_cluster(&mut report, &cluster, arguments, service.as_ref()).await;
    }
    Ok(DoctorResult { checks: report.0 })
}

async fn look_at_cluster(
    report: &mut Report,
    cluster: &Cluster,
    arguments: &ServiceArguments,
    service: Option<&Service>,
) {
    let version = cluster.version().await;
    if report
        .note("cluster", version, |it| format!("Kubernetes {it}"))
        .is_none()
    {
        return;
    }
    let folder = service.map_or(arguments.folder.as_path(), |service| &service.folder);
    let space = spaces::choose(cluster, arguments.space.as_deref(), folder);
    let Some(space) = report.note("choice of the space", space, Clone::clone) else {
        return;
    };
    let status = spaces::status(cluster, &space).await;
    report.note("space", status, |it| {
        format!("{space}, set up by azds {}", it.version)
    });
    let rights = cluster.require(&space, &up::RIGHTS).await;
    report.note("rights", rights, |()| format!("enough in {space}"));
}

/// The checks so far.
#[derive(Default)]
struct Report(Vec<Check>);

impl Report {
    /// Notes what came of a check, and returns its value for those that need it.
    fn note<T>(
        &mut self,
        name: &str,
        result: Result<T>,
        found: impl FnOnce(&T) -> String,
    ) -> Option<T> {
        self.0.push(Check {
            name: name.to_owned(),
            found: result.as_ref().ok().map(found),
            failure: result.as_ref().err().cloned(),
        });
        result.ok()
    }
}
