//! What a person can ask for.

pub mod debugger;
