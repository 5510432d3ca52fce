//! The outside: kube client, pods, port-forward, helm, streams to the agents.

pub mod agent;
pub mod client;
pub mod helm;
pub mod pod_link;
pub mod pods;
pub mod registry;
pub mod spaces;
pub mod tunnels;
pub mod up_secret;
