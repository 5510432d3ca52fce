//! What crosses a wire in azds: between editor and server, between the developer's machine and the
//! agents in the cluster, and between a command and whoever reads its `-o json`.
//!
//! Types only: nothing here does input or output.

pub mod agent;
pub mod change;
pub mod commands;
pub mod debug;
pub mod exec;
mod failure;
pub mod sync;
#[cfg(test)]
mod typescript;

pub use failure::{Action, Audience, Failure};
