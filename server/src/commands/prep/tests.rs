use std::path::PathBuf;

use expect_test::expect_file;

use super::*;

const CSPROJ: &str = r#"<Project Sdk="Microsoft.NET.Sdk.Web">
  <PropertyGroup>
    <TargetFramework>netcoreapp3.1</TargetFramework>
  </PropertyGroup>
</Project>
"#;

/// A folder `name` with these files, and the temporary folder that it is in.
fn service(name: &str, files: &[(&str, &str)]) -> (tempfile::TempDir, PathBuf) {
    let root = tempfile::tempdir().expect("a temporary folder");
    let folder = dunce::canonicalize(root.path())
        .expect("it exists")
        .join(name);
    fs::create_dir(&folder).expect("a folder");
    for (path, text) in files {
        let path = folder.join(path);
        fs::create_dir_all(path.parent().expect("in the folder")).expect("its folder");
        fs::write(path, text).expect("a file");
    }
    (root, folder)
}

fn arguments(folder: &Path) -> PrepArguments {
    PrepArguments {
        folder: folder.to_owned(),
        ..PrepArguments::default()
    }
}

/// The text of the files that prep wrote, one after the other.
fn tree(folder: &Path, result: &PrepResult) -> String {
    let file = |path: &String| {
        let text = fs::read_to_string(folder.join(path)).expect("it was written");
        format!("==== {path}\n{text}")
    };
    result.written.iter().map(file).collect()
}

#[test]
fn a_dotnet_service_that_is_public() {
    let (_root, folder) = service("consumer", &[("Consumer.csproj", CSPROJ)]);
    let result = prepare(&PrepArguments {
        public: true,
        ..arguments(&folder)
    });
    let result = result.expect("a plain project");
    assert_eq!(
        (result.service.as_str(), result.language.as_deref()),
        ("consumer", Some("dotnet"))
    );
    assert_eq!(result.warnings, [""; 0]);
    expect_file!["golden/dotnet-public.txt"].assert_eq(&tree(&folder, &result));
}

#[test]
fn a_python_service() {
    let files = [("requirements.txt", "# none\n"), ("main.py", "")];
    let (_root, folder) = service("Python Service", &files);
    let result = prepare(&arguments(&folder)).expect("a plain project");
    assert_eq!(result.service, "python-service");
    assert_eq!(result.warnings, [""; 0]);
    expect_file!["golden/python.txt"].assert_eq(&tree(&folder, &result));
}

#[test]
fn a_node_service() {
    let package = r#"{"scripts": {"start": "node server.js"}}"#;
    let files = [("package.json", package), ("server.js", "")];
    let (_root, folder) = service("shop", &files);
    let result = prepare(&arguments(&folder)).expect("a plain project");
    assert_eq!(result.warnings, [""; 0]);
    expect_file!["golden/node.txt"].assert_eq(&tree(&folder, &result));
}

#[test]
fn a_go_service() {
    let files = [
        ("go.mod", "module example.test/shop\n\ngo 1.26\n"),
        ("main.go", "package main\n"),
        // Its pages' tools.
        ("package.json", "{}"),
    ];
    let (_root, folder) = service("shop", &files);
    let result = prepare(&arguments(&folder)).expect("a plain project");
    assert_eq!(result.language.as_deref(), Some("go"));
    assert_eq!(result.warnings, [""; 0]);
    expect_file!["golden/go.txt"].assert_eq(&tree(&folder, &result));
}

#[test]
fn a_java_service_of_maven() {
    let pom = include_str!("../../../../tests/apps/java-service/pom.xml");
    let (_root, folder) = service("shop", &[("pom.xml", pom)]);
    let result = prepare(&arguments(&folder)).expect("a plain project");
    assert_eq!(result.language.as_deref(), Some("java"));
    assert_eq!(result.warnings, [""; 0]);
    expect_file!["golden/java-maven.txt"].assert_eq(&tree(&folder, &result));
}

#[test]
fn a_java_service_of_gradle() {
    let build = "plugins { id 'org.springframework.boot' version '3.5.0' }\nversion = '1.0'\n";
    let settings = "rootProject.name = 'shop'\n";
    let files = [("build.gradle", build), ("settings.gradle", settings)];
    let (_root, folder) = service("shop", &files);
    let result = prepare(&arguments(&folder)).expect("a plain project");
    assert_eq!(result.warnings, [""; 0]);
    expect_file!["golden/java-gradle.txt"].assert_eq(&tree(&folder, &result));
}

