//! What Helm says of a service's chart when it renders it, without a cluster.

use std::path::Path;

use tokio_util::sync::CancellationToken;

use super::values;
use crate::cluster::helm::{self, Install};
use crate::commands::service::Service;
use crate::commands::variables::variables;
use crate::failure::Result;

const WHAT: &str = "the chart was not rendered";

/// Renders the chart as an `up` would. Gives Helm's words if it can't, and nothing if it can. A failure
/// says nothing of the chart: there is no helm, it was cancelled, or azds.yaml is wrong.
pub async fn render(folder: &Path, cancellation: &CancellationToken) -> Result<Option<String>> {
    helm::require(WHAT)?;
    let folder = folder.to_owned();
    let read = tokio::task::spawn_blocking(move || {
        let service = Service::read(&folder, WHAT)?;
        let settings = values::settings(&service, None)?;
        // What these stand for in a cluster matters to no template.
        let tokens = values::tokens("mindaro-0000000000000000", "default", &[], ".localhost");
        let settings = settings.expand(&tokens, variables(&service.folder));
        let (files, _) = values::values_files(&service, &settings)?;
        Ok((service, settings, files))
    });
    let (service, settings, files) = read
        .await
        .unwrap_or_else(|error| Err(crate::failure::Failure::ours(WHAT, "", error.to_string())))?;
    let install = Install {
        release: &service.release("default"),
        chart: &service.folder.join(&settings.chart),
        namespace: "default",
        values: &files,
        set: &settings.set,
    };
    helm::template(&install, cancellation).await
}
