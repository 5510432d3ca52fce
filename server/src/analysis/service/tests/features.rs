//! Hover, definition, references, rename and completion across the files of a service.

use expect_test::{Expect, expect};

use super::*;

fn hover(marked: &str, expected: Expect) {
    let (there, path, at) = at_cursor(marked);
    let hover = there.service().hover(&path, at);
    expected.assert_eq(&hover.map(|hover| hover.markdown).unwrap_or_default());
}

const SHOP: &str = "
    === azds.yaml
    kind: helm-release
    install:
      chart: chart
      set:
        image: {tag: $(tag)}
    === chart/templates/a.yaml
    {{ .Values.image.$0tag }}{{ .Values.port }}{{ with .Values.image }}{{ .repository }}{{ end }}
    === chart/values.yaml
    image:
      # The tag of the image.
      tag: stable
      repository: shop
    port: 80
    === values.dev.yaml
    image: {tag: dev}
";

#[test]
fn hover_says_what_the_chart_gets_and_who_wins() {
    hover(
        SHOP,
        expect![[r#"
        **`image.tag`**

        The tag of the image.

        The chart gets `$(tag)`
        - `install.set` of azds.yaml, line 5: `$(tag)`
        - `values.dev.yaml`, line 1: `dev`, without effect
        - `chart/values.yaml`, line 3: `stable`, without effect

        Read in `chart/templates/a.yaml`"#]],
    );
    let in_values = SHOP.replace("$0", "").replace("tag: dev", "ta$0g: dev");
    hover(
        &in_values,
        expect![[r#"
        **`image.tag`**

        The tag of the image.

        The chart gets `$(tag)`
        - `install.set` of azds.yaml, line 5: `$(tag)`
        - `values.dev.yaml`, line 1: `dev`, without effect
        - `chart/values.yaml`, line 3: `stable`, without effect

        Read in `chart/templates/a.yaml`"#]],
    );
    let map = SHOP
        .replace("$0", "")
        .replace("image: {tag: dev}", "i$0mage: {tag: dev}");
    hover(
        &map,
        expect![[r#"
        **`image`**

        The chart gets `{"repository":"shop","tag":"$(tag)"}`
        - `install.set` of azds.yaml, line 5: `{"tag":"$(tag)"}`
        - `values.dev.yaml`, line 1: `{"tag":"dev"}`
        - `chart/values.yaml`, line 1: `{"tag":"stable","repository":"shop"}`

        Read in `chart/templates/a.yaml`"#]],
    );
}

fn places(
    marked: &str,
    of: fn(&Service, &str, usize) -> Vec<crate::analysis::answer::Place>,
) -> Vec<String> {
    let (there, path, at) = at_cursor(marked);
    let places = of(&there.service(), &path, at);
    let shown = places.iter().map(|place| {
        let text = there.0[&place.path].text();
        let line = text[..place.range.start].matches('\n').count() + 1;
        format!("{}:{line} {}", place.path, &text[place.range.clone()])
    });
    shown.collect()
}

#[test]
fn definition_and_references_go_between_templates_values_and_set() {
    assert_eq!(
        places(SHOP, Service::definition),
        [
            "azds.yaml:5 tag",
            "values.dev.yaml:1 tag",
            "chart/values.yaml:3 tag"
        ]
    );
    let in_values = SHOP.replace("$0", "").replace("tag: dev", "ta$0g: dev");
    assert_eq!(
        places(&in_values, Service::definition),
        ["chart/values.yaml:3 tag"]
    );
    let in_chart = SHOP.replace("$0", "").replace("port: 80", "$0port: 80");
    assert_eq!(
        places(&in_chart, Service::definition),
        ["chart/templates/a.yaml:1 port"]
    );
    assert_eq!(places(SHOP, Service::references).len(), 4);
}

#[test]
fn a_key_is_renamed_wherever_it_stands_or_not_at_all() {
    let rename = |marked: &str, name: &str| {
        let (there, path, at) = at_cursor(marked);
        let edits = there.service().rename(&path, at, name).expect("a key");
        edits
            .edits
            .map(|edits| edits.values().map(Vec::len).sum::<usize>())
    };
    assert_eq!(rename(SHOP, "version"), Ok(4));
    assert_eq!(
        rename(SHOP, "repository").expect_err("refused"),
        "There is a `image.repository` already."
    );
    assert!(rename(SHOP, "a-b").is_err());
    let whole = SHOP.replace("{{ .Values.port }}", "{{ toYaml .Values.image }}");
    assert_eq!(
        rename(&whole, "version").expect_err("refused"),
        "The chart passes on what `image.tag` is in as a whole."
    );
    let through = SHOP.replace(
        "{{ .Values.port }}",
        "{{ range $k, $v := .Values.image }}{{ end }}",
    );
    assert!(rename(&through, "version").is_err());
}

fn completions(marked: &str) -> Vec<String> {
    let (there, path, at) = at_cursor(marked);
    let completions = there.service().completions(&path, at);
    let text = there.0[&path].text().to_owned();
    let shown = completions.iter().map(|it| {
        let old = &text[it.edit.range.clone()];
        format!("{old} -> {:?} {}", it.edit.text, it.detail)
    });
    shown.collect()
}

#[test]
fn keys_are_completed_in_values_in_set_and_in_templates() {
    let unmarked = SHOP.replace("$0", "");
    let values = |typed: &str| completions(&unmarked.replace("image: {tag: dev}", typed));
    assert_eq!(
        values("po$0"),
        ["po -> \"image:\\n  \" ", "po -> \"port: \" 80"]
    );
    assert_eq!(
        values("image:\n      re$0"),
        ["re -> \"repository: \" shop", "re -> \"tag: \" stable",]
    );
    assert_eq!(
        values("image:\n      tag: x\n      $0"),
        [" -> \"repository: \" shop"]
    );
    assert_eq!(values("image: x$0"), [""; 0]);
    let set = unmarked.replace("image: {tag: $(tag)}", "image: {tag: $(tag)}\n        p$0");
    assert_eq!(completions(&set), ["p -> \"port: \" 80"]);
    let template = |typed: &str| completions(&unmarked.replace("{{ .Values.port }}", typed));
    assert_eq!(
        template("{{ .Values.$0 }}"),
        [" -> \"image\" ", " -> \"port\" 80"]
    );
    assert_eq!(
        template("{{ .Values.image.re$0"),
        ["re -> \"repository\" shop", "re -> \"tag\" stable",]
    );
    assert_eq!(
        template("{{ with .Values.image }}{{ .$0 }}{{ end }}"),
        [" -> \"repository\" shop", " -> \"tag\" stable",]
    );
}
