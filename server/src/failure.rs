//! [`Failure`], the one error type: what did not happen, to which object, why, what to try.

pub use azds_protocol::{Action, Audience, Failure};

/// The result of everything that can fail.
pub type Result<T, E = Failure> = std::result::Result<T, E>;

/// Turns the errors of libraries into a [`Failure`] at the place that knows what was being done.
pub trait Context<T> {
    /// Says what did not happen, to which object; the error itself and its causes say why.
    fn or_fail(self, what: impl Into<String>, object: impl Into<String>) -> Result<T>;
}

impl<T, E: std::error::Error> Context<T> for std::result::Result<T, E> {
    fn or_fail(self, what: impl Into<String>, object: impl Into<String>) -> Result<T> {
        self.map_err(|error| Failure::new(what, object, chain(&error)))
    }
}

/// An error with its causes, without those that only repeat what was said before them.
pub fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let said = error.to_string();
        if !text.contains(&said) {
            text.push_str(": ");
            text.push_str(&said);
        }
        cause = error.source();
    }
    text
}
