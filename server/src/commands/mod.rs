//! What a person can ask for.

pub mod check;
pub mod prep;
