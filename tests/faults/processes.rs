//! The processes of the node, and of what runs on it.

use std::fs;
use std::path::Path;
use std::process::Command;

use azds_tests::Cluster;

/// The processes of this cluster whose command line fits: the node has mounts of its own, and the
/// cluster's folder is among those of everything that runs on it.
pub fn find(cluster: &Cluster, fits: impl Fn(&[String]) -> bool) -> Vec<i32> {
    let folder = folder(cluster).display().to_string();
    let ours = fs::read_link("/proc/self/ns/mnt").expect("a namespace");
    let entries = fs::read_dir("/proc").expect("processes can be listed");
    let pids = entries.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok());
    pids.filter(|pid: &i32| {
        let proc = Path::new("/proc").join(pid.to_string());
        // Unreadable: it ended meanwhile.
        let line = fs::read(proc.join("cmdline")).unwrap_or_default();
        let line: Vec<String> = line
            .split(|byte| *byte == 0)
            .map(|word| String::from_utf8_lossy(word).into_owned())
            .collect();
        fits(&line)
            && fs::read_link(proc.join("ns/mnt")).is_ok_and(|it| it != ours)
            && fs::read_to_string(proc.join("mountinfo")).is_ok_and(|it| it.contains(&folder))
    })
    .collect()
}

/// The one process of the cluster whose command line begins with these words, folders left out; the
/// name of the program may come before them.
pub fn one(cluster: &Cluster, words: &[&str]) -> i32 {
    let found = find(cluster, |line| {
        let plain: Vec<&str> = line
            .iter()
            .map(|it| it.rsplit('/').next().unwrap_or(it))
            .collect();
        plain.starts_with(words) || plain.get(1..).is_some_and(|rest| rest.starts_with(words))
    });
    assert_eq!(found.len(), 1, "{words:?}: {found:?}");
    found[0]
}

/// The folder of the cluster.
pub fn folder(cluster: &Cluster) -> &Path {
    cluster.kubeconfig.parent().expect("the cluster's folder")
}

/// Sends a signal by its name.
pub fn signal(name: &str, pid: i32) {
    let sent = Command::new("kill")
        .args(["-s", name, &pid.to_string()])
        .status();
    assert!(sent.expect("kill starts").success(), "{name} to {pid}");
}

/// Ends a part of the node, which is started again with these further arguments.
pub fn restart(cluster: &Cluster, part: &str, arguments: &str) {
    let asked = folder(cluster).join("restart");
    fs::create_dir_all(&asked).expect("a folder");
    fs::write(asked.join(part), arguments).expect("a file");
    signal("KILL", one(cluster, &[part]));
    while asked.join(part).exists() {
        std::thread::sleep(std::time::Duration::from_millis(100));
    }
}

/// Runs a command with the mounts of the node.
pub fn on_node(cluster: &Cluster, arguments: &[&str]) {
    let node = one(cluster, &["containerd"]);
    let ran = Command::new("nsenter")
        .args([format!("--mount=/proc/{node}/ns/mnt")])
        .arg("--")
        .args(arguments)
        .status();
    assert!(ran.expect("nsenter starts").success(), "{arguments:?}");
}
