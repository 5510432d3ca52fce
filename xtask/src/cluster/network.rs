//! The node's network: one address of its own, routes to pods and Services, and nothing else.

use std::fs;

use anyhow::Result;

use crate::shell::{command, run};

/// The node's address, inside its network namespace only.
pub const NODE: &str = "10.250.0.1";
/// Where the registry listens.
pub const REGISTRY: &str = "10.250.0.1:5443";
/// Where pods get their addresses from.
pub const PODS: &str = "10.244.0.0/22";
/// Where Services get theirs from.
pub const SERVICES: &str = "10.96.0.0/16";
/// That of cluster DNS, as in coredns.yaml.
pub const DNS: &str = "10.96.0.10";
/// That of the API server's own Service: the first one.
pub const API: &str = "10.96.0.1";

/// Sets up the network namespace that this process is in.
pub fn prepare() -> Result<()> {
    let setup = [
        "ip link set lo up".to_owned(),
        // A bridge without ports, since not every kernel has dummy devices.
        "ip link add node type bridge".to_owned(),
        format!("ip address add {NODE}/24 dev node"),
        "ip link set node up".to_owned(),
        // For the route look-up before kube-proxy's rules turn the address into a pod's.
        format!("ip route add {SERVICES} dev node"),
        // Fails at once where no route would wait for a neighbour that never answers.
        "ip route add unreachable default".to_owned(),
    ];
    for line in setup {
        run(&mut command(&line, &[]))?;
    }
    fs::write("/proc/sys/net/ipv4/ip_forward", "1")?;
    Ok(())
}
