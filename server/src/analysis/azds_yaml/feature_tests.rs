//! What an azds.yaml answers. `$0` is the cursor; `UPDATE_EXPECT=1 cargo test` writes the answers.

use expect_test::{Expect, expect, expect_file};

use super::hover::describe;
use super::schema::{Key, ROOT, Type};
use crate::analysis::answer::{Link, Symbol};
use crate::analysis::fixture::{There, ask, check, cursor};
use crate::analysis::{Code, Kind, edited};

/// A service with its files.
fn service() -> There {
    let mut there = There::with(&[
        "Dockerfile",
        "Dockerfile.develop",
        "app.yaml",
        "azds.yaml",
        "charts/shop/Chart.yaml",
        "charts/shop/values.yaml",
        "src/Views/Index.cshtml",
        "values.dev.yaml",
    ]);
    for (name, value) in [
        ("MODE", "Debug"),
        ("API_TOKEN", "abc"),
        ("LONG", "a1b2c3d4e5f6a7b8c9d0e1f2"),
    ] {
        there.variables.insert(name.to_owned(), value.to_owned());
    }
    let project = "<Project><TargetFramework>net6.0</TargetFramework></Project>";
    there
        .texts
        .insert("Shop.csproj".to_owned(), project.to_owned());
    there
}

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

fn hover(marked: &str, expected: Expect) {
    let (text, at) = cursor(marked);
    let found = ask(Kind::AzdsYaml, &text, &service(), |it| it.hover(at));
    let answer = found.map(|it| format!("[{}]\n{}", &text[it.range], it.markdown));
    expected.assert_eq(&answer.unwrap_or_default());
}

/// Labels of problems, and what fixes and lenses make of it.
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

