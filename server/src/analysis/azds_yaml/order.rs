//! Which values files Helm is given, and in which order: the rule that `up` and the language server share.

use super::settings::Settings;

/// A values file that an entry of azds.yaml names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Given {
    /// Where the file is, relative to the folder of azds.yaml.
    pub path: String,
    /// The entry.
    pub entry: String,
    /// Whether the entry stands under `container.values`, and not under `install.values`.
    pub of_container: bool,
    /// Whether there is such a file.
    pub is_there: bool,
}

impl Settings {
    /// The values files in the order in which Helm is given them, later ones winning: `install.values`,
    /// then `container.values`. One that need not be there and is not is left out; one that must be
    /// there and is not is told by [`Given::is_there`].
    pub fn values_in_order(&self, is_file: impl Fn(&str) -> bool) -> Vec<Given> {
        let mut given: Vec<Given> = Vec::new();
        // Both lists may name one file; its last place is the one that counts.
        let mut push = |next: Given| {
            given.retain(|earlier| earlier.path != next.path);
            given.push(next);
        };
        for entry in &self.values {
            let is_there = is_file(&entry.path);
            if is_there || !entry.optional {
                push(Given {
                    path: entry.path.clone(),
                    entry: entry.path.clone(),
                    of_container: false,
                    is_there,
                });
            }
        }
        for entry in &self.container_values {
            // The tutorials of 2018 put the chart's folder in front of a file that lies beside azds.yaml.
            let name = entry.rsplit('/').next().unwrap_or(entry);
            let (path, is_there) = match () {
                () if is_file(entry) => (entry.as_str(), true),
                () if is_file(name) => (name, true),
                () => (entry.as_str(), false),
            };
            push(Given {
                path: path.to_owned(),
                entry: entry.clone(),
                of_container: true,
                is_there,
            });
        }
        given
    }
}
