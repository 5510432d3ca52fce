//! Helm charts: what their templates read of the values.

mod expression;
pub mod reads;
mod scan;
mod scope;
pub mod template;
pub mod words;

pub use scan::scan;

#[cfg(test)]
mod tests;
