//! `images push` to a real registry with a login and a private authority. The node does not pull it: a kubelet
//! that has pulled an image with a Secret refuses the same content, imported under another name, to pods with
//! `imagePullPolicy: Never` (KubeletEnsureSecretPulledImages).

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use azds_tests::space::{Answer, azds, run};
use azds_tests::{Cluster, registry_login};
use serde_json::{Value, json};

/// A folder as Docker's configuration is.
fn docker(folder: &Path, name: &str, config: &Value) -> PathBuf {
    let folder = folder.join(name);
    fs::create_dir(&folder).expect("a new folder");
    fs::write(folder.join("config.json"), config.to_string()).expect("a new file");
    folder
}

#[test]
fn the_image_is_pushed_with_the_usual_credentials() {
    let cluster = Cluster::get();
    let folder = tempfile::tempdir().expect("a folder");
    let address = cluster.registry.as_str();
    let push = |docker: &Path, options: &[&str]| -> Answer {
        let path = std::env::var("PATH").expect("a path");
        run(Command::new(azds())
            .args(["images", "push", "-o", "json", "--registry"])
            .arg(format!("{address}/team"))
            .args(options)
            .env("DOCKER_CONFIG", docker)
            .env("NO_PROXY", "*")
            .env("PATH", format!("{}:{path}", folder.path().display())))
    };
    let login = docker(folder.path(), "auths", &registry_login(address));
    let authority = cluster.authority.to_str().expect("a path");
    let options = ["--registry-ca", authority];

    let remedy = |answer: Answer| {
        answer.failure()["try"]
            .as_str()
            .expect("a remedy")
            .to_owned()
    };
    let untrusted = remedy(push(&login, &[]));
    assert!(untrusted.contains("--registry-ca"), "{untrusted}");
    let nobody = remedy(push(&folder.path().join("no-docker"), &options));
    assert!(
        nobody.contains(&format!("docker login {address}")),
        "{nobody}"
    );

    let pushed = push(&login, &options).json();
    assert_eq!(pushed["architectures"].as_array().map(Vec::len), Some(1));
    let image = pushed["image"].as_str().expect("a name");
    assert!(
        image.starts_with(&format!("{address}/team/azds/")),
        "{image}"
    );

    // With an agent for the other architecture, and a credential helper.
    let helper = folder.path().join("docker-credential-tests");
    let said = json!({"ServerURL": address, "Username": "someone", "Secret": "pass"});
    fs::write(
        &helper,
        format!("#!/bin/sh\ncat >/dev/null\necho '{said}'\n"),
    )
    .expect("written");
    fs::set_permissions(&helper, fs::Permissions::from_mode(0o755)).expect("it is ours");
    let helped = json!({"credHelpers": {address: "tests"}});
    let helped = docker(folder.path(), "helper", &helped);
    let other = folder.path().join("azds-agent-arm64");
    let mut head = b"\x7fELF".to_vec();
    head.resize(18, 0);
    head.extend([0xb7, 0]);
    fs::write(&other, head).expect("written");
    let other = ["--agent", other.to_str().expect("a path")];
    let both = push(&helped, &[options, other].concat()).json();
    assert_eq!(both["architectures"], json!(["amd64", "arm64"]));
    assert_eq!(both["image"], pushed["image"]);
}
