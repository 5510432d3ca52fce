//! Completes the pod of an `up`: a pure function from the pod to a JSON patch (RFC 6902).
//!
//! All that it adds is fit for Pod Security `restricted` and carries requests and limits, since
//! quotas may ask for them.

use azds_protocol::agent::{
    AGENT_FOLDER, BUILD_CONTAINER, DEBUGGERS, GATE_AUDIENCE, INSTRUMENTED_LABEL, PULL_FOLDER,
    PUSHED_TO, SECRET_FOLDER, Seeds, TAG_PREFIX,
};
use serde_json::{Value, json};

use super::{placement, probes, pulled, seeds};
use crate::agent::probe::POD_IP;
use crate::agent::pushed_image;

/// Where the build finds the token that it shows to the gate.
const GATE_TOKEN_FOLDER: &str = "/azds-gate";
/// Name of the shared folder with the agent's binary.
pub(super) const AGENT_VOLUME: &str = "azds-agent";
/// Name of the volume with the Secret of the `up`.
const SECRET_VOLUME: &str = "azds-up";
/// Name of the volume with the token for the gate.
const GATE_VOLUME: &str = "azds-gate";

/// Name of the volume with the Secrets that the pod pulls with.
const PULL_VOLUME: &str = "azds-pull";

/// What the cluster's set-up contributes to each pod.
#[derive(Debug, Clone)]
pub struct Additions {
    /// Image of the agent.
    pub image: String,
    /// Its pull policy.
    pub pull_policy: String,
    /// Address and port of the gate; numeric, since the agent resolves no names.
    pub gate: String,
    /// Images of debuggers.
    pub debuggers: Vec<String>,
    /// Certificate of the authority that signed the gate's, PEM.
    pub authority: String,
    /// Secrets that the agent's image is pulled with.
    pub pull_secrets: Vec<String>,
    /// What a node must be like to have a builder: matchExpressions of a node selector.
    pub nodes: Value,
    /// Registry that images are pushed to, unless they are built into the nodes' stores.
    pub builds_to: Option<String>,
}

/// The image and its tag of a pod that is to be completed: one of an `up` that is not complete already.
pub fn of_up(pod: &Value) -> Option<(&str, &str)> {
    let found = list(pod, "containers").iter().find_map(image_of_up)?;
    let mut others = list(pod, "initContainers").iter();
    let is_complete = others.any(|c| c["name"] == BUILD_CONTAINER);
    (!is_complete).then_some(found)
}

/// The patch that completes `pod` of a space; empty if there is nothing to be completed.
pub fn complete(
    pod: &Value,
    space: &str,
    additions: &Additions,
    known: Option<&Seeds>,
) -> Vec<Value> {
    let Some((image, tag)) = of_up(pod) else {
        return Vec::new();
    };
    let mut patch = Patch::default();
    let pushed = additions.builds_to.as_deref();
    let pushed = pushed.map(|registry| pushed_image(registry, space, tag));
    for (path, value) in pulled::instead(pod, tag, pushed.as_deref()) {
        patch.add(&path, value);
    }
    let wrapped = list(pod, "containers")
        .iter()
        .enumerate()
        .filter(|(_, container)| image_of_up(container).is_some_and(|(_, other)| other == tag));
    let mut seeded = None;
    for (host, (index, container)) in wrapped.enumerate() {
        // The developer's machine reaches the first container only.
        let folders = match known.filter(|_| host == 0) {
            Some(known) => seeds::folders(pod, container, known),
            None => Vec::new(),
        };
        wrap(&mut patch, index, host, container, &folders);
        if !folders.is_empty() {
            seeded = Some((container, folders));
        }
    }
    let mut pull_secrets = list(pod, "imagePullSecrets").to_vec();
    for name in &additions.pull_secrets {
        let secret = json!({"name": name});
        if !pull_secrets.contains(&secret) {
            pull_secrets.push(secret.clone());
            patch.append(
                &pod["spec"]["imagePullSecrets"],
                "/spec/imagePullSecrets",
                secret,
            );
        }
    }
    let mut build = build(pushed.as_deref().unwrap_or(image), additions);
    let pulling = pulling(&pull_secrets);
    if pulling.is_some()
        && let Some(mounts) = build["volumeMounts"].as_array_mut()
    {
        mounts.push(json!({"name": PULL_VOLUME, "mountPath": PULL_FOLDER, "readOnly": true}));
    }
    if !pod["spec"]["initContainers"].is_array() {
        patch.add("/spec/initContainers", json!([]));
    }
    patch.add("/spec/initContainers/0", build);
    for (index, image) in additions.debuggers.iter().enumerate() {
        let at = format!("/spec/initContainers/{}", index + 1);
        patch.add(&at, debugger(index, image));
    }
    if let Some((container, folders)) = &seeded {
        let at = format!("/spec/initContainers/{}", additions.debuggers.len() + 1);
        let mut seed = seeds::init_container(container, folders);
        for (name, value) in pushed.iter().flat_map(|image| pulled::fields(image)) {
            seed[name] = value;
        }
        patch.add(&at, seed);
    }
    let seeded = seeded.map_or(0, |(_, folders)| folders.len());
    let volumes = volumes(tag).into_iter().chain(pulling);
    for volume in volumes.chain(seeds::volumes(seeded)) {
        patch.append(&pod["spec"]["volumes"], "/spec/volumes", volume);
    }
    if let Some(affinity) = placement::affinity(pod, &additions.nodes) {
        patch.add("/spec/affinity", affinity);
    }
    let label = format!("/metadata/labels/{}", INSTRUMENTED_LABEL.replace('/', "~1"));
    if !pod["metadata"]["labels"].is_object() {
        patch.add("/metadata/labels", json!({}));
    }
    patch.add(&label, json!("true"));
    patch.0
}

