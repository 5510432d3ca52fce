//! What an azds.yaml answers. `$0` is the cursor; `UPDATE_EXPECT=1 cargo test` writes the answers.

mod completion;
mod hover;
mod problems;

use expect_test::{expect, expect_file};

use super::hover::describe;
use super::schema::{Key, ROOT, Type};
use crate::analysis::Kind;
use crate::analysis::answer::{Link, Symbol};
use crate::analysis::fixture::{There, ask};

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
