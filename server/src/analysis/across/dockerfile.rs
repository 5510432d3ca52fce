//! A Dockerfile's instructions, as far as other files depend on them.

use std::ops::Range;

/// A Dockerfile's stages.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Dockerfile {
    /// In the order of the file.
    pub stages: Vec<Stage>,
}

/// What stands from one `FROM` to the next.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Stage {
    /// The image, or the stage, that it begins with.
    pub from: String,
    /// Its name.
    pub name: Option<String>,
    /// Its other instructions.
    pub instructions: Vec<Instruction>,
}

/// One instruction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Instruction {
    /// `COPY` and so on, in capitals.
    pub keyword: String,
    /// Its words, without quotes, and where they stand. An array of texts gives its texts.
    pub words: Vec<(String, Range<usize>)>,
}

impl Dockerfile {
    /// Reads a text. It cannot fail.
    pub fn read(text: &str) -> Dockerfile {
        let mut file = Dockerfile::default();
        let mut lines = Lines { text, at: 0 };
        while let Some(range) = lines.next_instruction() {
            let Some(instruction) = instruction(text, range) else {
                continue;
            };
            if instruction.keyword == "FROM" {
                let mut words = instruction.words.iter().map(|(word, _)| word.as_str());
                let mut words = words.by_ref().filter(|word| !word.starts_with("--"));
                let from = words.next().unwrap_or_default().to_owned();
                let is_named = words
                    .next()
                    .is_some_and(|word| word.eq_ignore_ascii_case("as"));
                let name = words.next().filter(|_| is_named).map(str::to_owned);
                file.stages.push(Stage {
                    from,
                    name,
                    instructions: Vec::new(),
                });
            } else if let Some(stage) = file.stages.last_mut() {
                stage.instructions.push(instruction);
            }
        }
        file
    }

    /// The last stage and those that it is made from, the last one first.
    pub fn result(&self) -> Vec<&Stage> {
        let mut chain: Vec<&Stage> = Vec::new();
        let mut next = self.stages.len().checked_sub(1);
        while let Some(at) = next {
            let stage = &self.stages[at];
            chain.push(stage);
            let is_it = |other: &Stage| {
                let name = other.name.as_deref();
                name.is_some_and(|name| name.eq_ignore_ascii_case(&stage.from))
            };
            next = self.stages[..at].iter().rposition(is_it);
        }
        chain
    }

    /// The image that the result begins with.
    pub fn base_image(&self) -> Option<&str> {
        Some(self.result().last()?.from.as_str())
    }

    /// The ports that the result exposes. `None` if one of them is a variable.
    pub fn exposed(&self) -> Option<Vec<(u64, Range<usize>)>> {
        let result = self.result();
        let expose = result.iter().flat_map(|stage| &stage.instructions);
        let words = expose
            .filter(|it| it.keyword == "EXPOSE")
            .flat_map(|it| &it.words);
        words
            .map(|(word, range)| {
                let port = word.split('/').next().unwrap_or(word);
                Some((port.parse().ok()?, range.clone()))
            })
            .collect()
    }

    /// What an environment variable of the result is set to, the last time.
    pub fn variable(&self, name: &str) -> Option<(String, Range<usize>)> {
        self.result().into_iter().find_map(|stage| {
            let set = stage
                .instructions
                .iter()
                .rev()
                .filter(|it| it.keyword == "ENV");
            set.into_iter().find_map(|it| {
                let old_form = matches!(it.words.as_slice(), [(first, _), _] if first == name);
                if old_form {
                    return it.words.get(1).cloned();
                }
                it.words.iter().rev().find_map(|(word, range)| {
                    let value = word.strip_prefix(name)?.strip_prefix('=')?;
                    let value = value.trim_matches(['"', '\'']);
                    Some((value.to_owned(), range.clone()))
                })
            })
        })
    }

