//! The service that is measured: a copy of tests/apps/python-service, up in a space of its own.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use azds_tests::Cluster;
use azds_tests::space::copy;
use azds_tests::staying::Staying;
use serde_json::Value;
use tempfile::TempDir;

use crate::kubectl::output;

/// Port on which it listens.
pub const PORT: u16 = 80;
/// File that is edited.
pub const SOURCE: &str = "app.py";
/// What is edited, and has the same length in every edition.
const EDITED: &str = "EUR";

/// The service, which is removed when this is dropped, with its space.
pub struct Service {
    /// The cluster.
    pub cluster: Cluster,
    /// The space.
    pub space: String,
    /// Its folder.
    pub folder: PathBuf,
    azds: PathBuf,
    text: String,
    home: TempDir,
}

impl Service {
    /// Sets the cluster and a space up with this azds, and brings the service up.
    pub async fn up(azds: &str) -> Service {
        let home = tempfile::tempdir().expect("a temporary folder");
        let folder = home.path().join("python-service");
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("apps/python-service");
        fs::create_dir(&folder).expect("a folder can be made");
        copy(&source, &folder);
        let text = fs::read_to_string(folder.join(SOURCE)).expect("the app is readable");
        // A queue of 5 would make one connection in many wait a second for its next try: not azds's time.
        let queue = "ThreadingHTTPServer.request_queue_size = 128\n\nif __name__";
        let text = text.replacen("if __name__", queue, 1);
        // Lines to step through, for as long as anybody does.
        let walk = "def walk():\n    at = 0\n    while at < 100_000:\n        at += 1  # WALK\n    return at\n\n\n";
        let text = text.replacen("class Handler", &format!("{walk}class Handler"), 1);
        let asked =
            "        if self.path == \"/api/walk\":\n            walk()\n        if self.path !=";
        let text = text.replacen("        if self.path !=", asked, 1);
        assert!(
            text.contains(EDITED) && text.contains(queue) && text.contains(asked),
            "another app"
        );
        fs::write(folder.join(SOURCE), &text).expect("it can be written");
        let service = Service {
            cluster: Cluster::get(),
            space: format!("bench-{}", std::process::id()),
            folder,
            azds: PathBuf::from(azds),
            text,
            home,
        };
        service.set_up();
        output(service.azds().arg("prep").arg(&service.folder));
        service.bring_up();
        service
    }

    fn set_up(&self) {
        let archive = self.home.path().join("agent.tar");
        output(self.azds().args(["images", "save"]).arg(&archive));
        output(self.ctr().args(["images", "import"]).arg(&archive));
        let mut set_up = self.azds();
        set_up.args(["use-dev-spaces", "--space", &self.space]);
        set_up.arg("--values").arg(&self.cluster.builder_values);
        output(&mut set_up);
    }

    /// azds, with the cluster and nothing of the user's but what is installed.
    pub fn azds(&self) -> Command {
        let mut azds = self.cluster.command(&self.azds);
        azds.env("XDG_RUNTIME_DIR", self.home.path())
            .env("XDG_CACHE_HOME", self.home.path());
        azds
    }

    /// kubectl in the space.
    pub fn kubectl(&self) -> Command {
        let mut kubectl = self.cluster.command(&self.cluster.kubectl);
        kubectl.args(["--namespace", &self.space]);
        kubectl
    }

    /// helm in the space.
    pub fn helm(&self) -> Command {
        let mut helm = self.cluster.command(&self.cluster.helm);
        helm.args(["--namespace", &self.space]);
        helm
    }

    /// ctr, with the node's images.
    pub fn ctr(&self) -> Command {
        let mut ctr = Command::new("ctr");
        ctr.env("CONTAINERD_ADDRESS", &self.cluster.containerd)
            .env("CONTAINERD_NAMESPACE", "k8s.io");
        ctr
    }

    /// Address of the API server, as azds has it.
    pub fn address(&self) -> String {
        let view = [
            "config",
            "view",
            "--minify",
            "-o",
            "jsonpath={.clusters[0].cluster.server}",
        ];
        // With the slash at the end that every URL without a path has.
        format!(
            "{}/",
            output(self.kubectl().args(view)).trim_end_matches('/')
        )
    }

    /// `azds up -d`: its result.
    pub fn bring_up(&self) -> Value {
        let mut up = self.azds();
        up.arg("up").arg(&self.folder);
        up.args(["--space", &self.space, "--detach", "-o", "json"]);
        serde_json::from_str(&output(&mut up)).expect("azds answers in JSON")
    }

    /// A copy of another of the tests' services in a folder of this name, after `azds prep`.
    pub fn another(&self, name: &str, app: &str) -> PathBuf {
        let folder = self.scratch().join(name);
        fs::create_dir(&folder).expect("a folder can be made");
        copy(
            &Path::new(env!("CARGO_MANIFEST_DIR")).join("apps").join(app),
            &folder,
        );
        output(self.azds().arg("prep").arg(&folder));
        folder
    }

    /// `azds up` of the service in a folder, which stays.
    pub fn stay(&self, folder: &Path) -> Staying {
        let mut up = self.azds();
        up.arg("up").arg(folder).args(["--space", &self.space]);
        Staying::start(&mut up)
    }

    /// Another edition of the source: the same but for three letters.
    pub fn edition(&self, number: u32) -> String {
        assert!(number < 26 * 26, "there are no more three letters");
        let letter = |number: u32| char::from(b'A' + (number % 26) as u8);
        let edited: String = ['X', letter(number / 26), letter(number)].iter().collect();
        self.text.replacen(EDITED, &edited, 1)
    }

    /// Writes an edition to the service's folder.
    pub fn edit(&self, number: u32) {
        let path = self.folder.join(SOURCE);
        fs::write(path, self.edition(number)).expect("the source can be written");
    }

    /// A folder for what else is needed.
    pub fn scratch(&self) -> &Path {
        self.home.path()
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        let mut down = self.azds();
        down.arg("down").arg(&self.folder);
        down.args(["--space", &self.space]);
        let mut delete = self.kubectl();
        delete.args(["delete", "namespace", &self.space]);
        for command in [&mut down, &mut delete] {
            // What is left goes with the cluster.
            let _ = command.stdout(Stdio::null()).stderr(Stdio::null()).status();
        }
    }
}
