//! Folders of the container and the folders here that they were built from.

use std::borrow::Cow;
use std::cmp::Reverse;
use std::fmt;

/// Pairs of folders, which say what a source file is called on the other side.
///
/// A container's paths are POSIX paths. Ours are whatever the editor writes: on Windows with drive
/// letters, either slash, and no regard to letter case.
#[derive(Debug, Clone, Default)]
pub struct PathMap {
    pairs: Vec<Pair>,
}

#[derive(Debug, Clone)]
struct Pair {
    remote: String,
    local: String,
}

/// The pairs as a person reads them. Of several for one folder the first counts.
impl fmt::Display for PathMap {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut told: Vec<&str> = Vec::new();
        for Pair { remote, local } in &self.pairs {
            if told.contains(&remote.as_str()) {
                continue;
            }
            let comma = if told.is_empty() { "" } else { ", " };
            write!(to, "{comma}{remote} is {local}")?;
            told.push(remote);
        }
        to.write_str(if told.is_empty() { "" } else { " here" })
    }
}

impl PathMap {
    /// A map of pairs (folder in the container, folder here). Of two that fit, the longer one counts;
    /// of two equal ones, the first.
    pub fn new<'a>(pairs: impl IntoIterator<Item = (&'a str, &'a str)>) -> PathMap {
        let pairs = pairs.into_iter().map(|(remote, local)| Pair {
            remote: remote.trim_end_matches('/').to_owned(),
            local: local.trim_end_matches(separators(local)).to_owned(),
        });
        PathMap {
            pairs: pairs.collect(),
        }
    }

    /// What a file of the container is called here, if it was built from one. What leads out of the
    /// folder there is none of it, so that nothing leads out of the folder here.
    pub fn to_local(&self, remote: &str) -> Option<String> {
        let remote = &*resolved(remote);
        let fit = |pair: &&Pair| below(remote, &pair.remote, &['/'], false).is_some();
        let pair = self.best(fit, |pair| &pair.remote)?;
        let rest = below(remote, &pair.remote, &['/'], false)?;
        let separator = if is_windows(&pair.local) {
            // A letter of a name there, and a separator here.
            if rest.contains('\\') {
                return None;
            }
            "\\"
        } else {
            "/"
        };
        Some(format!("{}{}", pair.local, rest.replace('/', separator)))
    }

    /// What a file here is called in the container, if it belongs to the service.
    pub fn to_remote(&self, local: &str) -> Option<String> {
        fn rest<'a>(local: &'a str, pair: &Pair) -> Option<&'a str> {
            below(
                local,
                &pair.local,
                separators(&pair.local),
                is_windows(&pair.local),
            )
        }
        let pair = self.best(|pair| rest(local, pair).is_some(), |pair| &pair.local)?;
        let rest = rest(local, pair)?;
        let rest = if is_windows(&pair.local) {
            rest.replace('\\', "/")
        } else {
            rest.to_owned()
        };
        Some(format!("{}{rest}", pair.remote))
    }

    /// Text of the container with the folders that are known here, such as a stack trace.
    pub fn text_to_local(&self, text: &str) -> String {
        let mut words = text.split_inclusive([' ', '\n', '"', '\'', '(']);
        words
            .by_ref()
            .map(|word| self.to_local(word).unwrap_or_else(|| word.to_owned()))
            .collect()
    }

    fn best<'a>(
        &'a self,
        fits: impl Fn(&&'a Pair) -> bool,
        folder: impl Fn(&Pair) -> &String,
    ) -> Option<&'a Pair> {
        // `min_by_key` gives the first of several.
        self.pairs
            .iter()
            .filter(fits)
            .min_by_key(|pair| Reverse(folder(pair).len()))
    }
}

/// A container's path without `..`, each of which takes the part before it.
fn resolved(path: &str) -> Cow<'_, str> {
    if !path.split('/').any(|part| part == "..") {
        return Cow::Borrowed(path);
    }
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split('/') {
        match part {
            ".." if parts.len() > 1 => drop(parts.pop()),
            ".." => {}
            part => parts.push(part),
        }
    }
    Cow::Owned(parts.join("/"))
}

/// What follows `folder` in `path`, if anything: `/x` of `/src/x` for `/src`.
fn below<'a>(path: &'a str, folder: &str, separators: &[char], windows: bool) -> Option<&'a str> {
    let (start, rest) = path.split_at_checked(folder.len())?;
    let same = if windows {
        same_on_windows(start, folder)
    } else {
        start == folder
    };
    (same && rest.starts_with(separators)).then_some(rest)
}

fn same_on_windows(one: &str, other: &str) -> bool {
    let folded = |text: &str| text.replace('/', "\\").to_lowercase();
    folded(one) == folded(other)
}

