//! Whether the files are there that an azds.yaml names.

use std::collections::BTreeSet;

use super::AzdsFile;
use super::layer::{Layer, Spanned};
use super::settings::ValuesFile;
use crate::analysis::{Code, Problem, Severity, Surroundings, spelling};

impl AzdsFile {
    /// Reports files and folders that are named and not there. An error is what makes an `up` fail
    /// that does not name a configuration, a warning what it has no need of.
    pub fn missing_files(&self, files: &dyn Surroundings) -> Vec<Problem> {
        let develop = self
            .configurations
            .iter()
            .find(|(name, _)| name == "develop");
        let mut problems = Vec::new();
        let base = Check {
            files,
            needed: true,
            above: develop.map(|(_, layer)| layer),
        };
        base.layer(&self.base, &mut problems);
        for (name, layer) in &self.configurations {
            let check = Check {
                files,
                needed: name == "develop",
                above: None,
            };
            check.layer(layer, &mut problems);
        }
        crate::analysis::in_order(problems)
    }

    /// All values files that the base or a configuration can give to Helm, whether they are there
    /// or not: the chart's own, those listed, and those that are looked for beside azds.yaml.
    pub fn values_files(&self) -> BTreeSet<String> {
        let names = self.configurations().map(Some);
        let all = names.chain([None]).map(|name| self.settings(name));
        let mut files = BTreeSet::new();
        for settings in all {
            files.insert(format!("{}/values.yaml", settings.chart));
            files.extend(settings.values.into_iter().map(|file| file.path));
            for path in settings.container_values {
                files.extend(path.rsplit('/').next().map(str::to_owned));
                files.insert(path);
            }
        }
        files
    }
}

struct Check<'a> {
    files: &'a dyn Surroundings,
    /// Whether an `up` that does not name a configuration works with this layer.
    needed: bool,
    /// The layer that is laid over this one.
    above: Option<&'a Layer>,
}

impl Check<'_> {
    fn layer(&self, layer: &Layer, problems: &mut Vec<Problem>) {
        if let Some((spanned, path)) = literal(&layer.context)
            && !self.files.is_folder(&path)
        {
            let severity = self.severity(|above| above.context.is_some());
            let problem = missing("folder", spanned, &path, severity);
            problems.push(self.slip(problem, spanned, &path));
        }
        if let Some((spanned, path)) = literal(&layer.dockerfile)
            && !self.files.is_file(&path)
        {
            let severity = self.severity(|above| above.dockerfile.is_some());
            let problem = missing("file", spanned, &path, severity);
            // For a while in 2018 the path was seen from the context.
            let context = literal(&layer.context).map(|(_, context)| format!("{context}/{path}"));
            problems.push(match context.filter(|path| self.files.is_file(path)) {
                Some(from_context) => changed_to(problem, spanned, from_context),
                None => self.slip(problem, spanned, &path),
            });
        }
        if let Some((spanned, path)) = literal(&layer.chart)
            && !self.files.is_folder(&path)
            && !self.files.is_file(&path)
        {
            let severity = self.severity(|above| above.chart.is_some());
            let problem = missing("chart", spanned, &path, severity);
            problems.push(self.slip(problem, spanned, &path));
        }
        for (spanned, path) in layer.values.iter().flatten().filter_map(literal_of) {
            let entry = ValuesFile::parse(&path);
            if entry.optional || self.files.is_file(&entry.path) {
                continue;
            }
            let severity = self.severity(|above| above.values.is_some());
            let end = spanned.range.end - usize::from(spanned.quoted);
            problems.push(missing("file", spanned, &path, severity).fixed_by(
                "Make it optional with `?`",
                end..end,
                "?",
            ));
        }
        for (spanned, path) in layer
            .container_values
            .iter()
            .flatten()
            .filter_map(literal_of)
        {
            if self.files.is_file(&path) {
                continue;
            }
            // One that lies beside azds.yaml is taken all the same; the service says so.
            let name = path.rsplit('/').next().unwrap_or(&path);
            if !self.files.is_file(name) {
                let severity = self.severity(|above| above.container_values.is_some());
                problems.push(missing("file", spanned, &path, severity));
            }
        }
    }

    /// Adds the fix to what was meant, if something there is so much like the path that it is a slip.
    fn slip(&self, problem: Problem, spanned: &Spanned, path: &str) -> Problem {
        let (folder, name) = path
            .trim_end_matches('/')
            .rsplit_once('/')
            .unwrap_or((".", path));
        let there = self.files.entries(folder);
        let names = there.iter().map(|name| name.trim_end_matches('/'));
        let Some(meant) = spelling::nearest(name, names.filter(|it| *it != name)) else {
            return problem;
        };
        let meant = match folder {
            "." => meant.to_owned(),
            folder => format!("{folder}/{meant}"),
        };
        changed_to(problem, spanned, meant)
    }

    fn severity(&self, replaces: fn(&Layer) -> bool) -> Severity {
        if self.needed && !self.above.is_some_and(replaces) {
            Severity::Error
        } else {
            Severity::Warning
        }
    }
}

fn changed_to(problem: Problem, spanned: &Spanned, path: String) -> Problem {
    let mut problem = problem.fixed_by(format!("Change to `{path}`"), spanned.range.clone(), path);
    problem
        .fixes
        .iter_mut()
        .for_each(|fix| fix.automatic = false);
    problem
}

fn missing(what: &str, spanned: &Spanned, path: &str, severity: Severity) -> Problem {
    let message = format!("There is no {what} `{path}`, seen from the folder of azds.yaml.");
    Problem {
        severity,
        ..Problem::error(Code::MissingFile, spanned.range.clone(), message)
    }
}

fn literal(spanned: &Option<Spanned>) -> Option<(&Spanned, String)> {
    spanned.as_ref().and_then(literal_of)
}

/// The path, unless a variable is in it that only `up` knows.
fn literal_of(spanned: &Spanned) -> Option<(&Spanned, String)> {
    (!spanned.text.contains('$')).then(|| (spanned, spanned.text.replace('\\', "/")))
}
