//! Docker's ignore files. They look like Git's and mean something else: `*.md` is anchored at the
//! context's root, and a file below an ignored folder can be brought back.
//!
//! The semantics are those of moby/patternmatcher as BuildKit walks a tree with it; the verdicts in
//! tests/dockerignore-oracle are its own. Intended differences: `^`, a letter after a backslash, and
//! `*`, `?` and `.` in a class stand for themselves instead of leaking into a regular expression, `!/` has no effect instead
//! of being refused, and a class that is not closed is refused even where Docker would not come to use it.

/// The patterns of an ignore file.
#[derive(Debug, Default)]
pub(super) struct DockerIgnore {
    patterns: Vec<Pattern>,
}

/// A line that is no pattern.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct BadPattern {
    /// Its number, from 1.
    pub line: usize,
    /// What it says.
    pub text: String,
}

/// What the patterns say of one path. The verdict on a folder is needed for what is in it.
#[derive(Debug, Default)]
pub(super) struct Verdict {
    /// Whether the path is left out.
    pub excluded: bool,
    /// Which patterns matched it or a folder that it is in.
    matched: Vec<bool>,
}

#[derive(Debug)]
struct Pattern {
    /// `!`: brings back instead of leaving out.
    reincludes: bool,
    text: String,
    tokens: Vec<Token>,
}

#[derive(Debug, PartialEq, Eq)]
enum Token {
    Literal(String),
    /// `?`: one character that is not `/`.
    AnyChar,
    /// `*`: any number of characters that are not `/`.
    AnyName,
    /// `**` in the middle: nothing, or anything up to and with a `/`.
    AnyFolders,
    /// `**` at the end: everything.
    AnyText,
    /// `[a-z]`, `[^a-z]`.
    Class {
        negated: bool,
        ranges: Vec<(char, char)>,
    },
}

impl DockerIgnore {
    /// Reads the text of an ignore file.
    pub fn parse(text: &str) -> Result<DockerIgnore, BadPattern> {
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        let mut patterns = Vec::new();
        for (index, line) in text.lines().enumerate() {
            // A comment has its # at the very beginning, before white space is taken away.
            if line.starts_with('#') || line.trim().is_empty() {
                continue;
            }
            let pattern = Pattern::parse(line.trim()).ok_or_else(|| BadPattern {
                line: index + 1,
                text: line.trim().to_owned(),
            })?;
            patterns.push(pattern);
        }
        Ok(DockerIgnore { patterns })
    }

    /// The verdict on `path`, which is in the folder that `parent` is the verdict on (the default
    /// one for the root). The last pattern that matches wins.
    pub fn verdict(&self, path: &str, parent: &Verdict) -> Verdict {
        let mut verdict = Verdict {
            excluded: false,
            matched: vec![false; self.patterns.len()],
        };
        for (index, pattern) in self.patterns.iter().enumerate() {
            let inherited = parent.matched.get(index).copied().unwrap_or(false);
            // A pattern that could change nothing is not tried, so nor does it count for what is
            // in this folder. That is how BuildKit does it, and it shows.
            let counts = pattern.reincludes == verdict.excluded;
            if inherited || (counts && pattern.matches(path)) {
                verdict.matched[index] = true;
                verdict.excluded = !pattern.reincludes;
            }
        }
        verdict
    }

    /// Whether something in an excluded `folder` may be brought back, so that it must be walked.
    pub fn may_reinclude_in(&self, folder: &str) -> bool {
        self.patterns
            .iter()
            .any(|pattern| pattern.reincludes && pattern.may_match_in(folder))
    }
}

impl Pattern {
    fn parse(text: &str) -> Option<Pattern> {
        let (inverted, text) = match text.strip_prefix('!') {
            Some(rest) => ("!", rest.trim()),
            None => ("", text),
        };
        if text.is_empty() {
            return None;
        }
        // Docker reads each pattern twice, and what was made of it the first time may have white space at its
        // ends, or a ! at its beginning: `/!a` brings back, and of `!../../b` only `b` is left.
        let again = format!("{inverted}{}", clean(text));
        let again = match again.trim() {
            rooted if rooted.starts_with('/') => rooted.to_owned(),
            again => clean(again),
        };
        let (reincludes, text) = match again.strip_prefix('!') {
            Some("") => return None,
            Some(rest) => (true, rest),
            None => (false, again.as_str()),
        };
        let text = match text.starts_with('/') {
            // No path begins with one, but it has to be a pattern all the same.
            true => {
                tokens(&clean(text))?;
                ".".to_owned()
            }
            false => text.to_owned(),
        };
        Some(Pattern {
            reincludes,
            tokens: tokens(&text)?,
            text,
        })
    }

