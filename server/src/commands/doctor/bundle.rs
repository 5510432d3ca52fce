//! What a person hands on who asks for help: one archive, without secrets.

use std::env::home_dir;
use std::fs::{File, OpenOptions};
use std::path::{Path, PathBuf};

use azds_protocol::commands::{DoctorResult, ServiceArguments};
use k8s_openapi::NamespaceResourceScope;
use k8s_openapi::api::apps::v1::{Deployment, ReplicaSet};
use k8s_openapi::api::core::v1::{Event, Pod, Service as KubeService};
use k8s_openapi::api::networking::v1::{Ingress, NetworkPolicy};
use kube::api::ListParams;
use kube::{Api, Resource};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::redact::{Redactor, is_secret};
use crate::cluster::client::Cluster;
use crate::cluster::spaces;
use crate::commands::service::CONFIG_FILE;
use crate::failure::{Context, Result};
use crate::progress::Progress;
use crate::system::private;

const WHAT: &str = "the archive was not written";
/// Of a long log the end tells most.
const LOG_END: usize = 1 << 20;

/// Writes what `doctor` found, the folder's azds.yaml, the logs, and the objects of the space into
/// a new archive (tar). No Secret of the cluster is asked for.
pub async fn bundle(
    arguments: &ServiceArguments,
    result: &DoctorResult,
    logs: &[PathBuf],
    to: &Path,
    progress: &Progress,
) -> Result<()> {
    let _step = progress.begin(format!("Writing {}", to.display()));
    let redactor = Redactor::knowing(secrets());
    let object = to.display().to_string();
    let mut options = OpenOptions::new();
    let file = private(options.write(true).create_new(true)).open(to);
    let mut archive = Archive(tar::Builder::new(file.or_fail(WHAT, object.as_str())?));
    let about = json!({
        "azds": spaces::AZDS_VERSION,
        "system": std::env::consts::OS,
        "architecture": std::env::consts::ARCH,
        "checks": result.checks,
    });
    let about = redactor.object(about);
    let mut files = vec![("doctor.json".to_owned(), pretty(&about))];
    if let Ok(text) = std::fs::read_to_string(arguments.folder.join(CONFIG_FILE)) {
        files.push((CONFIG_FILE.to_owned(), redactor.yaml(&text)));
    }
    for log in logs {
        let name = log.file_name().unwrap_or_default().to_string_lossy();
        if let Ok(text) = std::fs::read(log) {
            let text = String::from_utf8_lossy(&text[text.len().saturating_sub(LOG_END)..]);
            files.push((name.into_owned(), redactor.text(&text)));
        }
    }
    let objects = async { Ok(objects(arguments).await) };
    for (name, objects) in progress.or_cancelled(WHAT, objects).await? {
        files.push((
            format!("cluster/{name}.json"),
            pretty(&redactor.object(objects)),
        ));
    }
    for (name, text) in files {
        archive.add(&name, &text).or_fail(WHAT, object.as_str())?;
    }
    archive.0.finish().or_fail(WHAT, object)
}

struct Archive(tar::Builder<File>);

impl Archive {
    fn add(&mut self, name: &str, text: &str) -> std::io::Result<()> {
        let mut header = tar::Header::new_gnu();
        header.set_size(text.len() as u64);
        header.set_mode(0o600);
        header.set_cksum();
        let path = Path::new("azds-doctor").join(name);
        self.0.append_data(&mut header, path, text.as_bytes())
    }
}

fn pretty(value: &Value) -> String {
    serde_json::to_string_pretty(value).expect("keys are strings") + "\n"
}

/// The objects of the space, by kind; where they may not be read, why.
async fn objects(arguments: &ServiceArguments) -> Vec<(&'static str, Value)> {
    let Ok(cluster) = Cluster::from_kubeconfig().await else {
        return Vec::new();
    };
    let folder = dunce::canonicalize(&arguments.folder);
    let folder = folder.unwrap_or_else(|_| arguments.folder.clone());
    let Ok(space) = spaces::choose(&cluster, arguments.space.as_deref(), &folder) else {
        return Vec::new();
    };
    vec![
        ("pods", list::<Pod>(&cluster, &space).await),
        ("deployments", list::<Deployment>(&cluster, &space).await),
        ("replicasets", list::<ReplicaSet>(&cluster, &space).await),
        ("services", list::<KubeService>(&cluster, &space).await),
        ("ingresses", list::<Ingress>(&cluster, &space).await),
        (
            "networkpolicies",
            list::<NetworkPolicy>(&cluster, &space).await,
        ),
        ("events", list::<Event>(&cluster, &space).await),
    ]
}

async fn list<K>(cluster: &Cluster, space: &str) -> Value
where
    K: Resource<Scope = NamespaceResourceScope, DynamicType = ()>,
    K: Clone + std::fmt::Debug + Serialize + DeserializeOwned,
{
    let api: Api<K> = Api::namespaced(cluster.client.clone(), space);
    match api.list(&ListParams::default()).await {
        Ok(found) => json!(found.items),
        Err(error) => json!({"not read": error.to_string()}),
    }
}

/// The secrets of this machine that azds has to do with: what the kubeconfig has of its users, and
/// variables that are named like secrets.
fn secrets() -> Vec<String> {
    let variables = std::env::vars_os()
        .filter_map(|(name, value)| is_secret(name.to_str()?).then(|| value.into_string().ok())?);
    let mut found: Vec<String> = variables.collect();
    let files = match std::env::var_os("KUBECONFIG") {
        Some(files) => std::env::split_paths(&files).collect(),
        None => vec![home_dir().unwrap_or_default().join(".kube/config")],
    };
    for file in files {
        let text = std::fs::read_to_string(file).unwrap_or_default();
        let config: Value = serde_saphyr::from_str(&text).unwrap_or_default();
        for user in config["users"].as_array().into_iter().flatten() {
            for name in [
                "token",
                "password",
                "client-key-data",
                "client-certificate-data",
            ] {
                found.extend(user["user"][name].as_str().map(str::to_owned));
            }
        }
    }
    found
}
