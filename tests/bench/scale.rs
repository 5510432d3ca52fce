//! Many developers with services on one cluster: what azds takes of it. docs/scale.md carries the figures on.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
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
/// What may be worked for each service in such a minute, in thousandths of a processor: its probes above all.
const PROCESSOR: f64 = 10.0;
/// What the webhook, and the builder without BuildKit, may have in memory, in MiB.
const MEMORY: f64 = 50.0;

/// So many kinds of requests are named.
const KINDS: usize = 8;

/// How many requests there were, by what was asked of which resource.
type Requests = BTreeMap<String, f64>;

/// A developer's services.
struct Developer {
    space: String,
    home: PathBuf,
    folders: Vec<PathBuf>,
}

pub fn rows(service: &Service) -> Vec<Row> {
    let (before, busy_before) = at_rest(service);
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
    let asked = more(requests(service), &asked);
    note(&format!(
        "{services} services up in {:.0} s",
        begun.elapsed().as_secs_f64()
    ));
    note(&format!(
        "up -d, {DEVELOPERS} developers at once: {}",
        times.describe()
    ));
    note(&format!(
        "requests to the API server for each up: {:.0}, the cluster's own among them; of all: {}",
        total(&asked) / services,
        most(&asked)
    ));
    note(&format!("builds at once: at most {builds}"));

    // What the last of them caused is over by then.
    thread::sleep(MINUTE);
    let (asked_at_rest, busy) = at_rest(service);
    let asked_at_rest = more(asked_at_rest, &before);
    note(&format!(
        "requests of an idle minute: {:.0} before, {:.0} more now: {}",
        total(&before),
        total(&asked_at_rest),
        most(&asked_at_rest)
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
    thread::scope(|scope| {
        for developer in &developers {
            scope.spawn(|| developer.end(service));
        }
    });
    let none = f64::NAN;
    vec![
        Row::of(
            "requests for each service in an idle minute",
            none,
            total(&asked_at_rest) / services,
            REQUESTS,
            "requests",
        ),
        Row::of(
            "processor for each service in an idle minute",
            none,
            (busy - busy_before) / services,
            PROCESSOR,
            "mcores",
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
            output(
                self.azds(service, "up", folder)
                    .args(["--detach", "-o", "json"]),
            );
            begun.elapsed()
        };
        self.folders.iter().map(up).collect()
    }

    fn azds(&self, service: &Service, command: &str, folder: &Path) -> Command {
        let mut azds = service.azds();
        azds.env("XDG_RUNTIME_DIR", &self.home);
        azds.arg(command).arg(folder).args(["--space", &self.space]);
        azds
    }

    fn end(&self, service: &Service) {
        for folder in &self.folders {
            output(&mut self.azds(service, "down", folder));
        }
        let mut delete = service.kubectl();
        delete.args(["delete", "namespace", "--wait=false", &self.space]);
        // What is left goes with the cluster.
        let _ = delete.stdout(Stdio::null()).stderr(Stdio::null()).status();
    }
}

const DOCKERFILE: &str = r#"FROM busybox:1.36
COPY index.html /www/
EXPOSE 8080
USER 1000
CMD ["httpd", "-f", "-p", "8080", "-h", "/www"]
"#;

/// All requests that the API server has answered, by what was asked of which resource.
fn requests(service: &Service) -> Requests {
    let metrics = output(service.kubectl().args(["get", "--raw", "/metrics"]));
    let mut requests = Requests::new();
    for line in metrics.lines() {
        let counted = line.strip_prefix("apiserver_request_total{");
        let Some((labels, count)) = counted.and_then(|it| it.rsplit_once("} ")) else {
            continue;
        };
        let label = |name: &str| {
            let mut labels = labels.split(',');
            labels.find_map(|it| {
                it.strip_prefix(name)?
                    .strip_prefix("=\"")?
                    .strip_suffix('"')
            })
        };
        let (verb, resource) = (label("verb"), label("resource"));
        let what = [verb.unwrap_or_default(), resource.unwrap_or_default()].join(" ");
        *requests.entry(what).or_default() += count.parse().unwrap_or(0.0);
    }
    requests
}

/// How many more `after` has.
fn more(after: Requests, before: &Requests) -> Requests {
    let more = |(what, count)| {
        let count = count - before.get(&what).copied().unwrap_or_default();
        (what, count)
    };
    after.into_iter().map(more).collect()
}

fn total(requests: &Requests) -> f64 {
    requests.values().sum()
}

/// What most of them are.
fn most(requests: &Requests) -> String {
    let mut kinds: Vec<_> = requests.iter().collect();
    kinds.sort_by(|(_, one), (_, other)| other.total_cmp(one));
    let kinds = kinds.iter().take(KINDS);
    let kinds: Vec<_> = kinds
        .map(|(what, count)| format!("{what} {count:.0}"))
        .collect();
    kinds.join(", ")
}

/// What is asked of the API server in a minute, and how many thousandths of a processor the machine is busy meanwhile.
fn at_rest(service: &Service) -> (Requests, f64) {
    let (asked, worked) = (requests(service), worked());
    thread::sleep(MINUTE);
    let busy = (self::worked() - worked).as_secs_f64() / MINUTE.as_secs_f64();
    (more(requests(service), &asked), busy * 1000.0)
}

/// How long this machine's processors have worked.
fn worked() -> Duration {
    let text = fs::read_to_string("/proc/stat").expect("Linux tells");
    let line = text.lines().next().unwrap_or_default();
    let ticks = line.split_whitespace().skip(1);
    let ticks: Vec<u64> = ticks.filter_map(|it| it.parse().ok()).collect();
    // The fourth and fifth are those of rest; what guests had is among the first two already.
    let busy: u64 = ticks.iter().take(8).sum::<u64>() - ticks[3] - ticks[4];
    Duration::from_millis(busy * 10)
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
