//! The processes of the container and its listening ports, as /proc has them.

use std::io::Read as _;
use std::path::Path;

use azds_protocol::debug::ProcessInfo;

/// Libraries that tell which runtime a process is.
const RUNTIME_LIBRARIES: [&str; 3] = ["libcoreclr.so", "libjvm.so", "libpython"];
/// The note of Go's build id as the linker writes it: its type and its owner's name.
const GO_NOTE: &[u8] = b"\x04\0\0\0Go\0\0";
/// Where that note is at the latest: the linker puts it before the code.
const NOTES: u64 = 8 << 10;
/// State of a listening socket in /proc/net/tcp.
const LISTEN: &str = "0A";

/// All processes that can be seen, by process id. One that ends meanwhile is left out.
pub fn list() -> Vec<ProcessInfo> {
    let Ok(entries) = std::fs::read_dir("/proc") else {
        return Vec::new();
    };
    let mut processes: Vec<ProcessInfo> = entries
        .flatten()
        .filter_map(|entry| {
            let pid = entry.file_name().to_str()?.parse().ok()?;
            process(pid, &entry.path())
        })
        .collect();
    processes.sort_by_key(|process| process.pid);
    processes
}

fn process(pid: i32, folder: &Path) -> Option<ProcessInfo> {
    let stat = std::fs::read_to_string(folder.join("stat")).ok()?;
    let command = std::fs::read(folder.join("cmdline")).ok()?;
    let link = |name| {
        std::fs::read_link(folder.join(name))
            .map(|path| path.to_string_lossy().into_owned())
            .unwrap_or_default()
    };
    Some(ProcessInfo {
        pid,
        ppid: parent(&stat)?,
        command: arguments(&command),
        exe: link("exe"),
        working_dir: link("cwd"),
        libraries: std::fs::read_to_string(folder.join("maps"))
            .map(|maps| libraries(&maps))
            .unwrap_or_default(),
        is_go: std::fs::File::open(folder.join("exe")).is_ok_and(is_go),
    })
}

fn is_go(program: impl std::io::Read) -> bool {
    let mut start = Vec::new();
    // What can be read of it decides.
    let _ = program.take(NOTES).read_to_end(&mut start);
    start.windows(GO_NOTE.len()).any(|bytes| bytes == GO_NOTE)
}

/// The processes that a process started, and those that they started. A session leader or a group of
/// its own among them is no matter.
pub fn descendants(of: i32) -> Vec<ProcessInfo> {
    let mut found = Vec::new();
    let mut parents = vec![of];
    let mut rest = list();
    while let Some(parent) = parents.pop() {
        let (children, others) = rest.into_iter().partition(|it| it.ppid == parent);
        rest = others;
        let children: Vec<ProcessInfo> = children;
        parents.extend(children.iter().map(|child| child.pid));
        found.extend(children);
    }
    found
}

/// Whether it still runs: a number alone may be another process's by now.
pub fn is_same(known: &ProcessInfo) -> bool {
    let now = process(known.pid, &Path::new("/proc").join(known.pid.to_string()));
    now.is_some_and(|now| now.exe == known.exe && now.command == known.command)
}

/// The fourth field of /proc/PID/stat. The second, the program's name in parentheses, may hold
/// spaces and parentheses itself.
fn parent(stat: &str) -> Option<i32> {
    let (_, rest) = stat.rsplit_once(')')?;
    rest.split_whitespace().nth(1)?.parse().ok()
}

fn arguments(cmdline: &[u8]) -> Vec<String> {
    let Some(text) = cmdline.strip_suffix(b"\0") else {
        return Vec::new();
    };
    text.split(|&byte| byte == 0)
        .map(|argument| String::from_utf8_lossy(argument).into_owned())
        .collect()
}

fn libraries(maps: &str) -> Vec<String> {
    let mut found: Vec<String> = maps
        .lines()
        .filter_map(|line| line.rsplit_once('/'))
        .map(|(_, name)| name)
        .filter(|name| {
            RUNTIME_LIBRARIES
                .iter()
                .any(|library| name.starts_with(library))
        })
        .map(str::to_owned)
        .collect();
    found.sort();
    found.dedup();
    found
}

/// Whether something listens on a TCP port. Found out without a connection: a debugger takes the
/// first one for its client.
pub fn listens(port: u16) -> bool {
    ["/proc/net/tcp", "/proc/net/tcp6"]
        .iter()
        .filter_map(|table| std::fs::read_to_string(table).ok())
        .any(|table| has_listener(&table, port))
}

fn has_listener(table: &str, port: u16) -> bool {
    let port = format!(":{port:04X}");
    table.lines().skip(1).any(|line| {
        let mut fields = line.split_whitespace().skip(1);
        fields.next().is_some_and(|local| local.ends_with(&port)) && fields.nth(1) == Some(LISTEN)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_name_may_hold_what_separates_the_fields() {
        assert_eq!(parent("19 (a) b (c) S 7 19 1 0"), Some(7));
        assert_eq!(parent("19"), None);
    }

    #[test]
    fn arguments_may_be_empty_and_a_kernel_thread_has_none() {
        assert_eq!(arguments(b"python\0-c\0\0"), ["python", "-c", ""]);
        assert!(arguments(b"").is_empty());
    }

    #[test]
    fn the_runtime_is_told_by_its_libraries() {
        let maps = "7f00-7f01 r-xp 00000000 08:01 12 /usr/share/dotnet/shared/libcoreclr.so\n\
                    7f02-7f03 rw-p 00000000 08:01 12 /usr/share/dotnet/shared/libcoreclr.so\n\
                    7f04-7f05 r-xp 00000000 08:01 13 /usr/lib/libc.so.6\n";
        assert_eq!(libraries(maps), ["libcoreclr.so"]);
    }

    #[test]
    fn a_go_program_is_told_by_its_note() {
        let note = b"\x7fELF....\x04\0\0\0\x53\0\0\0\x04\0\0\0Go\0\0abc";
        assert!(is_go(&note[..]));
        assert!(!is_go(&b"\x7fELF....Go\0\0"[..]));
        let far = [vec![0; 9000], note.to_vec()].concat();
        assert!(!is_go(&far[..]), "in the code it is no note");
    }

    #[test]
    fn only_a_listener_on_the_port_counts() {
        let table = "  sl  local_address rem_address   st\n\
             0: 0100007F:7206 00000000:0000 0A 00000000:00000000\n\
             1: 0100007F:1267 0100007F:7206 01 00000000:00000000\n";
        assert!(has_listener(table, 0x7206));
        assert!(!has_listener(table, 0x1267), "a connection is no listener");
        assert!(!has_listener(table, 0x206));
    }

    #[test]
    fn this_process_is_listed_and_its_listener_found() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
        let port = listener.local_addr().expect("bound").port();
        assert!(listens(port));
        drop(listener);
        // A process that another test just starts has it, too, from its fork to its exec.
        let is_gone = (0..100).any(|_| {
            std::thread::sleep(std::time::Duration::from_millis(10));
            !listens(port)
        });
        assert!(is_gone);

        let me = std::process::id().cast_signed();
        let processes = list();
        let found = processes
            .iter()
            .find(|process| process.pid == me)
            .expect("this process");
        assert_eq!(found.command, std::env::args().collect::<Vec<_>>());
        assert_eq!(found.ppid, nix::unistd::getppid().as_raw());
    }
}
