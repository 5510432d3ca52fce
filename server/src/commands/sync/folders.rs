//! Which folders of the container files are synced to: they become volumes if its user may not write
//! there.

use std::collections::BTreeSet;
use std::path::Path;

use azds_protocol::agent::{Entry, Manifest, Seeds};

use crate::analysis::azds_yaml::Settings;
use crate::failure::Result;

/// The folders of a release, by its Dockerfile and the files that are there now. What lies directly in `/`,
/// or where only the base image knows, is in none of them.
pub fn seeds(
    settings: &Settings,
    dockerfile: &Path,
    manifest: &Manifest,
    release: &str,
) -> Result<Seeds> {
    let placements = super::placements(dockerfile)?;
    let folders: BTreeSet<String> = match &settings.container.sync_target {
        Some(folder) => BTreeSet::from([format!("/{}", folder.trim_matches('/'))]),
        None => {
            let files = manifest.entries.iter();
            let files = files.filter(|entry| !matches!(entry, Entry::Directory { .. }));
            let folders = files.filter_map(|entry| placements.folder(entry.path()));
            folders.map(str::to_owned).collect()
        }
    };
    Ok(Seeds {
        release: release.to_owned(),
        folders: topmost(folders),
        non_root: placements.is_non_root(),
    })
}

/// Those that lie in no other, and where a volume can be mounted.
fn topmost(folders: BTreeSet<String>) -> Vec<String> {
    let is_fit = |folder: &str| {
        let mut parts = folder[1..].split('/');
        // Kubernetes refuses a pod that mounts something at a path with a colon.
        parts.all(|part| !matches!(part, "" | "." | "..")) && !folder.contains(':')
    };
    let mut kept: Vec<String> = Vec::new();
    // What is above sorts before what is below.
    for folder in folders.into_iter().filter(|folder| is_fit(folder)) {
        if !kept
            .iter()
            .any(|above| Path::new(&folder).starts_with(above))
        {
            kept.push(folder);
        }
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analysis::azds_yaml::analyse;
    use crate::context;

    fn seeds_of(container: &str, dockerfile: &str, paths: &[&str]) -> Seeds {
        let text = format!(
            "kind: helm-release\napiVersion: 1.1\nbuild:\n  context: .\ninstall:\n  chart: charts/shop\nconfigurations:\n  develop:\n    container: {container}\n"
        );
        let settings = analyse(&text).file.settings(Some("develop"));
        let file = tempfile::NamedTempFile::new().expect("a file");
        std::fs::write(file.path(), dockerfile).expect("written");
        let entries = paths.iter().map(|path| Entry::File {
            path: (*path).to_owned(),
            blob: context::blob_of(b""),
            executable: false,
        });
        let manifest = Manifest {
            dockerfile: context::blob_of(b""),
            entries: entries.collect(),
        };
        seeds(&settings, file.path(), &manifest, "azds-1-dev-shop").expect("read")
    }

    #[test]
    fn the_top_most_folders_of_what_is_there_are_seeded() {
        let dockerfile = "FROM x\nWORKDIR /app\nCOPY . .\nCOPY conf /app/conf\nCOPY b /app-b\nCOPY start.sh /start.sh\nCOPY none /none\nUSER 1000";
        let found = seeds_of("{}", dockerfile, &["a.py", "b/x", "conf/a", "start.sh"]);
        assert_eq!(found.folders, ["/app", "/app-b"]);
        assert!(found.non_root);
    }

    #[test]
    fn sync_target_is_the_one_folder_if_it_can_be_mounted() {
        for (target, expected) in [
            ("/srv/site/", vec!["/srv/site"]),
            ("/", vec![]),
            ("a:b", vec![]),
            ("/a/../b", vec![]),
        ] {
            let container = format!("{{syncTarget: {target:?}}}");
            let found = seeds_of(&container, "FROM x\nWORKDIR /app\nCOPY . .", &["a.py"]);
            assert_eq!(found.folders, expected, "{target}");
            assert!(!found.non_root);
        }
    }
}
