//! What is wrong, and what fixes make of it.

use expect_test::{Expect, expect};

use super::service;
use crate::analysis::fixture::{ask, check};
use crate::analysis::{Code, Kind, edited};

/// Labels of problems.
fn problems(fixture: Expect) {
    check(fixture, |text| {
        ask(Kind::AzdsYaml, text, &service(), |it| it.problems())
    });
}

/// The text after the first fix of the first problem of a kind.
fn fixed(text: &str, code: Code, expected: Expect) {
    let problems = ask(Kind::AzdsYaml, text, &service(), |it| it.problems());
    let problem = problems.iter().find(|it| it.code == code);
    let fix = problem.and_then(|it| it.fixes.first()).expect("a fix");
    let after = edited(text, &fix.edits);
    let left = ask(Kind::AzdsYaml, &after, &service(), |it| it.problems());
    assert!(left.iter().all(|it| it.code != code), "{after}\n{left:#?}");
    expected.assert_eq(&after);
}

#[test]
fn the_image_must_be_the_one_that_is_built() {
    problems(expect![[r#"
        kind: helm-release
        install:
          chart: charts/shop
          set:
            image: {tag: latest, pullPolicy: Always}
        #                ^^^^^^ image-tag (warning): The chart is not told the tag of the image that azds builds, so that its pods run some other image. `image.tag` under `install.set` must be `$(tag)`. [Change to `$(tag)`]
        #                                    ^^^^^^ pull-policy (warning): The image is on the node and in no registry: with `Always` its pods do not start. [Change to `Never`]
        configurations:
          develop:
            install: {set: {image: {pullPolicy: IfNotPresent}}}
        #                                       ^^^^^^^^^^^^ pull-policy (information): The image is on the node and in no registry: `Never` says so, and fails with the reason where it is not there. [Change to `Never`]
    "#]]);
    for (before, after) in [
        (
            "install:\n  chart: charts/shop\n",
            expect![[r#"
                    install:
                      chart: charts/shop
                      set:
                        image:
                          tag: $(tag)
                "#]],
        ),
        (
            "install:\n  chart: charts/shop\n  set:\n    replicaCount: 1\n",
            expect![[r#"
                    install:
                      chart: charts/shop
                      set:
                        image:
                          tag: $(tag)
                        replicaCount: 1
                "#]],
        ),
        (
            "install:\n  chart: charts/shop\n  set:\n    image:\n      pullPolicy: Never\n",
            expect![[r#"
                    install:
                      chart: charts/shop
                      set:
                        image:
                          tag: $(tag)
                          pullPolicy: Never
                "#]],
        ),
    ] {
        fixed(before, Code::ImageTag, after);
    }
}

#[test]
fn what_served_ingresses_is_no_more() {
    problems(expect![[r#"
        kind: helm-release
        install:
          chart: charts/shop
          set:
            image: {tag: $(tag)}
            ingress:
              annotations:
                kubernetes.io/ingress.class: traefik-azds
        #                                    ^^^^^^^^^^^^ dead-ingress-class (warning): `traefik-azds` was an Ingress controller of Azure Dev Spaces, which is no more: nothing serves this Ingress. Without the line the cluster's own class does. [Remove the line]
              apiVersion: extensions/v1beta1
        #                 ^^^^^^^^^^^^^^^^^^ dead-api (warning): Kubernetes does not serve `extensions/v1beta1` any more. It is `networking.k8s.io/v1` for an Ingress now, and `apps/v1` for a Deployment.
            hpa: {apiVersion: autoscaling/v2beta2}
        #                     ^^^^^^^^^^^^^^^^^^^ dead-api (warning): Kubernetes does not serve `autoscaling/v2beta2` any more. It is `autoscaling/v2` now. [Change to `autoscaling/v2`]
            other: {className: traefik}
    "#]]);
}

#[test]
fn references_that_are_not_closed_or_not_set() {
    problems(expect![[r#"
        kind: helm-release
        build:
          context: ${WHERE}
        #          ^^^^^^^^ variable-not-set (warning): `WHERE` is neither in the environment nor in `.env` beside azds.yaml, so that `${WHERE}` stays as it is written. [Give it an empty default]
          args:
            A: ${MODE}
            B: "${NONE}"
        #       ^^^^^^^ variable-not-set (warning): `NONE` is neither in the environment nor in `.env` beside azds.yaml, so that `${NONE}` stays as it is written. [Give it an empty default]
            C: ${MODE:Debug}
        #      ^^^^^^^^^^^^^ bad-reference (warning): A default is written `${MODE:-Debug}`; this is not replaced. [Change to `${MODE:-Debug}`]
            D: "x${MODE"
        #        ^^^^^^ bad-reference (warning): `${MODE` lacks its closing brace and is not replaced. [Close it]
            E: ${secret.a.b}
            F: $1
        install:
          chart: charts/shop
          set:
            image: {tag: "$(tag"}
        #                 ^^^^^ bad-reference (warning): `$(tag)` lacks its closing bracket and is not replaced. [Close it]
            shell: "${PORT:8080} $(tag)"
            secrets: {a: {b: $PASSWORD}}
        #                    ^^^^^^^^^ variable-not-set (warning): `PASSWORD` is neither in the environment nor in `.env` beside azds.yaml, so that `$PASSWORD` stays as it is written. [Give it an empty default]
    "#]]);
}

#[test]
fn globs_that_match_nothing_or_are_none() {
    problems(expect![[r#"
        kind: helm-release
        install: {chart: charts/shop, set: {image: {tag: $(tag)}}}
        configurations:
          develop:
            container:
              sync:
              - "**/Pages/**"
              - "src/Views/**"
              - "src/*.cshtml"
        #       ^^^^^^^^^^^^^^ glob-matches-nothing (warning): `src/*.cshtml` matches no file of the build context. Globs are seen from there.
              - "**/{a,b"
        #       ^^^^^^^^^ bad-glob (warning): This is no glob: unclosed alternate group; missing '}' (maybe escape '{' with '[{]'?).
              - "!none/**"
              - "${WHERE}/**"
    "#]]);
}

#[test]
fn the_projects_own_program_is_ended_too() {
    problems(expect![[r#"
        kind: helm-release
        install: {chart: charts/shop, set: {image: {tag: $(tag)}}}
        configurations:
          develop:
            container:
              command: [dotnet, run, --no-restore]
              iterate:
                processesToKill: [dotnet, vsdbg]
        #                         ^^^^^^ process-not-killed (warning): `dotnet run` starts the project's own program, `Shop`, which is not among the processes that are ended: the old one goes on and keeps its port. [Add `Shop`]
          release:
            container:
              command: [dotnet, Shop.dll]
              iterate: {processesToKill: [dotnet]}
    "#]]);
    fixed(
        "container:\n  command: [dotnet, run]\n  iterate:\n    processesToKill:\n      - dotnet\n",
        Code::ProcessNotKilled,
        expect![[r#"
            container:
              command: [dotnet, run]
              iterate:
                processesToKill:
                  - dotnet
                  - Shop
        "#]],
    );
}

#[test]
fn paths_with_back_slashes() {
    fixed(
        "build:\n  context: \".\\\\src\"\n",
        Code::BackSlash,
        expect![[r#"
            build:
              context: "./src"
        "#]],
    );
}

#[test]
fn texts_that_lost_their_quotes_get_them() {
    for (glob, quoted) in [
        ("**/Pages/**", "\"**/Pages/**\""),
        ("!**/*.{a,b}", "\"!**/*.{a,b}\""),
    ] {
        let text = format!("container:\n  sync: [{glob}]\n");
        let problems = ask(Kind::AzdsYaml, &text, &service(), |it| it.problems());
        let fix = problems
            .first()
            .and_then(|it| it.fixes.first())
            .expect("a fix");
        let expected = format!("container:\n  sync: [{quoted}]\n");
        assert_eq!(edited(&text, &fix.edits), expected);
    }
}

#[test]
fn a_comment_keeps_a_problem_from_being_shown() {
    problems(expect![[r#"
        kind: helm-release
        install: {chart: charts/shop, set: {image: {tag: $(tag)}}}
        # azds-ignore unknown-key
        mine: 1
        yours: 2
        ^^^^^ unknown-key (warning): azds has no key `yours` here and ignores it.
        theirs: 3 # azds-ignore
    "#]]);
}
