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
    /// A value that the chart never reads.
    UnreadValue,
    /// A value that the chart reads and nobody sets.
    UnsetValue,
    /// A value of another type than the chart has it, or than it seems to have.
    TypeLost,
    /// A value that the chart's values.schema.json does not allow.
    SchemaViolation,
    /// A secret whose variable a .NET project does not read as a nested setting.
    SecretVariable,
    /// A values file for development in the chart's folder, where nobody reads it.
    UnusedValuesFile,
    /// Ports that differ between Dockerfile and chart.
    PortMismatch,
    /// An entry of launch.json or tasks.json for the tools of Azure Dev Spaces.
    OldDebugEntry,
    /// Paths of launch.json that neither the image nor the project has.
    LaunchMismatch,
    /// A command that needs what the image does not have.
    CommandNotInImage,
    /// What a Dockerfile copies, and the build context does not have.
    MissingCopySource,
    /// Helm can't render the chart.
    HelmError,
    /// The release in the cluster does not do what it should.
    ReleaseTrouble,
}

impl Code {
    /// All of them, in the order of docs/diagnostics.md.
    pub const ALL: [Code; 36] = [
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
        Code::UnreadValue,
        Code::UnsetValue,
        Code::TypeLost,
        Code::SchemaViolation,
        Code::SecretVariable,
        Code::UnusedValuesFile,
        Code::PortMismatch,
        Code::OldDebugEntry,
        Code::LaunchMismatch,
        Code::CommandNotInImage,
        Code::MissingCopySource,
        Code::HelmError,
        Code::ReleaseTrouble,
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
            Code::UnreadValue => "unread-value",
            Code::UnsetValue => "unset-value",
            Code::TypeLost => "type-lost",
            Code::SchemaViolation => "schema-violation",
            Code::SecretVariable => "secret-variable",
            Code::UnusedValuesFile => "unused-values-file",
            Code::PortMismatch => "port-mismatch",
            Code::OldDebugEntry => "old-debug-entry",
            Code::LaunchMismatch => "launch-mismatch",
            Code::CommandNotInImage => "command-not-in-image",
            Code::MissingCopySource => "missing-copy-source",
            Code::HelmError => "helm-error",
            Code::ReleaseTrouble => "release-trouble",
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
    use crate::analysis::fixture::{There, ask_at};
    use crate::analysis::{Kind, Problem, Severity, Trouble};

    const PAGE: &str = include_str!("../../../docs/diagnostics.md");

    /// The text of a code's section.
    fn section(code: Code) -> &'static str {
        let title = format!("\n## {code}\n");
        let (_, rest) = PAGE
            .split_once(&title)
            .unwrap_or_else(|| panic!("{code} has no section"));
        rest.split("\n## ").next().unwrap_or(rest)
    }

    /// The blocks of a section of which one thing is said, with their files: ```` ```yaml bad azds.yaml ````.
    fn blocks<'p>(code: Code, which: &str) -> Vec<(&'p str, &'p str)> {
        let blocks = section(code).split("\n```").skip(1).step_by(2);
        let of_which = blocks.filter_map(|block| {
            let (head, text) = block.split_once('\n')?;
            let (_, head) = head.split_once(' ')?;
            Some((head.strip_prefix(which)?.strip_prefix(' ')?, text))
        });
        of_which.collect()
    }

    /// The example of a section with what azds says of it.
    fn example(code: Code, which: &str) -> Vec<Problem> {
        let blocks_of_which = blocks(code, which);
        let (file, text) = blocks_of_which
            .first()
            .unwrap_or_else(|| panic!("{code} has no {which} example"));
        let kind = match *file {
            "azds.yaml" => Kind::AzdsYaml,
            ".vscode/launch.json" => Kind::Launch,
            file if file.starts_with("Dockerfile") => Kind::Dockerfile,
            file if file.contains("/templates/") => Kind::Template,
            file if file.contains("values") => Kind::Values,
            other => panic!("{code}: nobody knows {other}"),
        };
        let mut around = surroundings();
        around.helm = blocks(code, which)
            .iter()
            .find_map(|(file, text)| (*file == "helm").then(|| (*text).to_owned()));
        let of_cluster = blocks(code, which).into_iter();
        let of_cluster = of_cluster.filter(|(file, _)| *file == "cluster");
        around.trouble = of_cluster
            .map(|(_, text)| Trouble {
                severity: Severity::Warning,
                message: text.to_owned(),
            })
            .collect();
        for (path, text) in blocks(code, "beside") {
            let text = format!("{text}\n");
            around.texts.insert(path.to_owned(), text);
        }
        ask_at(file, kind, &format!("{text}\n"), &around, |document| {
            document.problems()
        })
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
        let azds_yaml = "kind: helm-release\ninstall: {chart: charts/shop}\n";
        there
            .texts
            .insert("azds.yaml".to_owned(), azds_yaml.to_owned());
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
