//! The outside: kube client, pods, port-forward, helm, streams to the agents.

pub mod agent;
pub mod client;