#[test]
fn nothing_known_still_gives_chart_and_azds_yaml() {
    let (_root, folder) = service("gateway", &[("index.php", "<?php")]);
    let result = prepare(&arguments(&folder)).expect("prep does what it can");
    assert_eq!(result.language, None);
    assert!(
        result.warnings[0].contains("unsupported language"),
        "{:?}",
        result.warnings
    );
    assert!(!folder.join("Dockerfile").exists());
    assert!(folder.join("charts/gateway/Chart.yaml").is_file());
    let azds_yaml = fs::read_to_string(folder.join("azds.yaml")).expect("it was written");
    assert!(azds_yaml.ends_with("  develop:\n    build:\n      useGitIgnore: true\n"));
}

#[test]
fn no_placeholder_is_left() {
    for files in [
        &[("A B.csproj", CSPROJ), ("NuGet.Config", "")][..],
        &[("requirements.txt", ""), ("app.py", "")],
        &[("pyproject.toml", "[project]"), ("app.py", "")],
        &[("package.json", "{}"), ("yarn.lock", ""), ("app.js", "")],
        &[("go.mod", "module m"), ("cmd/x/main.go", "package main")],
        &[("build.gradle.kts", "id(\"io.quarkus\")")],
        &[("index.php", "")],
    ] {
        let (_root, folder) = service("s", files);
        let result = prepare(&arguments(&folder)).expect("plain projects");
        let tree = tree(&folder, &result).replace("$@", "");
        assert!(!tree.contains('@'), "a placeholder is left: {tree}");
    }
}

#[test]
fn nothing_is_written_over() {
    let files = [
        ("P.csproj", CSPROJ),
        ("Dockerfile", "FROM mine\nEXPOSE 5000\n"),
        (".dockerignore", ""),
    ];
    let (_root, folder) = service("producer", &files);
    let first = prepare(&arguments(&folder)).expect("a plain project");
    assert_eq!(first.kept, ["Dockerfile", ".dockerignore"]);
    let dockerfile = fs::read_to_string(folder.join("Dockerfile")).expect("it is there");
    assert_eq!(dockerfile, "FROM mine\nEXPOSE 5000\n");
    let values = fs::read_to_string(folder.join("charts/producer/values.yaml")).expect("written");
    assert!(
        values.contains("  port: 5000\n"),
        "the chart has the Dockerfile's port"
    );

    fs::remove_file(folder.join("charts/producer/templates/ingress.yaml")).expect("written");
    fs::remove_file(folder.join("Dockerfile.develop")).expect("written");
    let second = prepare(&PrepArguments {
        public: true,
        ..arguments(&folder)
    });
    let second = second.expect("a plain project");
    assert_eq!(second.written, ["Dockerfile.develop"]);
    assert_eq!(
        second.kept,
        [
            "charts/producer/",
            "Dockerfile",
            ".dockerignore",
            "azds.yaml"
        ]
    );
    assert!(
        second.warnings[0].contains("Ingress"),
        "{:?}",
        second.warnings
    );
}

#[cfg(unix)]
#[test]
fn nothing_is_written_where_a_link_leads_out() {
    let (root, folder) = service("shop", &[("requirements.txt", "")]);
    let outside = root.path().join("outside");
    fs::create_dir(&outside).expect("a folder");
    for target in [outside.clone(), "../outside".into(), outside.join("new")] {
        let link = folder.join("charts");
        std::os::unix::fs::symlink(&target, &link).expect("a link");
        let failure = prepare(&arguments(&folder)).expect_err("it leads out");
        assert!(failure.object.contains("charts"), "{failure}");
        assert_eq!(fs::read_dir(&outside).expect("there").count(), 0);
        fs::remove_file(&link).expect("removed");
    }
    fs::create_dir(folder.join("kept")).expect("a folder");
    std::os::unix::fs::symlink("kept", folder.join("charts")).expect("a link");
    prepare(&arguments(&folder)).expect("it stays in the folder");
    assert!(folder.join("kept/shop/Chart.yaml").is_file());
}

#[test]
fn a_dry_run_says_the_same_and_writes_nothing() {
    let (_root, folder) = service("producer", &[("P.csproj", CSPROJ), ("Dockerfile", "")]);
    let dry = prepare(&PrepArguments {
        dry_run: true,
        ..arguments(&folder)
    });
    let dry = dry.expect("a plain project");
    assert_eq!(fs::read_dir(&folder).expect("it is there").count(), 2);
    assert_eq!(dry, prepare(&arguments(&folder)).expect("a plain project"));
}

