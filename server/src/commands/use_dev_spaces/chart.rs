//! The chart of azds as it is embedded in this binary, and the values it is installed with.

use std::path::Path;

use azds_protocol::commands::UseDevSpacesArguments;
use serde_json::{Map, Value, json};

use crate::commands::images;
use crate::failure::{Context, Result};

const FILES: &[(&str, &str)] = include!(concat!(env!("OUT_DIR"), "/chart.rs"));
const WHAT: &str = "dev spaces were not set up";

/// Writes the chart into a folder. Blocking.
pub fn write(folder: &Path) -> Result<()> {
    for (name, text) in FILES {
        let path = folder.join(name);
        let object = path.display().to_string();
        if let Some(parent) = path.parent() {
            std::fs::create_dir_all(parent).or_fail(WHAT, object.as_str())?;
        }
        std::fs::write(&path, text).or_fail(WHAT, object)?;
    }
    Ok(())
}

/// The values to install: those of before, overlaid by files and by what was asked for.
pub fn values(arguments: &UseDevSpacesArguments, before: Value) -> Result<Value> {
    let mut values = match before {
        Value::Object(_) => before,
        _ => Value::Object(Map::new()),
    };
    for path in &arguments.values {
        let object = path.display().to_string();
        let text = std::fs::read_to_string(path).or_fail(WHAT, object.as_str())?;
        let file: Value = serde_saphyr::from_str(&text).or_fail(WHAT, object)?;
        overlay(&mut values, file);
    }
    if let Some(suffix) = &arguments.host_suffix {
        overlay(&mut values, json!({"hostSuffix": suffix}));
    }
    if let Some(class) = &arguments.ingress_class {
        overlay(&mut values, json!({"ingressClass": class}));
    }
    if let Some(registry) = &arguments.registry {
        overlay(&mut values, json!({"registry": registry}));
    }
    let registry = values["registry"].as_str().filter(|it| !it.is_empty());
    let pull_policy = if registry.is_some() {
        "IfNotPresent"
    } else {
        "Never"
    };
    let ours = json!({
        "image": images::image(registry)?,
        "pullPolicy": pull_policy,
        // Tells a release of this chart from one of another build of the same version.
        "chartDigest": digest(),
        // A removal that was broken off leaves true.
        "clean": false,
    });
    overlay(&mut values, ours);
    Ok(values)
}

fn digest() -> String {
    let mut hasher = blake3::Hasher::new();
    for (name, text) in FILES {
        hasher.update(name.as_bytes()).update(b"\0");
        hasher.update(text.as_bytes()).update(b"\0");
    }
    hasher.finalize().to_hex()[..12].to_owned()
}

/// Lays one over the other as Helm does: maps are merged, everything else is replaced.
pub fn overlay(below: &mut Value, above: Value) {
    match (below, above) {
        (Value::Object(below), Value::Object(above)) => {
            for (key, value) in above {
                overlay(below.entry(key).or_insert(Value::Null), value);
            }
        }
        (below, above) => *below = above,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_laid_over_as_helm_does() {
        let mut values = json!({"hostSuffix": ".a", "containerd": {"root": "/a", "state": "/s"}});
        overlay(
            &mut values,
            json!({"containerd": {"root": "/b"}, "prepull": {"images": ["x"]}}),
        );
        assert_eq!(
            values,
            json!({"hostSuffix": ".a", "containerd": {"root": "/b", "state": "/s"}, "prepull": {"images": ["x"]}})
        );
    }

    #[test]
    fn the_chart_is_embedded() {
        let folder = tempfile::tempdir().expect("a folder");
        write(folder.path()).expect("written");
        assert!(folder.path().join("Chart.yaml").is_file());
    }
}
