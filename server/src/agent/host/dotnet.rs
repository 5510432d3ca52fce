//! What is special about services of .NET that are built where they run.

use std::collections::BTreeMap;
use std::path::Path;

use azds_protocol::debug::ProcessInfo;

use crate::agent::debug::{Replacement, processes};

/// Whether a service can't serve while it is built: .NET's build writes the program of the service,
/// which the kernel refuses as long as that runs (ETXTBSY).
pub fn writes_what_runs(commands: &[Vec<String>]) -> bool {
    let mut programs = commands.iter().filter_map(|command| command.first());
    programs.any(|program| is_dotnet(program))
}

/// The program that `dotnet run`, process `pid`, has started; or that process itself if it is such a program.
/// Started by itself it is there at once, while `dotnet run` reads the whole project each time.
pub fn program(pid: i32) -> Option<Replacement> {
    let processes = processes::list();
    let service = processes.iter().find(|process| process.pid == pid)?;
    let program = match &service.command[..] {
        [dotnet, run, ..] if is_dotnet(dotnet) && run == "run" => {
            let mut children = processes.iter().filter(|process| process.ppid == pid);
            children.find(|child| is_program(child))?
        }
        _ => Some(service).filter(|service| is_program(service))?,
    };
    Some(Replacement {
        command: program.command.clone(),
        working_dir: Some(program.working_dir.clone()),
        env: environment(program.pid)?,
    })
}

/// Whether it can be started: a build may have given it another place.
pub fn is_there(program: &Replacement) -> bool {
    program
        .command
        .first()
        .is_some_and(|it| Path::new(it).is_file())
}

/// Whether a process is a program of .NET with a launcher of its own, and not `dotnet` with a file.
fn is_program(process: &ProcessInfo) -> bool {
    let mut libraries = process.libraries.iter();
    !is_dotnet(&process.exe) && libraries.any(|library| library == "libcoreclr.so")
}

fn is_dotnet(program: &str) -> bool {
    program.rsplit('/').next() == Some("dotnet")
}

fn environment(pid: i32) -> Option<BTreeMap<String, String>> {
    let text = std::fs::read(format!("/proc/{pid}/environ")).ok()?;
    let variables = text.split(|&byte| byte == 0);
    let variables = variables.filter_map(|variable| {
        let (name, value) = std::str::from_utf8(variable).ok()?.split_once('=')?;
        Some((name.to_owned(), value.to_owned()))
    });
    Some(variables.collect())
}
