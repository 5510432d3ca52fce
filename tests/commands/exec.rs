//! Child spaces, and commands in a service's container, as a developer without `pods/exec`.

use std::io::{BufRead, BufReader, Read, Write};
use std::process::{Child, Command, Stdio};

use azds_tests::space::{Service, Space, azds, get, run};
use azds_tests::{Cluster, until};
use serde_json::{Value, json};

/// `azds exec` of this command, with standard input that the test writes.
fn exec(space: &Space, service: &Service, options: &[&str], command: &[&str]) -> Child {
    space
        .command()
        .args(["exec", "--dir"])
        .arg(&service.folder)
        .args(options)
        .arg("--")
        .args(command)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("azds starts")
}

#[tokio::test]
async fn a_child_space_has_hosts_of_its_own_and_commands_run_in_its_containers() {
    let cluster = Cluster::get();
    let parent = cluster.space().await;
    let child = cluster.future_space().await;
    let (above, name) = (&parent.namespace.name, &child.namespace.name);
    let path = format!("{above}/{name}");
    let developer = format!("system:serviceaccount:{name}:developer");
    cluster.use_dev_spaces(&path, &developer).json();
    let service = child.python_service("web", &["--public"]);

    let select = |name: &str| {
        let mut command = child.command();
        command.args(["space", "select", "--name", name]);
        run(command.arg(&service.folder).args(["-o", "json"]))
    };
    let refused = select(&format!("elsewhere/{name}")).failure();
    let why = refused["why"].as_str().expect("a reason");
    assert!(why.contains(above.as_str()), "{why}");
    assert!(select(&path).status.success());
    let context = service.azds("show-context", &[]).json();
    assert_eq!(
        (
            &context["devSpace"],
            &context["parents"],
            &context["hostSuffix"]
        ),
        (&json!(name), &json!([above]), &json!(".example.test"))
    );

    // As the tasks that Azure Dev Spaces wrote call it.
    let up = service.azds("up", &["--await-exec", "--keep-alive"]).json();
    let host = format!("http://{name}.s.{above}.web.example.test/");
    let uris = service.azds("list-uris", &[]).json();
    let uris = uris.as_array().expect("rows");
    assert!(uris.iter().any(|row| row["uri"] == host), "{uris:?}");

    streams_and_exit_code(&child, &service);
    in_a_terminal(&child, &service);
    let mut tunnel = up["uris"].as_array().expect("addresses").iter();
    let tunnel = tunnel.find(|row| row["status"] == "Tunneled");
    let tunnel = tunnel.expect("a tunnel")["uri"]
        .as_str()
        .expect("an address");
    in_the_services_place(&child, &service, tunnel).await;

    let remove = |name: &str| {
        let mut command = cluster.command(azds());
        run(command.args(["space", "remove", "--name", name, "-o", "json"]))
    };
    let refused = remove(above).failure();
    let why = refused["why"].as_str().expect("a reason");
    assert!(why.contains(name.as_str()), "{why}");
    service.azds("down", &[]).json();
    assert_eq!(
        remove(name).json()["namespaceDeleted"],
        false,
        "azds did not make it"
    );
    let gone = service.azds("show-context", &[]).failure();
    let why = gone["why"].as_str().expect("a reason");
    assert!(
        why.contains("forbidden"),
        "the developer's Role is gone: {why}"
    );
}

fn streams_and_exit_code(space: &Space, service: &Service) {
    let script =
        "import sys; print(sys.stdin.read().upper()); print('wrong', file=sys.stderr); sys.exit(7)";
    let mut command = exec(space, service, &["-i"], &["python", "-c", script]);
    let mut input = command.stdin.take().expect("piped");
    input.write_all(b"input").expect("it is read");
    drop(input);
    let answer = command.wait_with_output().expect("azds ends");
    let (out, err) = (
        String::from_utf8_lossy(&answer.stdout),
        String::from_utf8_lossy(&answer.stderr),
    );
    assert_eq!(
        (out.as_ref(), err.as_ref(), answer.status.code()),
        ("INPUT\n", "wrong\n", Some(7))
    );

    let missing = exec(space, service, &[], &["no-such-program"]);
    let answer = missing.wait_with_output().expect("azds ends");
    assert_eq!(answer.status.code(), Some(125));
    let said = String::from_utf8_lossy(&answer.stderr);
    assert!(said.contains("no-such-program"), "{said}");
}

