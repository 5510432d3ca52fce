//! What network policies, read as objects, let through on the way between azds' own parts. Whether
//! the cluster's network heeds them at all, an object does not say.

use std::collections::BTreeMap;

use k8s_openapi::api::networking::v1::{
    NetworkPolicy, NetworkPolicyPeer, NetworkPolicyPort, NetworkPolicySpec,
};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector;
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use kube::ResourceExt;

/// Label that Kubernetes gives every namespace: its name.
pub const NAMESPACE_LABEL: &str = "kubernetes.io/metadata.name";

type Labels = BTreeMap<String, String>;

/// Which way is asked about, as seen from the pod that the policies select.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// To the pod.
    In,
    /// From the pod.
    Out,
}

/// The other end of a connection. An address is not known: a rule that names blocks of addresses is
/// taken to let it through.
pub struct Peer<'a> {
    /// Labels of its namespace.
    pub namespace: &'a Labels,
    /// Its own labels, where they are known.
    pub pod: Option<&'a Labels>,
    /// Whether it is in the namespace of the policies.
    pub same_namespace: bool,
}

/// The policies that keep a pod with `labels` from a connection; empty if it is let through.
pub fn that_block(
    policies: &[NetworkPolicy],
    way: Way,
    labels: &Labels,
    peer: &Peer<'_>,
    port: u16,
) -> Vec<String> {
    let of_pod: Vec<_> = policies
        .iter()
        .filter_map(|policy| Some((policy, policy.spec.as_ref()?)))
        .filter(|(_, spec)| is_about(spec, way))
        .filter(|(_, spec)| {
            spec.pod_selector
                .as_ref()
                .is_none_or(|it| selects(it, labels))
        })
        .collect();
    // Policies add up: one that lets it through is enough.
    match of_pod
        .iter()
        .any(|(_, spec)| lets_through(spec, way, peer, port))
    {
        true => Vec::new(),
        false => of_pod.iter().map(|(policy, _)| policy.name_any()).collect(),
    }
}

fn is_about(spec: &NetworkPolicySpec, way: Way) -> bool {
    let types = spec.policy_types.as_deref().unwrap_or_default();
    match way {
        // What the API server fills in where no types are named.
        Way::In => types.is_empty() || types.iter().any(|it| it == "Ingress"),
        Way::Out => {
            types.iter().any(|it| it == "Egress") || types.is_empty() && spec.egress.is_some()
        }
    }
}

fn lets_through(spec: &NetworkPolicySpec, way: Way, peer: &Peer<'_>, port: u16) -> bool {
    let fits = |ports: &Option<Vec<NetworkPolicyPort>>, peers: &Option<Vec<NetworkPolicyPeer>>| {
        let ports = ports.as_deref().unwrap_or_default();
        let peers = peers.as_deref().unwrap_or_default();
        (ports.is_empty() || ports.iter().any(|it| covers(it, port)))
            && (peers.is_empty() || peers.iter().any(|it| is(it, peer)))
    };
    match way {
        Way::In => {
            let mut rules = spec.ingress.iter().flatten();
            rules.any(|rule| fits(&rule.ports, &rule.from))
        }
        Way::Out => {
            let mut rules = spec.egress.iter().flatten();
            rules.any(|rule| fits(&rule.ports, &rule.to))
        }
    }
}

fn covers(rule: &NetworkPolicyPort, port: u16) -> bool {
    let port = i32::from(port);
    rule.protocol.as_deref().unwrap_or("TCP") == "TCP"
        && match (&rule.port, rule.end_port) {
            (None, _) => true,
            (Some(IntOrString::Int(first)), Some(last)) => (*first..=last).contains(&port),
            (Some(IntOrString::Int(only)), None) => *only == port,
            // The names of the peer's ports are not known.
            (Some(IntOrString::String(_)), _) => true,
        }
}

