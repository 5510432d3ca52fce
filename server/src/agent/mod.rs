//! What runs in the cluster: initializer, builder, build, host, probe.

pub mod debug;
