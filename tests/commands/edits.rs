//! Each runtime's service is edited again and again, and each edit is answered by its own token.

use std::fs;
use std::path::Path;

use azds_tests::Cluster;
use azds_tests::container::Container;
use azds_tests::space::{Service, Space};
use azds_tests::staying::{Staying, reload_itself};

/// Edits of a run; with everything that takes long, more.
const EDITS: u32 = 3;
const ALL_EDITS: u32 = 30;

/// What is edited: a file, and what stands in it.
struct Edited {
    runtime: &'static str,
    file: &'static str,
    text: &'static str,
    /// What azds is to do about it.
    tier: &'static str,
}

/// Edits the service, and looks at it once more at the end.
async fn edits(space: &Space, service: &Service<'_>, edited: &Edited, look: impl FnOnce(&Staying)) {
    let count = match std::env::var_os("AZDS_TEST_ALL") {
        Some(_) => ALL_EDITS,
        None => EDITS,
    };
    let Edited {
        runtime,
        file,
        text,
        tier,
    } = edited;
    let up = Staying::start(space.command().arg("up").arg(&service.folder));
    up.answers(text).await;
    let source = service.read(file);
    for number in 0..count {
        let token = format!("X{number:02}");
        service.write(file, &source.replacen(text, &token, 1));
        assert_eq!(up.done(), ((*tier).to_owned(), (*file).to_owned()));
        up.answers(&token).await;
    }
    look(&up);
    eprintln!("ran: {count} edits of {runtime}, each answered");
}

#[tokio::test]
async fn edits_of_python_that_azds_starts_again() {
    let space = Cluster::get().space().await;
    let service = space.python_service("shop", &[]);
    let edited = Edited {
        runtime: "Python",
        file: "app.py",
        text: "EUR",
        tier: "restart",
    };
    edits(&space, &service, &edited, |_| ()).await;
}

#[tokio::test]
async fn edits_of_python_that_reloads_itself() {
    let space = Cluster::get().space().await;
    let service = space.python_service("shop", &[]);
    let reload = Path::new(env!("CARGO_MANIFEST_DIR")).join("apps/reload.py");
    fs::copy(reload, service.folder.join("reload.py")).expect("it can be copied");
    reload_itself(&service.folder, "[python, reload.py]");
    let edited = Edited {
        runtime: "Python that reloads itself",
        file: "app.py",
        text: "EUR",
        tier: "sync",
    };
    edits(&space, &service, &edited, |_| ()).await;
}

#[tokio::test]
async fn edits_of_node_that_azds_starts_again() {
    let space = Cluster::get().space().await;
    let service = space.service("shop", "node-service", &[]);
    let edited = Edited {
        runtime: "Node",
        file: "server.js",
        text: "EUR",
        tier: "restart",
    };
    edits(&space, &service, &edited, |_| ()).await;
}

#[tokio::test]
async fn edits_of_node_that_watches_itself() {
    let space = Cluster::get().space().await;
    let service = space.service("shop", "node-service", &[]);
    reload_itself(&service.folder, "[node, --watch, server.js]");
    let edited = Edited {
        runtime: "node --watch",
        file: "server.js",
        text: "EUR",
        tier: "sync",
    };
    edits(&space, &service, &edited, |_| ()).await;
}

#[tokio::test]
async fn edits_of_go_that_is_built_in_the_container() {
    let space = Cluster::get().space().await;
    let service = space.service("shop", "go-service", &[]);
    let edited = Edited {
        runtime: "Go",
        file: "main.go",
        text: "EUR",
        tier: "restart",
    };
    edits(&space, &service, &edited, |_| ()).await;
}

#[tokio::test]
async fn edits_of_dotnet_that_is_built_in_the_container() {
    let space = Cluster::get().space().await;
    let service = space.service("producer", "producer", &[]);
    let edited = Edited {
        runtime: ".NET",
        file: "Controllers/DemoController.cs",
        text: "Keyboard",
        tier: "restart",
    };
    // It reads the whole project before it starts anything.
    let without_run = |up: &Staying| {
        let commands = Container::of(&up.pod).commands();
        let runs = commands.iter().any(|it| it.starts_with("dotnet run"));
        assert!(!runs, "{commands:#?}");
    };
    edits(&space, &service, &edited, without_run).await;
}
