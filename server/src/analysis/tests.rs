//! What is reported, and where. `UPDATE_EXPECT=1 cargo test` writes the labels.

use expect_test::{Expect, expect};
use proptest::prelude::*;

use super::fixture::{There, ask, check};
use super::{Code, Kind, Problem, azds_yaml, edited, yaml};

fn check_azds_yaml(fixture: Expect) {
    // Fixtures show a part of a file; what is missing in them has a test of its own.
    let missing = |problem: &Problem| [Code::MissingKey, Code::ImageTag].contains(&problem.code);
    check(fixture, |text| {
        let mut problems = azds_yaml::analyse(text).problems;
        problems.retain(|problem| !missing(problem));
        problems
    });
}

fn check_files(there: &[&str], fixture: Expect) {
    check(fixture, |text| {
        azds_yaml::analyse(text)
            .file
            .missing_files(&There::with(there))
    });
}

fn check_values(fixture: Expect) {
    check(fixture, values_problems);
}

fn values_problems(text: &str) -> Vec<Problem> {
    ask(Kind::Values, text, &There::default(), |values| {
        values.problems()
    })
}

#[test]
fn a_slip_in_a_key_is_an_error_and_another_key_a_warning() {
    check_azds_yaml(expect![[r#"
        kind: helm-release
        build:
          dockerfle: Dockerfile
        # ^^^^^^^^^ unknown-key: There is no key `dockerfle` here. Did you mean `dockerfile`? [Change to `dockerfile`]
          target: base
        # ^^^^^^ unknown-key (warning): azds has no key `target` here and ignores it.
        instal: {}
        ^^^^^^ unknown-key: There is no key `instal` here. Did you mean `install`? [Change to `install`]
        configurations:
          develop:
            container:
              iterate: {procesesToKill: [node]}
        #               ^^^^^^^^^^^^^^ unknown-key: There is no key `procesesToKill` here. Did you mean `processesToKill`? [Change to `processesToKill`]
    "#]]);
}

#[test]
fn wrong_types() {
    check_azds_yaml(expect![[r#"
        kind: helm-release
        build:
          context: [.]
        #          ^^^ wrong-type: `build.context` must be a text, but this is a list.
          useGitIgnore: maybe
        #               ^^^^^ wrong-type: `build.useGitIgnore` must be true or false, but this is a single value.
          args: [A]
        #       ^^^ wrong-type: `build.args` must be a map, but this is a list.
        install:
          values: values.dev.yaml
        #         ^^^^^^^^^^^^^^^ wrong-type: `install.values` must be a list of texts, but this is a single value. [Make it a list]
          set: true
        #      ^^^^ wrong-type: `install.set` must be a map, but this is a single value.
        configurations:
          develop:
            container:
              command: dotnet run
        #              ^^^^^^^^^^ wrong-type: `configurations.develop.container.command` must be a list of texts, but this is a single value. [Make it a list]
              iterate:
                buildCommands: [dotnet, build]
        #                      ^^^^^^^^^^^^^^^ wrong-type: `configurations.develop.container.iterate.buildCommands` must be a list of commands, each of them a list of texts, but this is one command, which needs brackets of its own. [Make it a list of commands]
    "#]]);
}

#[test]
fn tokens() {
    check_azds_yaml(expect![[r#"
        kind: helm-release
        install:
          set:
            hosts:
            - $(spacePraefix)$(rootSpacePrefix)shop$(hostSuffix)
        #     ^^^^^^^^^^^^^^^ unknown-token: There is no token `$(spacePraefix)`. Did you mean `$(spacePrefix)`? [Change to `$(spacePrefix)`]
            - "a\"b$(domainSuffix)"
        #          ^^^^^^^^^^^^^^^ unknown-token: There is no token `$(domainSuffix)`. Did you mean `$(hostSuffix)`? [Change to `$(hostSuffix)`]
            location: $(location)
        #             ^^^^^^^^^^^ unknown-token (warning): azds leaves `$(location)` as it is. It replaces `$(tag)`, `$(spacePrefix)`, `$(rootSpacePrefix)`, `$(hostSuffix)`.
            args: [--host=$(POD_IP)]
            shell: $(ls -l)
    "#]]);
}

#[test]
fn keys_of_2018_are_named_and_work() {
    check_azds_yaml(expect![[r#"
        kind: helm-release
        container:
          values: [charts/consumer/values.dev.yaml]
        # ^^^^^^ legacy-key (information): `container.values` is a key of 2018. List the file under `install.values` instead; both work.
        configurations:
          develop:
            container:
              syncTarget: /src
              disableProbes: true
        #     ^^^^^^^^^^^^^ legacy-key (information): `configurations.develop.container.disableProbes` is a key of 2018. It has no effect: probes wait for a debugger anyway.
              refresh: {processesToKill: [dotnet]}
        #     ^^^^^^^ legacy-key (information): `configurations.develop.container.refresh` is a key of 2018. It is called `iterate` now; both work. [Change to `iterate`]
    "#]]);
}

#[test]
fn the_first_syntax_error_is_reported_and_what_follows_is_read_on() {
    check_azds_yaml(expect![[r#"
        kind: helm-release
        build:
          context: .
          dock
        # ^^^^ yaml-syntax: This is not valid YAML: a key must be followed by `:`.
          useGitIgnore: maybe
        #               ^^^^^ wrong-type: `build.useGitIgnore` must be true or false, but this is a single value.
        install:
          chart: charts/shop
          valus: []
        # ^^^^^ unknown-key: There is no key `valus` here. Did you mean `values`? [Change to `values`]
    "#]]);
    check_azds_yaml(expect![[r#"
        kind: helm-release
        build: {context: ., dockerfile: Dockerfile
        install:
        #      ^ yaml-syntax: This is not valid YAML: while parsing a flow mapping, did not find expected ',' or '}'.
          valus: []
        # ^^^^^ unknown-key: There is no key `valus` here. Did you mean `values`? [Change to `values`]
    "#]]);
    check_azds_yaml(expect![[r#"
        kind: helm-release
        build:
        	context: .
        #^^^^^^^^ yaml-syntax: This is not valid YAML: no tab may stand in the indentation; use spaces. [Change tabs to spaces]
          dockerfle: x
        # ^^^^^^^^^ unknown-key: There is no key `dockerfle` here. Did you mean `dockerfile`? [Change to `dockerfile`]
    "#]]);
    check_azds_yaml(expect![[r#"
        kind: helm-release
        configurations:
          develop:
            container:
              sync: ["**/Pages/**", !**/*.js]
        #                           ^^^^^^^^ yaml-syntax: This is not valid YAML: a text that begins with `!` must be in quotes. [Put it in quotes]
              iterat: {}
        #     ^^^^^^ unknown-key: There is no key `iterat` here. Did you mean `iterate`? [Change to `iterate`]
    "#]]);
    check_azds_yaml(expect![[r#"
        kind: helm-release
        configurations:
          develop:
            container:
              sync: [**/Pages/**]
        #            ^^^^^^^^^^^ yaml-syntax: This is not valid YAML: a text that begins with `*` must be in quotes. [Put it in quotes]
              iterat: {}
        #     ^^^^^^ unknown-key: There is no key `iterat` here. Did you mean `iterate`? [Change to `iterate`]
    "#]]);
}

#[test]
fn other_kinds_are_other_peoples_files_and_a_slip_is_ours() {
    check_azds_yaml(expect![[r#"
        kind: terraform
        builds: {
        ---
        kind: azure.function
    "#]]);
    check_azds_yaml(expect![[r#"
        apiVersion: v1
        kind: Service
        spec: [
    "#]]);
    check_azds_yaml(expect![[r#"
        kind: helm-relase
        #     ^^^^^^^^^^^ unknown-kind: azds knows the kind `helm-release` only. Did you mean that? [Change to `helm-release`]
    "#]]);
    check_azds_yaml(expect![[r#""#]]);
}

#[test]
fn files_that_are_not_there() {
    check_files(
        &["Dockerfile.develop", "values.dev.yaml", "charts/"],
        expect![[r#"
            kind: helm-release
            build:
              context: ..\..
            #          ^^^^^ missing-file: There is no folder `../..`, seen from the folder of azds.yaml.
              dockerfile: Dockerfile
            #             ^^^^^^^^^^ missing-file (warning): There is no file `Dockerfile`, seen from the folder of azds.yaml.
            install:
              chart: charts/shop
            #        ^^^^^^^^^^^ missing-file: There is no chart `charts/shop`, seen from the folder of azds.yaml.
              values:
              - app.yaml
            #   ^^^^^^^^ missing-file: There is no file `app.yaml`, seen from the folder of azds.yaml. [Make it optional with `?`]
              - "inf.yaml"
            #   ^^^^^^^^^^ missing-file: There is no file `inf.yaml`, seen from the folder of azds.yaml. [Make it optional with `?`]
              - secrets.dev.yaml?
              - ${WHERE}/values.yaml
            configurations:
              develop:
                build: {dockerfile: Dockerfile.develop}
                container:
                  values: ["charts/shop/values.dev.yaml", other.yaml]
            #                                             ^^^^^^^^^^ missing-file: There is no file `other.yaml`, seen from the folder of azds.yaml.
              other:
                build: {dockerfile: Dockerfile.other}
            #                       ^^^^^^^^^^^^^^^^ missing-file (warning): There is no file `Dockerfile.other`, seen from the folder of azds.yaml.
        "#]],
    );
}

#[test]
fn values_files() {
    check_values(expect![[r#"
        secrets:
          redis:
            port: 6379
        #         ^^^^ secret-not-text (warning): The secret `port` must be a text, but to YAML this is a number: `b64enc` in the chart's template fails on it. [Put it in quotes]
            tls: yes
        #        ^^^ secret-not-text (warning): The secret `tls` must be a text, but to YAML this is true or false: `b64enc` in the chart's template fails on it. [Put it in quotes]
            key: "123"
            host: redis
        ingress:
          hosts: [shop$(hostSuffix), $(POD_IP)]
        #             ^^^^^^^^^^^^^ token-in-values (warning): `$(hostSuffix)` is replaced in azds.yaml only; here it stays as it is. Set this value under `install.set` of azds.yaml.
        replicaCount: 1
        ^^^^^^^^^^^^ duplicate-key (warning): `replicaCount` stands again further down in the same map, and that one counts. [Remove the one that does nothing]
        replicaCount: 2
    "#]]);
    check_values(expect![[r#"
        secrets:
          urls
            producer: http://producer
        #           ^ yaml-syntax: This is not valid YAML: no `:` may stand here; is the indentation right, or does the text need quotes?
    "#]]);
}

#[test]
fn a_byte_order_mark_is_no_part_of_the_first_key() {
    let text =
        "\u{feff}kind: helm-release\ninstall: {chart: charts/shop, set: {image: {tag: $(tag)}}}\n";
    assert_eq!(azds_yaml::analyse(text).problems, []);
}

#[test]
fn a_repaired_line_moves_nothing_into_a_character() {
    let text = "kind: helm-release\ninstall:\n  set:\n    text: |\n\r[ä";
    let parsed = yaml::parse(text);
    for document in &parsed.documents {
        assert!(text.get(document.range.clone()).is_some(), "{document:?}");
    }
    assert!(text.is_char_boundary(parsed.documents[0].range.end));
}

const SHOP: &str = "kind: helm-release\nbuild:\n  context: .\n  args: {A: \"b\", ä: 'ö'}\ninstall:\n  chart: charts/shop\n  values:\n  - values.dev.yaml?\n  set:\n    image: {tag: $(tag)}\n    text: |\n      é\n";

proptest! {
    /// What a text is while somebody types it: any part of it taken out, something put in.
    #[test]
    fn positions_are_inside_the_text(
        cut in 0..SHOP.len(),
        length in 0..40_usize,
        typed in "[-a-z:{}\\[\\]\"'|>&*!#\t\r\n ä]{0,12}",
    ) {
        let cut = SHOP.floor_char_boundary(cut);
        let end = SHOP.ceil_char_boundary((cut + length).min(SHOP.len()));
        let text = format!("{}{typed}{}", &SHOP[..cut], &SHOP[end..]);
        let problems = azds_yaml::analyse(&text).problems;
        for problem in problems.into_iter().chain(values_problems(&text)) {
            prop_assert!(text.get(problem.range.clone()).is_some(), "{problem:?}");
        }
    }

    /// A completion at any place is written there, and what any document answers lies inside of it.
    #[test]
    fn answers_are_inside_the_text(
        cut in 0..SHOP.len(),
        length in 0..40_usize,
        typed in "[-a-z:{}\\[\\]\"'|>&*!#$(\t\r\n ä]{0,12}",
        at in 0..SHOP.len(),
    ) {
        let cut = SHOP.floor_char_boundary(cut);
        let end = SHOP.ceil_char_boundary((cut + length).min(SHOP.len()));
        let text = format!("{}{typed}{}", &SHOP[..cut], &SHOP[end..]);
        let at = text.floor_char_boundary(at.min(text.len()));
        ask(Kind::AzdsYaml, &text, &There::default(), |document| {
            for completion in document.completions(at) {
                let range = completion.edit.range;
                prop_assert!(range.start <= at && at <= range.end, "{range:?} {at} {text:?}");
                prop_assert!(text.get(range).is_some());
            }
            let places = document.folds().into_iter().map(|fold| fold.range);
            let places = places.chain(document.selections(at)).chain(document.hover(at).map(|it| it.range));
            for range in places {
                prop_assert!(text.get(range.clone()).is_some(), "{range:?} {text:?}");
            }
            for symbol in document.symbols() {
                prop_assert!(symbol.range.start <= symbol.selection.start, "{symbol:?} {text:?}");
                prop_assert!(symbol.selection.end <= symbol.range.end, "{symbol:?} {text:?}");
            }
            let edits = document.format();
            let formatted = edited(&text, &edits);
            let words = |text: &str| text.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
            prop_assert_eq!(words(&text), words(&formatted));
            Ok(())
        })?;
    }
}
