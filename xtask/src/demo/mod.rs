//! `cargo xtask demo`: two services without any azds file become services that are built, run and debugged in a real
//! cluster, by the real azds.

mod http;
mod place;

use std::fs::{self, File};
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};

use self::http::get;
use self::place::Place;
use crate::build;
use crate::cache::Cache;
use crate::cluster;
use crate::shell::{checkout, command, output, run};
use crate::steps::{self, LIMIT, run_to_end, step};

/// The space that everything happens in.
const SPACE: &str = "demo";
const SERVICES: [&str; 3] = ["producer", "consumer", "python-service"];

/// How to play.
#[derive(clap::Args)]
pub struct Arguments {
    /// Leave all running at the end, and print what to open
    #[arg(long)]
    keep: bool,
    /// Play on the cluster of this kubeconfig context, with its kubectl and your helm, instead of one of its
    /// own. It must have nothing of azds; that is taken away at the end
    #[arg(long)]
    context: Option<String>,
    /// Push azds' image there, and let the nodes of --context pull it; kind, minikube and k3d need none
    #[arg(long, requires = "context")]
    registry: Option<String>,
    /// Values for the set-up of --context
    #[arg(long, requires = "context")]
    values: Option<PathBuf>,
}

/// Plays it. A cluster that runs already is used, and left as it was.
pub fn demo(arguments: &Arguments) -> Result<()> {
    steps::end_on_signals()?;
    let theirs = arguments.context.is_some() || cluster::runs();
    let folder = std::env::temp_dir().join(format!("azds-demo-{}", std::process::id()));
    let mut stage = None;
    let played = prepare(&folder, arguments).and_then(|ready| play(stage.insert(ready)));
    if arguments.keep
        && let (Ok(()), Some(stage)) = (&played, &stage)
    {
        println!("{}", stage.kept());
        return Ok(());
    }
    println!("== clean up");
    if let Some(stage) = &stage {
        stage.clear(theirs);
    }
    if !theirs {
        cluster::down()?;
    }
    steps::end_what_is_left()?;
    if folder.exists() {
        fs::remove_dir_all(&folder)?;
    }
    played
}

/// What the commands are called with.
struct Stage {
    azds: PathBuf,
    place: Place,
    /// Holds the services and a kubeconfig.
    folder: PathBuf,
    /// Whether azds was in the cluster before.
    installed: bool,
}

fn prepare(folder: &Path, arguments: &Arguments) -> Result<Stage> {
    let azds = step("Build azds, with its agent inside", || {
        let azds = steps::build()?;
        let mut editor = build::cargo(
            "build --quiet --package azds-tests --bin debug-session",
            false,
        )?;
        match run_to_end(&mut editor, LIMIT, |_| {})?.success() {
            true => Ok(azds),
            false => bail!("the client of the debug sessions was not built"),
        }
    })?;
    fs::create_dir(folder)?;
    let place = match &arguments.context {
        Some(context) => Place::of_context(context, arguments)?,
        None => Place::of_tests(step(
            "Start a one-node Kubernetes cluster, or use the one that runs",
            || steps::cluster_up(""),
        )?)?,
    };
    // As on any developer's machine: the context names the space.
    let mut kubeconfig = place.kubeconfig.clone();
    kubeconfig["contexts"][0]["context"]["namespace"] = json!(SPACE);
    let mut file = File::options()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(folder.join("kubeconfig"))?;
    write!(file, "{kubeconfig:#}")?;
    let mut kubectl = command(
        &format!("{} get namespaces -o name", place.kubectl.display()),
        &[],
    );
    let namespaces = output(kubectl.env("KUBECONFIG", folder.join("kubeconfig")))?;
    let is_there = |name: &str| {
        namespaces
            .lines()
            .any(|line| line == format!("namespace/{name}"))
    };
    if is_there(SPACE) {
        bail!(
            "the cluster has a namespace {SPACE} already: remove it with: kubectl delete namespace {SPACE}"
        );
    }
    if arguments.context.is_some() && is_there("azds") {
        bail!("the cluster has a namespace azds already: the demo would take it away");
    }
    let stage = Stage {
        azds,
        place,
        folder: folder.to_owned(),
        installed: is_there("azds"),
    };
    for service in SERVICES {
        let app = checkout().join("tests/apps").join(service);
        run(command("cp --recursive", &[]).arg(app).arg(folder))?;
    }
    Ok(stage)
}

