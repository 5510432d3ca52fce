//! `azds-agent`: what runs in the cluster. Its nodes are Linux; elsewhere it is compiled so far that `cargo build`
//! has no exceptions.

#[cfg(unix)]
mod command;

fn main() -> std::process::ExitCode {
    #[cfg(unix)]
    {
        command::main()
    }
    #[cfg(not(unix))]
    {
        std::process::ExitCode::FAILURE
    }
}
