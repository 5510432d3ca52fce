//! The programs of the node and what they are told.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use anyhow::{Context, Result, bail};
use serde_json::json;

use super::network::{self, DNS, NODE, PODS, REGISTRY, SERVICES};
use super::pki::Pki;
use super::remains;
use crate::shell::tail_of;

const ETCD: &str = "http://127.0.0.1:2379";

/// What one node has of its own.
pub struct Node {
    /// Its name.
    pub name: &'static str,
    /// Its address.
    pub address: &'static str,
    /// Where its pods get their addresses from.
    pub pods: &'static str,
    /// The cgroup of its pods.
    pub cgroup: String,
}

impl Node {
    /// The node that has the control plane, too.
    pub fn first(folder: &Path) -> Node {
        Node {
            name: "node1",
            address: NODE,
            pods: network::PODS_OF_FIRST,
            cgroup: remains::cgroup(folder),
        }
    }

    /// The other one.
    pub fn second(folder: &Path) -> Node {
        Node {
            name: "node2",
            address: network::SECOND,
            pods: network::PODS_OF_SECOND,
            cgroup: remains::cgroup(&remains::second(folder)),
        }
    }
}

/// Those that were started.
pub struct Components<'a> {
    /// The node.
    pub node: Node,
    /// The cluster's folder, which each node sees as its own.
    pub folder: &'a Path,
    /// The binary that is all parts of Kubernetes.
    pub kube: &'a Path,
    /// In the order of their start.
    pub running: Vec<Component>,
}

/// A program of the node.
pub struct Component {
    name: &'static str,
    program: PathBuf,
    arguments: String,
    process: Child,
}