fn play(stage: &Stage) -> Result<()> {
    step("Give the nodes the image of azds' agent", || {
        stage.place.give_agent(&stage.azds)
    })?;
    step("Enable Dev Spaces in the cluster", || {
        let options = stage.place.set_up_options();
        stage.azds(
            "",
            &format!("use-dev-spaces --space {SPACE} --host-suffix .localhost{options}"),
        )?;
        stage.kubectl("get deployments,daemonsets --namespace azds")
    })?;
    step("Producer: Dockerfiles, a chart and azds.yaml", || {
        stage.azds("producer", "prep")
    })?;
    step("Producer: build it in the cluster, run it", || {
        stage.azds("producer", "up -d")
    })?;
    step("Consumer, with a public address", || {
        stage.azds("consumer", "prep --public")
    })?;
    step("Consumer: build it in the cluster, run it", || {
        stage.azds("consumer", "up -d")
    })?;
    step("What is up, and where", || {
        stage.azds("consumer", "list-up --all")?;
        stage.azds("consumer", "list-uris")?;
        stage.kubectl("get pods -o custom-columns=POD:.metadata.name,IMAGE:.spec.containers[0].image,PULL:.spec.containers[0].imagePullPolicy,INIT:.spec.initContainers[*].name")
    })?;
    step("Consumer lacks Producer's address", || {
        stage.ask_consumer(500).map(drop)
    })?;
    step(
        "The address goes into values.dev.yaml, beside azds.yaml, and azds.yaml lists it",
        || {
            let folder = stage.folder.join("consumer");
            let values = "secrets:\n  urls:\n    producer: http://producer\n";
            fs::write(folder.join("values.dev.yaml"), values)?;
            print!("{values}");
            list_values(&folder.join("azds.yaml"))
        },
    )?;
    step("Consumer again", || {
        stage.azds("consumer", "down")?;
        stage.azds("consumer", "up -d")
    })?;
    step("Consumer has Producer's products", || {
        let products: Value = serde_json::from_str(&stage.ask_consumer(200)?)?;
        match products.as_array().map(Vec::len) {
            Some(2) => Ok(()),
            _ => bail!("Consumer should answer with two products"),
        }
    })?;
    step("A Python service", || {
        stage.azds("python-service", "prep")?;
        stage.azds("python-service", "up -d")
    })?;
    step("Stop it at a breakpoint, in its pod, with debugpy", || {
        stage.azds("python-service", "debugger install python")?;
        stage.debug("python-service", "app.py")
    })?;
    match std::env::var_os("AZDS_NETCOREDBG") {
        Some(_) => step(
            "Stop Producer at a breakpoint, in its pod, with netcoredbg",
            || stage.debug("producer", "Controllers/DemoController.cs"),
        ),
        None => {
            println!(
                "not run: no netcoredbg (AZDS_NETCOREDBG names none): Producer was not debugged"
            );
            Ok(())
        }
    }
}

/// Lists values.dev.yaml the way that was usual once: under the `container` that is there, with the chart's folder.
fn list_values(azds_yaml: &Path) -> Result<()> {
    let text = fs::read_to_string(azds_yaml)?;
    let container = "    container:\n";
    let listed = "      values:\n        - \"charts/consumer/values.dev.yaml\"\n";
    let (before, after) = text
        .split_once(container)
        .context("azds.yaml has no container")?;
    print!("azds.yaml:\n{container}{listed}");
    Ok(fs::write(
        azds_yaml,
        format!("{before}{container}{listed}{after}"),
    )?)
}

impl Stage {
    fn command(&self, program: &Path, service: &str, arguments: &str) -> Result<Command> {
        let mut command = Command::new(program);
        command
            .args(arguments.split_whitespace())
            .current_dir(self.folder.join(service))
            .env("KUBECONFIG", self.folder.join("kubeconfig"))
            .env("AZDS_HELM", &self.place.helm)
            .env("AZDS_YES", "1")
            // Debuggers are kept with the cluster's parts: the next demo has them.
            .env("XDG_DATA_HOME", Cache::folder()?);
        Ok(command)
    }

    /// Calls azds in the folder of a service, as a person would.
    fn azds(&self, service: &str, arguments: &str) -> Result<()> {
        self.show("azds", &self.azds, service, arguments)
    }

    fn kubectl(&self, arguments: &str) -> Result<()> {
        self.show("kubectl", &self.place.kubectl, "", arguments)
    }

