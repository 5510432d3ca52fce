//! Faults of the cluster's own parts.

use std::time::Duration;

use azds_tests::{Undo, until};

use crate::developer::Foreground;
use crate::processes::{folder, on_node, one, restart, signal};
use crate::stage::{Seen, Stage, told};

pub async fn webhook_away(stage: &Stage) -> Seen {
    stage.scale_initializer(0).await;
    let outcome = told(&stage.service().azds("up", &["-d"]).failure());
    assert!(outcome.contains("azds-initializer"), "{outcome}");
    let doctor = stage.doctor_says("webhook", "azds-initializer").await;
    stage.scale_initializer(1).await;
    Seen { outcome, doctor }
}

pub async fn webhook_silent(stage: &Stage) -> Seen {
    let initializer = one(&stage.cluster, &["azds-agent", "initializer"]);
    let outcome;
    let doctor;
    {
        let _undo = Undo(|| signal("CONT", initializer));
        signal("STOP", initializer);
        outcome = told(&stage.service().azds("up", &["-d"]).failure());
        assert!(outcome.contains("azds-initializer"), "{outcome}");
        doctor = stage.doctor_says("webhook", "azds-initializer").await;
    }
    Seen { outcome, doctor }
}

pub async fn buildkit_killed(stage: &Stage) -> Seen {
    let service = stage.service();
    let dockerfile = service.read("Dockerfile.develop");
    service.write(
        "Dockerfile.develop",
        &dockerfile.replace("COPY . .\n", "COPY . .\nRUN sleep 15\n"),
    );
    let up = Foreground::start(stage, "up", &["-d"]);
    up.until_said("RUN sleep 15").await;
    signal("KILL", one(&stage.cluster, &["buildkitd"]));
    let answer = up.end();
    let outcome = match answer.status.success() {
        true => "the build began again and azds up went on to its end".to_owned(),
        false => told(&answer.failure()),
    };
    assert!(
        answer.status.success() || outcome.contains("BuildKit") || outcome.contains("builder"),
        "{outcome}"
    );
    // It may be back before anybody can look.
    let doctor = stage.doctor_is_content().await;
    service.write("Dockerfile.develop", &dockerfile);
    Seen {
        outcome,
        doctor: format!("once BuildKit runs again: {doctor}"),
    }
}

pub async fn disk_full(stage: &Stage) -> Seen {
    let store = folder(&stage.cluster).join("store").display().to_string();
    let builder = |stage: &Stage| {
        stage.kubectl(&[
            "delete",
            "pod",
            "--namespace=azds",
            "--selector=app=azds-builder",
        ])
    };
    let outcome;
    let doctor;
    {
        let _undo = Undo(|| {
            on_node(&stage.cluster, &["umount", "--lazy", &store]);
            builder(stage);
        });
        on_node(
            &stage.cluster,
            &["mount", "-t", "tmpfs", "-o", "size=4k", "none", &store],
        );
        builder(stage);
        stage.ready("azds-initializer", "azds-builder").await;
        doctor = stage
            .doctor_says("builder on node1", "its disk is full")
            .await;
        outcome = told(&stage.service().azds("up", &["-d"]).failure());
        assert!(outcome.contains("No space left"), "{outcome}");
    }
    Seen { outcome, doctor }
}

pub async fn always_pull_images(stage: &Stage) -> Seen {
    let outcome;
    let doctor;
    {
        let _undo = Undo(|| restart(&stage.cluster, "kube-apiserver", ""));
        restart(
            &stage.cluster,
            "kube-apiserver",
            "--enable-admission-plugins=NodeRestriction,AlwaysPullImages",
        );
        api_answers(stage).await;
        doctor = stage.doctor_says("webhook", "AlwaysPullImages").await;
        outcome = told(&stage.service().azds("up", &["-d"]).failure());
        assert!(outcome.contains("AlwaysPullImages"), "{outcome}");
    }
    api_answers(stage).await;
    Seen { outcome, doctor }
}

pub async fn kubelet_restarted(stage: &Stage) -> Seen {
    restarted(stage, "kubelet").await
}

pub async fn containerd_restarted(stage: &Stage) -> Seen {
    restarted(stage, "containerd").await
}

async fn restarted(stage: &Stage, part: &str) -> Seen {
    let uri = stage.up();
    restart(&stage.cluster, part, "");
    stage.answers(&uri, "EUR").await;
    Seen {
        outcome: format!("the service answers through its tunnel after {part} has come back"),
        doctor: stage.doctor_is_content().await,
    }
}

pub async fn api_server_away(stage: &Stage) -> Seen {
    let up = Foreground::start(stage, "up", &[]);
    let uri = up.address().await;
    let server = one(&stage.cluster, &["kube-apiserver"]);
    let doctor;
    {
        let _undo = Undo(|| signal("CONT", server));
        signal("STOP", server);
        let service = stage.service();
        service.replace("app.py", "\"EUR\"", "\"USD\"");
        let begun = std::time::Instant::now();
        doctor = stage.doctor_says("API server", "cannot be reached").await;
        tokio::time::sleep(Duration::from_secs(30).saturating_sub(begun.elapsed())).await;
    }
    api_answers(stage).await;
    stage.answers(&uri, "USD").await;
    Seen {
        outcome: "the change that was saved meanwhile is answered afterwards".to_owned(),
        doctor,
    }
}

async fn api_answers(stage: &Stage) {
    until("the API server", || async {
        stage
            .client
            .apiserver_version()
            .await
            .map_err(|error| error.to_string())
    })
    .await;
}