    fn matches(&self, path: &str) -> bool {
        // The places in `path` that the tokens so far can have come to, in ascending order.
        let mut places = vec![0];
        for token in &self.tokens {
            places = token.advance(path, &places);
            if places.is_empty() {
                return false;
            }
        }
        places.last() == Some(&path.len())
    }

    fn may_match_in(&self, folder: &str) -> bool {
        for (part, name) in self.text.split('/').zip(folder.split('/')) {
            if part.contains(['*', '?', '[', '\\']) {
                return true;
            }
            if part != name {
                return false;
            }
        }
        true
    }
}

impl Token {
    fn advance(&self, path: &str, places: &[usize]) -> Vec<usize> {
        let first = places[0];
        let next_char = |at: usize| path[at..].chars().next();
        match self {
            Token::Literal(text) => places
                .iter()
                .filter(|&&at| path[at..].starts_with(text.as_str()))
                .map(|at| at + text.len())
                .collect(),
            Token::AnyChar => places
                .iter()
                .filter_map(|&at| Some(at + next_char(at).filter(|c| *c != '/')?.len_utf8()))
                .collect(),
            Token::Class { negated, ranges } => places
                .iter()
                .filter_map(|&at| {
                    let c = next_char(at)?;
                    let listed = ranges.iter().any(|(low, high)| (*low..=*high).contains(&c));
                    (listed != *negated).then_some(at + c.len_utf8())
                })
                .collect(),
            Token::AnyName => {
                let mut ends: Vec<usize> = Vec::new();
                for &at in places {
                    let name = path[at..].split('/').next().unwrap_or_default();
                    let from = ends.last().map_or(at, |last| at.max(last + 1));
                    ends.extend((from..=at + name.len()).filter(|end| path.is_char_boundary(*end)));
                }
                ends
            }
            Token::AnyFolders => {
                let after_slash = path[first..]
                    .match_indices('/')
                    .map(|(at, _)| first + at + 1);
                let mut ends: Vec<usize> = places.iter().copied().chain(after_slash).collect();
                ends.sort_unstable();
                ends.dedup();
                ends
            }
            Token::AnyText => (first..=path.len())
                .filter(|end| path.is_char_boundary(*end))
                .collect(),
        }
    }
}

/// Go's `path.Clean`, and without a leading `/`: `./a//b/` is `a/b`, `a/../b` is `b`.
fn clean(text: &str) -> String {
    let rooted = text.starts_with('/');
    let mut parts: Vec<&str> = Vec::new();
    for part in text.split('/') {
        match part {
            "" | "." => {}
            ".." if parts.last().is_some_and(|last| *last != "..") => {
                parts.pop();
            }
            ".." if rooted => {}
            _ => parts.push(part),
        }
    }
    if parts.is_empty() {
        // Matches nothing, as in Docker, where nobody can leave out the context itself.
        ".".to_owned()
    } else {
        parts.join("/")
    }
}

/// The tokens of a cleaned pattern; none if a class is not closed, or a backslash ends it.
fn tokens(text: &str) -> Option<Vec<Token>> {
    // `**name`, without a `/` and with nothing else special, is any path with that ending.
    if let Some(ending) = text.strip_prefix("**")
        && !ending.starts_with('/')
        && !ending.contains(['*', '?', '[', ']', '\\'])
    {
        return Some(vec![Token::AnyText, Token::Literal(ending.to_owned())]);
    }
    let mut tokens: Vec<Token> = Vec::new();
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        let token = match c {
            '*' if chars.next_if_eq(&'*').is_some() => {
                chars.next_if_eq(&'/');
                match chars.peek() {
                    Some(_) => Token::AnyFolders,
                    None => Token::AnyText,
                }
            }
            '*' => Token::AnyName,
            '?' => Token::AnyChar,
            '[' => class(&mut chars)?,
            c => {
                let c = if c == '\\' { chars.next()? } else { c };
                if let Some(Token::Literal(literal)) = tokens.last_mut() {
                    literal.push(c);
                    continue;
                }
                Token::Literal(c.to_string())
            }
        };
        tokens.push(token);
    }
    Some(tokens)
}

