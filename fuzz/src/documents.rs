//! Files of a service: azds.yaml, values files, templates and what lies around them.

use std::sync::Arc;

use azds::analysis::lines::floor_char_boundary;
use azds::analysis::{Context, Document, Kind, Source, Surroundings, edited};

const AZDS_YAML: &str = "azds.yaml";
const VALUES: &str = "values.dev.yaml";
const TEMPLATE: &str = "charts/shop/templates/deployment.yaml";
const DOCKERFILE: &str = "Dockerfile";
const LAUNCH: &str = ".vscode/launch.json";

/// A service in memory: paths and what is in them.
struct Service<'t>(Vec<(&'static str, &'t str)>);

impl<'t> Service<'t> {
    /// A service that is in order but for one file.
    fn with(path: &'static str, text: &'t str) -> Service<'t> {
        let mut files = vec![
            (path, text),
            (
                AZDS_YAML,
                "kind: helm-release\ninstall: {chart: charts/shop, set: {image: {tag: $(tag)}}}\n",
            ),
            (
                VALUES,
                "secrets: {urls: {producer: http://producer}}\nport: 80\n",
            ),
            ("charts/shop/values.yaml", "image: {tag: a}\nport: 80\n"),
            (
                TEMPLATE,
                "{{- range $g, $keys := .Values.secrets }}{{ $g }}{{ end }}\ncontainerPort: {{ .Values.port }}\n",
            ),
            (DOCKERFILE, "FROM node AS build\nCOPY src ./\nEXPOSE 80\n"),
        ];
        // The one that was given hides ours.
        let mut seen = Vec::new();
        files.retain(|(path, _)| {
            !seen.contains(path) && {
                seen.push(*path);
                true
            }
        });
        Service(files)
    }

    fn paths(&self) -> impl Iterator<Item = &'static str> {
        self.0.iter().map(|(path, _)| *path)
    }
}

impl Surroundings for Service<'_> {
    fn is_file(&self, path: &str) -> bool {
        self.paths().any(|it| it == path)
    }

    fn is_folder(&self, path: &str) -> bool {
        path == "."
            || self.paths().any(|it| {
                it.strip_prefix(path)
                    .is_some_and(|rest| rest.starts_with('/'))
            })
    }

    fn entries(&self, folder: &str) -> Vec<String> {
        let below = if folder == "." {
            String::new()
        } else {
            format!("{folder}/")
        };
        let rests = self
            .paths()
            .filter_map(|path| path.strip_prefix(below.as_str()));
        rests
            .filter(|rest| !rest.contains('/'))
            .map(str::to_owned)
            .collect()
    }

    fn text(&self, path: &str) -> Option<String> {
        let mut files = self.0.iter();
        files.find_map(|(its, text)| (*its == path).then(|| (*text).to_owned()))
    }

    fn context(&self, _: &Context<'_>) -> Option<Vec<String>> {
        Some(self.paths().map(str::to_owned).collect())
    }
}

/// Asks a document all that there is, at some places of it.
fn ask_all(kind: Kind, path: &'static str, text: &str) {
    let service = Service::with(path, text);
    let source = Arc::new(Source::new(text));
    let document = Document {
        kind,
        path,
        source: &source,
        around: &service,
    };
    let inside = |range: &std::ops::Range<usize>| {
        assert!(
            text.get(range.clone()).is_some(),
            "{range:?} is no part of the text"
        );
    };
    for problem in document.problems() {
        inside(&problem.range);
        for fix in &problem.fixes {
            fix.edits.iter().for_each(|edit| inside(&edit.range));
        }
    }
    // At the end alone where the text is huge: it is the same code, and takes its time.
    let step = match text.len() {
        huge if huge > 1 << 20 => huge,
        length => (length / 7).max(1),
    };
    for at in (0..=text.len()).step_by(step) {
        let at = floor_char_boundary(text, at);
        if let Some(hover) = document.hover(at) {
            inside(&hover.range);
        }
        for completion in document.completions(at) {
            let range = completion.edit.range;
            inside(&range);
            assert!(
                range.start <= at && at <= range.end,
                "{range:?} is not at {at}"
            );
        }
        document.definition(at);
        document.references(at);
        document.rename(at, "renamed");
        document.selections(at).iter().for_each(inside);
    }
    document.folds().iter().for_each(|fold| inside(&fold.range));
    document.links().iter().for_each(|link| inside(&link.range));
    document.symbols();
    document.hints();
    document.lenses();
    let formatted = edited(text, &document.format());
    let words = |text: &str| {
        text.split_whitespace()
            .map(str::to_owned)
            .collect::<Vec<_>>()
    };
    assert!(
        words(text) == words(&formatted),
        "formatting changes more than white space"
    );
}

/// YAML and its recovery, as azds.yaml and as a values file.
pub fn yaml(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    ask_all(Kind::AzdsYaml, AZDS_YAML, &text);
    ask_all(Kind::Values, VALUES, &text);
}

/// Templates, and the other files that are not YAML.
pub fn templates(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    ask_all(Kind::Template, TEMPLATE, &text);
    ask_all(Kind::Dockerfile, DOCKERFILE, &text);
    ask_all(Kind::Launch, LAUNCH, &text);
}

/// The text as a glob of `container.sync`, and as one of `build.ignore`.
pub fn globs(bytes: &[u8]) {
    let glob = String::from_utf8_lossy(bytes);
    // JSON is YAML, but for the letters that YAML wants to have escaped.
    let quoted = serde_json::Value::from(glob.as_ref())
        .to_string()
        .replace('\u{7f}', "\\u007f");
    let text = format!(
        "kind: helm-release\nbuild: {{ignore: [{quoted}]}}\ninstall: {{chart: charts/shop, set: {{image: {{tag: $(tag)}}}}}}\ncontainer:\n  sync:\n  - {quoted}\n"
    );
    ask_all(Kind::AzdsYaml, AZDS_YAML, &text);
}
