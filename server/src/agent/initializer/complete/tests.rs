use super::*;

fn additions() -> Additions {
    Additions {
        image: "azds/azds-initializer-service:1".into(),
        pull_policy: "Never".into(),
        gate: "10.96.0.7:29172".into(),
        debuggers: vec!["azds/debugger-go:1".into()],
        authority: "PEM".into(),
        pull_secrets: vec!["pull".to_owned()],
        nodes: json!([{"key": "kubernetes.io/os", "operator": "In", "values": ["linux"]}]),
        builds_to: None,
    }
}

fn added<'a>(patch: &'a [Value], path: &str) -> &'a Value {
    let op = patch.iter().find(|op| op["path"] == path);
    &op.unwrap_or_else(|| panic!("nothing added at {path} in {patch:#?}"))["value"]
}

#[test]
fn pods_of_others_are_left_alone() {
    let pod = json!({"metadata": {}, "spec": {"containers": [{"name": "a", "image": "nginx:1"}]}});
    assert!(complete(&pod, "dev", &additions(), None).is_empty());
    let port_is_no_tag = json!({"spec": {"containers": [{"image": "host:5000/mindaro-x"}]}});
    assert!(complete(&port_is_no_tag, "dev", &additions(), None).is_empty());
}

#[test]
fn a_complete_pod_is_left_alone() {
    let pod = json!({"spec": {
        "containers": [{"image": "producer:mindaro-1"}],
        "initContainers": [{"name": "mindaro-build"}],
    }});
    assert!(complete(&pod, "dev", &additions(), None).is_empty());
}

#[test]
fn the_build_comes_before_the_charts_own_init_containers() {
    let pod = json!({"spec": {
        "initContainers": [{"name": "migrate", "image": "producer:mindaro-1"}],
        "containers": [{"image": "producer:mindaro-1"}],
    }});
    let patch = complete(&pod, "dev", &additions(), None);
    let build = added(&patch, "/spec/initContainers/0");
    assert_eq!(build["name"], "mindaro-build");
    let debugger = added(&patch, "/spec/initContainers/1");
    assert_eq!(debugger["image"], "azds/debugger-go:1");
    assert_eq!(build["args"][1], "producer:mindaro-1");
}

#[test]
fn with_a_registry_all_containers_of_the_image_pull_it_from_there() {
    let pod = json!({"spec": {
        "initContainers": [{"image": "busybox:1"}, {"image": "shop:mindaro-1", "imagePullPolicy": "Never"}],
        "containers": [{"image": "shop:mindaro-1"}, {"image": "sidecar:2"}],
    }});
    let additions = Additions {
        builds_to: Some("r.example:5000/dev".to_owned()),
        ..additions()
    };
    let patch = complete(&pod, "alice", &additions, None);
    let image = "r.example:5000/dev/alice:mindaro-1";
    // Before the build is put there, so that places in the list are still those of the pod.
    let paths = patch.iter().map(|op| op["path"].as_str().expect("a path"));
    let paths: Vec<_> = paths
        .take_while(|path| !path.ends_with("/command"))
        .collect();
    assert_eq!(
        paths,
        [
            "/spec/initContainers/1/image",
            "/spec/initContainers/1/imagePullPolicy",
            "/spec/containers/0/image",
            "/spec/containers/0/imagePullPolicy",
        ]
    );
    assert_eq!(added(&patch, paths[0]), image);
    assert_eq!(added(&patch, paths[3]), "IfNotPresent");
    let build = added(&patch, "/spec/initContainers/0");
    let args = [
        "--image",
        image,
        "--dockerfile",
        "Dockerfile",
        PUSHED_TO,
        "r.example:5000/dev",
    ];
    assert_eq!(build["args"], json!(args));
}

#[test]
fn command_and_args_keep_their_meaning() {
    let pod = json!({"spec": {"containers": [
        {"image": "a:mindaro-1", "command": ["run", "-x"], "args": ["y"]},
        {"image": "sidecar:2"},
        {"image": "a:mindaro-1", "args": []},
    ]}});
    let patch = complete(&pod, "dev", &additions(), None);
    assert_eq!(
        added(&patch, "/spec/containers/0/args"),
        &json!([
            "--index",
            "0",
            "--command-length",
            "2",
            "--args-given",
            "--",
            "run",
            "-x",
            "y"
        ])
    );
    assert_eq!(
        added(&patch, "/spec/containers/2/args"),
        &json!([
            "--index",
            "1",
            "--command-length",
            "0",
            "--args-given",
            "--"
        ])
    );
    assert!(
        !patch
            .iter()
            .any(|op| op["path"] == "/spec/containers/1/command")
    );
}

#[test]
fn what_is_synced_to_the_first_container_alone_lies_in_volumes() {
    let pod = json!({"spec": {
        "securityContext": {"runAsUser": 1000},
        "containers": [{"image": "a:mindaro-1"}, {"image": "a:mindaro-1"}],
    }});
    let known = Seeds {
        release: "azds-1-dev-a".to_owned(),
        folders: vec!["/app".to_owned()],
        non_root: false,
    };
    let patch = complete(&pod, "dev", &additions(), Some(&known));
    assert_eq!(added(&patch, "/spec/initContainers/2")["name"], "azds-seed");
    let values = |path: &str| -> Vec<Value> {
        let ops = patch.iter().filter(|op| op["path"] == path);
        ops.map(|op| op["value"].clone()).collect()
    };
    let mounts = values("/spec/containers/0/volumeMounts/-");
    assert_eq!(
        mounts[2],
        json!({"name": "azds-seed-0", "mountPath": "/app"})
    );
    assert_eq!(values("/spec/containers/1/volumeMounts/-").len(), 2);
    let volumes = values("/spec/volumes/-");
    assert_eq!(
        volumes.last(),
        Some(&json!({"name": "azds-seed-0", "emptyDir": {}}))
    );
    let args = |container: usize| added(&patch, &format!("/spec/containers/{container}/args"));
    assert_eq!(args(0)[4], "--seeded");
    assert_eq!(args(1)[4], "--");
}

#[test]
fn a_secret_that_the_chart_has_already_is_not_added_again() {
    let pod = json!({"spec": {
        "containers": [{"image": "a:mindaro-1"}],
        "imagePullSecrets": [{"name": "pull"}],
    }});
    let patch = complete(&pod, "dev", &additions(), None);
    let secrets = |op: &&Value| op["path"].to_string().contains("imagePullSecrets");
    assert_eq!(patch.iter().find(secrets), None);
    let volumes = patch.iter().filter(|op| op["path"] == "/spec/volumes/-");
    let names: Vec<_> = volumes.map(|op| op["value"]["name"].clone()).collect();
    assert_eq!(names, ["azds-agent", "azds-up", "azds-gate", "azds-pull"]);
    let mounts = &added(&patch, "/spec/initContainers/0")["volumeMounts"];
    assert_eq!(mounts[3]["mountPath"], PULL_FOLDER);
}

#[test]
fn lists_that_are_not_there_are_made_once() {
    let pod = json!({"spec": {"containers": [{"image": "a:mindaro-1"}]}});
    let patch = complete(&pod, "dev", &additions(), None);
    let made: Vec<_> = patch.iter().filter(|op| op["value"] == json!([])).collect();
    assert_eq!(
        made.len(),
        5,
        "volumeMounts, env, initContainers, volumes, imagePullSecrets: {made:?}"
    );
    assert_eq!(added(&patch, "/metadata/labels"), &json!({}));
}
