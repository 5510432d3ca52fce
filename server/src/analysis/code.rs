//! The kinds of problems.

use std::fmt;

/// What kind of problem it is. Its text is stable: people name it in settings and searches.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Code {
    /// The text is not YAML.
    YamlSyntax,
    /// A key stands twice in the same map.
    DuplicateKey,
    /// A key that azds does not have.
    UnknownKey,
    /// A key of 2018 that has another name now, or no effect.
    LegacyKey,
    /// A list where a text must be, and the like.
    WrongType,
    /// A `kind` that is nearly `helm-release`.
    UnknownKind,
    /// A `$(…)` that azds does not have.
    UnknownToken,
    /// A `$(…)` in a values file, where none is replaced.
    TokenInValues,
    /// A file or folder that is named and not there.
    MissingFile,
    /// A values file that is not where its entry says, but beside azds.yaml.
    ValuesFileElsewhere,
    /// A secret that is a number or a bool.
    SecretNotText,
}

impl Code {
    /// All of them, in the order of docs/diagnostics.md.
    pub const ALL: [Code; 11] = [
        Code::YamlSyntax,
        Code::DuplicateKey,
        Code::UnknownKey,
        Code::LegacyKey,
        Code::WrongType,
        Code::UnknownKind,
        Code::UnknownToken,
        Code::TokenInValues,
        Code::MissingFile,
        Code::ValuesFileElsewhere,
        Code::SecretNotText,
    ];

    /// The code as people see it.
    pub fn as_str(self) -> &'static str {
        match self {
            Code::YamlSyntax => "yaml-syntax",
            Code::DuplicateKey => "duplicate-key",
            Code::UnknownKey => "unknown-key",
            Code::LegacyKey => "legacy-key",
            Code::WrongType => "wrong-type",
            Code::UnknownKind => "unknown-kind",
            Code::UnknownToken => "unknown-token",
            Code::TokenInValues => "token-in-values",
            Code::MissingFile => "missing-file",
            Code::ValuesFileElsewhere => "values-file-elsewhere",
            Code::SecretNotText => "secret-not-text",
        }
    }

    /// Address of its section in docs/diagnostics.md.
    pub fn documentation(self) -> String {
        let repository = env!("CARGO_PKG_REPOSITORY");
        format!("{repository}/blob/main/docs/diagnostics.md#{self}")
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_code_has_its_section_and_each_section_its_code() {
        let page = include_str!("../../../docs/diagnostics.md");
        let sections: Vec<_> = page
            .lines()
            .filter_map(|line| line.strip_prefix("## "))
            .collect();
        assert_eq!(sections, Code::ALL.map(Code::as_str));
    }
}
