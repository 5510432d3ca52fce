//! `azds up -d`: with nothing changed, and after one source file was changed.

use std::process::Command;
use std::time::{Duration, Instant};

use crate::kubectl::output;
use crate::note;
use crate::service::{SOURCE, Service};
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
pub fn one_file_changed(service: &Service) -> Row {
    let context = format!("/tmp/{}", service.space);
    copy_to_builder(service, &context);
    // So that the first of each finds what the others find: the steps before the sources in BuildKit's store.
    build_alone(service, &context, 0);
    let (mut floor, mut ours) = (Times::default(), Times::default());
    for round in 0..CHANGED {
        floor.add(build_alone(service, &context, 2 * round + 1));

        service.edit(2 * round + 2);
        let begun = Instant::now();
        let after = service.bring_up();
        ours.add(begun.elapsed());
        assert_eq!(after["context"]["sentFiles"], 1, "{after:#}");
    }
    output(in_builder(service).args(["rm", "-r", &context]));
    output(service.ctr().args(["images", "rm", &floor_image(service)]));
    let work = "azds up -d, one source file changed";
    note(&format!("{work}: buildctl alone {}", floor.describe()));
    note(&format!("{work}: azds {}", ours.describe()));
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
