//! Ingress classes and API groups that nothing serves any more.

use super::{Subject, remove};
use crate::analysis::azds_yaml::sets;
use crate::analysis::yaml::{Entry, Node, Value};
use crate::analysis::{Code, Problem};

/// Classes of the Ingress controllers that Azure Dev Spaces and its forerunner brought.
const DEAD_CLASSES: [&str; 2] = ["traefik-azds", "addon-http-application-routing"];
const CLASS_KEYS: [&str; 4] = [
    "kubernetes.io/ingress.class",
    "ingressClassName",
    "className",
    "ingressClass",
];
/// API groups that Kubernetes has stopped to serve, and what has come of them (deprecation guide of
/// Kubernetes); without the latter if that depends on the object.
const DEAD_APIS: [(&str, Option<&str>); 10] = [
    ("extensions/v1beta1", None),
    ("apps/v1beta1", Some("apps/v1")),
    ("apps/v1beta2", Some("apps/v1")),
    ("networking.k8s.io/v1beta1", Some("networking.k8s.io/v1")),
    (
        "rbac.authorization.k8s.io/v1alpha1",
        Some("rbac.authorization.k8s.io/v1"),
    ),
    (
        "rbac.authorization.k8s.io/v1beta1",
        Some("rbac.authorization.k8s.io/v1"),
    ),
    ("autoscaling/v2beta1", Some("autoscaling/v2")),
    ("autoscaling/v2beta2", Some("autoscaling/v2")),
    ("batch/v1beta1", Some("batch/v1")),
    ("policy/v1beta1", Some("policy/v1")),
];

pub(super) fn check(subject: &Subject<'_>, problems: &mut Vec<Problem>) {
    for set in sets(subject.root) {
        entries(set, &mut |entry| {
            class(entry, subject.text, problems);
            api(entry, problems);
        });
    }
}

fn class(entry: &Entry, text: &str, problems: &mut Vec<Problem>) {
    let is_class = entry
        .key
        .text()
        .is_some_and(|key| CLASS_KEYS.contains(&key));
    let Some(class) = entry
        .value
        .text()
        .filter(|class| is_class && DEAD_CLASSES.contains(class))
    else {
        return;
    };
    let message = format!(
        "`{class}` was an Ingress controller of Azure Dev Spaces, which is no more: nothing serves this \
         Ingress. Without the line the cluster's own class does."
    );
    let mut problem = Problem::warning(Code::DeadIngressClass, entry.value.range.clone(), message);
    problem.fixes.extend(remove("Remove the line", entry, text));
    problems.push(problem);
}

fn api(entry: &Entry, problems: &mut Vec<Problem>) {
    let is_version = entry
        .key
        .text()
        .is_some_and(|key| key.to_lowercase().ends_with("apiversion"));
    let Some(version) = entry.value.text().filter(|_| is_version) else {
        return;
    };
    let Some((_, now)) = DEAD_APIS.iter().find(|(dead, _)| *dead == version) else {
        return;
    };
    let range = entry.value.range.clone();
    let instead = match now {
        Some(now) => format!("It is `{now}` now."),
        None => "It is `networking.k8s.io/v1` for an Ingress now, and `apps/v1` for a Deployment."
            .to_owned(),
    };
    let message = format!("Kubernetes does not serve `{version}` any more. {instead}");
    let problem = Problem::warning(Code::DeadApi, range.clone(), message);
    problems.push(match now {
        Some(now) => problem.fixed_by(format!("Change to `{now}`"), range, *now),
        None => problem,
    });
}

fn entries<'n>(node: &'n Node, visit: &mut impl FnMut(&'n Entry)) {
    match &node.value {
        Value::Scalar(_) => {}
        Value::Sequence(items) => items.iter().for_each(|item| entries(item, visit)),
        Value::Mapping(map) => {
            for entry in map {
                visit(entry);
                entries(&entry.value, visit);
            }
        }
    }
}