    /// The folder that the result starts in. `None` if there is none, or if it is not plain.
    pub fn workdir(&self) -> Option<String> {
        let mut path = String::new();
        for stage in self.result().into_iter().rev() {
            for it in stage
                .instructions
                .iter()
                .filter(|it| it.keyword == "WORKDIR")
            {
                let (word, _) = it.words.first()?;
                match word {
                    word if word.contains('$') => return None,
                    word if word.starts_with('/') => path = word.trim_end_matches('/').to_owned(),
                    word => path = format!("{path}/{}", word.trim_matches('/')),
                }
            }
        }
        (!path.is_empty()).then_some(path)
    }

    /// Whether the result gets programs that its base image does not have.
    pub fn brings_tools(&self) -> bool {
        let result = self.result();
        let mut instructions = result.iter().flat_map(|stage| &stage.instructions);
        instructions.any(|it| {
            let says = |words: &[&str]| {
                it.words
                    .iter()
                    .any(|(word, _)| words.iter().any(|it| word.contains(it)))
            };
            match it.keyword.as_str() {
                "RUN" => says(&["apt", "apk", "curl", "wget", "dnf", "yum", "install"]),
                "COPY" => says(&["--from="]),
                "ADD" => says(&["://"]),
                _ => false,
            }
        })
    }

    /// What is copied from the context: sources, and where they stand.
    pub fn copied(&self) -> impl Iterator<Item = (&str, Range<usize>)> {
        let all = self.stages.iter().flat_map(|stage| &stage.instructions);
        let copies = all.filter(|it| matches!(it.keyword.as_str(), "COPY" | "ADD"));
        copies.flat_map(|it| {
            let is_option = |(word, _): &&(String, Range<usize>)| word.starts_with("--");
            let options = it.words.iter().take_while(is_option);
            let elsewhere = options.clone().any(|(word, _)| word.starts_with("--from="));
            let rest = &it.words[options.count()..];
            let sources = match elsewhere {
                true => &[],
                false => &rest[..rest.len().saturating_sub(1)],
            };
            let written = sources.iter().filter(|(word, _)| !word.starts_with("<<"));
            written.map(|(word, range)| (word.as_str(), range.clone()))
        })
    }
}

/// Goes from instruction to instruction, over continued lines, comments and here-documents.
struct Lines<'t> {
    text: &'t str,
    at: usize,
}

impl Lines<'_> {
    fn next_instruction(&mut self) -> Option<Range<usize>> {
        let mut range: Option<Range<usize>> = None;
        while self.at < self.text.len() {
            let line = self.text[self.at..].split_inclusive('\n').next()?;
            let start = self.at;
            self.at += line.len();
            let content = line.trim();
            if content.starts_with('#') || (content.is_empty() && range.is_none()) {
                continue;
            }
            let from = range.map_or(start, |range| range.start);
            let here = from..start + line.trim_end().len();
            if content.ends_with('\\') {
                range = Some(here);
                continue;
            }
            self.skip_here_document(&self.text[here.clone()]);
            return Some(here);
        }
        range
    }

    fn skip_here_document(&mut self, instruction: &str) {
        let Some((_, after)) = instruction.split_once("<<") else {
            return;
        };
        let name = after.trim_start_matches('-').trim_matches(['"', '\'']);
        let end = name.find(|c: char| !c.is_alphanumeric() && c != '_');
        let name = &name[..end.unwrap_or(name.len())];
        if name.is_empty() || !matches!(instruction.split(' ').next(), Some("RUN" | "COPY" | "ADD"))
        {
            return;
        }
        for line in self.text[self.at..].split_inclusive('\n') {
            self.at += line.len();
            if line.trim() == name {
                return;
            }
        }
    }
}

