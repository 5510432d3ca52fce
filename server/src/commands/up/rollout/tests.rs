use serde_json::{Value, json};

use super::*;

const TAG: &str = "mindaro-0123456789abcdef";

fn object<K: serde::de::DeserializeOwned>(value: Value) -> K {
    serde_json::from_value(value).expect("an object")
}

fn deployment(generation: i64, observed: i64, available: i32, tag: &str) -> Deployment {
    object(json!({
        "metadata": {"name": "producer", "uid": "d", "generation": generation, "annotations": {
            RELEASE_ANNOTATION: "azds-1-dev-producer", REVISION_ANNOTATION: observed.to_string()}},
        "spec": {"replicas": 1, "selector": {}, "template": {"spec": {"containers": [
            {"name": "producer", "image": format!("producer:{tag}")}]}}},
        "status": {"observedGeneration": observed, "replicas": 1, "updatedReplicas": 1, "availableReplicas": available},
    }))
}

fn replica_set(revision: i64) -> ReplicaSet {
    object(
        json!({"metadata": {"name": format!("producer-{revision}"), "uid": format!("r{revision}"),
        "annotations": {REVISION_ANNOTATION: revision.to_string()},
        "ownerReferences": [{"apiVersion": "apps/v1", "kind": "Deployment", "name": "producer", "uid": "d"}]},
        "spec": {"selector": {}}}),
    )
}

fn pod(revision: i64, status: Value) -> Pod {
    object(
        json!({"metadata": {"name": format!("producer-{revision}-x"), "uid": format!("p{revision}"),
        "ownerReferences": [{"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": "", "uid": format!("r{revision}")}]},
        "spec": {"initContainers": [{"name": "mindaro-build"}],
            "containers": [{"name": "producer", "image": format!("producer:{TAG}")}]},
        "status": status}),
    )
}

fn ready() -> Value {
    json!({"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]})
}

fn crashing() -> Value {
    json!({"phase": "Running", "containerStatuses": [{"name": "producer", "image": "", "imageID": "",
        "ready": false, "restartCount": 3, "state": {"waiting": {"reason": "CrashLoopBackOff", "message": "back-off"}}}]})
}

fn objects(deployment: Deployment, sets: &[i64], pods: Vec<Pod>) -> Objects {
    let mut objects = Objects::default();
    objects.deployments.put(deployment);
    sets.iter()
        .for_each(|revision| objects.replica_sets.put(replica_set(*revision)));
    pods.into_iter().for_each(|pod| objects.pods.put(pod));
    objects
}

fn verdict(objects: &Objects) -> String {
    let verdict = objects.verdict("azds-1-dev-producer", TAG);
    match verdict {
        Verdict::Done(pod) => format!("done {}", pod.name_any()),
        Verdict::Waiting(what) => what,
        Verdict::Stuck(pod, stuck) => format!("{} {}", pod.name_any(), stuck.reason),
        Verdict::Refused(_, why) => why,
        other => format!("{other:?}"),
    }
}

#[test]
fn ready_means_ready_in_the_newest_template() {
    let done = objects(
        deployment(2, 2, 1, TAG),
        &[1, 2],
        vec![pod(1, crashing()), pod(2, ready())],
    );
    assert_eq!(verdict(&done), "done producer-2-x");
    // The controller has not seen the new template: the old pod proves nothing.
    let unseen = objects(deployment(2, 1, 1, TAG), &[1], vec![pod(1, ready())]);
    assert_eq!(verdict(&unseen), "Kubernetes starts the pods of producer");
    let crashed = objects(deployment(1, 1, 0, TAG), &[1], vec![pod(1, crashing())]);
    assert_eq!(verdict(&crashed), "producer-1-x CrashLoopBackOff");
}

#[test]
fn a_pod_that_may_not_be_created_is_told_in_the_words_of_who_refused_it() {
    let mut refused = objects(deployment(1, 1, 0, TAG), &[], Vec::new());
    let mut set = replica_set(1);
    set.status = Some(object(
        json!({"replicas": 0, "conditions": [{"type": "ReplicaFailure", "status": "True",
        "message": "pods \"producer\" is forbidden: exceeded quota: small"}]}),
    ));
    refused.replica_sets.put(set);
    assert_eq!(
        verdict(&refused),
        "pods \"producer\" is forbidden: exceeded quota: small"
    );
}

#[test]
fn a_chart_that_ignores_the_tag_is_noticed() {
    let other = objects(deployment(1, 1, 1, "stable"), &[1], Vec::new());
    assert_eq!(verdict(&other), "OtherImages([\"producer:stable\"])");
}

#[test]
fn a_pod_without_the_build_is_noticed() {
    let mut bare = pod(1, json!({"phase": "Pending"}));
    bare.spec.as_mut().expect("spec").init_containers = None;
    let objects = objects(deployment(1, 1, 0, TAG), &[1], vec![bare]);
    assert!(matches!(
        objects.verdict("azds-1-dev-producer", TAG),
        Verdict::NotCompleted(_)
    ));
}

#[test]
fn what_a_watch_missed_goes_with_its_new_beginning() {
    let mut watched = Watched::default();
    watched.take(Event::Apply(pod(1, ready())));
    watched.take(Event::Init);
    assert_eq!(
        watched.iter().count(),
        1,
        "nothing goes before the end of the list"
    );
    watched.take(Event::InitApply(pod(2, ready())));
    watched.take(Event::InitDone);
    let left: Vec<String> = watched.iter().map(ResourceExt::name_any).collect();
    assert_eq!(left, ["producer-2-x"]);
}

#[test]
fn a_build_is_called_from_its_node_on_until_it_is_over() {
    let building = |status: Value, node: Value| {
        let mut pod = pod(1, status);
        pod.spec.as_mut().expect("a spec").node_name =
            serde_json::from_value(node).expect("a name");
        let objects = objects(deployment(1, 1, 0, TAG), &[1], vec![pod]);
        (objects.unbuilt(TAG).count() == 1, objects.is_building(TAG))
    };
    let build = |state: Value| {
        json!({"phase": "Pending", "initContainerStatuses": [{"name": "mindaro-build", "image": "",
            "imageID": "", "ready": false, "restartCount": 0, "state": state}]})
    };
    let waiting = || build(json!({"waiting": {"reason": "PodInitializing"}}));
    assert_eq!(building(waiting(), Value::Null), (false, false));
    assert_eq!(building(waiting(), json!("node")), (true, false));
    assert_eq!(
        building(build(json!({"running": {}})), json!("node")),
        (true, true)
    );
    let ended = build(json!({"terminated": {"exitCode": 0}}));
    assert_eq!(building(ended, json!("node")), (false, false));
}
