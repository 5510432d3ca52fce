//! Which module may use which: the arrows of ARCHITECTURE.md, and what `analysis` must not know.

use std::path::{Path, PathBuf};

/// A module of the library and the modules that it may use, beside those that all may use.
const ARROWS: [(&str, &[&str]); 11] = [
    ("agent", &["analysis", "context", "cluster"]),
    ("analysis", &[]),
    ("cluster", &["context"]),
    ("commands", &["analysis", "context", "cluster"]),
    ("context", &[]),
    ("dap", &["commands", "analysis", "context"]),
    ("failure", &[]),
    ("lsp", &["commands", "analysis", "context"]),
    ("memory", &[]),
    ("progress", &[]),
    ("system", &[]),
];
/// The test that has the developer's side and a container's host face each other.
const BOTH_SIDES: &str = "commands/sync/tests.rs";
/// What every module may use.
const FOR_ALL: [&str; 4] = ["failure", "memory", "progress", "system"];
/// Crates that only some modules may name.
const CRATES: [(&str, &[&str]); 5] = [
    ("tower_lsp", &["lsp"]),
    ("dap::", &["dap"]),
    ("kube::", &["agent", "cluster", "commands"]),
    ("k8s_openapi", &["agent", "cluster", "commands"]),
    (
        "tokio",
        &[
            "agent", "cluster", "commands", "context", "dap", "lsp", "progress", "system",
        ],
    ),
];

/// The source files of the library with the module that each belongs to.
fn sources() -> Vec<(String, PathBuf)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut folders = vec![root.clone()];
    let mut files = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).expect("a source folder") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let below = path.strip_prefix(&root).expect("below the root");
                let module = below.with_extension("");
                let module = module.iter().next().expect("a name").to_string_lossy();
                files.push((module.into_owned(), path));
            }
        }
    }
    files
        .retain(|(module, path)| module != "lib" && module != "bin" && !path.ends_with(BOTH_SIDES));
    files
}

/// Lines of code with their numbers, without comments.
fn code(path: &Path) -> Vec<(usize, String)> {
    let text = std::fs::read_to_string(path).expect("a source file");
    let lines = text.lines().enumerate();
    let code = lines.filter(|(_, line)| !line.trim_start().starts_with("//"));
    code.map(|(at, line)| (at + 1, line.to_owned())).collect()
}

/// The modules that a line names as `crate::MODULE`, also in `crate::{A, B}` on one line.
fn named(line: &str) -> Vec<String> {
    let word = |text: &str| -> String {
        text.trim_start()
            .chars()
            .take_while(|c| c.is_alphanumeric() || *c == '_')
            .collect()
    };
    let mut modules = Vec::new();
    for (at, _) in line.match_indices("crate::") {
        let rest = &line[at + "crate::".len()..];
        match rest.strip_prefix('{') {
            Some(list) => modules.extend(list.split(',').map(word)),
            None => modules.push(word(rest)),
        }
    }
    modules
}

#[test]
fn modules_use_only_what_lies_below_them() {
    let mut wrong = Vec::new();
    let modules: Vec<&str> = ARROWS.iter().map(|(module, _)| *module).collect();
    for (module, path) in sources() {
        let (_, allowed) = ARROWS
            .iter()
            .find(|(name, _)| *name == module)
            .unwrap_or_else(|| panic!("{module} is not among the arrows"));
        for (number, line) in code(&path) {
            for other in named(&line) {
                let fine = other == module
                    || FOR_ALL.contains(&&*other)
                    || allowed.contains(&&*other)
                    || !modules.contains(&&*other);
                if !fine {
                    wrong.push(format!(
                        "{}:{number}: {module} uses {other}",
                        path.display()
                    ));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn types_of_a_protocol_stay_at_its_edge() {
    let mut wrong = Vec::new();
    for (module, path) in sources() {
        for (number, line) in code(&path) {
            for (name, allowed) in CRATES {
                let names_it = line.match_indices(name).any(|(at, _)| {
                    let before = line[..at].chars().next_back();
                    !before.is_some_and(|c| c.is_alphanumeric() || c == '_' || c == ':')
                });
                if names_it && !allowed.contains(&&*module) {
                    wrong.push(format!(
                        "{}:{number}: {module} names {name}",
                        path.display()
                    ));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
