//! From the version 1.0 of the format to 1.1.

use super::rules::insert_after_kind;
use super::{analyse, sets};
use crate::analysis::yaml::{self, Node};
use crate::analysis::{Edit, automatic, edited};

const VERSION: &str = "1.1";
const SPACE: &str = "$(spacePrefix)";
const ROOT: &str = "$(rootSpacePrefix)";

/// The text as version 1.1 has it, comments and all, with what else azds can mend by itself. `None`
/// if it is of that version already, or can't be read.
pub fn upgrade(text: &str) -> Option<String> {
    let parsed = yaml::parse(text);
    let root = parsed
        .documents
        .first()
        .filter(|_| parsed.error.is_none())?;
    let mut edits = vec![version(root, text)?];
    for hosts in sets(root).filter_map(|set| set.get("ingress")?.get("hosts")) {
        edits.extend(
            hosts
                .items()
                .iter()
                .filter_map(|host| root_space(host, text)),
        );
    }
    let problems = analyse(text).problems;
    let all = automatic(edits.iter().collect(), &problems);
    let all: Vec<Edit> = all.into_iter().cloned().collect();
    Some(edited(text, &all))
}

fn version(root: &Node, text: &str) -> Option<Edit> {
    match root.get("apiVersion") {
        Some(version) if version.text() == Some(VERSION) => None,
        Some(version) if !version.is_null() => Some(Edit {
            range: version.range.clone(),
            text: VERSION.to_owned(),
        }),
        _ => insert_after_kind(root, text, &format!("apiVersion: {VERSION}")),
    }
}

/// A public host names the root space, too, since 1.1.
fn root_space(host: &Node, text: &str) -> Option<Edit> {
    let written = text.get(host.range.clone())?;
    if written.contains(ROOT) {
        return None;
    }
    let at = host.range.start + written.find(SPACE)? + SPACE.len();
    Some(Edit {
        range: at..at,
        text: ROOT.to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const OLD: &str = "kind: helm-release\napiVersion: 1.0\nbuild:\n  context: .\n  dockerfile: Dockerfile\ninstall:\n  chart: charts/webfrontend\n  set:\n    image:\n      tag: $(tag)\n      pullPolicy: Never\n    ingress:\n      hosts:\n      # This expands to [space.s.]webfrontend.<guid>.<region>.aksapp.io\n      - $(spacePrefix)webfrontend$(hostSuffix)\nconfigurations:\n  develop:\n    build:\n      dockerfile: Dockerfile.develop\n    container:\n      refresh: {processesToKill: [dotnet]}\n";

    #[test]
    fn a_file_of_1_0_becomes_one_of_1_1_and_keeps_its_comments() {
        let new = upgrade(OLD).expect("it is of 1.0");
        assert!(new.contains("apiVersion: 1.1\n"), "{new}");
        assert!(
            new.contains("- $(spacePrefix)$(rootSpacePrefix)webfrontend$(hostSuffix)\n"),
            "{new}"
        );
        assert!(new.contains("# This expands to"), "{new}");
        assert!(new.contains("iterate: {processesToKill"), "{new}");
        assert_eq!(upgrade(&new), None, "once is enough");
    }

    #[test]
    fn a_version_that_is_missing_is_written() {
        let new = upgrade(&OLD.replace("apiVersion: 1.0\n", "")).expect("it has none");
        assert!(
            new.starts_with("kind: helm-release\napiVersion: 1.1\n"),
            "{new}"
        );
    }

    #[test]
    fn what_cannot_be_read_stays() {
        assert_eq!(upgrade("kind: helm-release\n  a: [\n"), None);
        assert_eq!(upgrade(""), None);
    }
}