fn instruction(text: &str, range: Range<usize>) -> Option<Instruction> {
    let content = &text[range.clone()];
    let start = range.start + content.len() - content.trim_start().len();
    let content = content.trim_start();
    let end = content.find(char::is_whitespace).unwrap_or(content.len());
    let keyword = content[..end].to_ascii_uppercase();
    let rest = &content[end..];
    let is_array = rest.trim_start().starts_with('[') && rest.trim_end().ends_with(']');
    let mut words: Vec<(String, Range<usize>)> = Vec::new();
    let mut word: Option<usize> = None;
    let mut quote: Option<char> = None;
    let mut comment = false;
    let mut letters = rest.char_indices().peekable();
    let mut push = |from: usize, to: usize| {
        let written = &rest[from..to];
        let text = written.trim_matches(['"', '\'']);
        if !text.is_empty() && written != "\\" {
            let inside = from + written.find(text).unwrap_or_default();
            let at = start + end + inside;
            words.push((text.to_owned(), at..at + text.len()));
        }
    };
    while let Some((at, letter)) = letters.next() {
        if comment {
            comment = letter != '\n';
            continue;
        }
        if letter == '\n' {
            // Comments may stand between the lines of one instruction.
            let next = rest[at + 1..].trim_start();
            comment = next.starts_with('#');
        }
        if let Some(open) = quote {
            match letter {
                '\\' => _ = letters.next(),
                letter if letter == open => quote = None,
                _ => {}
            }
            continue;
        }
        let separates = letter.is_whitespace() || (is_array && matches!(letter, '[' | ']' | ','));
        match (separates, word) {
            (true, Some(from)) => {
                push(from, at);
                word = None;
            }
            (true, None) => {}
            (false, _) => {
                word.get_or_insert(at);
                if matches!(letter, '"' | '\'') {
                    quote = Some(letter);
                }
            }
        }
    }
    if let Some(from) = word {
        push(from, rest.len());
    }
    (!keyword.is_empty()).then_some(Instruction { keyword, words })
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = "# syntax=docker/dockerfile:1\nARG V=8\nFROM mcr.microsoft.com/dotnet/aspnet:8.0 AS base\nWORKDIR /app\nEXPOSE 80/tcp 443\nENV A=1 \\\n    # why\n    ASPNETCORE_URLS=\"http://+:80;https://+:443\"\nFROM sdk AS build\nWORKDIR /src\nCOPY [\"a b.csproj\", \"./\"]\nCOPY --chown=1 src lib/ ./\nRUN <<EOF\nCOPY not this\nEOF\nFROM base AS final\nCOPY --from=build /app .\nWORKDIR sub\n";

    #[test]
    fn the_result_is_the_last_stage_with_those_below_it() {
        let file = Dockerfile::read(FILE);
        assert_eq!(
            file.base_image(),
            Some("mcr.microsoft.com/dotnet/aspnet:8.0")
        );
        let ports: Vec<u64> = file
            .exposed()
            .expect("plain")
            .iter()
            .map(|(p, _)| *p)
            .collect();
        assert_eq!(ports, [80, 443]);
        assert_eq!(file.workdir().as_deref(), Some("/app/sub"));
        let urls = file.variable("ASPNETCORE_URLS").map(|(value, _)| value);
        assert_eq!(urls.as_deref(), Some("http://+:80;https://+:443"));
        assert_eq!(
            file.variable("A").map(|(value, _)| value).as_deref(),
            Some("1")
        );
    }

    #[test]
    fn sources_of_the_context_are_found_where_they_stand() {
        let file = Dockerfile::read(FILE);
        let copied: Vec<_> = file.copied().collect();
        let words: Vec<_> = copied.iter().map(|(word, _)| *word).collect();
        assert_eq!(words, ["a b.csproj", "src", "lib/"]);
        for (word, range) in copied {
            assert_eq!(&FILE[range], word);
        }
    }

    #[test]
    fn anything_can_be_read() {
        for text in [
            "",
            "FROM",
            "COPY a",
            "FROM a\nCOPY",
            "FROM a\nCOPY \\",
            "FROM a\nENV \"",
            "FROM x AS x",
        ] {
            let file = Dockerfile::read(text);
            _ = (
                file.exposed(),
                file.workdir(),
                file.variable("A"),
                file.copied().count(),
            );
        }
    }
}
