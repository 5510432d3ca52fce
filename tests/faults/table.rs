//! The faults.

use std::future::Future;
use std::pin::Pin;

use crate::stage::{Seen, Stage};
use crate::{cluster, developer, objects, trust};

type Making<'a> = Pin<Box<dyn Future<Output = Seen> + 'a>>;

/// One of them.
pub struct Fault {
    /// What it is called.
    pub name: &'static str,
    /// Whether every test run plays it.
    pub core: bool,
    /// Makes it, looks at what is told, and lifts it again.
    pub make: for<'a> fn(&'a Stage) -> Making<'a>,
}

macro_rules! faults {
    ($($core:literal $name:literal $make:path;)*) => {
        &[$(Fault { name: $name, core: $core, make: |stage| Box::pin($make(stage)) }),*]
    };
}

/// All of them.
pub const FAULTS: &[Fault] = faults! {
    false "pod deleted" objects::pod_deleted;
    false "container killed" objects::container_killed;
    true "image collected under Never" objects::image_collected;
    true "quota exceeded" objects::quota_exceeded;
    false "network policy closes the way to the builder" objects::network_policy;
    true "webhook away" cluster::webhook_away;
    false "webhook black-holed" cluster::webhook_silent;
    false "BuildKit killed in mid-build" cluster::buildkit_killed;
    false "builder's disk full" cluster::disk_full;
    false "AlwaysPullImages on" cluster::always_pull_images;
    false "kubelet restarted" cluster::kubelet_restarted;
    false "containerd restarted" cluster::containerd_restarted;
    false "API server away for 30 s" cluster::api_server_away;
    false "gate's certificate expired" trust::gate_certificate_expired;
    false "gate's certificate not yet valid" trust::gate_certificate_early;
    false "API server's certificate expired" trust::api_certificate_expired;
    false "API server's certificate not yet valid" trust::api_certificate_early;
    false "connections cut" developer::connections_cut;
    false "azds up killed in each phase" developer::up_killed;
    false "azds killed while it syncs" developer::sync_killed;
    false "azds dap killed at a breakpoint" developer::debug_killed;
    false "azds down killed" developer::down_killed;
    false "two people on one service" developer::two_people;
    false "up while down" developer::up_while_down;
    false "machine asleep for 60 s" developer::asleep;
};
