use serde_json::{Value, json};

use super::*;

fn pod(status: Value) -> Pod {
    serde_json::from_value(json!({
        "metadata": {"name": "producer-5c9d7", "namespace": "dev"},
        "spec": {
            "initContainers": [{"name": "mindaro-build"}],
            "containers": [
                {"name": "producer", "image": "producer:mindaro-0123456789abcdef", "command": ["/azds/azds-agent", "host"]},
                {"name": "logger", "image": "localhost:5000/logger"},
            ],
        },
        "status": status,
    }))
    .expect("a pod")
}

fn waiting(reason: &str, message: &str) -> Value {
    json!({"phase": "Pending", "containerStatuses": [{
        "name": "producer", "image": "", "imageID": "", "ready": false, "restartCount": 0,
        "state": {"waiting": {"reason": reason, "message": message}},
    }]})
}

#[test]
fn reasons_that_do_not_heal_are_told_from_those_that_do() {
    for reason in STUCK_REASONS {
        let state = state(&pod(waiting(reason, "as the kubelet says")));
        let PodState::Stuck(stuck) = state else {
            panic!("{reason}: {state:?}")
        };
        assert_eq!(stuck.container.as_deref(), Some("producer"));
        assert_eq!(stuck.reason, reason);
        assert_eq!(stuck.message, "as the kubelet says");
    }
    for (reason, message) in [
        ("ContainerCreating", ""),
        ("PodInitializing", ""),
        ("ErrImagePull", "timeout"),
        (
            "CreateContainerConfigError",
            "failed to sync secret cache: timed out",
        ),
    ] {
        let state = state(&pod(waiting(reason, message)));
        assert!(matches!(state, PodState::Waiting(_)), "{reason}: {state:?}");
    }
}

#[test]
fn a_pod_from_its_creation_to_its_end() {
    let init = |state: Value| {
        json!({"phase": "Pending", "initContainerStatuses": [{
            "name": "mindaro-build", "image": "", "imageID": "", "ready": false, "restartCount": 0, "state": state,
        }]})
    };
    let ready = |status: &str| {
        json!({"phase": "Running", "conditions": [{"type": "Ready", "status": status}],
        "containerStatuses": [{"name": "producer", "image": "", "imageID": "", "ready": status == "True",
            "restartCount": 0, "state": {"running": {}}}]})
    };
    let stages = [
        (
            json!({"phase": "Pending"}),
            "Waiting(\"its node prepares it\")",
        ),
        (
            json!({"phase": "Pending", "conditions": [{"type": "PodScheduled", "status": "False", "message": "0/1 nodes"}]}),
            "Unscheduled(\"0/1 nodes\")",
        ),
        (
            init(json!({"waiting": {"reason": "PodInitializing"}})),
            "Waiting(\"its node prepares it\")",
        ),
        (init(json!({"running": {}})), "Building"),
        (
            ready("False"),
            "Waiting(\"container producer runs; its readiness probe has not succeeded yet\")",
        ),
        (ready("True"), "Ready"),
        (json!({"phase": "Succeeded"}), "Ready"),
        (
            json!({"phase": "Failed", "reason": "Evicted", "message": "The node was low on memory."}),
            "Stuck(Stuck { container: None, reason: \"Evicted\", message: \"The node was low on memory.\" })",
        ),
    ];
    for (status, expected) in stages {
        assert_eq!(format!("{:?}", state(&pod(status))), expected);
    }
}

#[test]
fn an_image_that_was_pushed_may_be_pulled_always() {
    let mut pod = pod(json!({}));
    let spec = pod.spec.as_mut().expect("a spec");
    spec.containers[0].image_pull_policy = Some("Always".to_owned());
    assert!(pulls_what_was_built(&pod));
    assert_eq!(pushed_to(&pod), None);
    let spec = pod.spec.as_mut().expect("a spec");
    let build = spec.init_containers.as_mut().expect("a build");
    build[0].args = Some(vec![PUSHED_TO.to_owned(), "r.example/dev".to_owned()]);
    assert_eq!(pushed_to(&pod), Some("r.example/dev"));
    assert!(!pulls_what_was_built(&pod));
}

#[test]
fn a_pod_of_this_up_is_known_by_its_tag() {
    let pod = pod(json!({}));
    assert!(uses_tag(&pod, "mindaro-0123456789abcdef"));
    assert!(!uses_tag(&pod, "mindaro-fedcba9876543210"));
    assert!(is_completed(&pod));
    assert_eq!(wrapped_containers(&pod), ["producer"]);
}
