//! What several kinds of files have to agree on: Dockerfile, chart, azds.yaml, launch.json.

mod dockerfile;
pub mod entries;
mod jsonc;
pub mod launch;
mod ports;
mod tools;

pub use dockerfile::{Dockerfile, Stage};

use super::service::{Found, Service};
use super::{Code, Problem};

impl Service {
    /// What does not fit together between the Dockerfile and other files. `context` has the files of
    /// the build context, relative to its root, if they can be told.
    pub fn across(
        &self,
        path: &str,
        dockerfile: &Dockerfile,
        context: Option<&[String]>,
    ) -> Vec<Found> {
        let mut found = Vec::new();
        self.ports(path, dockerfile, &mut found);
        self.commands(path, dockerfile, &mut found);
        if let Some(context) = context {
            copied(path, dockerfile, context, &mut found);
        }
        found
    }

    /// A command in an image that can't run it, such as `dotnet run` without an SDK.
    fn commands(&self, path: &str, dockerfile: &Dockerfile, found: &mut Vec<Found>) {
        let image = dockerfile.base_image().unwrap_or_default();
        let container = &self.settings.container;
        if dockerfile.brings_tools() {
            return;
        }
        let mut commands = [&container.command]
            .into_iter()
            .chain(&container.build_commands);
        let lacking = commands.find_map(|command| Some((command, tools::lack(image, command)?)));
        let Some((command, lack)) = lacking else {
            return;
        };
        let root = self.azds_yaml.parsed().documents.first();
        let develop =
            root.and_then(|root| root.get("configurations")?.get("develop")?.get("container"));
        let container = develop.or_else(|| root.and_then(|root| root.get("container")));
        let Some(container) = container else { return };
        let key = container.entries().iter().find(|entry| {
            matches!(entry.key.text(), Some("command" | "iterate"))
                && (entry.key.text() == Some("command"))
                    == (*command == self.settings.container.command)
        });
        let Some(key) = key else { return };
        let words = command.iter().take(2).map(String::as_str);
        let message = format!(
            "`{}` needs {}, but {path} ends in `{image}`, which has none. Use a Dockerfile.develop whose last stage begins with `{}`.",
            words.collect::<Vec<_>>().join(" "),
            lack.what,
            lack.instead
        );
        found.push(Found {
            path: super::service::AZDS_YAML.to_owned(),
            problem: Problem::warning(Code::CommandNotInImage, key.key.range.clone(), message),
        });
    }
}

/// What a Dockerfile copies and the context does not have.
fn copied(path: &str, dockerfile: &Dockerfile, context: &[String], found: &mut Vec<Found>) {
    for (source, range) in dockerfile.copied() {
        let is_plain = !source.contains(['$', '*', '?', '[', '\\']) && !source.contains("://");
        let wanted = clean(source);
        if !is_plain || source.starts_with("git@") || wanted.is_empty() {
            continue;
        }
        let is_there = context.iter().any(|file| {
            file.strip_prefix(wanted.as_str())
                .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        });
        if !is_there {
            let message = format!(
                "The build context has no `{source}`. Is it ignored, or does build.context of azds.yaml name another folder?"
            );
            found.push(Found {
                path: path.to_owned(),
                problem: Problem::warning(Code::MissingCopySource, range, message),
            });
        }
    }
}

/// A source without `.`, `..` and slashes at its ends: nothing leads out of the context.
fn clean(source: &str) -> String {
    let mut parts: Vec<&str> = Vec::new();
    for part in source.split('/') {
        match part {
            "" | "." => {}
            ".." => _ = parts.pop(),
            part => parts.push(part),
        }
    }
    parts.join("/")
}
