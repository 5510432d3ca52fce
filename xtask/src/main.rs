//! Automation of this repository, called as `cargo xtask COMMAND`.
fn main() {}
