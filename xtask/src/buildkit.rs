//! BuildKit's two images: the usual one, and the one that needs no privileges.

use std::path::{Path, PathBuf};

use anyhow::Result;
use serde_json::json;

use crate::cache::{Cache, Key};
use crate::image::Image;
use crate::images::{PATH, RECIPE, layer, programs};
use crate::layers::{Layer, Piped, codename, debian_packages};
use crate::parts::Parts;
use crate::shell::{command, run};

/// Both, on top of busybox.
pub fn buildkit(cache: &Cache, parts: &Parts, busybox: &Path) -> Result<[Image; 2]> {
    let layers = [
        busybox.to_owned(),
        programs(
            cache,
            "buildkit",
            &[
                ("usr/bin/buildkitd", &parts.buildkit.join("buildkitd")),
                ("usr/bin/buildctl", &parts.buildkit.join("buildctl")),
            ],
        )?,
        runc(cache)?,
    ];
    let rootless_env = [
        PATH,
        "HOME=/home/user",
        "USER=user",
        "TMPDIR=/home/user/.local/tmp",
        "XDG_RUNTIME_DIR=/run/user/1000",
    ];
    Ok([
        Image {
            name: "docker.io/moby/buildkit:v0.34.2",
            layers: layers.to_vec(),
            config: json!({"Entrypoint": ["buildkitd"], "Env": [PATH]}),
        },
        Image {
            name: "docker.io/moby/buildkit:v0.34.2-rootless",
            layers: [&layers[..], &[rootless(cache, parts)?]].concat(),
            config: json!({"Entrypoint": ["rootlesskit", "buildkitd"], "Env": rootless_env, "User": "1000:1000"}),
        },
    ])
}

/// What BuildKit starts containers with where it does not use the node's containerd, under the name that it looks for.
fn runc(cache: &Cache) -> Result<PathBuf> {
    layer(cache, "runc", &Key::of(RECIPE), |tar, scratch| {
        let mut layer = Layer::create(tar)?;
        for package in debian_packages(&codename()?, &["runc", "libseccomp2"], scratch)? {
            let mut unpacked = Piped::start(command("dpkg-deb --fsys-tarfile", &[]).arg(package))?;
            layer.merge(unpacked.stdout()?, |path| match path {
                "usr/sbin/runc" => Some("usr/bin/buildkit-runc".to_owned()),
                _ => path.contains("/libseccomp.so.2").then(|| path.to_owned()),
            })?;
            unpacked.finish()?;
        }
        layer.finish()
    })
}

/// What BuildKit's rootless image has beyond the other: a user, and the programs that give it more users' ids.
fn rootless(cache: &Cache, parts: &Parts) -> Result<PathBuf> {
    let key = Key::of(RECIPE).and_entry(&parts.rootlesskit);
    layer(cache, "rootless", &key, |tar, scratch| {
        let mut layer = Layer::create(tar)?;
        layer.program("usr/bin/rootlesskit", &parts.rootlesskit)?;
        let packages = [
            "uidmap",
            "libaudit1",
            "libcap-ng0",
            "libpcre2-8-0",
            "libselinux1",
        ];
        for package in debian_packages(&codename()?, &packages, scratch)? {
            let mut unpacked = Piped::start(command("dpkg-deb --fsys-tarfile", &[]).arg(&package))?;
            layer.merge(unpacked.stdout()?, |path| {
                path.contains(".so.").then(|| path.to_owned())
            })?;
            unpacked.finish()?;
            run(command("dpkg-deb --extract", &[])
                .arg(&package)
                .arg(scratch.join("system")))?;
        }
        // Debian's are set-user-ID, which in a container without CAP_SYS_ADMIN does not suffice: their user must stay
        // the namespace's owner. CAP_SETGID is 6, CAP_SETUID 7.
        for (name, capability) in [("usr/bin/newuidmap", 7), ("usr/bin/newgidmap", 6)] {
            layer.capable_program(name, &scratch.join("system").join(name), 1 << capability)?;
        }
        layer.file(
            "etc/passwd",
            0o644,
            b"root:x:0:0:root:/root:/bin/sh\nuser:x:1000:1000::/home/user:/bin/sh\n",
        )?;
        layer.file("etc/group", 0o644, b"root:x:0:\nuser:x:1000:\n")?;
        for file in ["etc/subuid", "etc/subgid"] {
            layer.file(file, 0o644, b"user:100000:65536\n")?;
        }
        // Owned by root, as all that is made here: so open to the user.
        for folder in [
            "home/user",
            "home/user/.local",
            "home/user/.local/tmp",
            "run/user/1000",
        ] {
            layer.folder(folder, 0o777)?;
        }
        layer.finish()
    })
}
