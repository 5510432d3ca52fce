//! What can be asked of the files of a service, as far as other files have a say in it.

use std::sync::Arc;

use super::Service;
use crate::analysis::across::{Dockerfile, entries, launch};
use crate::analysis::answer::{Completion, Hint, Hover, Place, Renaming};
use crate::analysis::project::Project;
use crate::analysis::{Context, Document, Features, Kind, Problem, Source, Surroundings, Trouble};

/// What can be asked of a chart's template. It is never looked at as YAML.
pub(in crate::analysis) const TEMPLATE: Features = Features {
    problems: in_service::problems,
    hover: in_service::hover,
    completions: in_service::completions,
    definition: in_service::definition,
    references: in_service::references,
    rename: in_service::rename,
    ..Features::NONE
};

/// What can be asked of a Dockerfile.
pub(in crate::analysis) const DOCKERFILE: Features = Features {
    problems: in_service::problems,
    ..Features::NONE
};

/// What can be asked of launch.json.
pub(in crate::analysis) const LAUNCH: Features = Features {
    problems: |document| {
        let mut problems = entries::launch(document.text());
        problems.extend(in_service::launch(document));
        problems
    },
    ..Features::NONE
};

/// What can be asked of tasks.json.
pub(in crate::analysis) const TASKS: Features = Features {
    problems: |document| entries::tasks(document.text()),
    ..Features::NONE
};

/// What lies around a document, with the document itself as it is.
struct With<'a>(Document<'a>);

impl Surroundings for With<'_> {
    fn is_file(&self, path: &str) -> bool {
        path == self.0.path || self.0.around.is_file(path)
    }

    fn is_folder(&self, path: &str) -> bool {
        self.0.around.is_folder(path)
    }

    fn entries(&self, folder: &str) -> Vec<String> {
        let mut entries = self.0.around.entries(folder);
        // A document need not have been saved yet.
        let (own, name) = self.0.path.rsplit_once('/').unwrap_or((".", self.0.path));
        if own == folder && !entries.iter().any(|entry| entry == name) {
            entries.push(name.to_owned());
            entries.sort();
        }
        entries
    }

    fn source(&self, path: &str) -> Option<Arc<Source>> {
        match path == self.0.path {
            true => Some(Arc::clone(self.0.source)),
            false => self.0.around.source(path),
        }
    }

    fn helm(&self) -> Option<String> {
        self.0.around.helm()
    }

    fn trouble(&self) -> Vec<Trouble> {
        self.0.around.trouble()
    }

    fn context(&self, context: &Context<'_>) -> Option<Vec<String>> {
        self.0.around.context(context)
    }
}

/// Answers for a document as a file of its service. None of them says anything where there is no
/// azds.yaml that is ours.
pub(in crate::analysis) mod in_service {
    use super::*;

    fn service(document: &Document<'_>) -> Option<Service> {
        Service::read(&With(*document))
    }

    /// What does not fit together with other files, in this one.
    pub fn problems(document: &Document<'_>) -> Vec<Problem> {
        let around = With(*document);
        let Some(service) = Service::read(&around) else {
            return Vec::new();
        };
        let mut found = service.problems();
        let path = match document.kind {
            Kind::Dockerfile => document.path,
            _ => &service.settings.dockerfile,
        };
        if let Some(source) = around.source(path) {
            // Only the Dockerfile itself is worth listing the context.
            let context = (document.kind == Kind::Dockerfile).then(|| {
                around.context(&Context {
                    root: &service.settings.context,
                    dockerfile: path,
                    use_git_ignore: service.settings.use_git_ignore,
                    ignore: &service.settings.ignore,
                })
            });
            let dockerfile = Dockerfile::read(source.text());
            found.extend(service.across(path, &dockerfile, context.flatten().as_deref()));
        }
        let said = around.helm();
        found.extend(said.and_then(|said| service.not_rendered(&said)));
        let trouble = around.trouble().into_iter();
        found.extend(trouble.map(|trouble| service.in_trouble(trouble)));
        let here = found
            .into_iter()
            .filter(|found| found.path == document.path);
        here.map(|found| found.problem).collect()
    }

    /// Paths of launch.json that lead nowhere.
    pub fn launch(document: &Document<'_>) -> Vec<Problem> {
        let Some(service) = service(document) else {
            return Vec::new();
        };
        let dockerfile = document.around.source(&service.settings.dockerfile);
        let workdir = dockerfile.and_then(|it| Dockerfile::read(it.text()).workdir());
        let project = Project::beside(document.around);
        launch::mismatches(document.text(), project.as_ref(), workdir.as_deref())
    }

    pub fn hover(document: &Document<'_>, at: usize) -> Option<Hover> {
        service(document)?.hover(document.path, at)
    }

    pub fn completions(document: &Document<'_>, at: usize) -> Vec<Completion> {
        service(document).map_or_else(Vec::new, |it| it.completions(document.path, at))
    }

    pub fn definition(document: &Document<'_>, at: usize) -> Vec<Place> {
        service(document).map_or_else(Vec::new, |it| it.definition(document.path, at))
    }

    pub fn references(document: &Document<'_>, at: usize) -> Vec<Place> {
        service(document).map_or_else(Vec::new, |it| it.references(document.path, at))
    }

    pub fn rename(document: &Document<'_>, at: usize, name: &str) -> Option<Renaming> {
        service(document)?.rename(document.path, at, name)
    }

    pub fn hints(document: &Document<'_>) -> Vec<Hint> {
        service(document).map_or_else(Vec::new, |it| it.hints(document.path))
    }
}
