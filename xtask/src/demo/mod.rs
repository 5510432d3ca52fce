//! `cargo xtask demo`: two services without any azds file become services that are built, run and debugged in a real
//! cluster, by the real azds.

mod editor;
mod http;

use std::fs::{self, File};
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};

use self::editor::Editor;
use self::http::get;
use crate::cache::Cache;
use crate::cluster::{self, State};
use crate::shell::{checkout, command, output, run};
use crate::steps::{self, LIMIT, run_to_end, step};
use crate::test::import_agent;

/// The space that everything happens in.
const SPACE: &str = "demo";
const SERVICES: [&str; 3] = ["producer", "consumer", "python-service"];

/// How to play.
#[derive(clap::Args)]
pub struct Arguments {
    /// Leave all running at the end, and print what to open
    #[arg(long)]
    keep: bool,
}

/// Plays it. A cluster that runs already is used, and left as it was.
pub fn demo(arguments: &Arguments) -> Result<()> {
    steps::end_on_signals()?;
    let theirs = cluster::runs();
    let folder = std::env::temp_dir().join(format!("azds-demo-{}", std::process::id()));
    let mut stage = None;
    let played = prepare(&folder).and_then(|ready| play(stage.insert(ready)));
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
    state: State,
    /// Holds the services and a kubeconfig.
    folder: PathBuf,
    /// Whether azds was in the cluster before.
    installed: bool,
}

fn prepare(folder: &Path) -> Result<Stage> {
    let azds = step("Build azds, with its agent inside", steps::build)?;
    let state = step(
        "Start a one-node Kubernetes cluster, or use the one that runs",
        steps::cluster_up,
    )?;
    let mut kubectl = command(
        &format!("{} get namespaces -o name", state.kubectl.display()),
        &[],
    );
    let namespaces = output(kubectl.env("KUBECONFIG", &state.kubeconfig))?;
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
    fs::create_dir(folder)?;
    let stage = Stage {
        azds,
        state,
        folder: folder.to_owned(),
        installed: is_there("azds"),
    };
    for service in SERVICES {
        let app = checkout().join("tests/apps").join(service);
        run(command("cp --recursive", &[]).arg(app).arg(folder))?;
    }
    // As on any developer's machine: the context names the space.
    let mut kubeconfig: Value = serde_json::from_slice(&fs::read(&stage.state.kubeconfig)?)?;
    kubeconfig["contexts"][0]["context"]["namespace"] = json!(SPACE);
    let mut file = File::options()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(folder.join("kubeconfig"))?;
    write!(file, "{kubeconfig:#}")?;
    Ok(stage)
}