fn is(rule: &NetworkPolicyPeer, peer: &Peer<'_>) -> bool {
    if rule.ip_block.is_some() {
        return true;
    }
    let namespace = match &rule.namespace_selector {
        Some(selector) => selects(selector, peer.namespace),
        None => peer.same_namespace,
    };
    let pod = match (&rule.pod_selector, peer.pod) {
        (Some(selector), Some(labels)) => selects(selector, labels),
        _ => true,
    };
    namespace && pod
}

fn selects(selector: &LabelSelector, labels: &Labels) -> bool {
    let by_label = selector.match_labels.iter().flatten();
    let mut by_expression = selector.match_expressions.iter().flatten();
    by_label
        .into_iter()
        .all(|(key, value)| labels.get(key) == Some(value))
        && by_expression.all(|expression| {
            let value = labels.get(&expression.key);
            let listed = || {
                let values = expression.values.as_deref().unwrap_or_default();
                value.is_some_and(|value| values.contains(value))
            };
            match expression.operator.as_str() {
                "In" => listed(),
                "NotIn" => !listed(),
                "Exists" => value.is_some(),
                "DoesNotExist" => value.is_none(),
                _ => false,
            }
        })
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn labels(name: &str, value: &str) -> Labels {
        BTreeMap::from([(name.to_owned(), value.to_owned())])
    }

    fn policy(name: &str, spec: Value) -> NetworkPolicy {
        serde_json::from_value(json!({"metadata": {"name": name}, "spec": spec})).expect("a policy")
    }

    fn blocked(policies: &[NetworkPolicy]) -> Vec<String> {
        let namespace = labels(NAMESPACE_LABEL, "azds");
        let pod = labels("app", "azds-builder");
        let peer = Peer {
            namespace: &namespace,
            pod: Some(&pod),
            same_namespace: false,
        };
        that_block(policies, Way::Out, &labels("app", "shop"), &peer, 29172)
    }

    #[test]
    fn a_way_out_is_free_until_a_policy_closes_it_and_one_that_opens_it_is_enough() {
        let closed = || {
            policy(
                "closed",
                json!({"podSelector": {}, "policyTypes": ["Egress"]}),
            )
        };
        assert!(blocked(&[]).is_empty());
        assert_eq!(blocked(&[closed()]), ["closed"]);
        for (opens, rule) in [
            (true, json!({})),
            (true, json!({"ports": [{"port": 29172}]})),
            (true, json!({"ports": [{"port": 29000, "endPort": 30000}]})),
            (
                false,
                json!({"ports": [{"port": 53, "protocol": "UDP"}, {"port": 443}]}),
            ),
            (
                true,
                json!({"to": [{"namespaceSelector": {"matchLabels": {NAMESPACE_LABEL: "azds"}}}]}),
            ),
            (
                false,
                json!({"to": [{"namespaceSelector": {"matchLabels": {NAMESPACE_LABEL: "kube-system"}}}]}),
            ),
            (false, json!({"to": [{"podSelector": {}}]})),
            (
                true,
                json!({"to": [{"namespaceSelector": {}, "podSelector": {"matchExpressions": [
                {"key": "app", "operator": "In", "values": ["azds-builder"]}]}}]}),
            ),
            (
                false,
                json!({"to": [{"namespaceSelector": {}, "podSelector": {"matchExpressions": [
                {"key": "app", "operator": "NotIn", "values": ["azds-builder"]}]}}]}),
            ),
            (true, json!({"to": [{"ipBlock": {"cidr": "10.0.0.0/8"}}]})),
        ] {
            let open = policy(
                "open",
                json!({"podSelector": {"matchLabels": {"app": "shop"}},
                "policyTypes": ["Egress"], "egress": [rule]}),
            );
            assert_eq!(blocked(&[closed(), open]).is_empty(), opens, "{rule}");
        }
    }

    #[test]
    fn policies_for_other_pods_and_the_other_way_do_not_count() {
        let other = policy(
            "other",
            json!({"podSelector": {"matchLabels": {"app": "db"}}, "policyTypes": ["Egress"]}),
        );
        let way_in = policy("in", json!({"podSelector": {}, "policyTypes": ["Ingress"]}));
        assert!(blocked(&[other, way_in]).is_empty());
    }
}