impl Components<'_> {
    /// containerd, with everything of it inside the cluster's folder.
    pub fn start_containerd(&mut self) -> Result<()> {
        let folder = self.folder.display();
        let config = format!(
            r#"version = 2
root = "{folder}/containerd"
state = "{folder}/containerd-state"
[grpc]
  address = "{folder}/containerd-state/containerd.sock"
[plugins."io.containerd.internal.v1.opt"]
  path = "{folder}/opt"
[plugins."io.containerd.grpc.v1.cri"]
  # Where lowering oom_score_adj is refused, every sandbox would die without this.
  restrict_oom_score_adj = true
  netns_mounts_under_state_dir = true
  sandbox_image = "registry.k8s.io/pause:3.10"
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "/usr/lib/cni"
    conf_dir = "{folder}/cni"
  [plugins."io.containerd.grpc.v1.cri".registry]
    config_path = "{folder}/certs.d"
"#
        );
        // ptp, so that traffic between pods crosses the rules of kube-proxy.
        let range = json!([[{"subnet": self.node.pods}]]);
        let address = json!({"type": "host-local", "dataDir": self.folder.join("cni-addresses"), "ranges": range, "routes": [{"dst": "0.0.0.0/0"}]});
        let cni = json!({"cniVersion": "0.4.0", "name": self.node.cgroup, "plugins": [
            {"type": "ptp", "ipMasq": false, "ipam": address},
            {"type": "portmap", "capabilities": {"portMappings": true}},
        ]});
        fs::create_dir_all(self.folder.join("cni"))?;
        fs::write(
            self.folder.join("cni/10-azds.conflist"),
            serde_json::to_vec_pretty(&cni)?,
        )?;
        fs::write(self.folder.join("containerd.toml"), config)?;
        self.start(
            "containerd",
            Path::new("containerd"),
            &format!("--config {folder}/containerd.toml"),
        )
    }

    /// A registry of images that wants to know who one is, and containerd's trust in it.
    pub fn start_registry(&mut self, registry: &Path, pki: &Pki) -> Result<()> {
        let file = |name: &str| pki.file(name).display().to_string();
        let users = self.folder.join("registry-users");
        // bcrypt of "pass".
        let hash = "$2b$12$EETB9KecE2TN1jwrRFsik.4gWvz0FTllEARc/F3ZM9zkeJ3YNMuJa";
        fs::write(&users, format!("someone:{hash}\n"))?;
        let config = json!({
            "version": 0.1,
            "log": {"level": "warn"},
            "storage": {"filesystem": {"rootdirectory": self.folder.join("registry")}},
            "auth": {"htpasswd": {"realm": "tests", "path": users}},
            "http": {"addr": REGISTRY, "secret": "tests",
                "tls": {"certificate": file("registry.crt"), "key": file("registry.key")}},
        });
        let path = self.folder.join("registry.yaml");
        fs::write(&path, config.to_string())?;
        let hosts = self.folder.join("certs.d").join(REGISTRY);
        fs::create_dir_all(&hosts)?;
        let host = format!("https://{REGISTRY}");
        let hosts_toml = format!(
            "server = {host:?}\n[host.{host:?}]\n  ca = {:?}\n",
            file("ca.crt")
        );
        fs::write(hosts.join("hosts.toml"), hosts_toml)?;
        self.start("registry", registry, &path.display().to_string())
    }

    /// etcd and the API server.
    pub fn start_api_server(&mut self, pki: &Pki, port: u16) -> Result<()> {
        // Which rights are used: the tests hold the Roles of azds against it.
        let audit = json!({"apiVersion": "audit.k8s.io/v1", "kind": "Policy", "omitStages": ["RequestReceived"], "rules": [
            {"level": "None", "userGroups": ["system:serviceaccounts:kube-system"]},
            {"level": "Metadata", "userGroups": ["system:serviceaccounts"]},
            {"level": "None"},
        ]});
        fs::write(self.folder.join("audit.json"), audit.to_string())?;
        self.start_kube("etcd", &format!("{}/etcd {ETCD}", self.folder.display()))?;
        let file = |name: &str| pki.file(name).display().to_string();
        let flags = [
            format!("--etcd-servers={ETCD}"),
            format!("--secure-port={port} --bind-address=0.0.0.0 --advertise-address={NODE}"),
            format!("--client-ca-file={}", file("ca.crt")),
            format!("--tls-cert-file={} --tls-private-key-file={}", file("apiserver.crt"), file("apiserver.key")),
            format!("--kubelet-client-certificate={}", file("apiserver-kubelet.crt")),
            format!("--kubelet-client-key={}", file("apiserver-kubelet.key")),
            format!("--kubelet-certificate-authority={}", file("ca.crt")),
            // The node's name is in no DNS.
            "--kubelet-preferred-address-types=InternalIP".to_owned(),
            "--service-account-issuer=https://kubernetes.default.svc.cluster.local".to_owned(),
            format!("--service-account-key-file={}", file("sa.pub")),
            format!("--service-account-signing-key-file={}", file("sa.key")),
            format!("--service-cluster-ip-range={SERVICES}"),
            format!("--audit-policy-file={0}/audit.json --audit-log-path={0}/logs/audit.log", self.folder.display()),
            "--authorization-mode=Node,RBAC --enable-admission-plugins=NodeRestriction --allow-privileged=true".to_owned(),
        ];
        self.start_kube("kube-apiserver", &flags.join(" "))
    }

    /// What else the control plane has, once its API server answers.
    pub fn start_control(&mut self, pki: &Pki) -> Result<()> {
        let folder = self.folder.display();
        let admin = format!("--kubeconfig={folder}/admin.kubeconfig");
        let (ca, tokens) = (pki.file("ca.crt"), pki.file("sa.key"));
        let (ca, tokens) = (ca.display(), tokens.display());
        self.start_kube(
            "kube-controller-manager",
            &format!(
                "{admin} --service-account-private-key-file={tokens} --root-ca-file={ca} --cluster-cidr={PODS} \
                 --allocate-node-cidrs=false --use-service-account-credentials=true --leader-elect=false"
            ),
        )?;
        self.start_kube("kube-scheduler", &format!("{admin} --leader-elect=false"))
    }

    /// What makes it a node. Its certificates are in the folder `pki`.
    pub fn start_node(&mut self) -> Result<()> {
        let folder = self.folder.display();
        let (name, address) = (self.node.name, self.node.address);
        fs::write(
            self.folder.join("kubelet.json"),
            serde_json::to_vec_pretty(&self.kubelet_configuration())?,
        )?;
        self.start_kube(
            "kubelet",
            &format!(
                "--kubeconfig={folder}/kubelet.kubeconfig --config={folder}/kubelet.json --hostname-override={name} \
                 --node-ip={address} --root-dir={folder}/kubelet --cert-dir={folder}/kubelet-pki"
            ),
        )?;
        self.start_kube(
            "kube-proxy",
            &format!(
                "--kubeconfig={folder}/admin.kubeconfig --proxy-mode=iptables --cluster-cidr={PODS} \
                 --hostname-override={name} --conntrack-max-per-core=0"
            ),
        )
    }

    fn kubelet_configuration(&self) -> serde_json::Value {
        let folder = self.folder.display();
        let pki = |name: &str| self.folder.join("pki").join(name);
        json!({
            "apiVersion": "kubelet.config.k8s.io/v1beta1",
            "kind": "KubeletConfiguration",
            "failCgroupV1": false,
            "failSwapOn": false,
            "cgroupDriver": "cgroupfs",
            "cgroupRoot": format!("/{}", self.node.cgroup),
            "clusterDNS": [DNS],
            "clusterDomain": "cluster.local",
            "containerRuntimeEndpoint": format!("unix://{folder}/containerd-state/containerd.sock"),
            "podLogsDir": format!("{folder}/pod-logs"),
            "volumePluginDir": format!("{folder}/volume-plugins"),
            "authentication": {"x509": {"clientCAFile": pki("ca.crt")}, "anonymous": {"enabled": false}, "webhook": {"enabled": false}},
            "authorization": {"mode": "AlwaysAllow"},
            "tlsCertFile": pki("kubelet.crt"),
            "tlsPrivateKeyFile": pki("kubelet.key"),
            "address": self.node.address,
            "maxPods": 500,
            "syncFrequency": "5s",
            "nodeStatusUpdateFrequency": "5s",
            // A full disk must not make it delete images: there is nowhere to pull them from.
            "imageGCHighThresholdPercent": 100,
            "evictionHard": {"nodefs.available": "1%", "imagefs.available": "1%", "memory.available": "100Mi", "nodefs.inodesFree": "1%"},
            "resolvConf": "",
        })
    }

    /// Fails if a component has ended, with its last words. One that a test has ended is started
    /// again: there is a file `restart/NAME` then, with further arguments for it, if any.
    pub fn check(&mut self) -> Result<()> {
        for component in &mut self.running {
            let Some(status) = component.process.try_wait()? else {
                continue;
            };
            let name = component.name;
            let log = self.folder.join(format!("logs/{name}.log"));
            let asked = self.folder.join("restart").join(name);
            let Ok(more) = fs::read_to_string(&asked) else {
                bail!("{name} ended ({status}):\n{}", tail_of(&log));
            };
            fs::remove_file(&asked)?;
            let arguments = format!("{} {more}", component.arguments);
            component.process = spawn(&component.program, &arguments, &log)?;
        }
        Ok(())
    }

    /// The last line of every component's log.
    pub fn last_words(&self) -> String {
        let last = |name: &str| {
            tail_of(&self.folder.join(format!("logs/{name}.log")))
                .lines()
                .last()
                .map(str::to_owned)
        };
        let lines = self
            .running
            .iter()
            .map(|it| format!("{}: {}", it.name, last(it.name).unwrap_or_default()));
        lines.collect::<Vec<_>>().join("\n")
    }

    /// This program again, for the second node; gives its process.
    pub fn start_second(&mut self) -> Result<u32> {
        self.start("node2", Path::new("/proc/self/exe"), "cluster second-node")?;
        Ok(self
            .running
            .last()
            .expect("it was just started")
            .process
            .id())
    }

    fn start_kube(&mut self, name: &'static str, arguments: &str) -> Result<()> {
        self.start(name, self.kube, &format!("{name} {arguments}"))
    }

    fn start(&mut self, name: &'static str, program: &Path, arguments: &str) -> Result<()> {
        let log = self.folder.join(format!("logs/{name}.log"));
        self.running.push(Component {
            name,
            program: program.to_owned(),
            arguments: arguments.to_owned(),
            process: spawn(program, arguments, &log)?,
        });
        Ok(())
    }
}

fn spawn(program: &Path, arguments: &str, log: &Path) -> Result<Child> {
    let log = File::options().create(true).append(true).open(log)?;
    Command::new(program)
        .args(arguments.split_whitespace())
        .stdin(Stdio::null())
        .stdout(log.try_clone()?)
        .stderr(log)
        .spawn()
        .with_context(|| format!("{} does not start", program.display()))
}
