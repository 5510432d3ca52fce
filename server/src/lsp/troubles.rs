//! What is wrong in the cluster with the services whose azds.yaml is open.

use std::future::Future;
use std::path::Path;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use futures_util::future::BoxFuture;
use tokio::sync::Notify;

use super::documents::Documents;
use crate::analysis::Trouble;
use crate::commands::trouble::{self, Watch};
use crate::failure::Result;

/// How often a cluster is looked at while somebody has an azds.yaml open.
const INTERVAL: Duration = Duration::from_secs(5);
/// How often it is tried whether there is one. Asking may start a program that the kubeconfig names.
const ABSENT: Duration = Duration::from_secs(60);

/// Looks at the services of some folders in the cluster.
pub(super) type Look =
    for<'w> fn(&'w mut Watch, Vec<PathBuf>) -> BoxFuture<'w, Result<trouble::Troubles>>;

/// What was found when the cluster was looked at last.
#[derive(Default)]
pub(super) struct Troubles {
    found: Mutex<trouble::Troubles>,
    /// Wakes who looks: something has been done that may have changed it.
    done: Notify,
}

impl Troubles {
    /// What is wrong with the service in a folder.
    pub fn of(&self, folder: &Path) -> Vec<Trouble> {
        self.found().get(folder).cloned().unwrap_or_default()
    }

    /// Has the cluster looked at soon.
    pub fn look_again(&self) {
        self.done.notify_one();
    }

    /// Gives whether something else has to be shown now.
    fn replace(&self, found: trouble::Troubles) -> bool {
        let mut before = self.found();
        let differs = *before != found;
        *before = found;
        differs
    }

    fn found(&self) -> MutexGuard<'_, trouble::Troubles> {
        self.found
            .lock()
            .expect("nothing panics while it holds the lock")
    }
}

/// Looks for ever. Without a cluster there is no trouble, and nobody is told of that.
pub(super) async fn watch<F: Future<Output = ()>>(
    documents: &Arc<Documents>,
    look: Look,
    changed: impl Fn() -> F,
) {
    let mut moves = documents.moves();
    let mut cluster = Watch::default();
    loop {
        let folders = documents.service_folders();
        if folders.is_empty() {
            documents.troubles.replace(trouble::Troubles::new());
            if moves.changed().await.is_err() {
                return;
            }
            continue;
        }
        let (found, pause) = match look(&mut cluster, folders).await {
            Ok(found) => (found, INTERVAL),
            Err(failure) => {
                tracing::debug!(%failure, "the cluster was not looked at");
                (trouble::Troubles::new(), ABSENT)
            }
        };
        if documents.troubles.replace(found) {
            changed().await;
        }
        // Not shorter when documents change: what is in the cluster does not depend on them.
        _ = tokio::time::timeout(pause, documents.troubles.done.notified()).await;
    }
}
