//! What is known of places.

use expect_test::{Expect, expect};

use super::service;
use crate::analysis::Kind;
use crate::analysis::fixture::{ask, cursor};

fn hover(marked: &str, expected: Expect) {
    let (text, at) = cursor(marked);
    let found = ask(Kind::AzdsYaml, &text, &service(), |it| it.hover(at));
    let answer = found.map(|it| format!("[{}]\n{}", &text[it.range], it.markdown));
    expected.assert_eq(&answer.unwrap_or_default());
}

#[test]
fn what_is_known_of_keys_and_values() {
    hover(
        "build:\n  con$0text: .\n",
        expect![[r#"
        [context]
        **context**: path of a folder; default: `.`

        Root of the build context, and of what is synced. Relative to the folder of azds.yaml."#]],
    );
    hover(
        "container:\n  refr$0esh: {}\n",
        expect![[r#"
        [refresh]
        **refresh**: map

        What happens after a change of source files.

        A key of 2018. It is called `iterate` now; both work."#]],
    );
    hover(
        "install:\n  chart: charts/$0shop\n",
        expect![[r#"
        [charts/shop]
        `charts/shop` is there.

        ---

        **chart**: path of a chart

        Folder of the Helm chart. Relative to the folder of azds.yaml. The chart's name is the service's."#]],
    );
    hover(
        "install:\n  values: [$0other.yaml?]\n",
        expect![[r#"
        [other.yaml?]
        `other.yaml` is not there, and need not be.

        ---

        **values**: list of paths; default: `values.dev.yaml?`, `secrets.dev.yaml?`

        Values files that are laid over the chart's own, later ones winning. Relative to the folder of azds.yaml. A `?` at the end says that the file may be missing."#]],
    );
    hover(
        "install:\n  set:\n    mi$0ne: 1\n",
        expect![[r#"
            [mine]
            **`mine`**

            The chart gets `1`
            - `install.set` of azds.yaml, line 3: `1`"#]],
    );
    hover(
        "configurations:\n  dev$0elop: {}\n",
        expect![[r#"
        [develop]
        **configurations**: map

        What is laid over `build`, `install` and `container` when a configuration is used: maps are merged, everything else is replaced. `azds up` uses `develop` where there is one; `--configuration NAME` uses another, `--configuration none` uses none."#]],
    );
    hover(
        "configurations:\n  develop:\n    container:\n      sync: [\"**/*.$0cshtml\"]\n",
        expect![[r#"
            ["**/*.cshtml"]
            Matches 1 of the 9 files of the build context:

            - `src/Views/Index.cshtml`

            ---

            **sync**: list of globs

            Globs of the files that are copied into the running container as they are, seen from the build context: `**`, `*` and `{a,b}`; a glob that begins with `!` takes files out again, and a list of nothing but these means all other files. Globs that begin with `*` or `!` must be in quotes."#]],
    );
}

#[test]
fn what_references_come_to_and_no_secrets() {
    hover(
        "install: {set: {tag: $($0tag)}}\n",
        expect![[r#"
        [$(tag)]
        **$(tag)**

        Tag of the image that is built: `mindaro-` and 16 digits that follow from what is built."#]],
    );
    hover(
        "build: {args: {A: \"x${MO$0DE:-Release}\"}}\n",
        expect![[r#"
            [${MODE:-Release}]
            **MODE**

            Set to `Debug`.

            Variables come from the environment of azds, else from `.env` beside azds.yaml."#]],
    );
    hover(
        "build: {args: {A: \"${OTH$0ER:-Release}\"}}\n",
        expect![[r#"
            [${OTHER:-Release}]
            **OTHER**

            Not set, so that it is `Release`.

            Variables come from the environment of azds, else from `.env` beside azds.yaml."#]],
    );
    for secret in [
        "build: {args: {A: $API$0_TOKEN}}\n",
        "build: {args: {A: $LON$0G}}\n",
        "install: {set: {secrets: {a: {b: $MO$0DE}}}}\n",
    ] {
        let (text, at) = cursor(secret);
        let found = ask(Kind::AzdsYaml, &text, &service(), |it| it.hover(at)).expect("a hover");
        assert!(
            found.markdown.contains("Set, "),
            "{secret}: {}",
            found.markdown
        );
    }
}
