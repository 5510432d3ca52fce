use super::super::siblings::siblings;
use super::*;

/// Where the `|` is: path, role and what is written.
fn at(marked: &str) -> Option<String> {
    let at = marked.find('|').expect("the text has a cursor");
    let text = marked.replacen('|', "", 1);
    let cursor = cursor(&text, at)?;
    assert!(cursor.written.contains(&at) || cursor.written.end == at);
    let steps = cursor.path.iter().map(|step| match step {
        Step::Key(key) => key.as_str(),
        Step::Item => "-",
    });
    let steps: Vec<_> = steps.collect();
    let written = &text[cursor.written.clone()];
    Some(format!("{} {:?} {written:?}", steps.join("/"), cursor.role))
}

#[test]
fn blocks() {
    for (text, expected) in [
        ("|", r#" Start """#),
        ("ki|", r#" Start "ki""#),
        ("ki|: x", r#" Key "ki""#),
        ("kind: |", r#"kind Value """#),
        ("kind:|", r#"kind Value """#),
        ("kind: he|lm # why", r#"kind Value "helm""#),
        ("build:\n  |", r#"build Start """#),
        ("build:\n  con|\ninstall:\n", r#"build Start "con""#),
        ("build:\n  context: .\n|", r#" Start """#),
        ("build:\n  context: .\n  |\n", r#"build Start """#),
        ("build:\r\n  context: .\r\n  d|\r\n", r#"build Start "d""#),
        ("a:\n- b\n- |", r#"a/- Start """#),
        ("a:\n- b: 1\n  |", r#"a/- Start """#),
        ("a:\n- b: 1\n|", r#" Start """#),
        ("a:\n  - - x|", r#"a/-/- Start "x""#),
        ("a:\n  b: |-x\n", r#"a/b Value "-x""#),
        ("a: &x |y", r#"a Value "y""#),
        ("\"a b\": |", r#"a b Value """#),
        ("a: 'it''s|'", r#"a Value "'it''s'""#),
        ("---\na:\n---\n|", r#" Start """#),
        ("ä: {ö: |", r#"ä/ö Value """#),
    ] {
        assert_eq!(at(text).as_deref(), Some(expected), "{text}");
    }
}

#[test]
fn brackets() {
    for (text, expected) in [
        ("a: {|", r#"a Start """#),
        ("a: {b|", r#"a Start "b""#),
        ("a: {b: c, d|}", r#"a Start "d""#),
        ("a: {b: |}", r#"a/b Value """#),
        ("a: {b|: c}", r#"a Key "b""#),
        ("a: {b: [x, |]}", r#"a/b/- Value """#),
        ("a: [|]", r#"a/- Value """#),
        ("a: [\"x y|\", z]", r#"a/- Value "\"x y\"""#),
        ("a: {\n  b: 1,\n  |\n}", r#"a Start """#),
        ("a: {b: 1\nc: |", r#"c Value """#),
        ("a: {b: 1}\nc: |", r#"c Value """#),
    ] {
        assert_eq!(at(text).as_deref(), Some(expected), "{text}");
    }
}

#[test]
fn nothing_is_completed_in_comments_and_long_texts() {
    for text in [
        "# ki|",
        "a: b # c|",
        "a: >\n  te|",
        "a: >\n  b\n\n  te|xt\n",
        "a: {} |",
    ] {
        // A `>` stands for both kinds of long text, since `|` is the cursor here.
        assert_eq!(at(text), None, "{text}");
    }
}

#[test]
fn siblings_are_the_other_keys_of_the_map() {
    let siblings_at = |marked: &str| {
        let at = marked.find('|').expect("the text has a cursor");
        let text = marked.replacen('|', "", 1);
        let cursor = cursor(&text, at).expect("a place");
        siblings(&text, &cursor).join(" ")
    };
    assert_eq!(siblings_at("a: 1\nb:\n  c: 2\n|\nd: {}\n"), "b a d");
    assert_eq!(
        siblings_at("b:\n  c: 2\n  # x\n  |\n  'd': {}\ne: 1\n"),
        "c d"
    );
    assert_eq!(siblings_at("b: {c: 1, |}"), "c");
    assert_eq!(siblings_at("- a: 1\n  |\n  c: 2\n- d: 1\n"), "a c");
    assert_eq!(siblings_at("- a: 1\n- |\n  c: 2\n"), "c");
}
