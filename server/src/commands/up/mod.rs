//! `up`
pub mod build;
pub mod rollout;
pub mod sources;
pub mod values;