#[test]
fn paths_lead_to_files() {
    let text = "build:\n  context: ..\n  dockerfile: Dockerfile\ninstall:\n  chart: charts/shop\n  values: [values.dev.yaml?, none.yaml?, \"${X}.yaml\"]\n";
    let links = ask(Kind::AzdsYaml, text, &service(), |it| it.links());
    let shown = |link: &Link| format!("{} -> {}", &text[link.range.clone()], link.target.path);
    let shown: Vec<_> = links.iter().map(shown).collect();
    expect![[r#"
        Dockerfile -> Dockerfile
        charts/shop -> charts/shop/Chart.yaml
        values.dev.yaml? -> values.dev.yaml"#]]
    .assert_eq(&shown.join("\n"));
    let at = text.find("values.dev").expect("it is there");
    let places = ask(Kind::AzdsYaml, text, &service(), |it| it.definition(at));
    assert_eq!(places[0].path, "values.dev.yaml");
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
    for before in [
        "install:\n  chart: charts/shop\n",
        "install:\n  chart: charts/shop\n  set:\n    replicaCount: 1\n",
        "install:\n  chart: charts/shop\n  set:\n    image:\n      pullPolicy: Never\n",
    ] {
        fixed(
            before,
            Code::ImageTag,
            match before.len() {
                ..35 => expect![[r#"
                    install:
                      chart: charts/shop
                      set:
                        image:
                          tag: $(tag)
                "#]],
                ..65 => expect![[r#"
                    install:
                      chart: charts/shop
                      set:
                        image:
                          tag: $(tag)
                        replicaCount: 1
                "#]],
                _ => expect![[r#"
                    install:
                      chart: charts/shop
                      set:
                        image:
                          tag: $(tag)
                          pullPolicy: Never
                "#]],
            },
        );
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

#[test]
fn files_that_bear_the_name_by_chance() {
    for text in [
        "name: mine\nversion: 1\n",
        "kind: terraform\nbuild: 1\n",
        "- a\n",
        "apiVersion: v1\nkind: Service\n---\nkind: Deployment\n",
    ] {
        let there = service();
        let found = ask(Kind::AzdsYaml, text, &there, |it| {
            (it.problems(), it.lenses())
        });
        assert_eq!(found.1, [], "{text}");
        if !text.starts_with('-') {
            assert_eq!(found.0, [], "{text}");
        }
    }
}

#[test]
fn lenses_above_the_first_key() {
    let text = "# a service\nkind: helm-release\ninstall: {chart: charts/shop}\n";
    let shown = |there: &There| {
        let lenses = ask(Kind::AzdsYaml, text, there, |it| it.lenses());
        assert!(
            lenses
                .iter()
                .all(|(range, _)| &text[range.clone()] == "kind")
        );
        let lenses: Vec<_> = lenses.iter().map(|(_, lens)| format!("{lens:?}")).collect();
        lenses.join(" ")
    };
    assert_eq!(shown(&service()), "Up Debug Uris");
    assert_eq!(shown(&There::default()), "Prep Up Debug Uris");
}

#[test]
fn outline_folds_and_selections() {
    let text =
        "# one\n# two\nkind: helm-release\nbuild:\n  args:\n    A: b\nlist:\n- x\n- y: 1\n  z: 2\n";
    let (symbols, folds, selections) = ask(Kind::AzdsYaml, text, &service(), |it| {
        let at = text.find("b\nlist").expect("it is there");
        (it.symbols(), it.folds(), it.selections(at))
    });
    let mut shown = String::new();
    for symbol in &symbols {
        show(symbol, 0, &mut shown);
    }
    shown.push_str("---\n");
    for fold in folds {
        shown.push_str(&format!("{:?} {}\n", &text[fold.range], fold.comment));
    }
    shown.push_str("---\n");
    for range in selections {
        shown.push_str(&format!("{:?}\n", &text[range]));
    }
    expect![[r##"
        kind Value helm-release
        build Map 
          args Map 
            A Value b
        list List 
          x Value 
          [1] Map 
            y Value 1
            z Value 2
        ---
        "# one\n# two" true
        "build:\n  args:\n    A: b" false
        "args:\n    A: b" false
        "list:\n- x\n- y: 1\n  z: 2" false
        "y: 1\n  z: 2" false
        ---
        "b"
        "A: b"
        "args:\n    A: b"
        "build:\n  args:\n    A: b"
        "kind: helm-release\nbuild:\n  args:\n    A: b\nlist:\n- x\n- y: 1\n  z: 2"
        "# one\n# two\nkind: helm-release\nbuild:\n  args:\n    A: b\nlist:\n- x\n- y: 1\n  z: 2\n"
    "##]]
    .assert_eq(&shown);
}

fn show(symbol: &Symbol, depth: usize, shown: &mut String) {
    let Symbol {
        name, detail, kind, ..
    } = symbol;
    shown.push_str(&format!("{:1$}{name} {kind:?} {detail}\n", "", depth * 2));
    for child in &symbol.children {
        show(child, depth + 1, shown);
    }
}

/// `UPDATE_EXPECT=1 cargo test` writes the page.
#[test]
fn the_page_of_keys_is_what_the_schema_says() {
    let mut page = String::from(
        "# The keys of azds.yaml\n\nWritten by a test from the table that the language server works with. All paths are relative to \
         the folder of azds.yaml. Tokens (`$(tag)`, `$(spacePrefix)`, `$(rootSpacePrefix)`, `$(hostSuffix)`) and \
         variables (`$NAME`, `${NAME}`, `${NAME:-default}`, from the environment, else from `.env` beside \
         azds.yaml) are replaced in all texts.\n",
    );
    section("", ROOT.keys(), &mut page);
    expect_file!["../../../../docs/azds-yaml.md"].assert_eq(&page);
}

fn section(path: &str, keys: &[Key], page: &mut String) {
    for key in keys {
        let path = match path {
            "" => key.name.to_owned(),
            path => format!("{path}.{}", key.name),
        };
        let text = describe(key);
        let text = text
            .split_once(": ")
            .map_or(text.as_str(), |(_, text)| text);
        let (kind, text) = text.split_once("\n\n").unwrap_or((text, ""));
        page.push_str(&format!("\n## {path}\n\n*{kind}*\n\n{text}\n"));
        match key.kind {
            Type::Map(keys) | Type::Open(keys) => section(&path, keys.0, page),
            // What is laid over the base has the keys of the base.
            _ => {}
        }
    }
}
