//! A container as its node sees it, which is this machine.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

/// The service's container of a pod.
pub struct Container {
    /// Its root folder, as far as its processes see it.
    pub root: PathBuf,
}

impl Container {
    /// That of a pod in which `azds-agent host` runs.
    ///
    /// # Panics
    /// If there is none.
    pub fn of(pod: &str) -> Container {
        let name = format!("HOSTNAME={pod}");
        let is_host = |process: &PathBuf| {
            // Unreadable: it ended meanwhile.
            let read = |file: &str| fs::read(process.join(file)).unwrap_or_default();
            let has = |text: &[u8], word: &str| {
                text.split(|byte| *byte == 0)
                    .any(|it| it == word.as_bytes())
            };
            let words = read("cmdline");
            words.starts_with(b"/azds/azds-agent")
                && has(&words, "host")
                && has(&read("environ"), &name)
        };
        let processes = fs::read_dir("/proc").expect("processes can be listed");
        let processes = processes.filter_map(|entry| Some(entry.ok()?.path()));
        let host = { processes }.find(is_host);
        let host = host.unwrap_or_else(|| panic!("no host runs in pod {pod}"));
        Container {
            root: host.join("root"),
        }
    }

    /// Writes a file, as a program in the container would.
    ///
    /// # Panics
    /// If it can't be written.
    pub fn write(&self, path: &str, text: &str) {
        fs::write(self.root.join(path), text).expect("a file of the container");
    }

    /// Ends it at once, as the kernel does when memory is short.
    ///
    /// # Panics
    /// If it has ended.
    pub fn kill(&self) {
        let process = self.root.parent().and_then(|it| it.file_name());
        let mut kill = Command::new("kill");
        let killed = kill
            .arg("-KILL")
            .arg(process.expect("/proc/PID/root"))
            .status();
        assert!(killed.expect("kill is there").success(), "it has ended");
    }

    /// The command lines of its processes, their words with blanks between.
    pub fn commands(&self) -> Vec<String> {
        let namespace = |process: PathBuf| fs::read_link(process.join("ns/mnt")).ok();
        let own = self.root.parent().map(PathBuf::from).and_then(namespace);
        let processes = fs::read_dir("/proc").expect("processes can be listed");
        let processes = processes.filter_map(|entry| Some(entry.ok()?.path()));
        let inside = processes.filter(|process| namespace(process.clone()) == own);
        // One that ends meanwhile has none.
        let command = |process: PathBuf| fs::read_to_string(process.join("cmdline")).ok();
        inside
            .filter_map(command)
            .map(|words| words.replace('\0', " "))
            .collect()
    }

    /// Whether a file has this content now.
    pub fn has(&self, path: &str, content: &[u8]) -> bool {
        fs::read(self.root.join(path)).is_ok_and(|found| found == content)
    }
}
