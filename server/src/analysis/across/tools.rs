//! What commands need, and what official images have.

/// A command that an image can't run.
pub(super) struct Lack {
    /// What is missing, for a person.
    pub what: &'static str,
    /// An image that has it.
    pub instead: &'static str,
}

/// Programs that belong together: the images that have them, and how people call them.
struct Tools {
    what: &'static str,
    instead: &'static str,
    images: &'static [&'static str],
    programs: &'static [&'static str],
}

const SDK: &str = "dotnet/sdk";
const TOOLS: [Tools; 5] = [
    Tools {
        what: "the .NET SDK",
        instead: "mcr.microsoft.com/dotnet/sdk",
        images: &[SDK, "dotnet/core/sdk", "dotnet/nightly/sdk"],
        programs: &["dotnet"],
    },
    Tools {
        what: "Node.js",
        instead: "node",
        images: &["node"],
        programs: &["node", "npm", "npx", "yarn", "nodemon"],
    },
    Tools {
        what: "Python",
        instead: "python",
        images: &["python"],
        programs: &[
            "python", "python3", "pip", "pip3", "flask", "uvicorn", "gunicorn",
        ],
    },
    Tools {
        what: "Go",
        instead: "golang",
        images: &["golang"],
        programs: &["go"],
    },
    Tools {
        what: "Maven",
        instead: "maven",
        images: &["maven"],
        programs: &["mvn"],
    },
];
/// Images of .NET that have `dotnet`, and no SDK behind it.
const RUNTIMES: [&str; 3] = ["aspnet", "runtime", "runtime-deps"];

/// What a command needs and an image does not have. `None` also where one of them is not known.
pub(super) fn lack(image: &str, command: &[String]) -> Option<Lack> {
    let program = command.first()?;
    let needed = TOOLS
        .iter()
        .find(|tools| tools.programs.contains(&program.as_str()))?;
    let name = image.split('@').next().unwrap_or(image);
    let name = match name.rsplit_once(':') {
        Some((name, tag)) if !tag.contains('/') => name,
        _ => name,
    };
    let name = [
        "docker.io/library/",
        "docker.io/",
        "library/",
        "mcr.microsoft.com/",
    ]
    .iter()
    .find_map(|registry| name.strip_prefix(registry))
    .unwrap_or(name);
    let is_runtime = name.starts_with("dotnet/") && RUNTIMES.iter().any(|end| name.ends_with(end));
    let is_known = is_runtime || TOOLS.iter().any(|tools| tools.images.contains(&name));
    let lacks = match program.as_str() {
        // A runtime starts what was built.
        "dotnet" if is_runtime => matches!(
            command.get(1).map(String::as_str),
            Some("run" | "build" | "watch" | "test" | "publish")
        ),
        _ => is_known && !needed.images.contains(&name),
    };
    lacks.then_some(Lack {
        what: needed.what,
        instead: needed.instead,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn official_images_are_known_and_others_are_not_judged() {
        let lacks = |image: &str, command: &str| {
            let command: Vec<String> = command.split(' ').map(str::to_owned).collect();
            lack(image, &command).map(|lack| lack.what)
        };
        assert_eq!(
            lacks("mcr.microsoft.com/dotnet/aspnet:8.0", "dotnet run"),
            Some("the .NET SDK")
        );
        assert_eq!(
            lacks("mcr.microsoft.com/dotnet/core/aspnet:3.1", "dotnet build"),
            Some("the .NET SDK")
        );
        assert_eq!(
            lacks("mcr.microsoft.com/dotnet/aspnet:8.0", "dotnet Shop.dll"),
            None
        );
        assert_eq!(
            lacks("mcr.microsoft.com/dotnet/sdk:8.0", "dotnet run"),
            None
        );
        assert_eq!(
            lacks("docker.io/library/python:3.11-slim", "npm run dev"),
            Some("Node.js")
        );
        assert_eq!(lacks("node:24@sha256:00", "npm run dev"), None);
        assert_eq!(
            lacks("mcr.microsoft.com/dotnet/sdk:8.0", "npm start"),
            Some("Node.js")
        );
        assert_eq!(lacks("registry.example:5000/node", "dotnet run"), None);
        assert_eq!(lacks("node:24", "./start.sh"), None);
    }
}
