//! Where a Dockerfile puts the files of its build context: what `COPY` and `WORKDIR` of its last
//! stage say, and of the stages that it is made `FROM`; and whether its user may write there.

use std::iter;

use super::across::{Dockerfile, Stage};

/// Where the files of a build context lie in the image.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Placements {
    /// In the order of the file; later ones win.
    rules: Vec<Rule>,
    workdir: Option<String>,
    user: Option<String>,
}

/// One source of one `COPY`.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Rule {
    /// Path in the context; empty for all of it.
    from: String,
    /// Path in the image; absolute, or relative to the working folder of the base image.
    to: String,
    /// Whether a file keeps its name below `to`, rather than being called so.
    into_folder: bool,
}

impl Rule {
    /// Where a file of the context lies, if the rule is about it.
    fn place(&self, path: &str) -> Option<String> {
        let name = path.rsplit_once('/').map_or(path, |(_, name)| name);
        Some(match path.strip_prefix(self.from.as_str())? {
            "" if self.into_folder => join(&self.to, name),
            "" => self.to.clone(),
            below if self.from.is_empty() => join(&self.to, below),
            below => join(&self.to, below.strip_prefix('/')?),
        })
    }
}

impl Placements {
    /// Reads a Dockerfile. What it can't know, such as a path with a variable, it leaves out.
    pub fn read(text: &str) -> Placements {
        let file = Dockerfile::read(text);
        Placements::of(file.result().into_iter().rev())
    }

    /// Absolute paths in the result, then in each stage, where compilers write down what they see; and
    /// the files or folders of the context that were copied there.
    pub fn places(text: &str) -> Vec<(String, String)> {
        let file = Dockerfile::read(text);
        let stages = file.stages.iter().rev();
        let stages = stages.map(|stage| Placements::of(iter::once(stage)));
        let result = iter::once(Placements::of(file.result().into_iter().rev()));
        let rules = result.chain(stages).flat_map(|placements| placements.rules);
        // With the root, all files would be ours.
        let known = rules.filter(|rule| rule.to.starts_with('/') && rule.to != "/");
        known.map(|rule| (rule.to, rule.from)).collect()
    }

    fn of<'a>(stages: impl Iterator<Item = &'a Stage>) -> Placements {
        let mut placements = Placements::default();
        for instruction in stages.flat_map(|stage| &stage.instructions) {
            let words = instruction.words.iter().map(|(word, _)| word.as_str());
            let words: Vec<&str> = words.collect();
            match (instruction.keyword.as_str(), words.as_slice()) {
                ("WORKDIR", [folder]) => {
                    let known = !folder.contains('$');
                    placements.workdir = known.then(|| placements.resolve(folder));
                }
                ("COPY" | "ADD", words) => placements.copy(words),
                ("USER", [user]) => placements.user = Some((*user).to_owned()),
                _ => {}
            }
        }
        placements
    }

    fn resolve(&self, path: &str) -> String {
        join(self.workdir.as_deref().unwrap_or_default(), path)
    }

    fn copy(&mut self, words: &[&str]) {
        let flags = words.iter().take_while(|word| word.starts_with("--"));
        let count = flags.clone().count();
        if flags.into_iter().any(|flag| flag.starts_with("--from=")) {
            return;
        }
        let Some((to, sources)) = words[count..].split_last() else {
            return;
        };
        if to.contains('$') {
            return;
        }
        let into_folder = sources.len() > 1 || to.ends_with('/') || to.ends_with('.');
        for source in sources {
            // Patterns are mostly followed by a copy of everything, which says it better.
            let is_known = !source.contains(['*', '?', '[', '$', '<', ':']);
            if is_known {
                self.rules.push(Rule {
                    from: join("", source),
                    to: self.resolve(to),
                    into_folder,
                });
            }
        }
    }

    /// Where a file of the context lies in the image, as an absolute path without its first `/`.
    /// `working_dir` is where the base image's relative paths begin.
    pub fn target(&self, path: &str, working_dir: &str) -> Option<String> {
        let place = self.rules.iter().rev().find_map(|rule| rule.place(path))?;
        let place = join(&format!("/{}", working_dir.trim_start_matches('/')), &place);
        Some(place.trim_start_matches('/').to_owned())
    }

    /// The folder that a file of the context comes into, with all that is copied beside it; absolute.
    /// `None` for `/`, and if only the base image says where it is.
    pub fn folder(&self, path: &str) -> Option<&str> {
        let mut rules = self.rules.iter().rev();
        let rule = rules.find(|rule| rule.place(path).is_some())?;
        let is_renamed = rule.from == path && !rule.into_folder;
        let folder = match is_renamed {
            true => rule.to.rsplit_once('/')?.0,
            false => rule.to.as_str(),
        };
        (folder.starts_with('/') && folder != "/").then_some(folder)
    }

    /// Whether the Dockerfile names a user other than root; who a variable stands for is not known.
    pub fn is_non_root(&self) -> bool {
        let user = self.user.as_deref().unwrap_or("root");
        let name = user.split(':').next();
        !matches!(name, Some("root" | "0"))
    }
}

