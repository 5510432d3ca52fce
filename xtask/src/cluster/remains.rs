//! Ends a cluster, whatever state it or a crash left it in. There are no pid files that could be stale.

use std::fs;
use std::path::{Path, PathBuf};
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

/// The name of the cgroup that the cluster in `folder` has its pods in.
pub fn cgroup(folder: &Path) -> String {
    let hash = crate::cache::Key::of("cgroup").and(folder.as_os_str().as_encoded_bytes());
    format!("azds-{}", &hash.text()[..8])
}

/// The folder of the second node. It lies in the cluster's, and is mounted over it for that node.
pub fn second(folder: &Path) -> PathBuf {
    folder.join("node2")
}

/// Ends all processes, then removes cgroups and the folder.
pub fn remove(folder: &Path) -> Result<()> {
    end_processes(folder)?;
    remove_cgroups(&cgroup(folder))?;
    remove_cgroups(&cgroup(&second(folder)))?;
    for root in cgroup_roots()? {
        // BuildKit's own, beside the kubelet's. One that is in use by others stays: it cannot be removed.
        let _ = remove_tree(&root.join("buildkit"));
    }
    if folder.exists() {
        fs::remove_dir_all(folder)
            .with_context(|| format!("cannot remove {}", folder.display()))?;
    }
    fs::create_dir_all(folder)?;
    Ok(())
}

/// Ends all processes of the cluster. Its namespaces and mounts go with the last of them.
pub fn end_processes(folder: &Path) -> Result<()> {
    let until = Instant::now() + Duration::from_secs(20);
    loop {
        let left = processes(folder)?;
        if left.is_empty() {
            return Ok(());
        }
        if Instant::now() > until {
            bail!("processes {left:?} of the cluster do not end after SIGKILL");
        }
        for pid in left {
            // It may be gone since it was listed.
            let _ = kill(pid, Signal::SIGKILL);
        }
        sleep(Duration::from_millis(50));
    }
}

/// A process belongs to the cluster if it has other mounts than we and the cluster's folder is among them: the node
/// bind-mounts the folder onto itself, and what runs in a container has its root there.
fn processes(folder: &Path) -> Result<Vec<Pid>> {
    let ours = fs::read_link("/proc/self/ns/mnt")?;
    let folder = format!("{}/", folder.display());
    let mut found = Vec::new();
    for entry in fs::read_dir("/proc")?.flatten() {
        let Some(pid) = entry
            .file_name()
            .to_str()
            .and_then(|name| name.parse().ok())
        else {
            continue;
        };
        // Unreadable: it ended meanwhile.
        let Ok(namespace) = fs::read_link(entry.path().join("ns/mnt")) else {
            continue;
        };
        let Ok(mounts) = fs::read_to_string(entry.path().join("mountinfo")) else {
            continue;
        };
        let mut fields = mounts.split([' ', ',', ':', '=', '\n']);
        if namespace != ours
            && fields
                .any(|field| field.starts_with(&folder) || field == folder.trim_end_matches('/'))
        {
            found.push(Pid::from_raw(pid));
        }
    }
    Ok(found)
}

/// The roots of all cgroup hierarchies: one, or one for each controller with cgroup v1, or both kinds.
fn cgroup_roots() -> Result<Vec<PathBuf>> {
    let mounts = fs::read_to_string("/proc/self/mounts")?;
    let fields = mounts
        .lines()
        .map(|line| line.split(' ').collect::<Vec<_>>());
    Ok(fields
        .filter(|mount| mount[2].starts_with("cgroup"))
        .map(|mount| mount[1].into())
        .collect())
}

/// Makes the cgroup that the kubelet puts its pods in.
pub fn create_cgroups(cgroup: &str) -> Result<()> {
    for root in cgroup_roots()? {
        // Only cgroup v2 has this file. Controllers have to be passed on to children there.
        if let Ok(controllers) = fs::read_to_string(root.join("cgroup.controllers")) {
            let passed: Vec<String> = controllers
                .split_whitespace()
                .map(|name| format!("+{name}"))
                .collect();
            fs::write(root.join("cgroup.subtree_control"), passed.join(" "))
                .with_context(|| format!("cannot pass on the controllers of {}", root.display()))?;
        }
        let cgroup = root.join(cgroup);
        fs::create_dir_all(&cgroup).with_context(|| format!("cannot make {}", cgroup.display()))?;
    }
    Ok(())
}

fn remove_cgroups(name: &str) -> Result<()> {
    let until = Instant::now() + Duration::from_secs(10);
    for root in cgroup_roots()? {
        let cgroup = root.join(name);
        while cgroup.exists() {
            if let Err(error) = remove_tree(&cgroup)
                && Instant::now() > until
            {
                return Err(error).with_context(|| format!("cannot remove {}", cgroup.display()));
            }
            // The kernel still counts processes that it is ending.
            sleep(Duration::from_millis(20));
        }
    }
    Ok(())
}

fn remove_tree(cgroup: &Path) -> std::io::Result<()> {
    for entry in fs::read_dir(cgroup)?.flatten() {
        if entry.file_type()?.is_dir() {
            remove_tree(&entry.path())?;
        }
    }
    fs::remove_dir(cgroup)
}
