//! What a person can ask for.

pub mod owner;
pub mod check;
pub mod prep;
pub mod service;
pub mod up;