/// The image of a container and its tag, if an `up` builds it.
fn image_of_up(container: &Value) -> Option<(&str, &str)> {
    let image = container["image"].as_str()?;
    let (_, tag) = image.rsplit_once(':')?;
    tag.starts_with(TAG_PREFIX).then_some((image, tag))
}

fn list<'a>(pod: &'a Value, field: &str) -> &'a [Value] {
    pod["spec"][field].as_array().map_or(&[], Vec::as_slice)
}

/// Lets the host start the container's process. `command` and `args` keep their meaning: `command`
/// replaces the image's entrypoint and its cmd, `args` replaces its cmd.
fn wrap(patch: &mut Patch, index: usize, host: usize, container: &Value, seeded: &[&str]) {
    let at = format!("/spec/containers/{index}");
    let strings = |field: &str| container[field].as_array().cloned();
    let mut args = vec![json!("--index"), json!(host.to_string())];
    let command = strings("command").unwrap_or_default();
    args.extend([json!("--command-length"), json!(command.len().to_string())]);
    let given = strings("args");
    if given.is_some() {
        args.push(json!("--args-given"));
    }
    if !seeded.is_empty() {
        args.push(json!("--seeded"));
    }
    args.push(json!("--"));
    args.extend(command);
    args.extend(given.unwrap_or_default());

    let agent = format!("{AGENT_FOLDER}/azds-agent");
    patch.add(&format!("{at}/command"), json!([agent, "host"]));
    patch.add(&format!("{at}/args"), json!(args));
    let own = [
        json!({"name": AGENT_VOLUME, "mountPath": AGENT_FOLDER}),
        json!({"name": SECRET_VOLUME, "mountPath": SECRET_FOLDER, "readOnly": true}),
    ];
    for mount in own.into_iter().chain(seeds::mounts(seeded)) {
        patch.append(
            &container["volumeMounts"],
            &format!("{at}/volumeMounts"),
            mount,
        );
    }
    let ip = json!({"name": POD_IP, "valueFrom": {"fieldRef": {"fieldPath": "status.podIP"}}});
    patch.append(&container["env"], &format!("{at}/env"), ip);
    for name in ["livenessProbe", "readinessProbe", "startupProbe"] {
        if let Some(probe) = probes::through_agent(container, &container[name], host) {
            patch.add(&format!("{at}/{name}"), probe);
        }
    }
}

