//! What a developer is told when something is wrong: exit code 1, and what, to which object, why, what to try.

use std::fs::File;
use std::net::TcpListener;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use azds_tests::space::{Service, Space, run};
use azds_tests::{Cluster, until};
use k8s_openapi::api::core::v1::{ConfigMap, Secret};
use kube::api::{Api, Patch, PatchParams};
use serde_json::{Value, json};

/// Fails unless each field of a failure holds its text.
fn assert_told(case: &str, failure: &Value, expected: [&str; 4]) {
    for (field, text) in ["what", "object", "why", "try"].into_iter().zip(expected) {
        let told = failure[field].as_str().unwrap_or_default();
        assert!(
            told.contains(text),
            "{case}: {field} lacks {text:?}: {failure:#}"
        );
    }
}

/// The developer's kubeconfig, changed.
fn kubeconfig(space: &Space, service: &Service, change: impl FnOnce(&mut Value)) -> PathBuf {
    let text = std::fs::read_to_string(space.kubeconfig()).expect("a kubeconfig");
    let mut config: Value = serde_json::from_str(&text).expect("the tests write JSON");
    change(&mut config);
    let path = service.folder.join("changed.kubeconfig");
    std::fs::write(&path, config.to_string()).expect("a file");
    path
}

#[tokio::test]
async fn what_is_wrong_before_anything_is_changed() {
    let cluster = Cluster::get();
    let space = cluster.space().await;
    let other = cluster.space().await;
    let plain = cluster.namespace(&[]).await;
    let service = space.python_service("shop", &[]);
    let empty = space.folder("empty").display().to_string();
    let wrong = space.python_service("wrong", &[]);
    wrong.replace("azds.yaml", "  context: .", "  context: [.]");
    let wrong = wrong.folder.display().to_string();
    let folder = service.folder.display().to_string();
    let away = kubeconfig(&space, &service, |config| {
        config["clusters"][0]["cluster"]["server"] = json!("https://127.0.0.1:1");
    });
    let unknown = space.write_kubeconfig("unknown").await;
    let taken = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = taken.local_addr().expect("an address").port();
    let mapping = format!("{port}:80");
    let of_another = json!({"data": {"status.json": json!({
        "version": "99.0.0", "protocol": 99, "hostSuffix": "", "ingressClass": ""}).to_string()}});
    Api::<ConfigMap>::namespaced(other.namespace.client.clone(), &other.namespace.name)
        .patch(
            "azds-status",
            &PatchParams::default(),
            &Patch::Merge(of_another),
        )
        .await
        .expect("an administrator may");

    let kubeconfig =
        |path: PathBuf| move |command: &mut Command| _ = command.env("KUBECONFIG", path);
    type Change = Box<dyn FnOnce(&mut Command)>;
    let nothing = || -> Change { Box::new(|_| {}) };
    let as_is = space.namespace.name.as_str();
    let role = format!("azds use-dev-spaces --space {as_is} --grant");
    let cases: Vec<(&str, Vec<&str>, Change, [&str; 4])> = vec![
        (
            "no azds.yaml",
            vec!["up", "-d", &empty],
            nothing(),
            [
                "the service was not started",
                "",
                "Config file not found",
                "azds prep",
            ],
        ),
        (
            "wrong azds.yaml",
            vec!["up", "-d", &wrong],
            nothing(),
            [
                "the service was not started",
                "azds.yaml:5",
                "",
                "azds check",
            ],
        ),
        (
            "no cluster",
            vec!["up", "-d", &folder],
            Box::new(kubeconfig("/nowhere".into())),
            [
                "there is no cluster",
                "kubeconfig",
                "/nowhere",
                "KUBECONFIG",
            ],
        ),
        (
            "API away",
            vec!["up", "-d", &folder],
            Box::new(kubeconfig(away.clone())),
            ["", "", "https://127.0.0.1:1/ cannot be reached", "network"],
        ),
        (
            "API away, list-up",
            vec!["list-up", &folder],
            Box::new(kubeconfig(away.clone())),
            ["the services are not known", "", "", ""],
        ),
        (
            "API away, down",
            vec!["down", &folder],
            Box::new(kubeconfig(away)),
            ["the release was not removed", "azds-", "", ""],
        ),
        (
            "helm missing",
            vec!["up", "-d", &folder],
            Box::new(|command| _ = command.env("AZDS_HELM", "/nowhere/helm")),
            [
                "the service was not started",
                "/nowhere/helm",
                "helm cannot be started",
                "AZDS_HELM",
            ],
        ),
        (
            "no rights",
            vec!["up", "-d", &folder],
            Box::new(kubeconfig(unknown)),
            ["", as_is, "", &role],
        ),
        (
            "not a space",
            vec!["up", "-d", &folder, "--space", &plain.name],
            Box::new(kubeconfig(cluster.kubeconfig.clone())),
            [
                "this namespace is not a dev space",
                &plain.name,
                "azds-status",
                "azds use-dev-spaces --space",
            ],
        ),
        (
            "a context that was never seen",
            vec!["up", "-d", &folder, "--space", &plain.name],
            Box::new(|command| _ = command.env_remove("AZDS_YES")),
            [
                "the service was not started",
                "context tests",
                "has never worked with",
                "--yes",
            ],
        ),
        (
            "it is confirmed",
            vec!["up", "-d", &folder, "--space", &plain.name, "--yes"],
            Box::new(|command| _ = command.env_remove("AZDS_YES")),
            ["", &plain.name, "", "--grant"],
        ),
        (
            "it was confirmed",
            vec!["up", "-d", &folder, "--space", &plain.name],
            Box::new(|command| _ = command.env_remove("AZDS_YES")),
            ["", &plain.name, "", "--grant"],
        ),
        (
            "another version",
            vec!["up", "-d", &folder, "--space", &other.namespace.name],
            Box::new(kubeconfig(cluster.kubeconfig.clone())),
            [
                "set up by another azds",
                &other.namespace.name,
                "99.0.0",
                "azds use-dev-spaces",
            ],
        ),
        (
            "port taken",
            vec!["up", "-d", &folder, "-p", &mapping],
            nothing(),
            ["", &port.to_string(), "in use", ""],
        ),
        (
            "no such configuration",
            vec!["up", "-d", &folder, "--config", "debug"],
            nothing(),
            [
                "the service was not started",
                "azds.yaml",
                "no configuration debug",
                "develop",
            ],
        ),
    ]
    .into_iter()
    .map(|(case, arguments, change, expected)| {
        (
            case,
            arguments,
            change,
            expected.map(|text| &*text.to_owned().leak()),
        )
    })
    .collect();
    for (case, arguments, change, expected) in cases {
        let mut command = space.command();
        command.args(&arguments).args(["-o", "json"]);
        change(&mut command);
        assert_told(case, &run(&mut command).failure(), expected);
    }
    assert_eq!(service.azds("list-up", &[]).json(), json!([]));
}

