//! Many developers with services on one cluster: what azds takes of it. docs/scale.md carries the figures on.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, ScopedJoinHandle};
use std::time::{Duration, Instant};

use crate::kubectl::output;
use crate::note;
use crate::service::Service;
use crate::statistics::{Row, Times};

const DEVELOPERS: usize = 20;
const SERVICES: usize = 5;
/// How long the API server's requests are counted.
const MINUTE: Duration = Duration::from_secs(60);
/// How often the builds are counted that run.
const LOOK: Duration = Duration::from_millis(200);
/// What may be asked for each service in a minute in which nobody does anything.
const REQUESTS: f64 = 1.0;
/// What the webhook, and the builder without BuildKit, may have in memory, in MiB.
const MEMORY: f64 = 50.0;

/// A developer's services.
struct Developer {
    space: String,
    home: PathBuf,
    folders: Vec<PathBuf>,
}

pub fn rows(service: &Service) -> Vec<Row> {
    let before = requests_in_a_minute(service);
    let api_server = || memory(&["kube", "kube-apiserver"]).0;
    let api_server_before = api_server();
    let developers: Vec<_> = (1..=DEVELOPERS)
        .map(|number| Developer::begin(service, number))
        .collect();

    let ended = AtomicBool::new(false);
    let asked = requests(service);
    let begun = Instant::now();
    let (times, builds) = thread::scope(|scope| {
        let counting = scope.spawn(|| most_builds(&ended));
        let working: Vec<_> = developers
            .iter()
            .map(|developer| scope.spawn(|| developer.bring_up(service)))
            .collect();
        // Also if one of them fails: nothing else would end the counting.
        let took: Vec<_> = working.into_iter().map(ScopedJoinHandle::join).collect();
        ended.store(true, Ordering::Relaxed);
        let mut times = Times::default();
        for took in took.into_iter().flat_map(|it| it.expect("it is up")) {
            times.add(took);
        }
        (times, counting.join().expect("it only looks"))
    });
    let services = (DEVELOPERS * SERVICES) as f64;
    let asked = requests(service) - asked;
    note(&format!(
        "{services} services up in {:.0} s",
        begun.elapsed().as_secs_f64()
    ));
    note(&format!(
        "up -d, {DEVELOPERS} developers at once: {}",
        times.describe()
    ));
    note(&format!(
        "requests to the API server for each up: {:.0}, the cluster's own among them",
        asked / services
    ));
    note(&format!("builds at once: at most {builds}"));

    let at_rest = requests_in_a_minute(service) - before;
    note(&format!(
        "requests of an idle minute: {before:.0} before, {at_rest:.0} more now"
    ));
    note(&format!(
        "memory of the API server: {api_server_before:.0} MiB before, {:.0} now",
        api_server()
    ));
    let owner = memory(&["azds", "tunnel"]);
    note(&format!(
        "an azds that owns tunnels: {:.1} MiB each, {} of them",
        owner.0 / owner.1 as f64,
        owner.1
    ));
    let initializer = memory(&["azds-agent", "initializer"]).0;
    let builder = memory(&["azds-agent", "builder"]).0;
    for developer in &developers {
        developer.end(service);
    }
    let none = f64::NAN;
    vec![
        Row::of(
            "requests for each service in an idle minute",
            none,
            at_rest / services,
            REQUESTS,
            "requests",
        ),
        Row::of("memory of the webhook", none, initializer, MEMORY, "MiB"),
        Row::of("memory of the builder's gate", none, builder, MEMORY, "MiB"),
    ]
}

impl Developer {
    fn begin(service: &Service, number: usize) -> Developer {
        let home = service.scratch().join(format!("developer-{number}"));
        let space = format!("{}-{number}", service.space);
        let mut set_up = service.azds();
        set_up.args(["use-dev-spaces", "--space", &space]);
        set_up.arg("--values").arg(&service.cluster.builder_values);
        output(&mut set_up);
        let folders = (1..=SERVICES).map(|at| {
            let folder = home.join(format!("service-{at}"));
            fs::create_dir_all(&folder).expect("a folder can be made");
            let page = format!("service {at} of developer {number}");
            fs::write(folder.join("index.html"), page).expect("it can be written");
            fs::write(folder.join("Dockerfile"), DOCKERFILE).expect("it can be written");
            output(service.azds().arg("prep").arg(&folder));
            folder
        });
        Developer {
            folders: folders.collect(),
            space,
            home,
        }
    }

    /// One after the other; how long each took.
    fn bring_up(&self, service: &Service) -> Vec<Duration> {
        let up = |folder: &PathBuf| {
            let begun = Instant::now();
            let mut up = service.azds();
            up.env("XDG_RUNTIME_DIR", &self.home);
            up.arg("up").arg(folder);
            output(up.args(["--space", &self.space, "--detach", "-o", "json"]));
            begun.elapsed()
        };
        self.folders.iter().map(up).collect()
    }

    fn end(&self, service: &Service) {
        let mut delete = service.kubectl();
        delete.args(["delete", "namespace", "--wait=false", &self.space]);
        // What is left goes with the cluster; its owners of tunnels see that it is gone.
        let _ = delete.stdout(Stdio::null()).stderr(Stdio::null()).status();
    }
}

const DOCKERFILE: &str = r#"FROM busybox:1.36
COPY index.html /www/
EXPOSE 8080
USER 1000
CMD ["httpd", "-f", "-p", "8080", "-h", "/www"]
"#;

/// All requests that the API server has answered.
fn requests(service: &Service) -> f64 {
    let metrics = output(service.kubectl().args(["get", "--raw", "/metrics"]));
    let counted = metrics
        .lines()
        .filter(|line| line.starts_with("apiserver_request_total{"));
    let counts = counted.filter_map(|line| line.rsplit_once(' ')?.1.parse::<f64>().ok());
    counts.sum()
}

fn requests_in_a_minute(service: &Service) -> f64 {
    let begun = requests(service);
    thread::sleep(MINUTE);
    requests(service) - begun
}

/// How many builds ran at the same time at most, until it has ended.
fn most_builds(ended: &AtomicBool) -> usize {
    let mut most = 0;
    while !ended.load(Ordering::Relaxed) {
        most = most.max(processes(&["buildctl", "--addr"]).len());
        thread::sleep(LOOK);
    }
    most
}

/// Resident memory of all processes whose program and first argument begin so, in MiB, and how many they are.
fn memory(command: &[&str; 2]) -> (f64, usize) {
    let processes = processes(command);
    let resident = processes.iter().filter_map(|process| {
        let status = fs::read_to_string(process.join("status")).ok()?;
        let line = status
            .lines()
            .find_map(|line| line.strip_prefix("VmRSS:"))?;
        line.split_whitespace().next()?.parse::<f64>().ok()
    });
    (resident.sum::<f64>() / 1024.0, processes.len())
}

fn processes(command: &[&str; 2]) -> Vec<PathBuf> {
    let is_it = |process: &PathBuf| {
        // One that ended meanwhile has none.
        let words = fs::read_to_string(process.join("cmdline")).unwrap_or_default();
        let mut words = words.split('\0');
        let program = words.next().map(Path::new).and_then(Path::file_name);
        let program = program.map(|program| program.to_string_lossy());
        program.is_some_and(|program| program.starts_with(command[0]))
            && words.next() == Some(command[1])
    };
    let processes = fs::read_dir("/proc").expect("processes can be listed");
    processes
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(is_it)
        .collect()
}
