//! What may be written.

use expect_test::{Expect, expect};

use super::service;
use crate::analysis::fixture::{ask, cursor};
use crate::analysis::{Kind, edited};

/// The labels of what may be written, and the text after the first of them is.
fn completions(marked: &str, expected: Expect) {
    let (text, at) = cursor(marked);
    let found = ask(Kind::AzdsYaml, &text, &service(), |it| it.completions(at));
    let mut answer: Vec<_> = found.iter().map(|it| it.label.as_str()).collect();
    let first = found.first().map(|it| {
        assert!(
            it.edit.range.start <= at && at <= it.edit.range.end,
            "{it:?}"
        );
        let mut edit = it.edit.clone();
        // Where the cursor is then.
        edit.text.push_str("$0");
        edited(&text, &[edit])
    });
    let first = first.unwrap_or_default();
    answer.push("---");
    answer.push(&first);
    expected.assert_eq(&answer.join("\n"));
}

#[test]
fn keys_that_are_not_there_yet() {
    completions(
        "$0",
        expect![[r#"
            kind
            apiVersion
            build
            install
            container
            configurations
            ---
            kind: $0"#]],
    );
    completions(
        "kind: helm-release\nb$0\ninstall: {}\n",
        expect![[r#"
            apiVersion
            build
            container
            configurations
            ---
            kind: helm-release
            apiVersion: $0
            install: {}
        "#]],
    );
    completions(
        "build:\n  context: .\n  $0\n",
        expect![[r#"
            dockerfile
            useGitIgnore
            ignore
            args
            secrets
            ---
            build:
              context: .
              dockerfile: $0
        "#]],
    );
    completions(
        "build:\n  dock$0: Dockerfile\n",
        expect![[r#"
            context
            dockerfile
            useGitIgnore
            ignore
            args
            secrets
            ---
            build:
              context$0: Dockerfile
        "#]],
    );
    completions(
        "build: {context: ., $0}\n",
        expect![[r#"
            dockerfile
            useGitIgnore
            ignore
            args
            secrets
            ---
            build: {context: ., dockerfile: $0}
        "#]],
    );
    completions(
        "configurations:\n  $0\n",
        expect![[r#"
            develop
            ---
            configurations:
              develop:
                $0
        "#]],
    );
    completions(
        "configurations:\n  develop:\n    container:\n      iter$0",
        expect![[r#"
            sync
            syncTarget
            command
            iterate
            ---
            configurations:
              develop:
                container:
                  sync:
                    $0"#]],
    );
    completions(
        "install:\n  set:\n    image:\n      $0\n",
        expect![[r#"
            repository
            tag
            pullPolicy
            ---
            install:
              set:
                image:
                  repository: $0
        "#]],
    );
    completions(
        "install:\n  set:\n    mine:\n      $0\n",
        expect![[r#"
        ---
    "#]],
    );
}

#[test]
fn values_of_keys() {
    completions(
        "kind: $0",
        expect![[r#"
            helm-release
            ---
            kind: helm-release$0"#]],
    );
    completions(
        "build:\n  useGitIgnore: t$0\n",
        expect![[r#"
            true
            false
            ---
            build:
              useGitIgnore: true$0
        "#]],
    );
    completions(
        "install:\n  set: {image: {tag: $0}}\n",
        expect![[r#"
            $(tag)
            ---
            install:
              set: {image: {tag: $(tag)$0}}
        "#]],
    );
    completions(
        "container:\n  sync:\n  - $0\n",
        expect![[r#"
            "**/Pages/**"
            "**/Views/**"
            "**/wwwroot/**"
            "!**/*.{sln,csproj}"
            "!**/package.json"
            "**/**"
            ---
            container:
              sync:
              - "**/Pages/**"$0
        "#]],
    );
    completions(
        "container:\n  sync:\n    $0\n",
        expect![[r#"
            "**/Pages/**"
            "**/Views/**"
            "**/wwwroot/**"
            "!**/*.{sln,csproj}"
            "!**/package.json"
            "**/**"
            ---
            container:
              sync:
                - "**/Pages/**"$0
        "#]],
    );
    completions(
        "container:\n  iterate: {processesToKill: [dotnet, $0]}\n",
        expect![[r#"
            dotnet
            vsdbg
            node
            java
            python
            ---
            container:
              iterate: {processesToKill: [dotnet, dotnet$0]}
        "#]],
    );
}

#[test]
fn paths_that_are_there() {
    completions(
        "build:\n  dockerfile: Docker$0\n",
        expect![[r#"
            Dockerfile
            Dockerfile.develop
            charts/
            src/
            ../
            ---
            build:
              dockerfile: Dockerfile$0
        "#]],
    );
    completions(
        "build:\n  context: $0\n",
        expect![[r#"
            charts/
            src/
            ../
            ---
            build:
              context: charts$0
        "#]],
    );
    completions(
        "install:\n  chart: charts/$0\n",
        expect![[r#"
            shop/
            ---
            install:
              chart: charts/shop$0
        "#]],
    );
    completions(
        "install:\n  values: [values.dev.yaml?, \"a$0\"]\n",
        expect![[r#"
            app.yaml
            charts/
            src/
            values.dev.yaml
            ../
            ---
            install:
              values: [values.dev.yaml?, "app.yaml"$0]
        "#]],
    );
}

#[test]
fn tokens_and_variables_where_one_is_begun() {
    completions(
        "install:\n  set: {host: shop$0}\n",
        expect![[r#"
        ---
    "#]],
    );
    completions(
        "install:\n  set: {host: shop$$0}\n",
        expect![[r#"
            $(tag)
            $(spacePrefix)
            $(rootSpacePrefix)
            $(hostSuffix)
            ${API_TOKEN}
            ${LONG}
            ${MODE}
            ${BUILD_CONFIGURATION:-Debug}
            ---
            install:
              set: {host: shop$(tag)$0}
        "#]],
    );
    completions(
        "install:\n  set:\n    host: $(root$0Prefix)shop\n",
        expect![[r#"
            $(tag)
            $(spacePrefix)
            $(rootSpacePrefix)
            $(hostSuffix)
            ---
            install:
              set:
                host: $(tag)$0shop
        "#]],
    );
    completions(
        "build:\n  args:\n    A: ${M$0",
        expect![[r#"
            ${API_TOKEN}
            ${LONG}
            ${MODE}
            ${BUILD_CONFIGURATION:-Debug}
            ---
            build:
              args:
                A: ${API_TOKEN}$0"#]],
    );
}