#[tokio::test]
async fn a_failing_build_shows_the_compilers_line_and_mending_it_helps() {
    let space = Cluster::get().space().await;
    let service = space.python_service("shop", &[]);
    let dockerfile = service.read("Dockerfile.develop");
    service.write(
        "Dockerfile.develop",
        &dockerfile.replace("COPY . .\n", "COPY . .\nRUN python -m py_compile app.py\n"),
    );
    service.replace("app.py", "def demo():", "def demo(:");
    let answer = service.azds("up", &["-d"]);
    let line = "def demo(:";
    assert!(
        answer.stderr.contains(line),
        "as it comes: {}",
        answer.stderr
    );
    assert_told(
        "a failing build",
        &answer.failure(),
        [
            "the image was not built",
            // With a registry it is pushed under another name.
            ":mindaro-",
            line,
            "Correct the source",
        ],
    );
    service.replace("app.py", "def demo(:", "def demo():");
    assert_eq!(
        service.azds("up", &["-d"]).json()["context"]["sentFiles"],
        1
    );
    assert_eq!(service.azds("down", &[]).json()["removed"], true);
}

#[tokio::test]
async fn a_broken_chart_is_told_in_helms_words() {
    let space = Cluster::get().space().await;
    let service = space.python_service("shop", &[]);
    service.replace(
        "charts/shop/templates/service.yaml",
        "kind: Service",
        "kind: {{ .Values.",
    );
    let failure = service.azds("up", &["-d"]).failure();
    let expected = [
        "Helm chart was not installed",
        "release azds-",
        "service.yaml",
        "helm lint",
    ];
    assert_told("a broken chart", &failure, expected);
}

