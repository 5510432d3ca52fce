//! What can be told from one line of YAML alone.

/// The key that a line's content begins with, and the offset after its colon.
pub fn key_of(content: &str) -> Option<(&str, usize)> {
    if content.starts_with(['#', '[', '{', '|', '>', '%', '@']) {
        return None;
    }
    if content.starts_with(['"', '\'']) {
        let length = scalar_length(content);
        let rest = &content[length..];
        let spaces = rest.len() - rest.trim_start().len();
        let after = rest[spaces..].strip_prefix(':')?;
        return (after.is_empty() || after.starts_with(' '))
            .then_some((&content[..length], length + spaces + 1));
    }
    let comment = content.find(" #").unwrap_or(content.len());
    let content = &content[..comment];
    let at = match content.find(": ") {
        Some(at) => at,
        None => content.trim_end().strip_suffix(':')?.len(),
    };
    Some((content[..at].trim_end(), at + 1))
}

/// Length of the scalar that a text begins with, on its line, with its quotes.
pub fn scalar_length(content: &str) -> usize {
    let quote = content.chars().next().unwrap_or_default();
    if quote != '"' && quote != '\'' {
        let end = content.find(" #").unwrap_or(content.len());
        return content[..end].trim_end().len();
    }
    let mut letters = content.char_indices().skip(1).peekable();
    while let Some((at, letter)) = letters.next() {
        match letter {
            '\\' if quote == '"' => _ = letters.next(),
            // Two single quotes stand for one.
            '\'' if quote == '\'' && letters.next_if(|(_, next)| *next == '\'').is_some() => {}
            letter if letter == quote => return at + 1,
            _ => {}
        }
    }
    content.len()
}

/// A key without its quotes.
pub fn unquoted(key: &str) -> &str {
    ['"', '\'']
        .into_iter()
        .find_map(|quote| key.strip_prefix(quote)?.strip_suffix(quote))
        .unwrap_or(key)
}

/// The keys in the first column of the first document, and what stands behind them on their lines.
pub fn top_keys(text: &str) -> Vec<(&str, &str)> {
    let mut keys = Vec::new();
    for line in text.trim_start_matches('\u{feff}').lines() {
        if line.starts_with("---") || line.starts_with("...") {
            match keys.is_empty() {
                true => continue,
                false => break,
            }
        }
        if line.starts_with([' ', '\t', '-']) {
            continue;
        }
        if let Some((key, after)) = key_of(line) {
            let value = line[after..].trim_start();
            let value = &value[..scalar_length(value)];
            keys.push((unquoted(key), unquoted(value)));
        }
    }
    keys
}
