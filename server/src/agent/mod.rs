//! What runs in the cluster: initializer, builder, build, host, probe.
