//! The image that the chart's pods run must be the one that azds builds.

use super::{Subject, entry, insert_first, insert_last};
use crate::analysis::azds_yaml::sets;
use crate::analysis::yaml::Node;
use crate::analysis::{Code, Problem};

const TAG: &str = "$(tag)";

pub(super) fn check(subject: &Subject<'_>, problems: &mut Vec<Problem>) {
    tag(subject, problems);
    for set in sets(subject.root) {
        if let Some(policy) = set.get("image").and_then(|image| image.get("pullPolicy")) {
            pull_policy(policy, problems);
        }
    }
}

fn tag(subject: &Subject<'_>, problems: &mut Vec<Problem>) {
    let mut told = false;
    for set in sets(subject.root) {
        set.walk(&mut |node| told |= node.text().is_some_and(|text| text.contains(TAG)));
    }
    let Some(install) = entry(subject.root, "install") else {
        return;
    };
    if told || !subject.whole || install.value.entries().is_empty() {
        return;
    }
    let message = "The chart is not told the tag of the image that azds builds, so that its pods run some \
                   other image. `image.tag` under `install.set` must be `$(tag)`.";
    let set = entry(&install.value, "set");
    let image = set.and_then(|set| entry(&set.value, "image"));
    let written = image
        .and_then(|image| image.value.get("tag"))
        .filter(|tag| !tag.is_null());
    if let Some(tag) = written {
        let problem = Problem::warning(Code::ImageTag, tag.range.clone(), message);
        problems.push(problem.fixed_by("Change to `$(tag)`", tag.range.clone(), TAG));
        return;
    }
    let place = image.or(set).unwrap_or(install).key.range.clone();
    let mut problem = Problem::warning(Code::ImageTag, place, message);
    let filled = |node: &&Node| !node.entries().is_empty();
    let image = image.map(|image| &image.value).filter(filled);
    let set = set.map(|set| &set.value).filter(filled);
    let title = "Add `image.tag`";
    let fix = match (image, set) {
        (Some(image), _) => insert_first(title, image, subject.text, &["tag: $(tag)"]),
        (None, Some(set)) if entry(set, "image").is_none() => {
            insert_first(title, set, subject.text, &["image:", "  tag: $(tag)"])
        }
        (None, None) if entry(&install.value, "set").is_none() => {
            let lines = ["set:", "  image:", "    tag: $(tag)"];
            insert_last(title, &install.value, subject.text, &lines)
        }
        _ => None,
    };
    problem.fixes.extend(fix);
    problems.push(problem);
}

fn pull_policy(policy: &Node, problems: &mut Vec<Problem>) {
    let range = policy.range.clone();
    let problem = match policy.text() {
        Some("Always") => {
            let message =
                "The image is on the node and in no registry: with `Always` its pods do not start.";
            Problem::warning(Code::PullPolicy, range.clone(), message)
        }
        Some("IfNotPresent") => {
            let message = "The image is on the node and in no registry: `Never` says so, and fails with the \
                           reason where it is not there.";
            Problem::information(Code::PullPolicy, range.clone(), message)
        }
        _ => return,
    };
    problems.push(problem.fixed_by("Change to `Never`", range, "Never"));
}
