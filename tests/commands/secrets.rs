//! Secrets stay where they are: marked ones go through every command at the highest log level, and are
//! looked for in all that azds says, logs, and starts.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use azds_tests::Cluster;
use azds_tests::space::{Service, Space, run};
use k8s_openapi::api::core::v1::Secret;
use kube::api::{Api, ListParams};
use serde_json::Value;

/// In a values file.
const OF_VALUES: &str = "marked-secret-of-the-values";
/// In the environment, and from there in azds.yaml.
const OF_ENVIRONMENT: &str = "marked-secret-of-the-environment";
/// In the environment, and from there into the build.
const OF_BUILD: &str = "marked-secret-of-the-build";
/// Written into azds.yaml, as one should not.
const OF_FILE: &str = "marked-secret-of-azds-yaml";

/// All command lines that are seen until it is told to end.
fn watch_processes(end: Arc<AtomicBool>) -> std::thread::JoinHandle<BTreeSet<String>> {
    std::thread::spawn(move || {
        let mut seen = BTreeSet::new();
        while !end.load(Ordering::Relaxed) {
            for entry in std::fs::read_dir("/proc")
                .expect("processes can be listed")
                .flatten()
            {
                // Unreadable: it ended meanwhile, or is no process.
                let line = std::fs::read(entry.path().join("cmdline")).unwrap_or_default();
                if !line.is_empty() {
                    seen.insert(String::from_utf8_lossy(&line).into_owned());
                }
            }
            std::thread::sleep(std::time::Duration::from_millis(5));
        }
        seen
    })
}

/// What azds wrote on its way: its answers, and what it logged.
fn azds(space: &Space, service: &Service<'_>, command: &str, arguments: &[&str]) -> String {
    let mut azds = space.command();
    azds.env("AZDS_LOG", "trace")
        .env("DB_PASSWORD", OF_ENVIRONMENT)
        .env("FEED_TOKEN", OF_BUILD);
    let answer = run(azds.arg(command).args(arguments).arg(&service.folder));
    // Without a cluster there is nothing to trace.
    assert!(
        !answer.stderr.is_empty() || command == "check",
        "azds {command} says nothing at this level"
    );
    answer.stdout + &answer.stderr
}

#[tokio::test]
async fn no_secret_is_said_logged_or_passed_as_an_argument() {
    let space = Cluster::get().space().await;
    let service = space.python_service("shop", &[]);
    service.write(
        "secrets.dev.yaml",
        &format!("secrets:\n  db:\n    user: {OF_VALUES}\n"),
    );
    service.replace(
        "azds.yaml",
        "    image:\n",
        &format!(
            "    secrets:\n      db:\n        password: ${{DB_PASSWORD}}\n        key: {OF_FILE}\n    image:\n"
        ),
    );
    service.replace(
        "azds.yaml",
        "  dockerfile: Dockerfile\n",
        "  dockerfile: Dockerfile\n  secrets:\n    feed: ${FEED_TOKEN}\n",
    );
    let develop = service.read("Dockerfile.develop");
    let uses = format!(
        "RUN --mount=type=secret,id=feed test $(wc -c </run/secrets/feed) = {}\n",
        OF_BUILD.len()
    );
    service.write("Dockerfile.develop", &(develop + &uses));
    let end = Arc::new(AtomicBool::new(false));
    let watching = watch_processes(Arc::clone(&end));

    let mut said = azds(&space, &service, "up", &["-d"]);
    let secrets = Api::<Secret>::namespaced(space.namespace.client.clone(), &space.namespace.name);
    let listed = secrets.list(&ListParams::default()).await.expect("Secrets");
    let texts = listed
        .iter()
        .flat_map(|it| it.data.iter().flatten())
        .map(|(_, value)| &value.0);
    let arrived = texts.filter(|it| {
        [OF_VALUES, OF_ENVIRONMENT, OF_FILE]
            .iter()
            .any(|mark| it.as_slice() == mark.as_bytes())
    });
    assert_eq!(
        arrived.count(),
        3,
        "all are in the cluster, so they went through azds: {said}"
    );
    let token = listed
        .iter()
        .find_map(|it| it.data.as_ref()?.get("token"))
        .expect("the token of the up");
    let token = String::from_utf8(token.0.clone()).expect("text");
    let bundle = space.folder("handed-on").join("azds.tar");
    let bundle = bundle.display().to_string();
    for (command, arguments) in [
        ("up", &["-d"][..]),
        ("list-up", &[]),
        ("list-uris", &[]),
        ("check", &[]),
        ("doctor", &[]),
        ("doctor", &["--bundle", &bundle]),
        ("down", &[]),
    ] {
        said += &azds(&space, &service, command, arguments);
    }
    end.store(true, Ordering::Relaxed);
    let lines = watching.join().expect("no panic");
    assert!(
        lines.iter().any(|line| line.contains("helm")),
        "the watch saw what azds starts"
    );

    let bundle = std::fs::read(&bundle).expect("the archive");
    let bundle = String::from_utf8_lossy(&bundle);
    assert!(bundle.contains("mindaro-build"), "the pods are in it");
    said += &bundle;
    let logs = space.kubeconfig().with_file_name(".local/state/azds");
    let logs = std::fs::read_dir(logs).expect("a folder of logs");
    let logs: Vec<_> = logs.map(|log| log.expect("an entry").path()).collect();
    assert!(logs.iter().any(|log| log.ends_with("azds.log")), "{logs:?}");
    for log in logs {
        said += &std::fs::read_to_string(log).expect("a log");
    }
    let kubeconfig = std::fs::read_to_string(space.kubeconfig()).expect("a kubeconfig");
    let kubeconfig: Value = serde_json::from_str(&kubeconfig).expect("the tests write JSON");
    let of_kubeconfig = kubeconfig["users"][0]["user"]["token"]
        .as_str()
        .expect("a token");
    for (name, secret) in [
        ("the values file's", OF_VALUES),
        ("the environment's", OF_ENVIRONMENT),
        ("the build's", OF_BUILD),
        ("the file's", OF_FILE),
        ("the up's token", &token),
        ("the kubeconfig's token", of_kubeconfig),
    ] {
        let line = said.lines().find(|line| line.contains(secret));
        assert!(
            line.is_none(),
            "{name} is said: {}",
            line.unwrap_or_default()
        );
        assert!(
            !lines.iter().any(|line| line.contains(secret)),
            "{name} is in a process list"
        );
    }
}
