use serde_json::json;

use super::{Tokens, analyse};

const FILE: &str = r#"kind: helm-release
apiVersion: 1.1
build:
  context: ..\..
  dockerfile: Dockerfile
install:
  chart: charts/shop
  set:
    replicaCount: 1
    image: {tag: $(tag), pullPolicy: Never}
    debug: false
    password: "pa$word"
    hosts: ["$(spacePrefix)$(rootSpacePrefix)shop$(hostSuffix)"]
configurations:
  develop:
    build:
      dockerfile: Dockerfile.develop
      useGitIgnore: true
      args:
        CONFIGURATION: ${CONFIGURATION:-Debug}
        KEY: ${secret.a.b}
    install:
      set:
        image: {pullPolicy: IfNotPresent}
    container:
      values: ["charts\\shop\\values.dev.yaml"]
      sync: ["**/Views/**"]
      command: [dotnet, run]
      iterate:
        processesToKill: [dotnet]
        buildCommands:
        - [dotnet, build, -c, "${CONFIGURATION:-$(tag)}"]
"#;

#[test]
fn a_configuration_is_laid_over_the_base() {
    let analysis = analyse(FILE);
    let base = analysis.file.settings(None);
    assert_eq!(base.context, "../..");
    assert_eq!(base.dockerfile, "Dockerfile");
    assert!(!base.use_git_ignore);
    let values: Vec<_> = base
        .values
        .iter()
        .map(|f| (f.path.as_str(), f.optional))
        .collect();
    assert_eq!(
        values,
        [("values.dev.yaml", true), ("secrets.dev.yaml", true)]
    );
    assert_eq!(
        analysis.file.configurations().collect::<Vec<_>>(),
        ["develop"]
    );

    let develop = analysis.file.settings(Some("develop"));
    assert_eq!(develop.dockerfile, "Dockerfile.develop");
    assert_eq!(develop.chart, "charts/shop");
    assert!(develop.use_git_ignore);
    assert_eq!(develop.container_values, ["charts/shop/values.dev.yaml"]);
    assert_eq!(develop.container.sync, ["**/Views/**"]);
    assert_eq!(develop.container.processes_to_kill, ["dotnet"]);
    assert_eq!(
        develop.set["image"],
        json!({"tag": "$(tag)", "pullPolicy": "IfNotPresent"})
    );
}

#[test]
fn expansion_keeps_types_and_never_looks_into_what_it_put_in() {
    let tokens = Tokens {
        tag: "mindaro-12ab".to_owned(),
        space_prefix: "kim.s.".to_owned(),
        root_space_prefix: "dev.".to_owned(),
        host_suffix: ".example.org".to_owned(),
    };
    let settings = analyse(FILE).file.settings(Some("develop"));
    let expanded = settings.expand(&tokens, |_| None);
    assert_eq!(expanded.set["image"]["tag"], "mindaro-12ab");
    assert_eq!(expanded.set["hosts"][0], "kim.s.dev.shop.example.org");
    assert_eq!(expanded.set["debug"], json!(false));
    assert_eq!(expanded.set["replicaCount"], json!(1));
    assert_eq!(expanded.set["password"], "pa$word");
    assert_eq!(expanded.args["CONFIGURATION"], "Debug");
    assert_eq!(expanded.args["KEY"], "${secret.a.b}");
    assert_eq!(expanded.container.build_commands[0][3], "$(tag)");
}
