//! Whether azds needs the rights that it asks for, all of them and no more: its Roles against what the
//! API server has recorded of the tests before this one.

use std::collections::{BTreeMap, BTreeSet};

use azds_tests::Cluster;
use azds_tests::space::run;
use k8s_openapi::api::rbac::v1::PolicyRule;
use serde_json::Value;

/// Rights that azds' own accounts need, and that are not seen to be used.
const UNSEEN: [(&str, &str); 1] = [
    // The API server asks for it when an apply, which is a patch, makes the object.
    ("azds-initializer", "create configmaps"),
];

/// What was asked of the API server, by account: `get pods/log`.
type Asked = BTreeMap<String, BTreeSet<String>>;

/// `developer` for the developers of all tests, `azds-builder` and the like for those of azds.
fn account(user: &str) -> Option<String> {
    let (namespace, name) = user
        .strip_prefix("system:serviceaccount:")?
        .split_once(':')?;
    let is_ours = namespace == "azds" || namespace.starts_with("test-") && name == "developer";
    is_ours.then(|| name.to_owned())
}

/// What was used, and what was refused.
fn recorded(cluster: &Cluster) -> (Asked, Asked) {
    let folder = cluster.kubeconfig.parent().expect("the cluster's folder");
    let (mut used, mut refused) = (Asked::new(), Vec::new());
    let mut allowed = BTreeSet::new();
    let mut files: Vec<_> = std::fs::read_dir(folder.join("logs"))
        .expect("logs")
        .map(|entry| entry.expect("an entry").path())
        .collect();
    // The API server begins a new file when one is full.
    files.retain(|it| {
        it.file_name()
            .is_some_and(|it| it.to_string_lossy().starts_with("audit"))
    });
    for file in files {
        for line in std::fs::read_to_string(file).expect("a log").lines() {
            // The last line may be being written.
            let Ok(event) = serde_json::from_str::<Value>(line) else {
                continue;
            };
            let text = |pointer: &str| {
                event
                    .pointer(pointer)
                    .and_then(Value::as_str)
                    .unwrap_or_default()
            };
            let Some(account) = account(text("/user/username")) else {
                continue;
            };
            let resource = match text("/objectRef/subresource") {
                "" => text("/objectRef/resource").to_owned(),
                subresource => format!("{}/{subresource}", text("/objectRef/resource")),
            };
            let asked = format!("{} {resource}", text("/verb"));
            let path = text("/requestURI").split('?').next().map(str::to_owned);
            let request = (account.clone(), asked.clone(), path);
            match text("/annotations/authorization.k8s.io~1decision") {
                "allow" => {
                    allowed.insert(request);
                    used.entry(account).or_default().insert(asked);
                }
                _ => refused.push(request),
            }
        }
    }
    // An API server that has just started refuses everything: it has not read the Roles yet.
    refused.retain(|request| !allowed.contains(request));
    let mut by_account = Asked::new();
    for (account, asked, _) in refused {
        by_account.entry(account).or_default().insert(asked);
    }
    (used, by_account)
}

fn rights(rules: &[PolicyRule]) -> BTreeSet<String> {
    let mut rights = BTreeSet::new();
    for rule in rules {
        for resource in rule.resources.iter().flatten() {
            rights.extend(rule.verbs.iter().map(|verb| format!("{verb} {resource}")));
        }
    }
    rights
}

/// The rights of azds' own accounts and of its developers, as they are shipped.
fn shipped(cluster: &Cluster) -> Asked {
    let server = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../server");
    let chart = run(cluster
        .command(&cluster.helm)
        .arg("template")
        .arg(server.join("charts/azds"))
        .args(["--set", "image=x"]));
    assert!(chart.status.success(), "{}", chart.stderr);
    let role = std::fs::read_to_string(server.join("src/commands/use_dev_spaces/developer.yaml"));
    let role = role
        .expect("the Role")
        .replace("name: azds-developer", "name: developer");
    let mut shipped = Asked::new();
    for text in chart.stdout.split("\n---").chain([role.as_str()]) {
        let Ok(object) = serde_saphyr::from_str::<Value>(text.trim_start_matches("---")) else {
            continue;
        };
        if !object["kind"]
            .as_str()
            .is_some_and(|kind| kind.ends_with("Role"))
        {
            continue;
        }
        let rules: Vec<PolicyRule> =
            serde_json::from_value(object["rules"].clone()).expect("rules");
        let name = object["metadata"]["name"]
            .as_str()
            .expect("a name")
            .to_owned();
        shipped.entry(name).or_default().extend(rights(&rules));
    }
    shipped
}

#[test]
fn every_right_is_used_and_none_is_lacking() {
    if std::env::var_os("AZDS_WHOLE_RUN").is_none() {
        eprintln!(
            "not run: it needs what all other tests have asked of the cluster (cargo xtask test)"
        );
        return;
    }
    let cluster = Cluster::get();
    let (used, refused) = recorded(&cluster);
    let mut wrong = Vec::new();
    let own = shipped(&cluster).into_iter();
    // Developers' charts may hold what those of the tests do not: their Role is held in tests/commands/doctor.rs.
    for (account, rights) in own.filter(|(account, _)| account != "developer") {
        let used = used.get(&account).cloned().unwrap_or_default();
        let unused = rights.difference(&used);
        wrong.extend(
            unused
                .filter(|right| !UNSEEN.contains(&(&account, right)))
                .map(|right| format!("{account} never uses: {right}")),
        );
    }
    // A developer may ask for what only some have, such as the list of spaces.
    for (account, asked) in refused
        .iter()
        .filter(|(account, _)| *account != "developer")
    {
        wrong.extend(
            asked
                .iter()
                .map(|right| format!("{account} was refused: {right}")),
        );
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
