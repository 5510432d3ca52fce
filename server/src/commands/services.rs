//! The services of the folders that an editor has open.

use std::path::{Path, PathBuf};

use azds_protocol::commands::{ServiceFolder, WorkspaceArguments};

use super::service::{CONFIG_FILE, Service};
use crate::analysis::azds_yaml;
use crate::failure::{Context, Result};
use crate::progress::Progress;

const WHAT: &str = "the services of the workspace are not known";

/// Lists the folders that have an azds.yaml of ours, in the order of their paths. Asks no cluster.
pub async fn services(arguments: &WorkspaceArguments, _: &Progress) -> Result<Vec<ServiceFolder>> {
    let folders = arguments.folders.clone();
    let found = tokio::task::spawn_blocking(move || find(&folders)).await;
    found.or_fail(WHAT, "the folders")
}

fn find(folders: &[PathBuf]) -> Vec<ServiceFolder> {
    let mut files: Vec<PathBuf> = folders.iter().flat_map(|it| azds_yamls(it)).collect();
    files.sort();
    // Folders that are open may lie in each other.
    files.dedup();
    files.iter().filter_map(|file| service(file)).collect()
}

/// Every azds.yaml in a folder and below it that git would take.
pub fn azds_yamls(folder: &Path) -> impl Iterator<Item = PathBuf> {
    ignore::WalkBuilder::new(folder)
        .build()
        .filter_map(|entry| entry.ok())
        .map(|entry| entry.into_path())
        .filter(|path| path.ends_with(CONFIG_FILE) && path.is_file())
}

fn service(file: &Path) -> Option<ServiceFolder> {
    let folder = file.parent()?;
    let text = std::fs::read_to_string(file).ok()?;
    let described = azds_yaml::analyse(&text).file;
    if described.is_foreign() {
        return None;
    }
    let of_folder = || Some(folder.file_name()?.to_string_lossy().into_owned());
    let name = match Service::find(folder, WHAT) {
        Ok(service) => Some(service.name),
        Err(_) => of_folder(),
    };
    Some(ServiceFolder {
        name: name.unwrap_or_default(),
        folder: folder.to_owned(),
        configurations: described.configurations().map(str::to_owned).collect(),
    })
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[tokio::test]
    async fn each_folder_once_named_by_its_chart_or_itself() {
        let folder = tempfile::tempdir().expect("a folder");
        let write = |name: &str, text: &str| {
            let path = folder.path().join(name);
            fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
            fs::write(path, text).expect("a file");
        };
        let ours =
            "kind: helm-release\ninstall:\n  chart: charts/shop\nconfigurations:\n  develop: {}\n";
        write("b/azds.yaml", ours);
        write("b/charts/shop/Chart.yaml", "name: shop\nversion: 0.1.0\n");
        write("a/azds.yaml", "kind: helm-release\n");
        write("other/azds.yaml", "kind: something-else\n");
        let folders = vec![folder.path().to_owned(), folder.path().join("b")];
        let arguments = WorkspaceArguments { folders };
        let found = services(&arguments, &Progress::silent()).await;
        let found: Vec<_> = found
            .expect("a list")
            .into_iter()
            .map(|it| (it.name, it.configurations.join(" ")))
            .collect();
        let expected = [("a", ""), ("shop", "develop")];
        assert_eq!(found, expected.map(|(a, b)| (a.to_owned(), b.to_owned())));
    }
}
