//! The .NET project beside azds.yaml.

use super::Surroundings;

/// `dotnet run` starts the project's own program since .NET Core 3.0; before that it was `dotnet`.
const FIRST_WITH_PROGRAM: u32 = 3;

/// What a project file says, as far as other files depend on it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Project {
    /// Name of the project file.
    pub file: String,
    /// The frameworks that it is built for, such as `net8.0`. Empty if they can't be told.
    pub frameworks: Vec<String>,
    /// Name of what it is built to.
    pub assembly: String,
    has_program: bool,
}

impl Project {
    /// The project in the service's folder. `None` if there is not just one.
    pub fn beside(around: &dyn Surroundings) -> Option<Project> {
        let entries = around.entries(".");
        let is_project = |name: &&String| name.ends_with(".csproj") || name.ends_with(".fsproj");
        let mut projects = entries.iter().filter(is_project);
        let file = projects.next().filter(|_| projects.next().is_none())?;
        Some(Project::read(file, &around.text(file)?))
    }

    fn read(file: &str, text: &str) -> Project {
        let plain = |name| element(text, name).filter(|said| !said.contains("$("));
        let frameworks = plain("TargetFramework").or_else(|| plain("TargetFrameworks"));
        let frameworks = frameworks.unwrap_or_default().split(';').map(str::trim);
        let stem = file.rsplit_once('.').map_or(file, |(stem, _)| stem);
        Project {
            frameworks: frameworks
                .filter(|it| !it.is_empty())
                .map(str::to_owned)
                .collect(),
            assembly: plain("AssemblyName").unwrap_or(stem).to_owned(),
            has_program: element(text, "UseAppHost") != Some("false"),
            file: file.to_owned(),
        }
    }

    /// Name of the process that `dotnet run` starts; `None` if that is `dotnet` itself.
    pub fn program(&self) -> Option<&str> {
        let [framework] = self.frameworks.as_slice() else {
            return None;
        };
        let version = framework
            .strip_prefix("netcoreapp")
            .or_else(|| framework.strip_prefix("net"))?;
        let major: u32 = version.split('.').next()?.parse().ok()?;
        (major >= FIRST_WITH_PROGRAM && self.has_program).then_some(self.assembly.as_str())
    }
}

/// The text of the first element of a name. Project files are made by tools, and this much of XML is
/// enough for the names in them.
fn element<'t>(xml: &'t str, name: &str) -> Option<&'t str> {
    let open = format!("<{name}>");
    let after = &xml[xml.find(&open)? + open.len()..];
    Some(after[..after.find("</")?].trim())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_project_says_what_it_is_built_to() {
        let text = "<Project>\n<TargetFramework>net8.0</TargetFramework>\n<AssemblyName>Store</AssemblyName></Project>";
        let project = Project::read("Shop.csproj", text);
        assert_eq!(project.frameworks, ["net8.0"]);
        assert_eq!(project.program(), Some("Store"));
        let old = text.replace("net8.0", "netcoreapp2.2");
        assert_eq!(Project::read("Shop.csproj", &old).program(), None);
        let unknown = Project::read(
            "Shop.csproj",
            "<Project><TargetFramework>$(T)</TargetFramework>",
        );
        assert_eq!(
            (unknown.frameworks.len(), unknown.assembly.as_str()),
            (0, "Shop")
        );
    }
}
