//! Services of images without a shell, that run as nobody.

use azds_tests::Cluster;
use azds_tests::lsp::LanguageClient;
use azds_tests::space::{Service, Space};
use serde_json::json;

use super::table::{GO, PYTHON, Runtime};
use super::{ask, bring_up, install, stop_and_go, until_answered};

/// Port below which nobody may listen.
const PORT: &str = "ENV PORT=8080\nEXPOSE 8080\nUSER 65532:65532\n";

/// A service with this image, by which it is started, too.
fn service<'a>(space: &'a Space, app: &str, dockerfile: &str) -> Service<'a> {
    let folder = space.app("shop", app);
    let text = format!("{dockerfile}\n{PORT}");
    // The chart has the port of the first, and the second is used.
    std::fs::write(folder.join("Dockerfile"), &text).expect("a new file");
    std::fs::write(folder.join("Dockerfile.develop"), &text).expect("a new file");
    let service = space.prepared(folder, &[]);
    let azds_yaml = service.read("azds.yaml");
    let lines = azds_yaml.lines();
    let lines = lines.filter(|line| !line.trim_start().starts_with("command:"));
    service.write("azds.yaml", &(lines.collect::<Vec<_>>().join("\n") + "\n"));
    service
}

async fn stops(space: &Space, runtime: &Runtime, service: &Service<'_>) {
    let uri = bring_up(service);
    let (mut client, mut adapter) = runtime.attach(space, service);
    let (source, _) = runtime.marked(service);
    stop_and_go(&mut client, &uri, source.as_ref(), runtime.currency);
    let asked = ask(&uri);
    client.event("stopped");
    client.disconnect();
    drop(client);
    assert!(adapter.wait().expect("azds dap ends").success());
    assert!(asked.join().expect("no panic").contains("EUR"));
    until_answered(&uri).await;
    service.azds("down", &[]).json();
}

#[tokio::test]
async fn python_without_a_shell_or_root() {
    let cluster = Cluster::get();
    let space = cluster.space().await;
    let dockerfile =
        "FROM gcr.io/distroless/python3-debian12\nWORKDIR /app\nCOPY . .\nCMD [\"app.py\"]";
    let service = service(&space, "python-service", dockerfile);
    install(&space, &["python"]);
    stops(&space, &PYTHON, &service).await;
}

#[tokio::test]
#[ignore = "as Python's, for another runtime"]
async fn go_without_a_shell_or_root() {
    let cluster = Cluster::get();
    let space = cluster.space().await;
    let dockerfile = "FROM golang:1.26 AS build\nENV CGO_ENABLED=0\nWORKDIR /src\nCOPY . .\n\
        RUN go build -gcflags=\"all=-N -l\" -o /service .\n\
        FROM scratch\nCOPY --from=build /service /service\nENTRYPOINT [\"/service\"]";
    let service = service(&space, "go-service", dockerfile);
    let delve = cluster.delve.display().to_string();
    install(&space, &["go", "--from", &delve]);
    stops(&space, &GO, &service).await;
}

/// Node and the JVM listen themselves; what speaks to them is on the developer's machine.
#[tokio::test]
#[ignore = "as Python's, for other runtimes"]
async fn node_and_java_without_a_shell_or_root() {
    let cluster = Cluster::get();
    for (app, runtime, dockerfile) in [
        (
            "node-service",
            "node",
            "FROM node:24-slim AS node\nFROM gcr.io/distroless/python3-debian12\n\
             COPY --from=node /usr/local/bin/node /usr/bin/node\nWORKDIR /app\nCOPY . .\n\
             ENTRYPOINT [\"/usr/bin/node\", \"server.js\"]",
        ),
        (
            "java-service",
            "java",
            "FROM maven:3-eclipse-temurin-17 AS build\nWORKDIR /src\nCOPY . .\n\
             RUN mvn --batch-mode --quiet package\nFROM gcr.io/distroless/python3-debian12\n\
             COPY --from=build /opt/java/openjdk /opt/java\nCOPY --from=build /src/target/*.jar /app.jar\n\
             ENTRYPOINT [\"/opt/java/bin/java\", \"-jar\", \"/app.jar\"]",
        ),
    ] {
        let space = cluster.space().await;
        let service = service(&space, app, dockerfile);
        let uri = bring_up(&service);
        let mut azds = LanguageClient::start(&mut space.command());
        let arguments = json!({"folder": service.folder, "space": space.namespace.name});
        let target = azds.run("azds.server.debugTarget", arguments);
        assert_eq!(target["runtime"], runtime);
        let port = target["configuration"]["port"].as_u64().expect("a port");
        let port = u16::try_from(port).expect("a port");
        match runtime {
            "java" => super::java::shake_hands(port),
            _ => super::node::greet(port),
        }
        drop(azds);
        until_answered(&uri).await;
        service.azds("down", &[]).json();
    }
}
