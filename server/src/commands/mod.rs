//! What a person can ask for.

pub mod service;
pub mod up;
