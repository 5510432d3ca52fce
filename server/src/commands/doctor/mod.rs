//! `doctor`: what of folder, machine and cluster is as it should be, and what to do about the rest.

mod bundle;
mod redact;
mod service;
mod space;

use azds_protocol::commands::{Check, DoctorResult, ServiceArguments};

use super::service::{CONFIG_FILE, Service};
use crate::cluster::client::Cluster;
use crate::cluster::{helm, spaces};
use crate::failure::{Context, Failure, Result};
use crate::progress::Progress;

pub use bundle::bundle;

const WHAT: &str = "azds up would not start the service";
/// The first Kubernetes with all that azds needs: a webhook's matchConditions.
const OLDEST: (u32, u32) = (1, 30);

/// Looks at everything that `up` and a debugger need, layer by layer: what one layer lacks, those
/// above it are not asked for. What is wrong is part of the result, not a failure.
pub async fn doctor(arguments: &ServiceArguments, progress: &Progress) -> Result<DoctorResult> {
    let step = progress.begin("Looking at folder, machine and cluster");
    let mut report = Report::default();
    let looking = async {
        let folder = arguments.folder.clone();
        let service = tokio::task::spawn_blocking(move || Service::read(&folder, WHAT))
            .await
            .or_fail(WHAT, "its folder")?;
        let service = report.note(CONFIG_FILE, service, |it| {
            it.folder.join(CONFIG_FILE).display().to_string()
        });
        report.note("helm", helm::version(WHAT).await, Clone::clone);
        let cluster = Cluster::from_kubeconfig().await;
        let kubeconfig = |it: &Cluster| format!("context {} at {}", it.context, it.address);
        if let Some(cluster) = report.note("kubeconfig", cluster, kubeconfig) {
            step.say(&cluster.address);
            look_at_cluster(&mut report, &cluster, arguments, service.as_ref()).await;
        }
        if let Some(service) = service {
            report.0.push(service::debugger(&service).await);
        }
        Ok(())
    };
    progress.or_cancelled(WHAT, looking).await?;
    Ok(DoctorResult { checks: report.0 })
}

async fn look_at_cluster(
    report: &mut Report,
    cluster: &Cluster,
    arguments: &ServiceArguments,
    service: Option<&Service>,
) {
    let version = cluster.version().await.and_then(new_enough);
    let version = report.note("API server", version, |it| format!("Kubernetes {it}"));
    if version.is_none() {
        return;
    }
    let folder = service.map_or(arguments.folder.as_path(), |service| &service.folder);
    let space = spaces::choose(cluster, arguments.space.as_deref(), folder);
    let Some(space) = report.note("choice of the space", space, Clone::clone) else {
        return;
    };
    space::look(report, cluster, &space).await;
    if let Some(service) = service {
        service::look(report, cluster, &space, service).await;
    }
}

/// The version if azds can work with it; one that is not understood is taken to be new.
fn new_enough(version: String) -> Result<String> {
    let digits = |text: &str| {
        let digits: String = text.chars().take_while(char::is_ascii_digit).collect();
        digits.parse().unwrap_or(u32::MAX)
    };
    let (major, minor) = version.split_once('.').unwrap_or((&version, ""));
    match (digits(major), digits(minor)) < OLDEST {
        false => Ok(version),
        true => Err(
            Failure::new(WHAT, "API server", format!("it is Kubernetes {version}")).try_to(
                format!(
                    "azds needs Kubernetes {}.{} or newer: have the cluster upgraded.",
                    OLDEST.0, OLDEST.1
                ),
            ),
        ),
    }
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
        let told = result.as_ref().map(found).map_err(Clone::clone);
        self.0.push(Check::of(name, told));
        result.ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_old_cluster_is_told_from_a_new_and_from_a_strange_one() {
        for (version, fine) in [("1.29", false), ("1.30+", true), ("2.0", true), ("x", true)] {
            assert_eq!(new_enough(version.to_owned()).is_ok(), fine, "{version}");
        }
    }
}
