//! The outside: kube client, pods, port-forward, helm, streams to the agents.

pub mod agent;
pub mod client;
pub mod helm;
pub mod kept;
pub mod network_policies;
pub mod pod_link;
pub mod pods;
mod port_forward;
pub mod registry;
pub mod release;
pub mod rights;
pub mod seeds;
pub mod spaces;
pub mod tunnels;
pub mod up_secret;
