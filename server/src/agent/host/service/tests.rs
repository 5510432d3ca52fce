use debug::Service as _;

use super::*;

fn by(command: Vec<String>, env: &[(&str, &str)]) -> Replacement {
    let env = env
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    Replacement {
        command,
        working_dir: None,
        env: env.collect(),
    }
}

fn sh(script: &str) -> Vec<String> {
    ["sh", "-c", script].map(str::to_owned).to_vec()
}

#[tokio::test]
async fn the_exit_code_is_the_services() {
    let (_service, ended) = Service::start(sh("exit 7")).expect("started");
    assert_eq!(ended.await, 7);
    let (_service, ended) = Service::start(sh("kill -9 $$")).expect("started");
    assert_eq!(ended.await, 137);
}

#[tokio::test]
async fn a_service_is_started_again_and_restored() {
    let (service, ended) = Service::start(sh("sleep 60")).expect("started");
    let ended = tokio::spawn(ended);
    let first = service.state();
    let env = [("HOW", "debug")];
    service
        .replace(by(sh("test $HOW = debug && exec sleep 61"), &env))
        .await
        .expect("replaced");
    let nothing = by(vec!["/no/such/program".to_owned()], &[]);
    service.replace(nothing).await.expect_err("no program");
    assert_eq!(
        service.state().command,
        first.command,
        "it runs as at first"
    );
    service
        .replace(by(sh("exit 3"), &[]))
        .await
        .expect("replaced");
    assert_eq!(ended.await.expect("no panic"), 3);
    assert_eq!(service.state().starts, 4);
    service.restore().await.expect_err("it has ended");
}

#[tokio::test]
async fn the_host_stays_for_who_follows_and_starts_the_service_again() {
    let folder = tempfile::tempdir().expect("a folder");
    let mended = folder.path().join("mended");
    let script = format!("test -e {} && sleep 60; exit 5", mended.display());
    let (service, ended) = Service::start(sh(&script)).expect("started");
    let mut follower = service.follow();
    let mut host = tokio::spawn(ended);
    let states = &mut follower.state;
    let state = states.wait_for(|state| state.ended == Some(5)).await;
    assert_eq!(state.expect("the host stays").pid, None);
    let waited = tokio::time::timeout(Duration::from_millis(50), &mut host);
    waited.await.expect_err("it stays");

    std::fs::write(&mended, "").expect("written");
    service.restore().await.expect("started again");
    assert_eq!((service.state().ended, service.state().starts), (None, 2));
    std::fs::remove_file(&mended).expect("removed");
    service.restore().await.expect("started again");
    let state = follower.state.wait_for(|state| state.ended.is_some()).await;
    drop(state);
    drop(follower);
    assert_eq!(host.await.expect("no panic"), 5);
}

#[tokio::test]
async fn a_service_that_was_ended_for_something_comes_back() {
    let (service, ended) = Service::start(sh("sleep 60")).expect("started");
    let host = tokio::spawn(ended);
    let mut follower = service.follow();
    service.stop().await.expect("ended");
    let state = follower.state.wait_for(|state| state.pid.is_none()).await;
    let ended = state.expect("the host stays").ended;
    assert_eq!(ended, None, "nobody is told that it ended by itself");
    service.restore().await.expect("started again");
    assert_eq!((service.state().ended, service.state().starts), (None, 2));
    host.abort();
}

#[tokio::test]
async fn what_the_service_started_ends_with_it() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("pid");
    let script = format!("sleep 60 & echo $! > {}; wait", file.display());
    let (service, ended) = Service::start(sh(&script)).expect("started");
    let ended = tokio::spawn(ended);
    let orphan = loop {
        match std::fs::read_to_string(&file)
            .unwrap_or_default()
            .trim()
            .parse::<i32>()
        {
            Ok(pid) => break pid,
            Err(_) => tokio::time::sleep(Duration::from_millis(10)).await,
        }
    };
    service
        .replace(by(sh("exit 0"), &[]))
        .await
        .expect("replaced");
    ended.await.expect("no panic");
    let alive = || {
        std::fs::read_to_string(format!("/proc/{orphan}/stat"))
            .is_ok_and(|stat| !stat.contains(") Z "))
    };
    // A signal takes its time to arrive.
    for _ in 0..100 {
        if !alive() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("process {orphan} goes on");
}
