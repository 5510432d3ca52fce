//! Helm renders the chart of a service in the background when one of its files was saved.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard};

use tokio_util::sync::{CancellationToken, DropGuard};

use crate::commands::up;

/// What Helm said of each service, and what it is busy with. A lock is never held over an `.await`.
#[derive(Default)]
pub(super) struct Renderings {
    services: Mutex<HashMap<PathBuf, Rendering>>,
}

#[derive(Default)]
struct Rendering {
    said: Option<String>,
    /// Ends the rendering that still runs when a later one takes its place.
    running: Option<DropGuard>,
}

impl Renderings {
    /// What Helm said of the service in a folder when it was saved last.
    pub fn said(&self, folder: &Path) -> Option<String> {
        self.services().get(folder)?.said.clone()
    }

    /// Forgets what was said of a service when one of its files is edited: the place may be another now.
    pub fn edited(&self, path: &Path) {
        let mut services = self.services();
        let of_service = services
            .iter_mut()
            .filter(|(folder, _)| path.starts_with(folder));
        of_service.for_each(|(_, rendering)| rendering.said = None);
    }

    /// Renders the chart of the service in a folder. Gives whether something else has to be shown now.
    pub async fn render(&self, folder: &Path) -> bool {
        let cancellation = CancellationToken::new();
        let guard = cancellation.clone().drop_guard();
        // The earlier rendering, if one still runs, is ended with its guard.
        let earlier = self
            .services()
            .entry(folder.to_owned())
            .or_default()
            .running
            .replace(guard);
        drop(earlier);
        let said = match up::render(folder, &cancellation).await {
            Ok(said) => said,
            Err(failure) => {
                tracing::debug!(%failure, "a chart was not rendered");
                None
            }
        };
        let mut services = self.services();
        let Some(rendering) = services.get_mut(folder) else {
            return false;
        };
        if cancellation.is_cancelled() {
            return false;
        }
        let differs = rendering.said != said;
        rendering.said = said;
        differs
    }

    fn services(&self) -> MutexGuard<'_, HashMap<PathBuf, Rendering>> {
        self.services
            .lock()
            .expect("nothing panics while it holds the lock")
    }
}
