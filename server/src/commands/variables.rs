//! Variables for azds.yaml: those of this process, else those of `.env` beside azds.yaml.

use std::collections::BTreeMap;
use std::path::Path;

/// The value of a variable, by its name. Blocking.
pub fn variables(folder: &Path) -> impl Fn(&str) -> Option<String> + use<> {
    let kept = kept(folder);
    move |name| std::env::var(name).ok().or_else(|| kept.get(name).cloned())
}

/// What stands in a folder's `.env`. A file that cannot be read is as good as none: the variables keep
/// their defaults. Blocking.
pub fn kept(folder: &Path) -> BTreeMap<String, String> {
    let text = std::fs::read_to_string(folder.join(".env")).unwrap_or_default();
    env_file(&text)
}

fn env_file(text: &str) -> BTreeMap<String, String> {
    let lines = text.lines().map(str::trim);
    lines
        .filter(|line| !line.starts_with('#'))
        .filter_map(|line| line.strip_prefix("export ").unwrap_or(line).split_once('='))
        .map(|(name, value)| (name.trim().to_owned(), unquoted(value.trim()).to_owned()))
        .collect()
}

fn unquoted(value: &str) -> &str {
    ['"', '\'']
        .into_iter()
        .find_map(|quote| value.strip_prefix(quote)?.strip_suffix(quote))
        .unwrap_or(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variables_of_the_env_file() {
        let kept = env_file("# a comment\nexport A=1\nB = \"two words\"\nnothing\nC='x=y'\n");
        let get = |name: &str| kept.get(name).map(String::as_str);
        assert_eq!(
            (get("A"), get("B"), get("C"), kept.len()),
            (Some("1"), Some("two words"), Some("x=y"), 3)
        );
    }
}
