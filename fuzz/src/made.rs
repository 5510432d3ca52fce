//! Texts that nobody means well with, or that a machine wrote: too long to be kept as files.

/// Their names, and the texts.
pub fn texts() -> Vec<(String, String)> {
    let mut texts = Vec::new();
    nested(&mut texts);
    aliases(&mut texts);
    long(&mut texts);
    broken(&mut texts);
    texts
}

/// Texts of 10 MB. Their lines are long: a development build takes its time for each.
pub fn huge() -> Vec<(String, String)> {
    let lines = |line: &str| format!("{line}{}\n", "x".repeat(200)).repeat((10 << 20) / 200);
    let texts = [
        ("a comment", lines("# ")),
        (
            "one text",
            format!("kind: helm-release\nnote: \"{}\"\n", "x".repeat(10 << 20)),
        ),
        (
            "an open text",
            format!("kind: helm-release\nnote: \"{}", lines("")),
        ),
    ];
    texts.map(|(name, text)| (name.to_owned(), text)).into()
}

type Texts = Vec<(String, String)>;

fn nested(texts: &mut Texts) {
    let pairs = [
        ("[", "]"),
        ("{a: ", "}"),
        ("- ", ""),
        ("? ", ""),
        ("{\"", "\""),
        ("!a ", ""),
        ("&a ", ""),
        ("{{ if (", ") }}{{ end }}"),
        ("{{ with .a }}", "{{ end }}"),
    ];
    for (open, close) in pairs {
        for depth in [100, 130, 1000] {
            let opened = open.repeat(depth);
            texts.push((
                format!("{depth} times {open} and {close}"),
                format!("{opened}x{}", close.repeat(depth)),
            ));
            texts.push((format!("{depth} times {open}"), opened));
        }
    }
    let stairs = (0..150).map(|depth| format!("{:depth$}a:\n", ""));
    texts.push(("stairs".to_owned(), stairs.collect()));
}

fn aliases(texts: &mut Texts) {
    let mut bomb = String::from("a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n");
    for level in 1..7 {
        let before = format!("*a{}, ", level - 1).repeat(10);
        let before = before.trim_end_matches(", ");
        bomb.push_str(&format!("a{level}: &a{level} [{before}]\n"));
    }
    texts.push(("aliases that multiply".to_owned(), bomb));
    let keys: String = (0..1000).map(|key| format!("  k{key}: 1\n")).collect();
    texts.push((
        "a merge of many keys".to_owned(),
        format!("base: &base\n{keys}build:\n  <<: *base\n{keys}"),
    ));
    texts.push(("an alias of itself".to_owned(), "a: &a [*a]\n".to_owned()));
    texts.push((
        "a merge of itself".to_owned(),
        "a: &a\n  <<: *a\n".to_owned(),
    ));
}

fn long(texts: &mut Texts) {
    let mut push = |name: &str, text: String| texts.push((name.to_owned(), text));
    let line = "    key: value # comment\n";
    push(
        "5,000 times the same key",
        format!(
            "kind: helm-release\ninstall:\n  set:\n{}",
            line.repeat(5_000)
        ),
    );
    push(
        "a long word",
        format!("kind: helm-release\n{}", "x".repeat(1 << 18)),
    );
    push("an open text", format!("a: \"{}", "x\n".repeat(1_000)));
    push("5,000 times an unknown key", "unknown: 1\n".repeat(5_000));
    push(
        "5,000 unknown keys",
        (0..5_000).map(|at| format!("unknown{at}: 1\n")).collect(),
    );
}

fn broken(texts: &mut Texts) {
    let mut push = |name: &str, text: String| texts.push((name.to_owned(), text));
    push("300 open brackets", "a: [\n".repeat(300));
    push("300 tabs", "\tb\n  c: d: e\n".repeat(300));
    push(
        "100 actions",
        "{{- if .Values.x }}\na: {{ .Values.y }}\n".repeat(100),
    );
}