fn play(stage: &Stage) -> Result<()> {
    step("Give the node the image of azds' agent", || {
        import_agent(&stage.azds, &stage.state)
    })?;
    step("Enable Dev Spaces in the cluster", || {
        let values = stage.state.builder_values.display();
        stage.azds(
            "",
            &format!("use-dev-spaces --space {SPACE} --host-suffix .localhost --values {values}"),
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
        println!(
            "There is no Ingress controller here: the public address stays Pending, and what follows asks the tunnelled one."
        );
        stage.kubectl("get pods -o custom-columns=POD:.metadata.name,IMAGE:.spec.containers[0].image,PULL:.spec.containers[0].imagePullPolicy,INIT:.spec.initContainers[*].name")
    })?;
    step("Consumer lacks Producer's address", || {
        let answer = get(&stage.uri("consumer")?, "/api/demo")?;
        println!("GET /api/demo: {} {}", answer.status, answer.body);
        if answer.status != 500 {
            bail!("Consumer should answer with an error");
        }
        Ok(())
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
        let answer = get(&stage.uri("consumer")?, "/api/demo")?;
        println!("GET /api/demo: {} {}", answer.status, answer.body);
        let products: Value = serde_json::from_str(&answer.body)?;
        if answer.status != 200 || products.as_array().map(Vec::len) != Some(2) {
            bail!("Consumer should answer with two products");
        }
        Ok(())
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
            .env("AZDS_HELM", &self.state.helm)
            // Debuggers are kept with the cluster's parts: the next demo has them.
            .env("XDG_DATA_HOME", Cache::folder()?);
        Ok(command)
    }

    /// Calls azds in the folder of a service, as a person would.
    fn azds(&self, service: &str, arguments: &str) -> Result<()> {
        self.show("azds", &self.azds, service, arguments)
    }

    fn kubectl(&self, arguments: &str) -> Result<()> {
        self.show("kubectl", &self.state.kubectl, "", arguments)
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

    /// The service's address on this machine.
    fn uri(&self, service: &str) -> Result<String> {
        let rows = output(&mut self.command(&self.azds, service, "list-uris -o json")?)?;
        let rows: Vec<Value> = serde_json::from_str(&rows)?;
        let tunnel = rows.iter().find(|row| row["status"] == "Tunneled");
        let uri = tunnel.and_then(|row| row["uri"].as_str());
        Ok(uri
            .with_context(|| format!("{service} has no tunnel: {rows:?}"))?
            .to_owned())
    }

    /// Stops at the line of `file` that `BP1` marks, shows where that is and what is there, and goes on.
    fn debug(&self, service: &str, file: &str) -> Result<()> {
        let folder = self.folder.join(service);
        let file = folder.join(file);
        let text = fs::read_to_string(&file)?;
        let line = text.lines().position(|line| line.contains("BP1"));
        let line = line.context("no line is marked with BP1")? + 1;
        println!("{service}$ azds dap");
        let mut editor = Editor::start(&mut self.command(&self.azds, service, "dap")?)?;
        editor.ask(
            "initialize",
            json!({"adapterID": "azds", "clientName": "cargo xtask demo"}),
        )?;
        let attach = editor.send("attach", json!({"folder": folder}))?;
        editor.event("initialized")?;
        let breakpoints = json!({"source": {"path": file}, "breakpoints": [{"line": line}]});
        editor.ask("setBreakpoints", breakpoints)?;
        editor.ask("configurationDone", json!({}))?;
        editor.response(attach)?;
        let uri = self.uri(service)?;
        let request = thread::spawn(move || get(&uri, "/api/demo"));
        let stopped = editor.event("stopped")?;
        let thread = &stopped["threadId"];
        let stack = editor.ask("stackTrace", json!({"threadId": thread, "levels": 1}))?;
        let top = &stack["stackFrames"][0];
        println!(
            "stopped ({}) in {}, {}:{}",
            stopped["reason"], top["name"], top["source"]["path"], top["line"]
        );
        if top["line"] != line {
            bail!("it should have stopped in line {line}");
        }
        let scopes = editor.ask("scopes", json!({"frameId": top["id"]}))?;
        let locals = &scopes["scopes"][0]["variablesReference"];
        let variables = editor.ask("variables", json!({"variablesReference": locals}))?;
        for variable in variables["variables"].as_array().into_iter().flatten() {
            println!("  {} = {}", variable["name"], variable["value"]);
        }
        editor.ask("continue", json!({"threadId": thread}))?;
        let answer = request.join().expect("asking does not panic")?;
        println!(
            "continued; GET /api/demo: {} {}",
            answer.status, answer.body
        );
        editor.ask("disconnect", json!({}))?;
        if answer.status != 200 {
            bail!("{service} should answer after the breakpoint");
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
            self.command(&self.state.kubectl, "", &arguments)
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
            let uri = self.uri(service).unwrap_or_else(|error| error.to_string());
            format!("  {service}: {uri}/api/demo")
        });
        let folder = self.folder.display();
        let downs =
            SERVICES.map(|service| format!("  {} down {folder}/{service}", self.azds.display()));
        format!(
            "All is left running. Open:\n{}\nThe services are in {folder}. To work with them:\n  export KUBECONFIG={folder}/kubeconfig AZDS_HELM={}\n\
             End it with:\n{}\n  cargo xtask cluster down",
            uris.join("\n"),
            self.state.helm.display(),
            downs.join("\n"),
        )
    }
}
