//! A service that may write nothing of its image: as nobody, and on a read-only root file system.

use azds_tests::container::Container;
use azds_tests::space::Space;
use azds_tests::staying::Staying;
use azds_tests::{Cluster, until};
use k8s_openapi::api::core::v1::{ConfigMap, Pod};
use kube::api::Api;

const DOCKERFILE: &str = "FROM python:3.11-slim\nENV PORT=8080\nEXPOSE 8080\nWORKDIR /app\nCOPY . .\n\
    RUN chmod 600 requirements.txt\nCMD [\"python\", \"app.py\"]\n";
/// What Pod Security `restricted` asks for, and a volume below the folder of the service.
const CONFINED: &str = "          securityContext:
            allowPrivilegeEscalation: false
            capabilities: {drop: [ALL]}
            readOnlyRootFilesystem: true
            runAsNonRoot: true
            runAsUser: 1000
            seccompProfile: {type: RuntimeDefault}
          volumeMounts:
            - {name: data, mountPath: /app/data}
          ports:
";

fn kubectl(space: &Space, arguments: &[&str]) -> String {
    let of_space = ["--namespace", &space.namespace.name];
    let answer = Cluster::get().kubectl(&[&of_space, arguments].concat());
    assert!(answer.status.success(), "{}", answer.stderr);
    answer.stdout
}

async fn until_restarted(space: &Space, pod: &str, times: i32) {
    let namespace = &space.namespace;
    let pods = Api::<Pod>::namespaced(namespace.client.clone(), &namespace.name);
    until("another container", async || {
        let pod = pods.get(pod).await.map_err(|error| error.to_string())?;
        let statuses = pod.status.and_then(|it| it.container_statuses);
        let status = statuses
            .into_iter()
            .flatten()
            .next()
            .expect("one container");
        match status.restart_count >= times && status.ready {
            true => Ok(()),
            false => Err(format!("{:?}", status.state)),
        }
    })
    .await;
}

/// The tags of which the webhook is told where their files are synced to.
async fn seeds(space: &Space) -> Vec<String> {
    let namespace = &space.namespace;
    let config_maps = Api::<ConfigMap>::namespaced(namespace.client.clone(), &namespace.name);
    let found = config_maps.get("azds-seeds").await.expect("azds made it");
    found.data.unwrap_or_default().into_keys().collect()
}

#[tokio::test]
async fn what_is_synced_outlives_the_container_and_can_be_taken_back() {
    let cluster = Cluster::get();
    let space = cluster.space().await;
    let name = &space.namespace.name;
    let restricted = "pod-security.kubernetes.io/enforce=restricted";
    kubectl(
        &space,
        &["label", "--overwrite", "namespace", name, restricted],
    );
    let folder = space.app("shop", "python-service");
    for file in ["Dockerfile", "Dockerfile.develop"] {
        std::fs::write(folder.join(file), DOCKERFILE).expect("a new file");
    }
    let service = space.prepared(folder, &[]);
    let deployment = "charts/shop/templates/deployment.yaml";
    service.replace(deployment, "          ports:\n", CONFINED);
    service.replace(
        deployment,
        "      containers:\n",
        "      volumes:\n        - {name: data, emptyDir: {}}\n      containers:\n",
    );
    let up = Staying::start(space.command().arg("up").arg(&service.folder));
    up.answers("EUR").await;
    let original = service.read("app.py");
    // What nobody may read is not there for nobody.
    let log = kubectl(&space, &["logs", &up.pod, "--container", "azds-seed"]);
    assert!(log.contains("/app/requirements.txt"), "{log}");
    assert_eq!(log.lines().count(), 1, "{log}");

    service.replace("app.py", "\"EUR\"", "\"USD\"");
    assert_eq!(up.done(), ("restart".to_owned(), "app.py".to_owned()));
    up.answers("USD").await;
    Container::of(&up.pod).kill();
    until_restarted(&space, &up.pod, 1).await;
    up.answers("USD").await;

    // Nothing has kept this change when its container ends.
    service.replace("app.py", "\"USD\"", "\"CHF\"");
    service.write("new.py", "");
    up.answers("CHF").await;
    Container::of(&up.pod).kill();
    service.write("app.py", &original);
    std::fs::remove_file(service.folder.join("new.py")).expect("it is there");
    until_restarted(&space, &up.pod, 2).await;
    up.answers("EUR").await;
    let container = Container::of(&up.pod);
    assert!(container.has("app/app.py", original.as_bytes()));
    until("the new file to be gone", async || {
        match container.root.join("app/new.py").exists() {
            true => Err("it is there".to_owned()),
            false => Ok(()),
        }
    })
    .await;

    assert_eq!(seeds(&space).await.len(), 1);
    drop(up);
    service.azds("down", &[]).json();
    assert_eq!(seeds(&space).await, [""; 0]);
}
