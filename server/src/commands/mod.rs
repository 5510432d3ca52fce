//! What a person can ask for.

pub mod check;
pub mod debugger;
pub mod owner;
pub mod prep;
pub mod service;
pub mod up;