    fn show(&self, name: &str, program: &Path, service: &str, arguments: &str) -> Result<()> {
        println!("{service}$ {name} {arguments}");
        let status = run_to_end(
            &mut self.command(program, service, arguments)?,
            LIMIT,
            |line| println!("{line}"),
        )?;
        if !status.success() {
            bail!("{name} {arguments} in {service} ended with {status}");
        }
        Ok(())
    }

    /// An address of a service: that of its tunnel, or its public one.
    fn uri(&self, service: &str, tunnelled: bool) -> Result<String> {
        let rows = output(&mut self.command(&self.azds, service, "list-uris -o json")?)?;
        let rows: Vec<Value> = serde_json::from_str(&rows)?;
        let mut rows = rows.iter();
        let row = rows.find(|row| (row["status"] == "Tunneled") == tunnelled);
        let uri = row.and_then(|row| row["uri"].as_str());
        let uri = uri.with_context(|| format!("{service} has no such address"))?;
        Ok(uri.trim_end_matches('/').to_owned())
    }

    /// Asks for /api/demo at Consumer's public address, or through its tunnel where no Ingress controller is
    /// known, until the answer has this status.
    fn ask_consumer(&self, status: u16) -> Result<String> {
        let uri = self.uri("consumer", self.place.ingress.is_none())?;
        let host = uri.trim_start_matches("http://");
        let by = self.place.ingress.as_deref().unwrap_or(&uri);
        let until = Instant::now() + Duration::from_secs(30);
        loop {
            let answer = get(by, host, "/api/demo")?;
            // The Ingress controller looks for changes twice a second.
            if answer.status != status && Instant::now() < until {
                sleep(Duration::from_millis(200));
                continue;
            }
            println!(
                "GET {uri}/api/demo, by {by}: {} {}",
                answer.status, answer.body
            );
            match answer.status == status {
                true => return Ok(answer.body),
                false => bail!("Consumer should answer {status}"),
            }
        }
    }

    /// Stops at the line of `file` that `BP1` marks, shows where that is and what is there, and goes on.
    fn debug(&self, service: &str, file: &str) -> Result<()> {
        println!("{service}$ azds dap, with a client that does what an editor would");
        let mut session = self.command(&self.azds.with_file_name("debug-session"), service, "")?;
        session
            .arg(&self.azds)
            .arg(self.folder.join(service))
            .args([SPACE, file])
            .arg(self.uri(service, true)?);
        let status = run_to_end(&mut session, LIMIT, |line| println!("{line}"))?;
        if !status.success() {
            bail!("the debug session of {service} failed");
        }
        Ok(())
    }

    /// Takes all away that was put into a cluster which was there before, and ends the tunnels.
    fn clear(&self, cluster_stays: bool) {
        let complain = |result: Result<()>| {
            if let Err(error) = result {
                println!("{error:#}");
            }
        };
        for service in SERVICES {
            if self.folder.join(service).join("azds.yaml").exists() {
                complain(
                    self.command(&self.azds, service, "down")
                        .and_then(|mut down| run(&mut down)),
                );
            }
        }
        if !cluster_stays {
            return;
        }
        let arguments = format!("delete namespace {SPACE} --ignore-not-found");
        complain(
            self.command(&self.place.kubectl, "", &arguments)
                .and_then(|mut delete| run(&mut delete)),
        );
        if !self.installed {
            complain(
                self.command(&self.azds, "", "remove-dev-spaces")
                    .and_then(|mut remove| run(&mut remove)),
            );
        }
    }

    fn kept(&self) -> String {
        let uris = SERVICES.map(|service| {
            let uri = self
                .uri(service, true)
                .unwrap_or_else(|error| error.to_string());
            format!("  {service}: {uri}/api/demo")
        });
        let folder = self.folder.display();
        let downs =
            SERVICES.map(|service| format!("  {} down {folder}/{service}", self.azds.display()));
        let ingress = self.place.ingress.as_ref().map(|ingress| {
            format!("\n  consumer, by the Ingress controller: {ingress}/api/demo, with Host: {SPACE}.consumer.localhost")
        });
        format!(
            "All is left running. Open:\n{}{}\nThe services are in {folder}. To work with them:\n  export KUBECONFIG={folder}/kubeconfig AZDS_HELM={}\n\
             End it with:\n{}\n  {}",
            uris.join("\n"),
            ingress.unwrap_or_default(),
            self.place.helm.display(),
            downs.join("\n"),
            self.place.end
        )
    }
}
