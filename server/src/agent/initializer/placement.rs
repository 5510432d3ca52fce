//! Keeps the pods of an `up` to nodes that have a builder.

use serde_json::{Value, json};

/// The affinity of a pod with these expressions added; `None` if there are none. The chart's own stays:
/// of its terms one must hold, and in each one all expressions.
pub fn affinity(pod: &Value, nodes: &Value) -> Option<Value> {
    let nodes = nodes.as_array().filter(|nodes| !nodes.is_empty())?;
    let mut affinity = match &pod["spec"]["affinity"] {
        Value::Object(own) => Value::Object(own.clone()),
        _ => json!({}),
    };
    let required = &mut affinity["nodeAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"];
    let terms = &mut required["nodeSelectorTerms"];
    if terms.as_array().is_none_or(Vec::is_empty) {
        *terms = json!([{}]);
    }
    for term in terms.as_array_mut().into_iter().flatten() {
        let mut all = term["matchExpressions"]
            .as_array()
            .cloned()
            .unwrap_or_default();
        all.extend(nodes.iter().cloned());
        term["matchExpressions"] = Value::Array(all);
    }
    Some(affinity)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn linux() -> Value {
        json!([{"key": "kubernetes.io/os", "operator": "In", "values": ["linux"]}])
    }

    fn terms(affinity: &Value) -> &Value {
        &affinity["nodeAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"]["nodeSelectorTerms"]
    }

    #[test]
    fn a_pod_without_affinity_gets_one() {
        let added = affinity(&json!({"spec": {}}), &linux()).expect("an affinity");
        assert_eq!(terms(&added), &json!([{"matchExpressions": linux()}]));
        assert_eq!(affinity(&json!({"spec": {}}), &json!([])), None);
    }

    #[test]
    fn each_of_the_charts_terms_gets_the_expressions() {
        let gpu = json!({"key": "gpu", "operator": "Exists"});
        let pod = json!({"spec": {"affinity": {
            "podAntiAffinity": {"x": 1},
            "nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": [
                {"matchExpressions": [gpu]},
                {"matchFields": [{"key": "metadata.name", "operator": "In", "values": ["n"]}]},
            ]}},
        }}});
        let added = affinity(&pod, &linux()).expect("an affinity");
        assert_eq!(added["podAntiAffinity"], json!({"x": 1}));
        let [first, second] = terms(&added).as_array().expect("terms").as_slice() else {
            panic!("{added}")
        };
        assert_eq!(first["matchExpressions"], json!([gpu, linux()[0]]));
        assert_eq!(second["matchExpressions"], linux());
        assert!(second["matchFields"].is_array());
    }
}
