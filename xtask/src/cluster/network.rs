//! The node's network: one address of its own, routes to pods and Services, and nothing else.

use std::fs;

use anyhow::Result;

use crate::shell::{command, run};

/// The node's address, inside its network namespace only.
pub const NODE: &str = "10.250.0.1";
/// Where the registry listens.
pub const REGISTRY: &str = "10.250.0.1:5443";
/// That of the second node, where there is one.
pub const SECOND: &str = "10.250.0.2";
/// Where pods get their addresses from: all of them, those of the first node, and of the second.
pub const PODS: &str = "10.244.0.0/21";
pub const PODS_OF_FIRST: &str = "10.244.0.0/22";
pub const PODS_OF_SECOND: &str = "10.244.4.0/22";
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

/// In the first node's network: a wire to the network namespace of the second node's process.
pub fn connect(second: u32) -> Result<()> {
    for line in [
        format!("ip link add second type veth peer name eth0 netns {second}"),
        "ip link set second master node up".to_owned(),
        format!("ip route add {PODS_OF_SECOND} via {SECOND}"),
    ] {
        run(&mut command(&line, &[]))?;
    }
    Ok(())
}

/// Sets up the second node's network, once the wire is there.
pub fn prepare_second() -> Result<()> {
    for line in [
        "ip link set lo up".to_owned(),
        format!("ip address add {SECOND}/24 dev eth0"),
        "ip link set eth0 up".to_owned(),
        format!("ip route add {SERVICES} dev eth0"),
        format!("ip route add {PODS_OF_FIRST} via {NODE}"),
        "ip route add unreachable default".to_owned(),
    ] {
        run(&mut command(&line, &[]))?;
    }
    fs::write("/proc/sys/net/ipv4/ip_forward", "1")?;
    Ok(())
}
