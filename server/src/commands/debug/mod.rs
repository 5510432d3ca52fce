//! Debugging, as far as it is no matter of DAP: what is asked of the host in the pod, what differs
//! from runtime to runtime, and ports that lead to what is debugged.

mod forward;
mod host;
pub mod own;
pub mod runtimes;

pub use forward::{Forward, carry, listen};
pub use host::{Connection, Host, HostStream};

/// The user of this machine, as other developers are told of a session.
pub fn user() -> String {
    let user = ["USER", "USERNAME", "LOGNAME"]
        .iter()
        .find_map(|name| std::env::var(name).ok());
    user.unwrap_or_else(|| "somebody".to_owned())
}