fn separators(path: &str) -> &'static [char] {
    if is_windows(path) {
        &['\\', '/']
    } else {
        &['/']
    }
}

/// Whether it begins with a drive letter or a server's name.
fn is_windows(path: &str) -> bool {
    let bytes = path.as_bytes();
    path.starts_with("\\\\") || matches!(bytes, [letter, b':', ..] if letter.is_ascii_alphabetic())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_ways() {
        let cases = [
            // (remote folder, local folder, remote file, local file)
            (
                "/src",
                "/home/ana/producer",
                "/src/Program.cs",
                "/home/ana/producer/Program.cs",
            ),
            (
                "/src/",
                "/home/ana/producer/",
                "/src/a/b.cs",
                "/home/ana/producer/a/b.cs",
            ),
            (
                "/src",
                r"C:\dev\producer",
                "/src/a/b.cs",
                r"C:\dev\producer\a\b.cs",
            ),
            ("/src", r"\\nas\dev", "/src/b.cs", r"\\nas\dev\b.cs"),
            ("/src", "C:", "/src/b.cs", r"C:\b.cs"),
            ("/src", "/home/josé/ü", "/src/ñ.py", "/home/josé/ü/ñ.py"),
            (
                "/",
                "/home/ana/rootfs",
                "/app.py",
                "/home/ana/rootfs/app.py",
            ),
        ];
        for (remote_folder, local_folder, remote, local) in cases {
            let map = PathMap::new([(remote_folder, local_folder)]);
            assert_eq!(map.to_local(remote).as_deref(), Some(local));
            assert_eq!(map.to_remote(local).as_deref(), Some(remote));
        }
    }

    #[test]
    fn what_lies_elsewhere_stays() {
        let map = PathMap::new([("/src", "/home/ana/producer")]);
        for remote in [
            "/srcs/x.cs",
            "/usr/lib/x.py",
            "src/x.cs",
            "/SRC/x.cs",
            "/src",
            "",
            "/é",
        ] {
            assert_eq!(map.to_local(remote), None, "{remote}");
        }
        for local in ["/home/ana/producer2/x", "/home/Ana/producer/x", r"C:\x"] {
            assert_eq!(map.to_remote(local), None, "{local}");
        }
    }

    #[test]
    fn nothing_leads_out_of_the_folder() {
        let map = PathMap::new([("/src", "/w/shop")]);
        for (remote, local) in [
            ("/src/obj/../a.cs", Some("/w/shop/a.cs")),
            ("/lib/../src/a.cs", Some("/w/shop/a.cs")),
            ("/src/../../etc/passwd", None),
            ("/src/a/../../x", None),
            ("/src/..", None),
            ("/../src/a..b/..c", Some("/w/shop/a..b/..c")),
            ("../src/a", None),
        ] {
            assert_eq!(map.to_local(remote).as_deref(), local, "{remote}");
        }
        let windows = PathMap::new([("/src", r"C:\dev")]);
        assert_eq!(windows.to_local(r"/src/..\..\x"), None);
        assert_eq!(
            windows.to_local("/src/a/../x").as_deref(),
            Some(r"C:\dev\x")
        );
    }

    #[test]
    fn windows_has_no_regard_to_case_and_slashes() {
        let map = PathMap::new([("/src", r"C:\Dev\Producer")]);
        for local in [r"c:\dev\producer\Sub\X.cs", "C:/DEV/Producer/Sub/X.cs"] {
            assert_eq!(
                map.to_remote(local).as_deref(),
                Some("/src/Sub/X.cs"),
                "{local}"
            );
        }
        let linux = PathMap::new([("/src", "/dev/a")]);
        assert_eq!(linux.to_remote(r"/dev/a/x\y").as_deref(), Some(r"/src/x\y"));
    }

    #[test]
    fn the_longer_folder_counts_and_the_first_of_equals() {
        let map = PathMap::new([("/src", "/w"), ("/src/lib", "/lib"), ("/old", "/w")]);
        assert_eq!(map.to_local("/src/lib/x").as_deref(), Some("/lib/x"));
        assert_eq!(map.to_local("/old/x").as_deref(), Some("/w/x"));
        assert_eq!(map.to_remote("/w/x").as_deref(), Some("/src/x"));
    }

    #[test]
    fn paths_in_a_stack_trace_are_those_here() {
        let map = PathMap::new([("/src", r"C:\dev")]);
        assert_eq!(
            map.text_to_local("at Get() in /src/a/B.cs:line 31\n   at X in /other/C.cs:line 2"),
            "at Get() in C:\\dev\\a\\B.cs:line 31\n   at X in /other/C.cs:line 2"
        );
    }
}
