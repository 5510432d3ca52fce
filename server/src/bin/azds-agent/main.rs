//! `azds-agent`: what runs in the cluster, whose nodes are Linux. Elsewhere there is as much of it as lets
//! `cargo build` do without exceptions.

#[cfg(target_os = "linux")]
mod command;

fn main() -> std::process::ExitCode {
    #[cfg(target_os = "linux")]
    {
        command::main()
    }
    #[cfg(not(target_os = "linux"))]
    {
        eprintln!("azds-agent runs on Linux only.");
        std::process::ExitCode::FAILURE
    }
}
