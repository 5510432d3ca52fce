//! Real services: every kind of finding in them was looked at, and is true.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::{Found, Service};
use crate::analysis::across::{Dockerfile, entries};
use crate::analysis::{Code, Source, Surroundings};

/// What is found in real services, and why it is true. A kind that is not listed here and turns up is
/// to be looked at by eye before it gets its line.
const TRUE: [(Code, &str); 3] = [
    (
        Code::UnreadValue,
        "charts of databases and jobs whose templates have neither a replica count nor an Ingress",
    ),
    (
        Code::UnsetValue,
        "an annotation with `.Values.buildID`, which only a tool of 2018 set",
    ),
    (
        Code::OldDebugEntry,
        "`azds exec` as the debugger's pipe, and `azds up --await-exec`, which are no more",
    ),
];

struct Disk(PathBuf);

impl Surroundings for Disk {
    fn is_file(&self, path: &str) -> bool {
        self.0.join(path).is_file()
    }

    fn is_folder(&self, path: &str) -> bool {
        self.0.join(path).is_dir()
    }

    fn source(&self, path: &str) -> Option<Arc<Source>> {
        let text = std::fs::read_to_string(self.0.join(path)).ok()?;
        Some(Arc::new(Source::new(text)))
    }

    fn entries(&self, folder: &str) -> Vec<String> {
        let listed = std::fs::read_dir(self.0.join(folder)).into_iter().flatten();
        let mut names: Vec<String> = listed
            .flatten()
            .filter_map(|entry| {
                let name = entry.file_name().into_string().ok()?;
                let slash = if entry.path().is_dir() { "/" } else { "" };
                Some(name + slash)
            })
            .collect();
        names.sort();
        names
    }
}

fn services(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).expect("a folder of the corpus can be read") {
        let path = entry.expect("so can its entries").path();
        if path.is_dir() {
            services(&path, found);
        } else if path.ends_with("azds.yaml") {
            found.push(path);
        }
    }
}

#[test]
fn what_is_found_in_real_services_is_true() {
    let Some(corpus) = std::env::var_os("AZDS_CORPUS") else {
        eprintln!("not run: AZDS_CORPUS is not set");
        return;
    };
    let mut files = Vec::new();
    services(Path::new(&corpus), &mut files);
    files.sort();
    assert!(!files.is_empty(), "no azds.yaml in {}", corpus.display());
    let mut unknown = BTreeSet::new();
    for file in files {
        let folder = file.parent().expect("a file is in a folder");
        let around = Disk(folder.to_owned());
        for Found { path, problem } in found(&around) {
            eprintln!(
                "{}: {path}: {}: {}",
                folder.display(),
                problem.code,
                problem.message
            );
            if !TRUE.iter().any(|(code, _)| *code == problem.code) {
                unknown.insert(problem.code.as_str());
            }
        }
    }
    assert!(
        unknown.is_empty(),
        "nobody has said why these are true: {unknown:?}"
    );
}

fn found(around: &Disk) -> Vec<Found> {
    let mut found = Vec::new();
    if let Some(service) = Service::read(around) {
        found = service.problems();
        let path = service.settings.dockerfile.clone();
        if let Some(source) = around.source(&path) {
            found.extend(service.across(&path, &Dockerfile::read(source.text()), None));
        }
    }
    type Check = fn(&str) -> Vec<crate::analysis::Problem>;
    let checks: [(&str, Check); 2] = [
        (".vscode/launch.json", entries::launch),
        (".vscode/tasks.json", entries::tasks),
    ];
    for (path, check) in checks {
        if let Some(source) = around.source(path) {
            found.extend(check(source.text()).into_iter().map(|problem| Found {
                path: path.to_owned(),
                problem,
            }));
        }
    }
    found
}
