//! A .NET project, as far as its Dockerfiles depend on it.

use std::path::Path;
use std::{fs, io};

use super::WHAT;
use super::project::{Project, read};
use crate::failure::{Context, Failure, Result};

/// The framework where a project names none.
const FRAMEWORK: &str = "net10.0";
/// Files beside the project file that `dotnet restore` reads, in lower case.
const RESTORE: [&str; 6] = [
    "directory.build.props",
    "directory.build.targets",
    "directory.packages.props",
    "global.json",
    "nuget.config",
    "packages.lock.json",
];

/// A .NET project.
pub(super) struct DotNet {
    /// Name of the project file without its ending.
    pub name: String,
    /// Name of the program that it is built to, without its ending.
    pub assembly: String,
    /// Image with the SDK.
    pub sdk: String,
    /// Image with the runtime.
    pub runtime: String,
    /// The project file and what else `dotnet restore` reads.
    pub restore: Vec<String>,
}

impl DotNet {
    pub fn find(folder: &Path, warnings: &mut Vec<String>) -> Result<Option<Project>> {
        let object = folder.display().to_string();
        let mut files = file_names(folder).or_fail(WHAT, &object)?;
        files.sort();
        let endings = [".csproj", ".fsproj", ".vbproj"];
        let mut projects = files
            .iter()
            .filter(|name| endings.iter().any(|ending| name.ends_with(ending)));
        let Some(file) = projects.next() else {
            return Ok(None);
        };
        if let Some(other) = projects.next() {
            return Err(Failure::new(
                WHAT,
                object,
                format!("it has two projects: {file} and {other}"),
            )
            .try_to("Give each project a folder of its own."));
        }
        let text = read(&folder.join(file))?.unwrap_or_default();
        let name = file[..file.len() - ".csproj".len()].to_owned();
        let framework = framework(&text).unwrap_or_else(|| {
            warnings.push(format!(
                "{file} names no TargetFramework, so {FRAMEWORK} is assumed: correct the FROM lines of the Dockerfiles if it is another."
            ));
            FRAMEWORK.to_owned()
        });
        let Some((sdk, runtime)) = images(&framework) else {
            let why = format!("it is for {framework}, which does not run in Linux containers");
            return Err(Failure::new(WHAT, file, why)
                .try_to("Let its TargetFramework be netcoreapp3.1, net8.0 or another that does."));
        };
        if text.contains("<ProjectReference") && text.contains("..") {
            warnings.push(format!(
                "{file} refers to projects outside of its folder, which the build does not see: set build.context in azds.yaml to the folder above all of them, and write the COPY lines of the Dockerfiles from there."
            ));
        }
        let mut restore = vec![file.clone()];
        restore.extend(
            files
                .iter()
                .filter(|name| RESTORE.contains(&name.to_lowercase().as_str()))
                .cloned(),
        );
        Ok(Some(Project::DotNet(DotNet {
            assembly: element(&text, "AssemblyName").unwrap_or_else(|| name.clone()),
            name,
            sdk,
            runtime,
            restore,
        })))
    }
}

fn file_names(folder: &Path) -> io::Result<Vec<String>> {
    let mut names = Vec::new();
    for entry in fs::read_dir(folder)? {
        names.extend(entry?.file_name().into_string());
    }
    Ok(names)
}

/// The framework to build for: the last one of several, which is the newest by custom.
fn framework(project: &str) -> Option<String> {
    element(project, "TargetFramework").or_else(|| {
        let all = element(project, "TargetFrameworks")?;
        let last = all.split(';').map(str::trim).rfind(|one| !one.is_empty())?;
        Some(last.to_owned())
    })
}

/// Images with the SDK and with the runtime for a framework, if it runs in Linux containers.
fn images(framework: &str) -> Option<(String, String)> {
    let (repository, version, oldest) = match framework.strip_prefix("netcoreapp") {
        Some(version) => ("mcr.microsoft.com/dotnet/core", version, 2),
        None => (
            "mcr.microsoft.com/dotnet",
            framework.strip_prefix("net")?,
            5,
        ),
    };
    let (major, minor) = version.split_once('.')?;
    let major: u32 = major.parse().ok()?;
    let minor: u32 = minor.parse().ok()?;
    (major >= oldest).then(|| {
        let image = |kind| format!("{repository}/{kind}:{major}.{minor}");
        (image("sdk"), image("aspnet"))
    })
}

/// The text of the first element of that name outside of comments, unless it is empty or computed.
///
/// Project files are small and regular; what else they can do, only MSBuild knows.
fn element(xml: &str, name: &str) -> Option<String> {
    let mut plain = String::new();
    let mut rest = xml;
    while let Some((before, after)) = rest.split_once("<!--") {
        plain.push_str(before);
        rest = after.split_once("-->").map_or("", |(_, after)| after);
    }
    plain.push_str(rest);
    let (_, after) = plain.split_once(&format!("<{name}>"))?;
    let (text, _) = after.split_once("</")?;
    let text = text.trim();
    (!text.is_empty() && !text.contains("$(")).then(|| text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn images_follow_the_framework() {
        for (framework, expected) in [
            (
                "netcoreapp2.1",
                Some("mcr.microsoft.com/dotnet/core/sdk:2.1"),
            ),
            (
                "netcoreapp3.1",
                Some("mcr.microsoft.com/dotnet/core/sdk:3.1"),
            ),
            ("net5.0", Some("mcr.microsoft.com/dotnet/sdk:5.0")),
            ("net10.0", Some("mcr.microsoft.com/dotnet/sdk:10.0")),
            ("net8.0-windows", None),
            ("net472", None),
            ("netstandard2.0", None),
            ("netcoreapp1.1", None),
        ] {
            let sdk = images(framework).map(|(sdk, _)| sdk);
            assert_eq!(sdk.as_deref(), expected, "{framework}");
        }
    }

    #[test]
    fn the_framework_is_found_among_comments_and_several() {
        let project = "<!-- <TargetFramework>net5.0</TargetFramework> -->
            <TargetFramework> net8.0 </TargetFramework>";
        assert_eq!(framework(project).as_deref(), Some("net8.0"));
        let project = "<TargetFrameworks>netstandard2.0;netcoreapp3.1;</TargetFrameworks>";
        assert_eq!(framework(project).as_deref(), Some("netcoreapp3.1"));
        assert_eq!(
            framework("<TargetFramework>$(Common)</TargetFramework>"),
            None
        );
        assert_eq!(framework("<TargetFramework/>"), None);
    }
}
