//! azds.
fn main() {}