#[tokio::test]
async fn an_image_that_is_nowhere_ends_the_wait() {
    let space = Cluster::get().space().await;
    let service = space.python_service("shop", &[]);
    service.replace(
        "charts/shop/templates/deployment.yaml",
        "      containers:\n",
        "      containers:\n        - {name: beside, image: \"nowhere:1\", imagePullPolicy: Never}\n",
    );
    let failure = service.azds("up", &["-d"]).failure();
    let expected = [
        "shop did not start",
        "release azds-",
        "container beside in pod shop-",
        "azds",
    ];
    assert_told("an image that is nowhere", &failure, expected);
    assert!(
        failure["why"]
            .as_str()
            .is_some_and(|why| why.contains("ErrImageNeverPull"))
    );
    let trouble = service.trouble();
    let [(severity, message)] = trouble.as_slice() else {
        panic!("{trouble:?}");
    };
    assert_eq!(severity, "warning");
    for part in [
        "shop does not run in ",
        "container beside",
        "ErrImageNeverPull",
    ] {
        assert!(message.contains(part), "{message}");
    }
    assert_eq!(service.azds("down", &[]).json()["removed"], true);
    assert_eq!(service.trouble(), []);
}

#[tokio::test]
async fn a_service_that_crashes_is_told_with_its_last_output() {
    let space = Cluster::get().space().await;
    let service = space.python_service("shop", &[]);
    service.replace(
        "app.py",
        "    port = int(",
        "    raise SystemExit(\"no money left\")\n    port = int(",
    );
    let failure = service.azds("up", &["-d"]).failure();
    let expected = [
        "shop did not start",
        "release azds-",
        "no money left",
        "azds up again",
    ];
    assert_told("a crash", &failure, expected);
    assert_eq!(service.azds("down", &[]).json()["removed"], true);
}

#[tokio::test]
async fn what_a_pod_waits_for_is_told_and_may_come_late() {
    let space = Cluster::get().space().await;
    let service = space.python_service("shop", &[]);
    let deployment = "charts/shop/templates/deployment.yaml";
    service.replace(
        deployment,
        "      containers:\n",
        "      volumes:\n        - {name: key, secret: {secretName: late}}\n      containers:\n",
    );
    service.replace(
        deployment,
        "          ports:\n",
        "          volumeMounts:\n            - {name: key, mountPath: /key}\n          ports:\n",
    );
    // Beside the folder: in it, it would belong to what is built.
    let told = service.folder.with_file_name("told");
    let up = service
        .command("up", &["-d"])
        .stdout(Stdio::piped())
        .stderr(File::create(&told).expect("a file"))
        .spawn()
        .expect("azds starts");
    until("azds up to say it", async || {
        let told = std::fs::read_to_string(&told).expect("its file");
        match told.contains("FailedMount") && told.contains("secret \"late\" not found") {
            true => Ok(()),
            false => Err(told),
        }
    })
    .await;
    let doctor = service.azds("doctor", &[]);
    for part in ["shop does not run", "secret \\\"late\\\" not found"] {
        assert!(doctor.stdout.contains(part), "{doctor:?}");
    }

    let secret = json!({"metadata": {"name": "late"}, "stringData": {"key": "1"}});
    space.namespace.create::<Secret>(secret).await;
    let up = up.wait_with_output().expect("it ends");
    assert!(
        up.status.success(),
        "{}",
        std::fs::read_to_string(&told).expect("its file")
    );
    assert_eq!(service.azds("down", &[]).json()["removed"], true);
}

#[tokio::test]
async fn a_file_that_changes_while_it_is_sent_ends_it() {
    let space = Cluster::get().space().await;
    let service = space.python_service("shop", &[]);
    // What azds says of its files goes into one of them.
    let log = service.folder.join("up.log");
    let up = service
        .command("up", &["-d"])
        .stderr(File::create(&log).expect("a file"))
        .output()
        .expect("azds starts");
    let failure = serde_json::from_slice(&up.stdout).expect("-o json answers with JSON");
    let expected = [
        "the files were not sent",
        "up.log",
        "it changed while it was being sent",
        ".dockerignore",
    ];
    assert_told("a log", &failure, expected);
    let log = std::fs::read_to_string(&log).expect("its file");
    assert_eq!(log.matches("Synchronizing files").count(), 1, "{log}");
    service.azds("down", &[]).json();
}
