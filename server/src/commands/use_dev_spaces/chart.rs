//! The chart of azds as it is embedded in this binary, and the values it is installed with.

use std::path::Path;

use azds_protocol::commands::UseDevSpacesArguments;
use serde_json::{Map, Value, json};

use super::nodes::Builds;
use crate::commands::images;
use crate::failure::{Context, Failure, Result};

const FILES: &[(&str, &str)] = include!(concat!(env!("OUT_DIR"), "/chart.rs"));
const WHAT: &str = "dev spaces were not set up";
/// What is said instead of a registry to build into the nodes' stores.
const NODES: &str = "nodes";
/// Secret in azds' namespace with the login that a person gave for pushing.
pub const LOGIN: &str = "azds-builds";

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
    builds_to_values(arguments, &mut values);
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

fn builds_to_values(arguments: &UseDevSpacesArguments, values: &mut Value) {
    match arguments.builds_to.as_deref() {
        Some(NODES) => overlay(values, json!({"builds": {"registry": ""}})),
        Some(registry) => overlay(values, json!({"builds": {"registry": registry}})),
        None => {}
    }
    if arguments.builds_login {
        overlay(values, json!({"builds": {"pushSecret": LOGIN}}));
    }
}

/// Where these values have built images go.
pub fn builds(values: &Value) -> Result<Builds> {
    let Some(registry) = builds_to(values) else {
        return Ok(Builds::Nodes {
            given: values["containerd"]["socket"].is_string(),
        });
    };
    let fit = |byte: u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'.' | b'_' | b'-' | b'/');
    let well_formed = registry.split_once('/').is_some_and(|(host, folder)| {
        let (name, port) = host.split_once(':').unwrap_or((host, "443"));
        // Without a dot or a port it would be a folder of Docker Hub.
        (host.contains(['.', ':']) || host == "localhost")
            && port.parse::<u16>().is_ok()
            && folder.split('/').all(|part| !part.is_empty())
            && name.bytes().chain(folder.bytes()).all(fit)
    });
    match well_formed {
        true => Ok(Builds::Registry {
            rootless: values["builds"]["rootless"] == true,
        }),
        false => {
            let why = "it does not name a registry and a folder in it";
            Err(Failure::new(WHAT, registry, why).try_to(
                "Write it as HOST/FOLDER or HOST:PORT/FOLDER, in lower case and without https://; each space gets a repository below it.",
            ))
        }
    }
}

/// The registry that these values have images pushed to.
pub fn builds_to(values: &Value) -> Option<&str> {
    let registry = values["builds"]["registry"].as_str();
    registry.filter(|registry| !registry.is_empty())
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
    fn a_registry_for_builds_has_a_host_and_a_folder() {
        let builds = |registry: &str| builds(&json!({"builds": {"registry": registry}}));
        for good in [
            "r.example/dev",
            "10.250.0.1:5443/azds",
            "registry:5000/a/b",
            "k3d-registry:5000/dev",
            "docker.io/acme",
        ] {
            let found = builds(good).expect(good);
            assert_eq!(found, Builds::Registry { rootless: false });
        }
        for bad in [
            "r.example",
            "r.example/",
            "https://r.example/dev",
            "r.example/Dev",
            "r.example:x/dev",
            "acme/dev",
            "r.example/dev:1",
            "r.example/a//b",
        ] {
            assert!(builds(bad).is_err(), "{bad}");
        }
        let nodes = builds("").expect("the nodes");
        assert_eq!(nodes, Builds::Nodes { given: false });
    }

    #[test]
    fn builds_go_back_to_the_nodes_when_that_is_said() {
        let before = json!({"builds": {"registry": "r.example/dev", "pushSecret": "push"}});
        let arguments = UseDevSpacesArguments {
            builds_to: Some(NODES.to_owned()),
            ..UseDevSpacesArguments::default()
        };
        let mut values = before.clone();
        builds_to_values(&arguments, &mut values);
        assert_eq!(builds_to(&values), None);
        let mut values = before;
        builds_to_values(&UseDevSpacesArguments::default(), &mut values);
        assert_eq!(builds_to(&values), Some("r.example/dev"));
    }

    #[test]
    fn the_chart_is_embedded() {
        let folder = tempfile::tempdir().expect("a folder");
        write(folder.path()).expect("written");
        assert!(folder.path().join("Chart.yaml").is_file());
    }
}
