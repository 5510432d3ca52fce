//! Real files: every azds.yaml of the corpus worked for somebody.

use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};

use super::fixture::{There, ask};
use super::yaml;
use super::{Code, Kind, Severity, azds_yaml};

/// What azds calls an error in files that once worked, and why it is one all the same. Nothing so far.
const TRUE_ERRORS: &[(&str, Code, &str)] = &[];

/// The azds.yaml and values files of the corpus, each text once. `None` is said, not passed over.
fn corpus() -> Option<HashMap<String, PathBuf>> {
    let Some(corpus) = std::env::var_os("AZDS_CORPUS") else {
        eprintln!("not run: AZDS_CORPUS is not set");
        return None;
    };
    let mut files = Vec::new();
    find(Path::new(&corpus), &mut files);
    let texts = files.into_iter().map(|path| {
        let text = std::fs::read_to_string(&path).expect("a file of the corpus is text");
        (text, path)
    });
    let texts: HashMap<_, _> = texts.collect();
    assert!(
        !texts.is_empty(),
        "no azds.yaml in {}",
        Path::new(&corpus).display()
    );
    Some(texts)
}

fn find(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).expect("a folder of the corpus can be read") {
        let path = entry.expect("so can its entries").path();
        let is_yaml = || {
            path.extension()
                .is_some_and(|extension| extension == "yaml")
        };
        if path.is_dir() {
            find(&path, files);
        } else if is_yaml() && !path.ends_with("Chart.yaml") {
            files.push(path);
        }
    }
}

fn kind(path: &Path) -> Kind {
    match path.ends_with("azds.yaml") {
        true => Kind::AzdsYaml,
        false => Kind::Values,
    }
}

#[test]
fn every_error_is_a_true_one() {
    for (text, path) in corpus().unwrap_or_default() {
        let problems = match kind(&path) {
            // Files around it are not in the corpus.
            Kind::AzdsYaml => azds_yaml::analyse(&text).problems,
            kind => ask(kind, &text, &There::default(), |it| it.problems()),
        };
        let name = path.display().to_string();
        let known = |code| {
            let mut known = TRUE_ERRORS.iter();
            known.any(|(file, its, _)| name.ends_with(file) && *its == code)
        };
        let errors = problems.iter().filter(|it| it.severity == Severity::Error);
        let errors: Vec<_> = errors.filter(|it| !known(it.code)).collect();
        assert!(errors.is_empty(), "{name}: {errors:#?}");
    }
}

/// Formatting a file changes white space alone, and a second time nothing.
#[test]
fn formatting_keeps_what_files_mean() {
    for (text, path) in corpus().unwrap_or_default() {
        let once = super::edited(&text, &yaml::format(&text));
        let twice = super::edited(&once, &yaml::format(&once));
        assert_eq!(once, twice, "{}", path.display());
        let value = |text: &str| -> Vec<_> {
            let documents = yaml::parse(text).documents;
            documents.iter().map(yaml::Node::to_json).collect()
        };
        assert_eq!(value(&text), value(&once), "{}", path.display());
        let words = |text: &str| {
            text.split_whitespace()
                .map(str::to_owned)
                .collect::<Vec<_>>()
        };
        assert_eq!(words(&text), words(&once), "{}", path.display());
    }
}

/// How a prefix ends: its last two lines and the keys that they stand under. Prefixes that end alike are
/// answered in the same steps.
fn ending(prefix: &str) -> String {
    let indent = |line: &str| line.len() - line.trim_start_matches(' ').len();
    let mut lines = prefix.rsplit('\n');
    let last = lines.next().unwrap_or_default();
    let mut ending = last.to_owned();
    let mut outer = match last.trim() {
        "" => usize::MAX,
        _ => indent(last),
    };
    for (number, line) in lines.enumerate() {
        let is_plain = !line.trim().is_empty() && !line.trim_start().starts_with('#');
        if number == 0 || is_plain && indent(line) < outer {
            ending.push('\n');
            ending.push_str(line);
        }
        if is_plain {
            outer = outer.min(indent(line));
        }
        if outer == 0 {
            break;
        }
    }
    ending
}

/// Typed letter by letter, with completion and hover at the end. Of the prefixes that end alike one is
/// asked, with `cargo xtask test --all` each of them.
#[test]
fn every_prefix_is_answered() {
    let all = std::env::var_os("AZDS_TEST_ALL").is_some();
    let mut seen = HashSet::new();
    let mut prefixes = Vec::new();
    for (text, path) in corpus().unwrap_or_default() {
        let of_prefix = |end: usize| match all {
            true => text[..end].to_owned(),
            false => ending(&text[..end]),
        };
        if kind(&path) == Kind::AzdsYaml {
            let ends = text.char_indices().map(|(at, _)| at).chain([text.len()]);
            let new = ends.filter(|&end| seen.insert(of_prefix(end)));
            prefixes.push((new.collect::<Vec<_>>(), text.clone()));
        }
    }
    let there = There::with(&["Dockerfile", "charts/shop/Chart.yaml"]);
    let answer = |ends: &[usize], text: &str| {
        for &end in ends {
            ask(Kind::AzdsYaml, &text[..end], &there, |document| {
                for completion in document.completions(end) {
                    let range = completion.edit.range;
                    assert!(range.start <= end && end <= range.end && !text[range].contains('\n'));
                }
                if let Some(hover) = document.hover(end) {
                    assert!(hover.range.end <= end);
                }
            });
        }
    };
    let (one, other) = prefixes.split_at(prefixes.len() / 2);
    std::thread::scope(|scope| {
        scope.spawn(|| one.iter().for_each(|(ends, text)| answer(ends, text)));
        other.iter().for_each(|(ends, text)| answer(ends, text));
    });
}
