//! `azds up -d`: with nothing changed, and after one source file was changed.

use std::pin::pin;
use std::process::Command;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use futures_util::StreamExt;
use k8s_openapi::api::core::v1::{ContainerState, ContainerStatus, Pod};
use kube::runtime::{WatchStreamExt, watcher};
use kube::{Api, Client, ResourceExt};
use serde_json::{Value, json};

use crate::kubectl::output;
use crate::note;
use crate::service::{PORT, SOURCE, Service};
use crate::statistics::{Row, Times};

const UNCHANGED: usize = 9;
const CHANGED: u32 = 7;
/// The builder, as the chart of azds names it.
const BUILDER: (&str, &str) = ("azds", "daemonset/azds-builder");

/// The floor is what a developer would type to the same end: `helm upgrade` and `helm list`.
pub fn nothing_changed(service: &Service) -> Row {
    let before = service.bring_up();
    let release = before["release"].as_str().expect("up names its release");
    let values = service.scratch().join("values.json");
    let known = output(
        service
            .helm()
            .args(["get", "values", release, "-o", "json"]),
    );
    std::fs::write(&values, known).expect("a file can be written");
    let chart = service.folder.join("charts/python-service");
    let (mut floor, mut ours) = (Times::default(), Times::default());
    for _ in 0..UNCHANGED {
        let begun = Instant::now();
        let mut upgrade = service.helm();
        upgrade.args(["upgrade", release]).arg(&chart);
        output(upgrade.arg("--values").arg(&values));
        output(service.helm().args(["list", "-o", "json"]));
        floor.add(begun.elapsed());

        let begun = Instant::now();
        let after = service.bring_up();
        ours.add(begun.elapsed());
        assert_eq!(after["pod"], before["pod"], "the pod was replaced");
        assert_eq!(after["context"]["sentFiles"], 0, "{after:#}");
    }
    let work = "azds up -d, nothing changed";
    note(&format!(
        "{work}: helm upgrade + helm list {}",
        floor.describe()
    ));
    note(&format!("{work}: azds {}", ours.describe()));
    Row::new(work, &floor, &ours, Duration::from_millis(600))
}

/// The floor is one `buildctl build` in the builder's pod, of a copy of the service's folder that lies there:
/// neither its way there nor the pod that is to be replaced is part of it.
pub async fn one_file_changed(service: &Service) -> Row {
    let context = format!("/tmp/{}", service.space);
    copy_to_builder(service, &context);
    let client = service.cluster.client().await;
    // So that the first of each finds what the others find: the steps before the sources in BuildKit's store.
    build_alone(service, &context, 0);
    let (mut floor, mut ours) = (Times::default(), Times::default());
    let mut milestones: Vec<(&str, Times)> = Vec::new();
    for round in 0..CHANGED {
        floor.add(build_alone(service, &context, 2 * round + 1));

        service.edit(2 * round + 2);
        let begun = Instant::now();
        let watch = Milestones::watch(client.clone(), service.space.clone(), begun);
        let after = tokio::task::block_in_place(|| service.bring_up());
        ours.add(begun.elapsed());
        assert_eq!(after["context"]["sentFiles"], 1, "{after:#}");
        for (name, time) in watch.of_pod(&after) {
            match milestones.iter_mut().find(|(known, _)| *known == name) {
                Some((_, times)) => times.add(time),
                None => {
                    let mut times = Times::default();
                    times.add(time);
                    milestones.push((name, times));
                }
            }
        }
    }
    let replaced = replaced_alone(service);
    output(in_builder(service).args(["rm", "-r", &context]));
    output(service.ctr().args(["images", "rm", &floor_image(service)]));
    let work = "azds up -d, one source file changed";
    note(&format!("{work}: buildctl alone {}", floor.describe()));
    note(&format!(
        "{work}: azds {}; of these, since its start:",
        ours.describe()
    ));
    for (name, times) in &milestones {
        note(&format!("  {name:<32} {}", times.describe()));
    }
    note(&format!(
        "{work}: kubectl alone replaces a pod like it, nothing built {}",
        replaced.describe()
    ));
    Row::new(work, &floor, &ours, Duration::from_millis(1500))
}

fn in_builder(service: &Service) -> Command {
    let (namespace, builder) = BUILDER;
    let mut exec = service.cluster.command(&service.cluster.kubectl);
    exec.args([
        "--namespace",
        namespace,
        "exec",
        "-i",
        builder,
        "--container",
        "gate",
        "--",
    ]);
    exec
}

fn copy_to_builder(service: &Service, context: &str) {
    let archive = service.scratch().join("context.tar");
    let mut tar = Command::new("tar");
    output(
        tar.arg("-cf")
            .arg(&archive)
            .arg("-C")
            .arg(&service.folder)
            .arg("."),
    );
    let archive = std::fs::File::open(archive).expect("tar wrote it");
    let script = format!("mkdir {context} && tar -xf - -C {context}");
    output(
        in_builder(service)
            .args(["sh", "-c", &script])
            .stdin(archive),
    );
}

fn floor_image(service: &Service) -> String {
    format!("docker.io/library/{}:floor", service.space)
}