/// The init container that builds the image. Its arguments name image and Dockerfile, as the
/// original's did.
fn build(image: &str, additions: &Additions) -> Value {
    let mut args = vec!["--image", image, "--dockerfile", "Dockerfile"];
    if let Some(registry) = &additions.builds_to {
        args.extend([PUSHED_TO, registry]);
    }
    json!({
        "name": BUILD_CONTAINER,
        "image": additions.image,
        "imagePullPolicy": additions.pull_policy,
        "command": ["/azds-agent", "build"],
        "args": args,
        "env": [
            {"name": "AZDS_GATE", "value": additions.gate},
            {"name": "AZDS_GATE_AUTHORITY", "value": additions.authority},
            {"name": "AZDS_GATE_TOKEN", "value": format!("{GATE_TOKEN_FOLDER}/token")},
        ],
        "terminationMessagePolicy": "FallbackToLogsOnError",
        "resources": resources(),
        "securityContext": unprivileged(),
        "volumeMounts": [
            {"name": AGENT_VOLUME, "mountPath": AGENT_FOLDER},
            {"name": SECRET_VOLUME, "mountPath": SECRET_FOLDER, "readOnly": true},
            {"name": GATE_VOLUME, "mountPath": GATE_TOKEN_FOLDER, "readOnly": true},
        ],
    })
}

/// The init container that copies a debugger to where the host finds it.
fn debugger(index: usize, image: &str) -> Value {
    json!({
        "name": format!("azds-debugger-{index}"),
        "image": image,
        "imagePullPolicy": "IfNotPresent",
        "command": ["/azds-agent", "debuggers", format!("{AGENT_FOLDER}/{DEBUGGERS}")],
        "terminationMessagePolicy": "FallbackToLogsOnError",
        "resources": resources(),
        "securityContext": unprivileged(),
        "volumeMounts": [{"name": AGENT_VOLUME, "mountPath": AGENT_FOLDER}],
    })
}

pub(super) fn resources() -> Value {
    json!({
        "requests": {"cpu": "10m", "memory": "32Mi"},
        "limits": {"cpu": "1", "memory": "256Mi"},
    })
}

fn unprivileged() -> Value {
    json!({
        "allowPrivilegeEscalation": false,
        "capabilities": {"drop": ["ALL"]},
        "readOnlyRootFilesystem": true,
        "runAsGroup": 65532,
        "runAsNonRoot": true,
        "runAsUser": 65532,
        "seccompProfile": {"type": "RuntimeDefault"},
    })
}

fn volumes(tag: &str) -> [Value; 3] {
    [
        json!({"name": AGENT_VOLUME, "emptyDir": {}}),
        json!({"name": SECRET_VOLUME, "secret": {"secretName": format!("azds-{tag}")}}),
        json!({"name": GATE_VOLUME, "projected": {"sources": [{"serviceAccountToken": {
            "audience": GATE_AUDIENCE,
            "expirationSeconds": 3600,
            "path": "token",
        }}]}}),
    ]
}

/// The logins by which the pod pulls, for the base images of its build; they need not all be there.
fn pulling(secrets: &[Value]) -> Option<Value> {
    let named = secrets.iter().filter_map(|secret| secret["name"].as_str());
    let sources: Vec<Value> = named
        .enumerate()
        .map(|(index, name)| {
            let item = json!({"key": ".dockerconfigjson", "path": format!("{index}.json")});
            json!({"secret": {"name": name, "optional": true, "items": [item]}})
        })
        .collect();
    (!sources.is_empty()).then(|| json!({"name": PULL_VOLUME, "projected": {"sources": sources}}))
}

/// The operations of a JSON patch, in the order in which they are applied.
#[derive(Default)]
struct Patch(Vec<Value>);

impl Patch {
    fn add(&mut self, path: &str, value: Value) {
        self.0
            .push(json!({"op": "add", "path": path, "value": value}));
    }

    /// Adds to the end of a list which `today` is, and which need not exist yet.
    fn append(&mut self, today: &Value, path: &str, value: Value) {
        let exists = today.is_array() || self.0.iter().any(|op| op["path"] == path);
        if !exists {
            self.add(path, json!([]));
        }
        self.add(&format!("{path}/-"), value);
    }
}

#[cfg(test)]
mod tests;