#[test]
fn a_chart_that_is_there_is_used() {
    let chart = (
        "deploy/helm/Chart.yaml",
        "apiVersion: v2\nname: shop\nversion: 1.0.0\n",
    );
    let (_root, folder) = service("web", &[("P.csproj", CSPROJ), chart]);
    let with_chart = |chart: &str| {
        prepare(&PrepArguments {
            chart: Some(chart.into()),
            ..arguments(&folder)
        })
    };
    let failure = with_chart("charts/none").expect_err("there is none");
    assert!(failure.why.contains("Chart.yaml"), "{failure}");
    let result = with_chart("./deploy/helm/").expect("it is there");
    assert_eq!(
        (result.service.as_str(), result.kept),
        ("shop", vec!["deploy/helm/".to_owned()])
    );
    let azds_yaml = fs::read_to_string(folder.join("azds.yaml")).expect("it was written");
    assert!(azds_yaml.contains("chart: deploy/helm\n"), "{azds_yaml}");
    assert!(azds_yaml.contains("repository: shop\n"), "{azds_yaml}");
    assert!(!folder.join("charts").exists());

    let again = prepare(&arguments(&folder)).expect("azds.yaml names the chart");
    assert_eq!(again.service, "shop");
    assert!(!folder.join("charts").exists());
}

#[test]
fn what_cannot_be_prepared_is_named() {
    let failure = |files: &[(&str, &str)], language: Option<&str>| {
        let (_root, folder) = service("s", files);
        let language = language.map(str::to_owned);
        let result = prepare(&PrepArguments {
            language,
            ..arguments(&folder)
        });
        assert!(!folder.join("azds.yaml").exists());
        result.expect_err("it cannot be prepared").to_string()
    };
    let two = failure(&[("A.csproj", CSPROJ), ("B.csproj", CSPROJ)], None);
    assert!(two.contains("A.csproj and B.csproj"), "{two}");
    let old = CSPROJ.replace("netcoreapp3.1", "net472");
    let old = failure(&[("A.csproj", &old)], None);
    assert!(old.contains("A.csproj: it is for net472"), "{old}");
    let cobol = failure(&[], Some("cobol"));
    assert!(
        cobol.contains("dotnet, go, java, node or python"),
        "{cobol}"
    );
    let none = failure(&[("A.csproj", CSPROJ)], Some("python"));
    assert!(none.contains("no python project"), "{none}");
}

/// The charts are understood as a whole: nothing is wrong with them, and what they don't read is told.
#[test]
fn what_is_written_is_read_as_it_is_meant() {
    for (project, text) in [("consumer.csproj", CSPROJ), ("main.py", "print(1)\n")] {
        let (_root, folder) = service(
            "consumer",
            &[(project, text), ("requirements.txt", "flask\n")],
        );
        prepare(&arguments(&folder)).expect("a plain project");
        let found = || {
            let checked = crate::commands::check::check(std::slice::from_ref(&folder));
            let checked = checked.expect("it has an azds.yaml").into_iter();
            let problems = checked.flat_map(|file| file.problems);
            let shown = problems.map(|problem| format!("{}: {}", problem.code, problem.message));
            shown.collect::<Vec<_>>()
        };
        assert_eq!(found(), [""; 0], "{project}");
        let values = "replicas: 2\nresources: {limits: {cpu: 1}}\nsecrets: {a: {_b: c}}\n";
        fs::write(folder.join("values.dev.yaml"), values).expect("a file");
        assert_eq!(
            found(),
            ["unread-value: No template of the chart reads `replicas`."],
            "{project}"
        );
    }
}

#[test]
fn an_old_azds_yaml_is_upgraded_and_kept() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("azds.yaml");
    let old = "kind: helm-release\napiVersion: 1.0\nbuild:\n  context: .\n  dockerfile: Dockerfile\ninstall:\n  chart: charts/old\n";
    fs::write(&path, old).expect("written");
    fs::write(folder.path().join("azds.yaml.bak"), "mine").expect("written");
    let upgrade = |dry_run| {
        prepare(&PrepArguments {
            folder: folder.path().to_owned(),
            upgrade: true,
            dry_run,
            ..PrepArguments::default()
        })
        .expect("upgraded")
    };
    upgrade(true);
    assert_eq!(fs::read_to_string(&path).expect("a file"), old);
    assert_eq!(upgrade(false).written, ["azds.yaml.bak2", "azds.yaml"]);
    let read = |name: &str| fs::read_to_string(folder.path().join(name)).expect("a file");
    let tagged = "  set:\n    image:\n      tag: $(tag)\n";
    assert_eq!(read("azds.yaml"), old.replace("1.0", "1.1") + tagged);
    assert_eq!(read("azds.yaml.bak2"), old);
    assert_eq!(read("azds.yaml.bak"), "mine");
    assert_eq!(upgrade(false).kept, ["azds.yaml"], "once is enough");
}