/// Edits the copy in the builder's pod and builds it, as the builder of azds would; the time is that of buildctl.
fn build_alone(service: &Service, context: &str, edition: u32) -> Duration {
    let source = service.scratch().join("edition");
    std::fs::write(&source, service.edition(edition)).expect("a file can be written");
    let source = std::fs::File::open(source).expect("it was written");
    let image = floor_image(service);
    // The clock of /proc/uptime ticks 100 times a second.
    let script = format!(
        "cat > {context}/{SOURCE} && cut -d' ' -f1 /proc/uptime && \
         buildctl --addr unix:///run/buildkit/buildkitd.sock build --progress=rawjson \
         --frontend dockerfile.v0 --opt filename=Dockerfile.develop --opt image-resolve-mode=local \
         --local context={context} --local dockerfile={context} \
         --output type=image,name={image} 2>/tmp/bench-build.log && cut -d' ' -f1 /proc/uptime"
    );
    let said = output(
        in_builder(service)
            .args(["sh", "-c", &script])
            .stdin(source),
    );
    let times: Vec<f64> = said
        .lines()
        .filter_map(|line| line.trim().parse().ok())
        .collect();
    let [begun, ended] = times[..] else {
        panic!("no two times: {said}");
    };
    Duration::from_secs_f64(ended - begun)
}

/// What the limit does not allow for: how long Kubernetes takes to replace a pod that has an init container, which
/// ends at once, and a readiness probe, as those of azds have.
fn replaced_alone(service: &Service) -> Times {
    const NAME: &str = "deployment/replaced";
    let image = floor_image(service);
    let deployment = json!({
        "apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "replaced"},
        "spec": {
            "selector": {"matchLabels": {"app": "replaced"}},
            "template": {
                "metadata": {"labels": {"app": "replaced"}},
                "spec": {
                    "initContainers": [{
                        "name": "ends", "image": image, "imagePullPolicy": "Never", "command": ["true"],
                    }],
                    "containers": [{
                        "name": "service", "image": image, "imagePullPolicy": "Never",
                        "readinessProbe": {"tcpSocket": {"port": PORT}, "periodSeconds": 1},
                    }],
                },
            },
        },
    });
    let manifest = service.scratch().join("replaced.json");
    std::fs::write(&manifest, deployment.to_string()).expect("a file can be written");
    output(service.kubectl().args(["apply", "-f"]).arg(&manifest));
    let replaced = || {
        output(
            service
                .kubectl()
                .args(["rollout", "status", "--timeout=60s", NAME]),
        )
    };
    replaced();
    let mut times = Times::default();
    for round in 0..CHANGED {
        let begun = Instant::now();
        let patch = json!({"spec": {"template": {"metadata": {"annotations": {"round": round.to_string()}}}}});
        output(
            service
                .kubectl()
                .args(["patch", NAME, "--patch", &patch.to_string()]),
        );
        replaced();
        times.add(begun.elapsed());
    }
    output(service.kubectl().args(["delete", NAME]));
    times
}

/// Pod, what it reached, and when.
type Reached = (String, &'static str, Duration);

/// When what happened to the pods of a space, as a watch tells of it.
struct Milestones {
    seen: Arc<Mutex<Vec<Reached>>>,
    task: tokio::task::JoinHandle<()>,
}

impl Milestones {
    fn watch(client: Client, space: String, begun: Instant) -> Milestones {
        let seen = Arc::new(Mutex::new(Vec::new()));
        let all = Arc::clone(&seen);
        let task = tokio::spawn(async move {
            let pods: Api<Pod> = Api::namespaced(client, &space);
            let mut pods = pin!(watcher(pods, watcher::Config::default()).applied_objects());
            while let Some(pod) = pods.next().await {
                let Ok(pod) = pod else { continue };
                let name = pod.name_any();
                let mut seen = all.lock().expect("no holder panics");
                for milestone in reached(&pod) {
                    if !seen
                        .iter()
                        .any(|(of, what, _)| *of == name && *what == milestone)
                    {
                        seen.push((name.clone(), milestone, begun.elapsed()));
                    }
                }
            }
        });
        Milestones { seen, task }
    }

    /// Those of the pod that an `up` names.
    fn of_pod(self, up: &Value) -> Vec<(&'static str, Duration)> {
        self.task.abort();
        let name = up["pod"].as_str().expect("up names its pod");
        let seen = self.seen.lock().expect("no holder panics");
        let of_pod = seen.iter().filter(|(pod, _, _)| pod == name);
        of_pod.map(|(_, what, when)| (*what, *when)).collect()
    }
}

/// What a pod has behind it, in its order.
fn reached(pod: &Pod) -> Vec<&'static str> {
    let status = pod.status.clone().unwrap_or_default();
    let holds = |kind: &str| {
        let conditions = status.conditions.iter().flatten();
        conditions
            .into_iter()
            .any(|it| it.type_ == kind && it.status == "True")
    };
    let init = first(status.init_container_statuses.as_deref());
    let main = first(status.container_statuses.as_deref());
    let reached = [
        ("pod created", true),
        ("pod has a node", holds("PodScheduled")),
        (
            "build container runs",
            init.running.is_some() || init.terminated.is_some(),
        ),
        ("build container ended", init.terminated.is_some()),
        ("service's container runs", main.running.is_some()),
        ("pod ready", holds("Ready")),
    ];
    reached
        .into_iter()
        .filter(|(_, yes)| *yes)
        .map(|(name, _)| name)
        .collect()
}

fn first(statuses: Option<&[ContainerStatus]>) -> ContainerState {
    let first = statuses.and_then(<[_]>::first);
    first
        .and_then(|status| status.state.clone())
        .unwrap_or_default()
}
