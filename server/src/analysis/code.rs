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
    /// An `apiVersion` that never was.
    UnknownApiVersion,
    /// A key is not there without which nothing can be done.
    MissingKey,
    /// A `$(…)` that azds does not have.
    UnknownToken,
    /// A `$(…)` or `${…}` that is not closed, or `${NAME:default}`.
    BadReference,
    /// A variable that is not set and has no default, where nobody else would replace it.
    VariableNotSet,
    /// A `$(…)` in a values file, where none is replaced.
    TokenInValues,
    /// A file or folder that is named and not there.
    MissingFile,
    /// A path with `\`.
    BackSlash,
    /// A values file that is not where its entry says, but beside azds.yaml.
    ValuesFileElsewhere,
    /// A secret that is a number or a bool.
    SecretNotText,
    /// The chart is not told the tag of the image that is built.
    ImageTag,
    /// A pull policy that asks a registry.
    PullPolicy,
    /// The class of an Ingress controller that is no more.
    DeadIngressClass,
    /// An API group that Kubernetes does not serve any more.
    DeadApi,
    /// A glob that can't be read.
    BadGlob,
    /// A glob that matches no file.
    GlobMatchesNothing,
    /// The service's own process is not among those that are ended.
    ProcessNotKilled,
}

impl Code {
    /// All of them, in the order of docs/diagnostics.md.
    pub const ALL: [Code; 23] = [
        Code::YamlSyntax,
        Code::DuplicateKey,
        Code::UnknownKey,
        Code::LegacyKey,
        Code::WrongType,
        Code::UnknownKind,
        Code::UnknownApiVersion,
        Code::MissingKey,
        Code::UnknownToken,
        Code::BadReference,
        Code::VariableNotSet,
        Code::TokenInValues,
        Code::MissingFile,
        Code::BackSlash,
        Code::ValuesFileElsewhere,
        Code::SecretNotText,
        Code::ImageTag,
        Code::PullPolicy,
        Code::DeadIngressClass,
        Code::DeadApi,
        Code::BadGlob,
        Code::GlobMatchesNothing,
        Code::ProcessNotKilled,
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
            Code::UnknownApiVersion => "unknown-api-version",
            Code::MissingKey => "missing-key",
            Code::UnknownToken => "unknown-token",
            Code::BadReference => "bad-reference",
            Code::VariableNotSet => "variable-not-set",
            Code::TokenInValues => "token-in-values",
            Code::MissingFile => "missing-file",
            Code::BackSlash => "back-slash",
            Code::ValuesFileElsewhere => "values-file-elsewhere",
            Code::SecretNotText => "secret-not-text",
            Code::ImageTag => "image-tag",
            Code::PullPolicy => "pull-policy",
            Code::DeadIngressClass => "dead-ingress-class",
            Code::DeadApi => "dead-api",
            Code::BadGlob => "bad-glob",
            Code::GlobMatchesNothing => "glob-matches-nothing",
            Code::ProcessNotKilled => "process-not-killed",
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
    use crate::analysis::fixture::{There, ask};
    use crate::analysis::{Kind, Problem};

    const PAGE: &str = include_str!("../../../docs/diagnostics.md");

    /// The text of a code's section.
    fn section(code: Code) -> &'static str {
        let title = format!("\n## {code}\n");
        let (_, rest) = PAGE
            .split_once(&title)
            .unwrap_or_else(|| panic!("{code} has no section"));
        rest.split("\n## ").next().unwrap_or(rest)
    }

    /// The example of a section with what azds says of it.
    fn example(code: Code, which: &str) -> Vec<Problem> {
        let open = format!("\n```yaml {which} ");
        let (_, rest) = section(code)
            .split_once(&open)
            .unwrap_or_else(|| panic!("{code} has no {which} example"));
        let (file, rest) = rest.split_once('\n').unwrap_or_default();
        let text = rest.split("```").next().unwrap_or_default();
        let kind = match file {
            "azds.yaml" => Kind::AzdsYaml,
            "values.dev.yaml" => Kind::Values,
            other => panic!("{code}: nobody knows {other}"),
        };
        ask(kind, text, &surroundings(), |document| document.problems())
    }

    /// What lies around the examples.
    fn surroundings() -> There {
        let mut there = There::with(&[
            "Dockerfile",
            "charts/shop/Chart.yaml",
            "src/main.ts",
            "values.dev.yaml",
        ]);
        let project = "<Project><TargetFramework>net6.0</TargetFramework></Project>";
        there
            .texts
            .insert("Shop.csproj".to_owned(), project.to_owned());
        there
    }

    #[test]
    fn each_code_has_its_section_and_each_section_its_code() {
        let sections: Vec<_> = PAGE
            .lines()
            .filter_map(|line| line.strip_prefix("## "))
            .collect();
        assert_eq!(sections, Code::ALL.map(Code::as_str));
    }

    #[test]
    fn each_section_shows_what_is_wrong_what_is_right_and_the_fix() {
        for code in Code::ALL {
            let bad = example(code, "bad");
            let found = bad.iter().find(|problem| problem.code == code);
            let found =
                found.unwrap_or_else(|| panic!("{code} is not in its bad example: {bad:#?}"));
            let fixes = section(code)
                .lines()
                .filter_map(|line| line.strip_prefix("Fix: "));
            let fixes: Vec<_> = fixes.collect();
            let first = found.fixes.first().map_or("none", |fix| fix.title.as_str());
            assert_eq!(fixes, [first], "{code}");
            assert_eq!(example(code, "good"), [], "{code}");
        }
    }
}
