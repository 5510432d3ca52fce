//! Whether the verdicts that the matcher of .dockerignore is tested with are Docker's own.

use std::fs::{self, File};
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

use azds::context::{Selection, files};
use serde_json::{Value, json};

/// Ignore files that are made up.
const CASES: usize = 1_500;
/// Another one than that of the clock.
const SEED: &str = "AZDS_SEED";
/// Files of the context; the rest of the tree follows from them.
const FILES: [&str; 22] = [
    "a", "b/a", "b/b/c", "b/b/cd", "b/c/a", "c.d", "c/ab", "c/abc", "c/b/a/b", "cc/a", ".a",
    ".b/a", ".b/.c", "ab", "b.c/d", "d/a.b", "d/b/a.b", "d/b/b.a", "e/ü", "e/ a", "e/#a", "e/!a",
];
/// What patterns are made of. What azds takes otherwise on purpose (`^`, a backslash, `!/`, `*` in a class) is
/// not among it.
const PIECES: [&str; 32] = [
    "a", "b", "c", "d", "e", "ab", "cc", ".", "..", "/", "/", "/", "*", "**", "?", "[a-c]", "[b]",
    "[a-]", "!", "!!", " ", "\t", "#", "ü", ".a", ".b", "a.b", "**/", "/**", "//", "./", "+",
];

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

/// Docker's own matcher, for the cases of a file like verdicts.json.
fn asked(question: &Value) -> Value {
    let mut oracle = Command::new("go")
        .args(["run", "."])
        .current_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("dockerignore-oracle"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("Go is installed");
    let mut input = oracle.stdin.take().expect("it was asked for");
    input
        .write_all(question.to_string().as_bytes())
        .expect("it reads all before it writes");
    drop(input);
    let output = oracle.wait_with_output().expect("it ends");
    assert!(output.status.success(), "the oracle failed");
    serde_json::from_slice(&output.stdout).expect("JSON")
}

/// Numbers that follow from a seed (xorshift64*).
struct Random(u64);

impl Random {
    fn below(&mut self, count: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        let number = self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33;
        usize::try_from(number).expect("31 bits") % count
    }

    fn ignore_file(&mut self) -> String {
        let mut text = String::new();
        for _ in 0..=self.below(4) {
            let bring_back = self.below(4) == 0;
            let line: String = (0..=self.below(5))
                .map(|_| PIECES[self.below(PIECES.len())])
                .collect();
            // `!/` is one of the differences that are meant.
            let line = match bring_back && !line.trim().starts_with('/') {
                true => format!("!{line}"),
                false => line,
            };
            if !line.contains("!/") && !line.contains("! ") && !line.contains("!\t") {
                text += &line;
                text.push('\n');
            }
        }
        text
    }
}

#[test]
fn made_up_ignore_files_leave_out_what_docker_leaves_out() {
    // Others each time in a full run; every change is held against the same ones.
    let seed = match (std::env::var(SEED), std::env::var_os("AZDS_TEST_ALL")) {
        (Ok(seed), _) => seed.parse().expect("AZDS_SEED is a number"),
        (Err(_), None) => 1,
        (Err(_), Some(_)) => std::time::UNIX_EPOCH
            .elapsed()
            .map_or(1, |since| since.as_secs() | 1),
    };
    eprintln!("{SEED}={seed}");
    let mut random = Random(seed);
    let texts: Vec<String> = (0..CASES).map(|_| random.ignore_file()).collect();
    let cases: Vec<Value> = texts.iter().map(|text| json!({"ignore": text})).collect();
    let verdicts = asked(&json!({"paths": FILES, "cases": cases}));

    let root = tempfile::tempdir().expect("a folder");
    for file in FILES {
        let path = root.path().join(file);
        fs::create_dir_all(path.parent().expect("below the root")).expect("a folder");
        fs::write(path, "").expect("a file");
    }
    let selection = Selection {
        root: root.path(),
        // Its own ignore file, so that there is none in the tree.
        dockerfile: &root.path().with_extension("Dockerfile"),
        use_git_ignore: false,
        ignore: &[],
    };
    let ignore = root.path().with_extension("Dockerfile.dockerignore");
    let verdicts = verdicts["cases"].as_array().expect("a list");
    let (mut left_out, mut refused) = (0, 0);
    for (text, verdict) in texts.iter().zip(verdicts) {
        fs::write(&ignore, text).expect("a file");
        let ours = files(&selection, usize::MAX).map(|found| found.unwrap_or_default());
        // Docker notices a class that is not closed only where it comes to use its pattern.
        let may_fail = verdict["error"] == true || text.contains('[');
        let must_fail = verdict["error"] == true;
        let fails = ours.is_err();
        assert!(
            fails && may_fail || !fails && !must_fail,
            "{SEED}={seed}: {text:?}: {ours:?}"
        );
        let Ok(ours) = ours else {
            refused += 1;
            continue;
        };
        let excluded = verdict["excluded"].as_array().expect("a list");
        let mut theirs: Vec<&str> = FILES
            .into_iter()
            .filter(|file| !excluded.contains(&json!(file)))
            .collect();
        theirs.sort_unstable();
        assert_eq!(ours, theirs, "{SEED}={seed}: {text:?}");
        left_out += usize::from(theirs.len() < FILES.len());
    }
    let _ = fs::remove_file(ignore);
    // A matcher that does nothing, or an oracle that refuses all, would agree with much.
    assert!(
        left_out > CASES / 10 && refused < CASES / 2,
        "{left_out}, {refused}"
    );
}
