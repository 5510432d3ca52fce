//! Whether the verdicts that the matcher of .dockerignore is tested with are Docker's own.

use std::fs::File;
use std::path::Path;
use std::process::Command;

#[test]
fn verdicts_are_those_of_dockers_matcher() {
    let oracle = Path::new(env!("CARGO_MANIFEST_DIR")).join("dockerignore-oracle");
    let kept = oracle.join("verdicts.json");
    let output = Command::new("go")
        .args(["run", "."])
        .current_dir(&oracle)
        .stdin(File::open(&kept).expect("verdicts.json is part of the sources"))
        .output()
        .expect("Go is installed");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "the oracle failed: {said}");
    let kept = std::fs::read_to_string(&kept).expect("it was opened above");
    let now = String::from_utf8(output.stdout).expect("JSON is UTF-8");
    for (ours, theirs) in kept.lines().zip(now.lines()) {
        assert_eq!(
            ours, theirs,
            "verdicts.json is not what Docker's matcher says"
        );
    }
    assert_eq!(kept.lines().count(), now.lines().count());
}