/// `script` gives azds a terminal.
fn in_a_terminal(space: &Space, service: &Service) {
    let azds = azds().display().to_string();
    let folder = service.folder.display();
    let code = "import os; print(os.get_terminal_size(), os.environ['TERM'], input())";
    let run = format!(
        "stty rows 33 cols 111; '{azds}' exec -it --dir '{folder}' -- python -c \"{code}\""
    );
    let mut script = space.command_of("script");
    script
        .args(["-qec", &run, "/dev/null"])
        .env("TERM", "vt220");
    let script = script.stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut script = script.spawn().expect("script starts");
    let mut input = script.stdin.take().expect("piped");
    input.write_all(b"typed\r").expect("it is read");
    let answer = script.wait_with_output().expect("azds ends");
    let out = String::from_utf8_lossy(&answer.stdout);
    let expected = "os.terminal_size(columns=111, lines=33) vt220 typed";
    assert!(answer.status.success() && out.contains(expected), "{out}");
}

async fn in_the_services_place(space: &Space, service: &Service<'_>, tunnel: &str) {
    let answers = || get(tunnel, "/api/demo").is_ok_and(|(status, _)| status.contains("200"));
    assert!(answers());
    let script = "import sys; print('here', flush=True); sys.stdin.read()";
    let options = ["--interactive", "--on-exit-resume-up"];
    let mut command = exec(space, service, &options, &["python", "-c", script]);
    let mut out = BufReader::new(command.stdout.take().expect("piped"));
    let mut line = String::new();
    out.read_line(&mut line).expect("it writes");
    assert_eq!(line, "here\n");
    assert!(!answers(), "the service is away");

    let second = exec(space, service, &options, &["true"]);
    let second = second.wait_with_output().expect("azds ends");
    let said = String::from_utf8_lossy(&second.stderr);
    assert!(said.contains("another command"), "{said}");

    drop(command.stdin.take());
    let mut rest = String::new();
    out.read_to_string(&mut rest).expect("it ends");
    assert!(command.wait().expect("azds ends").success());
    until("the service to be back", || async {
        if answers() {
            Ok(())
        } else {
            Err("it does not answer".to_owned())
        }
    })
    .await;
}

#[tokio::test]
async fn a_space_that_azds_made_goes_with_its_namespace() {
    let cluster = Cluster::get();
    let parent = cluster.space().await;
    let above = &parent.namespace.name;
    let name = format!("{above}-child");
    let folder = tempfile::tempdir().expect("a folder");
    let command = |arguments: &[&str]| {
        let mut command: Command = cluster.command(azds());
        command
            .env("XDG_CONFIG_HOME", folder.path())
            .args(["space"]);
        run(command.args(arguments).args(["-o", "json"]))
    };
    let at = folder.path().to_str().expect("a path");
    let path = format!("{above}/{name}");
    let failure = command(&["select", "--name", &path, at]).failure();
    let remedy = failure["try"].as_str().expect("a remedy");
    assert!(remedy.contains("--yes"), "{remedy}");
    assert!(
        command(&["select", "--yes", "--name", &path, at])
            .status
            .success()
    );
    let rows = command(&["list", at]).json();
    let row = rows
        .as_array()
        .expect("rows")
        .iter()
        .find(|row| row["name"] == name);
    let expected: Value =
        json!({"name": name, "parent": above, "devSpacesEnabled": true, "selected": true});
    assert_eq!(row, Some(&expected));
    let removed = command(&["remove", "--name", &name]).json();
    assert_eq!(removed["namespaceDeleted"], true);
}
