//! azds-agent.
fn main() {}
