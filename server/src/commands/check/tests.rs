use expect_test::{Expect, expect};

use super::*;

/// A service on disk with something wrong in each of its files.
fn service() -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    let write = |path: &str, text: &str| {
        let path = folder.path().join(path);
        std::fs::create_dir_all(path.parent().expect("it has one")).expect("a folder");
        std::fs::write(path, text).expect("a file");
    };
    write(
        "shop/azds.yaml",
        "kind: helm-release\nbuild: {dockerfile: Dockerfile}\ninstall: {chart: charts/shop, set: {image: {tag: $(tag)}}}\n\
         container:\n  values: [charts/shop/values.dev.yaml]\n",
    );
    write("shop/Dockerfile", "FROM scratch\n");
    write("shop/values.dev.yaml", "secrets: {ä: {port: 6379}}\n");
    write("shop/charts/shop/values.yaml", "host: $(hostSuffix)\n");
    write(
        "shop/charts/shop/templates/values.yaml",
        "{{ .Values.image.tag }}{{ .Values.host }}{{ toYaml .Values.secrets }}\nother: [\n",
    );
    write("other/values.yaml", "a: [\n");
    folder
}

fn answer(folder: &tempfile::TempDir, path: &str, output: Output) -> (Result<bool>, String) {
    let mut out = Vec::new();
    let checked = check(&[folder.path().join(path)]);
    let result = checked.and_then(|checked| write(&checked, output, &mut out, false));
    let out = String::from_utf8(out).expect("text");
    (
        result,
        out.replace(&folder.path().display().to_string(), "HERE"),
    )
}

fn expect_answer(path: &str, output: Output, errors: bool, expected: Expect) {
    let (result, out) = answer(&service(), path, output);
    assert_eq!(result, Ok(errors));
    expected.assert_eq(&out);
}

