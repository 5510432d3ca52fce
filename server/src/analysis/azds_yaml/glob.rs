//! Globs of `container.sync`: the one rule that checks, previews and syncing share.

use globset::{GlobBuilder, GlobSet};

/// A glob of `container.sync`, seen from the root of the build context.
#[derive(Debug, Clone)]
pub struct SyncGlob {
    /// Whether it takes files out: it began with `!`.
    pub negated: bool,
    files: GlobSet,
}

impl SyncGlob {
    /// Reads one: `*` stays in its folder, `**` does not, `{a,b}` is either. An error says why it can't be.
    pub fn read(text: &str) -> Result<SyncGlob, String> {
        let (negated, pattern) = match text.strip_prefix('!') {
            Some(rest) => (true, rest),
            None => (false, text),
        };
        let pattern = pattern.trim_start_matches("./").trim_start_matches('/');
        let glob = GlobBuilder::new(pattern).literal_separator(true).build();
        // Not `Glob::compile_matcher`: it panics where the expression that it makes of a glob nests too deep.
        let files = glob.and_then(|glob| GlobSet::builder().add(glob).build());
        Ok(SyncGlob {
            negated,
            files: files.map_err(|error| told(error.kind()))?,
        })
    }

    /// Whether it fits a path of the build context.
    pub fn fits(&self, path: &str) -> bool {
        self.files.is_match(path)
    }
}

fn told(kind: &globset::ErrorKind) -> String {
    match kind {
        globset::ErrorKind::Regex(_) => "it is too long, or its braces nest too deep".to_owned(),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_stays_in_its_folder() {
        let fits = |glob: &str, path: &str| SyncGlob::read(glob).expect("a glob").fits(path);
        assert!(fits("*.js", "a.js") && !fits("*.js", "lib/a.js"));
        assert!(fits("./**/*.js", "a.js") && fits("**/*.js", "lib/x/a.js"));
        assert!(fits("!**/*.{sln,csproj}", "lib/a.csproj"));
    }

    #[test]
    fn what_is_no_glob_says_why() {
        let deep = format!("{}x{}", "{a: ".repeat(130), "}".repeat(130));
        for text in ["**/*.{ts,js", deep.as_str()] {
            assert!(!SyncGlob::read(text).expect_err("no glob").is_empty());
        }
    }
}
