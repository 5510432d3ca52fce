//! Where the pods of an `up` get their image from, if it is pushed to a registry.

use serde_json::{Value, json};

use crate::cluster::pods::has_tag;

/// The fields of a container that gets this image from its registry.
pub fn fields(image: &str) -> [(&'static str, Value); 2] {
    [
        ("image", json!(image)),
        ("imagePullPolicy", json!("IfNotPresent")),
    ]
}

/// What the containers of `pod` whose image has `tag` get instead, as paths in the pod and values. A chart asks for an
/// image that is on the node (`imagePullPolicy: Never`), and need not know of the registry.
pub fn instead(pod: &Value, tag: &str, image: Option<&str>) -> Vec<(String, Value)> {
    let Some(image) = image else {
        return Vec::new();
    };
    let mut all = Vec::new();
    for field in ["initContainers", "containers"] {
        let containers = pod["spec"][field].as_array().into_iter().flatten();
        for (index, container) in containers.enumerate() {
            let its = container["image"].as_str().unwrap_or_default();
            if has_tag(its, tag) {
                let own = fields(image).into_iter();
                all.extend(
                    own.map(|(name, value)| (format!("/spec/{field}/{index}/{name}"), value)),
                );
            }
        }
    }
    all
}