#[cfg_attr(windows, ignore = "paths are written otherwise there")]
#[test]
fn a_folder_is_checked_with_the_values_files_of_its_services() {
    expect_answer(
        "",
        Output::Human,
        false,
        expect![[r#"
            info[legacy-key]: `container.values` is a key of 2018. List the file under `install.values` instead; both work.
             --> HERE/shop/azds.yaml:5:3
              |
            5 |   values: [charts/shop/values.dev.yaml]
              |   ^^^^^^

            warning[values-file-elsewhere]: There is no file `charts/shop/values.dev.yaml`, seen from the folder of azds.yaml; azds takes `values.dev.yaml`, which lies beside azds.yaml.
             --> HERE/shop/azds.yaml:5:12
              |
            5 |   values: [charts/shop/values.dev.yaml]
              |            ^^^^^^^^^^^^^^^^^^^^^^^^^^^
              |
            help: Remove it: `install.values` has the file already
            help: Change to `values.dev.yaml`

            warning[token-in-values]: `$(hostSuffix)` is replaced in azds.yaml only; here it stays as it is. Set this value under `install.set` of azds.yaml.
             --> HERE/shop/charts/shop/values.yaml:1:7
              |
            1 | host: $(hostSuffix)
              |       ^^^^^^^^^^^^^

            warning[secret-not-text]: The secret `port` must be a text, but to YAML this is a number: `b64enc` in the chart's template fails on it.
             --> HERE/shop/values.dev.yaml:1:21
              |
            1 | secrets: {ä: {port: 6379}}
              |                     ^^^^
              |
            help: Put it in quotes

            3 warnings, 1 hint in 5 files.
        "#]],
    );
}

#[cfg_attr(windows, ignore = "paths are written otherwise there")]
#[test]
fn programs_get_positions_as_editors_count_them() {
    expect_answer(
        "shop/values.dev.yaml",
        Output::Json,
        false,
        expect![[r#"
        [
          {
            "file": "HERE/shop/values.dev.yaml",
            "range": {
              "start": {
                "line": 0,
                "character": 20
              },
              "end": {
                "line": 0,
                "character": 24
              }
            },
            "severity": "warning",
            "code": "secret-not-text",
            "message": "The secret `port` must be a text, but to YAML this is a number: `b64enc` in the chart's template fails on it.",
            "fixes": [
              "Put it in quotes"
            ]
          }
        ]
    "#]],
    );
    expect_answer(
        "other/values.yaml",
        Output::Json,
        true,
        expect![[r#"
        [
          {
            "file": "HERE/other/values.yaml",
            "range": {
              "start": {
                "line": 0,
                "character": 3
              },
              "end": {
                "line": 0,
                "character": 4
              }
            },
            "severity": "error",
            "code": "yaml-syntax",
            "message": "This is not valid YAML: unclosed bracket '['.",
            "fixes": []
          }
        ]
    "#]],
    );
}

#[cfg_attr(windows, ignore = "paths are written otherwise there")]
#[test]
fn sarif_names_file_rule_and_place() {
    let (_, out) = answer(&service(), "other/values.yaml", Output::Sarif);
    let log: serde_json::Value = serde_json::from_str(&out).expect("JSON");
    assert_eq!(log["version"], "2.1.0");
    let result = &log["runs"][0]["results"][0];
    assert_eq!(result["ruleId"], "yaml-syntax");
    assert_eq!(result["level"], "error");
    let place = &result["locations"][0]["physicalLocation"];
    assert_eq!(
        place["artifactLocation"]["uri"],
        "file://HERE/other/values.yaml"
    );
    assert_eq!(place["region"]["startLine"], 1);

    let (_, out) = answer(&service(), "shop/values.dev.yaml", Output::Sarif);
    let log: serde_json::Value = serde_json::from_str(&out).expect("JSON");
    let fix = &log["runs"][0]["results"][0]["fixes"][0];
    assert_eq!(fix["description"]["text"], "Put it in quotes");
    let replacement = &fix["artifactChanges"][0]["replacements"][0];
    assert_eq!(replacement["insertedContent"]["text"], "\"6379\"");
    assert_eq!(replacement["deletedRegion"]["startColumn"], 21);
}

#[test]
fn nothing_to_check_is_a_failure() {
    for path in ["other", "nowhere"] {
        let (result, out) = answer(&service(), path, Output::Json);
        assert!(result.is_err(), "{path}");
        assert_eq!(out, "");
    }
}

#[test]
fn a_file_is_known_by_its_name_or_by_the_azds_yaml_above_it() {
    let folder = service();
    let listings = Listings::default();
    let known = Known {
        open: &|_| None,
        listings: &listings,
        helm: &|_| None,
        trouble: &|_| Vec::new(),
    };
    let kind = |path: &str| Found::at(&folder.path().join(path), known).map(|found| found.kind);
    assert_eq!(kind("shop/azds.yaml"), Some(Kind::AzdsYaml));
    assert_eq!(kind("other/secrets.dev.yaml"), Some(Kind::Values));
    assert_eq!(kind("shop/charts/shop/values.yaml"), Some(Kind::Values));
    assert_eq!(kind("other/values.yaml"), None);
    assert_eq!(
        kind("shop/charts/shop/templates/service.yaml"),
        Some(Kind::Template)
    );
    assert_eq!(kind("shop/Dockerfile"), Some(Kind::Dockerfile));
    assert_eq!(kind("shop/.vscode/tasks.json"), Some(Kind::Tasks));
    assert_eq!(kind("shop/charts/shop/Chart.yaml"), None);
}

#[test]
fn what_helm_and_the_cluster_say_is_told_at_its_place() {
    let folder = service();
    let shop = folder.path().join("shop");
    let said = "Error: template: shop/templates/values.yaml:1:5: executing \"shop/templates/values.yaml\" at <.Values.image.tag>: no such field";
    let trouble = crate::analysis::Trouble {
        severity: Severity::Warning,
        message: "shop does not run".to_owned(),
    };
    let outside = Outside {
        helm: [(shop.clone(), said.to_owned())].into(),
        troubles: [(shop.clone(), vec![trouble])].into(),
    };
    let files = files(&[shop]).expect("they are there");
    let checked = check_files(files, &outside).expect("they can be read");
    let problems = checked.iter().flat_map(|file| &file.problems);
    let codes: Vec<String> = problems.map(|problem| problem.code.to_string()).collect();
    assert!(codes.contains(&"helm-error".to_owned()), "{codes:?}");
    assert!(codes.contains(&"release-trouble".to_owned()), "{codes:?}");
}
