//! Texts that nobody means well with, or that a machine wrote: all is answered, and soon.

use super::fixture::{There, ask};
use super::{Kind, azds_yaml};

/// Asks everything at some places of a text, as azds.yaml and as a values file.
fn ask_all(text: &str) {
    let step = (text.len() / 7).max(1);
    for kind in [Kind::AzdsYaml, Kind::Values] {
        ask(kind, text, &There::default(), |document| {
            for problem in document.problems() {
                assert!(text.get(problem.range.clone()).is_some(), "{problem:?}");
            }
            for at in (0..=text.len()).step_by(step) {
                let at = text.floor_char_boundary(at);
                document.hover(at);
                document.completions(at);
                document.definition(at);
                document.selections(at);
            }
            document.symbols();
            document.folds();
            document.links();
            document.lenses();
            document.format();
        });
    }
}

#[test]
fn nested_deep() {
    for (open, close) in [
        ("[", "]"),
        ("{a: ", "}"),
        ("- ", ""),
        ("? ", ""),
        ("{\"", "\""),
        ("!a ", ""),
        ("&a ", ""),
    ] {
        for depth in [100, 130, 1000] {
            ask_all(&open.repeat(depth));
            ask_all(&format!("{}x{}", open.repeat(depth), close.repeat(depth)));
        }
    }
    let stairs = (0..150).map(|depth| format!("{:depth$}a:\n", ""));
    ask_all(&stairs.collect::<String>());
}

#[test]
fn aliases_that_multiply() {
    let mut bomb = String::from("a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n");
    for level in 1..7 {
        let before = format!("*a{}, ", level - 1).repeat(10);
        bomb.push_str(&format!(
            "a{level}: &a{level} [{}]\n",
            before.trim_end_matches(", ")
        ));
    }
    ask_all(&bomb);
    let keys: String = (0..1000).map(|key| format!("  k{key}: 1\n")).collect();
    ask_all(&format!("base: &base\n{keys}build:\n  <<: *base\n{keys}"));
    ask_all("a: &a [*a]\n");
    ask_all("a: &a\n  <<: *a\n");
}

#[test]
fn long() {
    let line = "    key: value # comment\n";
    ask_all(&format!(
        "kind: helm-release\ninstall:\n  set:\n{}",
        line.repeat(5_000)
    ));
    ask_all(&format!("kind: helm-release\n{}", "x".repeat(1 << 18)));
    ask_all(&format!("a: \"{}", "x\n".repeat(1_000)));
    ask_all(&"unknown: 1\n".repeat(5_000));
    ask_all(
        &(0..5_000)
            .map(|at| format!("unknown{at}: 1\n"))
            .collect::<String>(),
    );
}

#[test]
fn broken_in_many_places() {
    ask_all(&"a: [\n".repeat(300));
    ask_all(&"\tb\n  c: d: e\n".repeat(300));
    ask_all(&"{{- if .Values.x }}\na: {{ .Values.y }}\n".repeat(100));
}

#[test]
fn odd_letters() {
    for text in [
        "\u{feff}kind: helm-release\n",
        "\u{feff}",
        "kind: helm-release\r\nbuild:\r\n\tcontext: .\r\n",
        "kind: helm-release\rbuild: {}\r",
        "\u{85}a: b\u{2028}c: d\u{2029}",
        "a: \"\\ud83d\\ude00\"\n",
        "a: '😀😀'\n😀: 👩‍👩‍👧‍👦\n",
        "\0\u{1}\u{7f}",
        "%YAML 1.2\n---\na: b\n...\n---\n",
        ":",
        "-",
        "?",
        "|",
        ">",
        "&",
        "*",
        "!",
        "%",
        "@",
        "`",
        "'",
        "\"",
        "[",
        "{",
        "#",
        "$",
        "${",
        "$(",
        "a:\n  - |\n",
        "- - -",
        "? ?",
        ": :",
        "a: &",
        "a: *",
        "a: !",
        "? a\n: b\n",
        "<<: a\n",
    ] {
        ask_all(text);
    }
}

#[test]
fn a_byte_order_mark_is_no_part_of_the_first_key() {
    let text =
        "\u{feff}kind: helm-release\ninstall: {chart: charts/shop, set: {image: {tag: $(tag)}}}\n";
    assert_eq!(azds_yaml::analyse(text).problems, []);
}
