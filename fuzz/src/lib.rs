//! What azds reads from others, under random bytes.
//!
//! A target is a plain function that comes back for any bytes, and panics where something that must hold
//! does not. libFuzzer calls it (`cargo xtask fuzz`), and so does a test, with every file of
//! `seeds/TARGET` and with the large texts of [`made`]. What a run finds becomes a file there.
#![allow(clippy::print_stdout)] // Tests say which input they are at.

mod agent;
mod change;
mod cluster;
mod dap;
mod documents;
mod edits;
mod framing;
pub mod made;

/// Comes back for any bytes.
pub type Target = fn(&[u8]);

/// All targets. Each has a folder of its name in `seeds`, which is how xtask knows them.
pub const TARGETS: &[(&str, Target)] = &[
    ("agent", agent::agent),
    ("cluster", cluster::cluster),
    ("dap", dap::dap),
    ("edits", edits::edits),
    ("framing", framing::framing),
    ("globs", documents::globs),
    ("templates", documents::templates),
    ("yaml", documents::yaml),
];

/// The target of a name.
pub fn target(name: &str) -> Option<Target> {
    let mut targets = TARGETS.iter();
    targets.find_map(|(its, target)| (*its == name).then_some(*target))
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

    use super::*;

    #[test]
    fn every_target_has_a_folder_of_seeds_and_comes_back_for_each() {
        let seeds = Path::new(env!("CARGO_MANIFEST_DIR")).join("seeds");
        let folders = fs::read_dir(&seeds).expect("there are seeds");
        let mut names: Vec<String> = folders
            .map(|entry| entry.expect("it can be read").file_name())
            .map(|name| name.into_string().expect("our names are ASCII"))
            .collect();
        names.sort();
        let targets: Vec<&str> = TARGETS.iter().map(|(name, _)| *name).collect();
        assert_eq!(names, targets);
        for (name, target) in TARGETS {
            for entry in fs::read_dir(seeds.join(name)).expect("it is there") {
                let path = entry.expect("it can be read").path();
                eprintln!("{}", path.display());
                target(&fs::read(&path).expect("a file"));
            }
        }
    }

    #[test]
    fn every_target_comes_back_for_what_a_machine_may_write() {
        for (seed, text) in made::texts() {
            for (name, target) in TARGETS {
                eprintln!("{name}: {seed}");
                target(text.as_bytes());
            }
        }
    }

    #[test]
    fn ten_megabytes_are_answered() {
        for (name, text) in made::huge() {
            eprintln!("{name}");
            documents::yaml(text.as_bytes());
        }
    }
}
