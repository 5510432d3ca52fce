//! azds in the cluster: set up for a space, set up otherwise, and taken away again.

use std::fs;
use std::process::Command;
use std::sync::Mutex;

use serde_json::Value;

use crate::space::{Answer, DEVELOPER, Space, azds, run};
use crate::{Cluster, pushing};

/// What the tests' cluster has for `$(hostSuffix)`.
pub const HOST_SUFFIX: &str = ".example.test";
/// The class of Ingress that the tests' cluster has for azds.
pub const INGRESS_CLASS: &str = "tests";

impl Cluster {
    /// Sets the cluster up for azds, with `space` as a space in which `developer` may work.
    ///
    /// What is there already stays untouched, so each test says it; only one at a time may.
    pub fn use_dev_spaces(&self, space: &str, developer: &str) -> Answer {
        let state = self.kubeconfig.parent().expect("the cluster's folder");
        let lock = fs::File::create(state.join("use-dev-spaces.lock")).expect("a lock");
        lock.lock().expect("the lock is free in the end");
        self.import_agent();
        let mut set_up = self.command(azds());
        set_up
            .args(["use-dev-spaces", "--space", space, "--grant", developer])
            .args([
                "--host-suffix",
                HOST_SUFFIX,
                "--ingress-class",
                INGRESS_CLASS,
            ])
            .arg("--values")
            .arg(&self.builder_values)
            .args(["-o", "json"]);
        if pushing::is_on() {
            pushing::add_to(&mut set_up, self);
        }
        run(&mut set_up)
    }

    /// Gives the node the agent's image, unless it has it.
    fn import_agent(&self) {
        static DONE: Mutex<bool> = Mutex::new(false);
        let mut done = DONE.lock().expect("no test failed in here");
        if *done {
            return;
        }
        let folder = tempfile::tempdir().expect("a temporary folder");
        let archive = folder.path().join("azds.tar");
        let saved = run(Command::new(azds()).args(["images", "save"]).arg(&archive));
        assert!(saved.status.success(), "{}", saved.stderr);
        let imported = run(self.ctr().args(["images", "import"]).arg(&archive));
        assert!(imported.status.success(), "{}", imported.stderr);
        *done = true;
    }

    /// Takes azds out of the cluster.
    pub fn remove_dev_spaces(&self) -> Answer {
        run(self
            .command(azds())
            .args(["remove-dev-spaces", "-o", "json"]))
    }
}

impl Space {
    /// Makes it a space in which the developer may work.
    pub fn set_up(&self) -> Answer {
        let namespace = &self.namespace.name;
        let developer = format!("system:serviceaccount:{namespace}:{DEVELOPER}");
        self.cluster.use_dev_spaces(namespace, &developer)
    }

    /// Sets azds up anew with further values, which are kept in a folder of this name.
    pub fn set_up_with(&self, folder: &str, values: &Value) -> Answer {
        let file = self.folder(folder).join("values.json");
        fs::write(&file, values.to_string()).expect("a new file");
        let mut set_up = self.cluster.command(azds());
        set_up.args(["use-dev-spaces", "--space", &self.namespace.name]);
        run(set_up.args(["-o", "json", "--values"]).arg(&file))
    }
}
