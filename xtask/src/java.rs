//! Layers with a JDK and with Maven.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Result;

use crate::cache::{Cache, Key};
use crate::images::{RECIPE, layer};
use crate::layers::{Layer, Piped};
use crate::shell::{checkout, command, output, run};

/// Maven as its own releases have it; Debian's is spread over the system.
const MAVEN: &str = "org.apache.maven:apache-maven:3.9.9:tar.gz:bin";
/// What Maven, the compiler and a service of the JDK alone need of it.
const JDK: &str = "java.base,java.instrument,java.logging,java.management,java.naming,java.net.http,java.sql,java.xml,\
     jdk.compiler,jdk.httpserver,jdk.jdwp.agent,jdk.unsupported,jdk.zipfs";

/// A runtime of this machine's JDK, with its compiler and its debug agent.
pub fn jdk(cache: &Cache) -> Result<PathBuf> {
    let compiler = output(&mut command(
        "sh -c",
        &["readlink -f \"$(command -v javac)\""],
    ))?;
    let home = Path::new(compiler.trim()).ancestors().nth(2);
    let release = fs::read(home.unwrap_or(Path::new("/")).join("release"))?;
    let key = Key::of(RECIPE).and(JDK.as_bytes()).and(&release);
    layer(cache, "jdk", &key, |tar, scratch| {
        let runtime = scratch.join("runtime");
        let link =
            "jlink --no-header-files --no-man-pages --strip-java-debug-attributes --add-modules";
        run(command(link, &[JDK, "--output"]).arg(&runtime))?;
        let mut layer = Layer::create(tar)?;
        add(&mut layer, &runtime, "opt/java/openjdk")?;
        layer.finish()
    })
}

/// Maven, with everything in its repository that the Java service of the tests is built with: inside the cluster there
/// is nothing to download from.
pub fn maven(cache: &Cache) -> Result<PathBuf> {
    let service = checkout().join("tests/apps/java-service");
    let pom = fs::read(service.join("pom.xml"))?;
    let key = Key::of(RECIPE).and(MAVEN.as_bytes()).and(&pom);
    layer(cache, "maven", &key, |tar, scratch| {
        let local = |name: &str| format!("-Dmaven.repo.local={}", scratch.join(name).display());
        let fetch = "mvn --batch-mode --quiet dependency:copy";
        let (artifact, folder) = (format!("-Dartifact={MAVEN}"), scratch.display());
        let to = format!("-DoutputDirectory={folder}");
        run(&mut command(fetch, &[&artifact, &to, &local("fetched")]))?;
        let unpack = "mkdir maven && tar -xzf apache-maven-*.tar.gz -C maven --strip-components=1";
        run(command("sh -c", &[unpack]).current_dir(scratch))?;
        let copy = "cp -r \"$0\" project && rm -rf project/target";
        run(command("sh -c", &[copy]).arg(service).current_dir(scratch))?;
        for goal in ["dependency:go-offline", "package"] {
            let mut build = Command::new(scratch.join("maven/bin/mvn"));
            build.args([
                "--batch-mode",
                "--quiet",
                "-DskipTests",
                &local("repository"),
                goal,
            ]);
            run(build.current_dir(scratch.join("project")))?;
        }
        let settings = "<settings><localRepository>/usr/share/maven/repository</localRepository>\
                        <offline>true</offline></settings>\n";
        fs::write(scratch.join("maven/conf/settings.xml"), settings)?;
        let mut layer = Layer::create(tar)?;
        add(&mut layer, &scratch.join("maven"), "usr/share/maven")?;
        add(
            &mut layer,
            &scratch.join("repository"),
            "usr/share/maven/repository",
        )?;
        layer.link("usr/bin/mvn", "/usr/share/maven/bin/mvn")?;
        layer.finish()
    })
}

/// Adds a folder of this machine.
fn add(layer: &mut Layer, folder: &Path, to: &str) -> Result<()> {
    let mut packed = command("tar -c --sort=name --owner=0 --group=0 .", &[]);
    let mut packed = Piped::start(packed.current_dir(folder))?;
    layer.merge(packed.stdout()?, |path| {
        (path != ".").then(|| format!("{to}/{path}"))
    })?;
    packed.finish()
}