/// Joins two paths with `/` as a shell would understand them, without `.` and `..`.
fn join(folder: &str, path: &str) -> String {
    let mut parts: Vec<&str> = Vec::new();
    let is_absolute = path.starts_with('/') || folder.starts_with('/');
    let folder = if path.starts_with('/') { "" } else { folder };
    for part in folder.split('/').chain(path.split('/')) {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()),
            part => parts.push(part),
        }
    }
    format!("{}{}", if is_absolute { "/" } else { "" }, parts.join("/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_of_the_result_come_before_those_of_builds() {
        let places = |text| {
            let places = Placements::places(text).into_iter();
            let mut places: Vec<_> = places.map(|(to, from)| format!("{to}={from}")).collect();
            places.dedup();
            places.join(" ")
        };
        for (dockerfile, expected) in [
            (
                "FROM x\nWORKDIR /app\nCOPY requirements.txt ./\nCOPY . .",
                "/app=requirements.txt /app= /app=requirements.txt /app=",
            ),
            (
                "FROM x AS build\nWORKDIR /src\nCOPY . .\nFROM y\nCOPY --from=build /src/a /a\nCOPY pages /srv/pages",
                "/srv/pages=pages /src=",
            ),
            ("FROM x\nCOPY src/ /app/", "/app=src"),
            ("FROM x\nCOPY . /", ""),
            ("FROM x\nCOPY . .", ""),
        ] {
            assert_eq!(places(dockerfile), expected, "{dockerfile}");
        }
    }

    #[test]
    fn a_file_has_a_folder_to_be_synced_to_unless_that_is_the_root() {
        let table = [
            ("FROM x\nWORKDIR /app\nCOPY . .", "a/b.py", "/app"),
            (
                "FROM x\nWORKDIR /app\nCOPY requirements.txt /tmp/\nCOPY . .",
                "requirements.txt",
                "/app",
            ),
            ("FROM x\nCOPY a b /srv/x", "b", "/srv/x"),
            ("FROM x\nCOPY conf /etc/app", "conf/a", "/etc/app"),
            ("FROM x\nCOPY app.py /srv/main.py", "app.py", "/srv"),
            ("FROM x\nCOPY app.py /main.py", "app.py", "none"),
            ("FROM x\nCOPY . /", "app.py", "none"),
            ("FROM x\nCOPY . .", "app.py", "none"),
        ];
        for (dockerfile, path, expected) in table {
            let placements = Placements::read(dockerfile);
            let folder = placements.folder(path).unwrap_or("none");
            assert_eq!(folder, expected, "{path} in\n{dockerfile}");
        }
    }

    #[test]
    fn the_last_user_of_the_result_counts() {
        let table = [
            ("FROM x", false),
            ("FROM x\nUSER app", true),
            ("FROM x\nUSER 0:0", false),
            ("FROM x\nUSER 1000:0", true),
            ("FROM x\nUSER app\nUSER root", false),
            ("FROM x AS base\nUSER app\nFROM base\nRUN true", true),
            (
                "FROM x AS build\nUSER app\nFROM y\nCOPY --from=build /a /a",
                false,
            ),
        ];
        for (dockerfile, expected) in table {
            assert_eq!(
                Placements::read(dockerfile).is_non_root(),
                expected,
                "{dockerfile}"
            );
        }
    }

    fn target(dockerfile: &str, path: &str) -> String {
        let target = Placements::read(dockerfile).target(path, "/base");
        target.unwrap_or_else(|| "nowhere".to_owned())
    }

    #[test]
    fn files_lie_where_the_last_stage_copies_them() {
        let table = [
            ("FROM x\nWORKDIR /app\nCOPY . .", "a/b.py", "app/a/b.py"),
            ("FROM x\nCOPY . .", "a.py", "base/a.py"),
            ("FROM x\nCOPY . /srv/", "a.py", "srv/a.py"),
            ("FROM x\nWORKDIR /a\nWORKDIR b\nCOPY ./ ./", "c", "a/b/c"),
            (
                "FROM x\nWORKDIR /app\nCOPY src/ /app/",
                "src/a/b",
                "app/a/b",
            ),
            ("FROM x\nWORKDIR /app\nCOPY src/ /app/", "srcs/a", "nowhere"),
            ("FROM x\nWORKDIR /app\nCOPY src/ /app/", "other", "nowhere"),
            ("FROM x\nCOPY app.py /srv/main.py", "app.py", "srv/main.py"),
            ("FROM x\nCOPY app.py /srv/", "app.py", "srv/app.py"),
            ("FROM x\nCOPY a b /srv", "b", "srv/b"),
            ("FROM x\nCOPY [\"a b\", \"/srv/\"]", "a b", "srv/a b"),
            ("FROM x\nCOPY --chown=1000:1000 --link . /srv", "a", "srv/a"),
            (
                "FROM x\ncopy \\\n  # what runs\n  . \\\n  /srv",
                "a",
                "srv/a",
            ),
            (
                "FROM x\nWORKDIR /app\nCOPY . .\nCOPY conf /etc/app",
                "conf/a",
                "etc/app/a",
            ),
            (
                "FROM x AS sdk\nWORKDIR /src\nCOPY . .\nFROM y\nCOPY --from=sdk /src /app",
                "a",
                "nowhere",
            ),
            (
                "FROM x AS Sdk\nWORKDIR /src\nCOPY . .\nFROM sdk AS dev\nRUN true",
                "a",
                "src/a",
            ),
            ("FROM x\nWORKDIR $HOME\nCOPY . /app", "a", "app/a"),
            ("FROM x\nCOPY . $HOME", "a", "nowhere"),
            ("FROM x\nADD https://example.com/a /a", "a", "nowhere"),
            ("", "a", "nowhere"),
        ];
        for (dockerfile, path, expected) in table {
            assert_eq!(
                target(dockerfile, path),
                expected,
                "{path} in\n{dockerfile}"
            );
        }
    }
}