/// The rest of a class, after its `[`.
fn class(chars: &mut std::iter::Peekable<std::str::Chars<'_>>) -> Option<Token> {
    let negated = chars.next_if_eq(&'^').is_some();
    let member = |chars: &mut std::iter::Peekable<std::str::Chars<'_>>| match chars.next()? {
        ']' | '-' => None,
        '\\' => chars.next(),
        c => Some(c),
    };
    let mut ranges = Vec::new();
    loop {
        let low = member(chars)?;
        let high = match chars.next_if_eq(&'-') {
            Some(_) => member(chars)?,
            None => low,
        };
        if low > high {
            return None;
        }
        ranges.push((low, high));
        if chars.next_if_eq(&']').is_some() {
            return Some(Token::Class { negated, ranges });
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// What moby/patternmatcher says; `tests/dockerignore-oracle` wrote it and checks it.
    #[derive(serde::Deserialize)]
    struct Verdicts {
        paths: Vec<String>,
        cases: Vec<Case>,
    }

    #[derive(serde::Deserialize)]
    struct Case {
        ignore: String,
        excluded: Vec<String>,
        #[serde(default)]
        error: bool,
    }

    fn excludes(docker: &DockerIgnore, path: &str) -> bool {
        let folders = path.match_indices('/').map(|(at, _)| &path[..at]);
        let parent = folders.fold(Verdict::default(), |parent, folder| {
            docker.verdict(folder, &parent)
        });
        docker.verdict(path, &parent).excluded
    }

    #[test]
    fn verdicts_are_those_of_docker() {
        let text = include_str!("../../../tests/dockerignore-oracle/verdicts.json");
        let verdicts: Verdicts = serde_json::from_str(text).expect("a JSON file of ours");
        let mut wrong = Vec::new();
        for case in &verdicts.cases {
            let docker = match DockerIgnore::parse(&case.ignore) {
                Ok(docker) => docker,
                Err(_) if case.error => continue,
                Err(bad) => {
                    wrong.push(format!("{:?}: refused {bad:?}", case.ignore));
                    continue;
                }
            };
            if case.error {
                wrong.push(format!("{:?}: should be refused", case.ignore));
                continue;
            }
            for path in &verdicts.paths {
                let excluded = excludes(&docker, path);
                if excluded != case.excluded.contains(path) {
                    wrong.push(format!("{:?}: {path:?} excluded: {excluded}", case.ignore));
                }
            }
        }
        assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    }

    fn pattern() -> impl Strategy<Value = String> {
        let part = prop::sample::select(vec!["a", "b", "/", "/", "*", "**/", "**", "?", "[ab]"]);
        (any::<bool>(), prop::collection::vec(part, 1..6)).prop_map(|(reincludes, parts)| {
            let sign = if reincludes { "!" } else { "" };
            format!("{sign}a{}", parts.concat())
        })
    }

    proptest! {
        /// A folder that need not be walked has nothing in it that is brought back.
        #[test]
        fn no_folder_is_passed_over_that_holds_something(
            patterns in prop::collection::vec(pattern(), 1..5),
            path in "[ab]{1,2}(/[ab]{1,2}){1,3}",
        ) {
            let docker = DockerIgnore::parse(&patterns.join("\n")).expect("closed classes only");
            if !excludes(&docker, &path) {
                for (at, _) in path.match_indices('/') {
                    let folder = &path[..at];
                    prop_assert!(
                        !excludes(&docker, folder) || docker.may_reinclude_in(folder),
                        "{patterns:?} passes over {folder}, which has {path}"
                    );
                }
            }
        }

        #[test]
        fn any_text_is_read_without_a_panic(text in "[ab*?!#/\\\\.\\[\\]^ñ \n-]{0,20}", path in "[abñ/]{1,8}") {
            if let Ok(docker) = DockerIgnore::parse(&text) {
                excludes(&docker, &path);
            }
        }
    }
}
