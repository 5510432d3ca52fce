//! The files that prep writes: the templates with the service's own names put in.

use super::dotnet::DotNet;
use super::go::Go;
use super::java::Java;
use super::node::Node;
use super::project::Project;
use super::python::Python;

/// A file: its path, relative to the folder of the service, and its text.
pub(super) type File = (String, String);

/// Includes a file of the templates' folder.
macro_rules! template {
    ($path:literal) => {
        include_str!(concat!("../../../templates/", $path))
    };
}

/// Chart.yaml comes last: a folder that has it has the whole chart.
const CHART: [(&str, &str); 9] = [
    (".helmignore", template!("chart/helmignore")),
    ("values.yaml", template!("chart/values.yaml")),
    (
        "templates/_helpers.tpl",
        template!("chart/templates/_helpers.tpl"),
    ),
    (
        "templates/deployment.yaml",
        template!("chart/templates/deployment.yaml"),
    ),
    (
        "templates/service.yaml",
        template!("chart/templates/service.yaml"),
    ),
    (
        "templates/ingress.yaml",
        template!("chart/templates/ingress.yaml"),
    ),
    (
        "templates/secrets.yaml",
        template!("chart/templates/secrets.yaml"),
    ),
    (
        "templates/NOTES.txt",
        template!("chart/templates/NOTES.txt"),
    ),
    ("Chart.yaml", template!("chart/Chart.yaml")),
];

/// What the files are written from.
pub(super) struct Generated<'a> {
    pub name: &'a str,
    /// Folder of the chart.
    pub chart: &'a str,
    /// Port that the service listens on.
    pub port: u16,
    pub public: bool,
    pub project: Option<&'a Project>,
}

impl Generated<'_> {
    /// Dockerfile and Dockerfile.develop.
    pub fn dockerfiles(&self, project: &Project) -> Vec<File> {
        let (production, develop) = match project {
            Project::DotNet(_) => (
                template!("dotnet/Dockerfile"),
                template!("dotnet/Dockerfile.develop"),
            ),
            Project::Go(_) => (
                template!("go/Dockerfile"),
                template!("go/Dockerfile.develop"),
            ),
            Project::Java(_) => (
                template!("java/Dockerfile"),
                template!("java/Dockerfile.develop"),
            ),
            Project::Node(_) => (
                template!("node/Dockerfile"),
                template!("node/Dockerfile.develop"),
            ),
            Project::Python(_) => (
                template!("python/Dockerfile"),
                template!("python/Dockerfile.develop"),
            ),
        };
        vec![
            ("Dockerfile".to_owned(), self.fill(production)),
            ("Dockerfile.develop".to_owned(), self.fill(develop)),
        ]
    }

    pub fn dockerignore(&self) -> File {
        let own = match self.project {
            Some(Project::DotNet(_)) => template!("dotnet/dockerignore"),
            Some(Project::Go(_) | Project::Node(_)) => "",
            Some(Project::Java(_)) => template!("java/dockerignore"),
            Some(Project::Python(_)) => template!("python/dockerignore"),
            None => "",
        };
        let text = format!("{}{own}", template!("dockerignore"));
        (".dockerignore".to_owned(), text)
    }

    pub fn chart(&self) -> Vec<File> {
        let file = |(path, text): (&str, &str)| (format!("{}/{path}", self.chart), self.fill(text));
        CHART.into_iter().map(file).collect()
    }

    pub fn azds_yaml(&self) -> File {
        let develop = match self.project {
            Some(Project::DotNet(_)) => template!("dotnet/develop.yaml"),
            Some(Project::Go(_)) => template!("go/develop.yaml"),
            Some(Project::Java(_)) => template!("java/develop.yaml"),
            Some(Project::Node(_)) => template!("node/develop.yaml"),
            Some(Project::Python(_)) => template!("python/develop.yaml"),
            None => template!("develop.yaml"),
        };
        let text = format!("{}{develop}", template!("azds.yaml"));
        ("azds.yaml".to_owned(), self.fill(&text))
    }

    fn fill(&self, template: &str) -> String {
        let text = template
            .replace("@NAME@", self.name)
            .replace("@CHART@", self.chart)
            .replace("@PORT@", &self.port.to_string())
            .replace("@PUBLIC@", &self.public.to_string());
        match self.project {
            Some(Project::DotNet(project)) => fill_dotnet(&text, project),
            Some(Project::Go(project)) => fill_go(&text, project),
            Some(Project::Java(project)) => fill_java(&text, project),
            Some(Project::Node(project)) => fill_node(&text, project),
            Some(Project::Python(project)) => fill_python(&text, project, self.port),
            None => text,
        }
    }
}

fn fill_dotnet(text: &str, project: &DotNet) -> String {
    let restore: Vec<_> = project.restore.iter().map(|file| json(file)).collect();
    text.replace("@SDK@", &project.sdk)
        .replace("@RUNTIME@", &project.runtime)
        .replace("@RESTORE@", &restore.join(", "))
        .replace("@ASSEMBLY@", &json(&format!("{}.dll", project.assembly)))
        .replace("@PROCESS@", &json(&project.assembly))
}

fn fill_go(text: &str, project: &Go) -> String {
    text.replace("@GO@", &project.version)
        .replace("@PACKAGE@", &project.package)
}

fn fill_java(text: &str, project: &Java) -> String {
    let (from, to, jar) = match project.folder() {
        Some(folder) => (folder, "./", "quarkus-run.jar"),
        None => (project.jar.as_str(), "app.jar", "app.jar"),
    };
    let again: Vec<String> = project.tool.again().split(' ').map(str::to_owned).collect();
    text.replace("@JDK@", &project.tool.image(&project.version))
        .replace("@JAVA@", &project.version)
        .replace("@LISTS@", &project.lists.join(" "))
        .replace("@INSTALL@", project.tool.install())
        .replace("@PACKAGE@", project.tool.package())
        .replace("@AGAIN@", &list(&again))
        .replace("@SYNC@", project.tool.asks_for_image())
        .replace("@COPY@", &format!("COPY --from=build /src/{from} {to}"))
        .replace("@PRODUCTION@", &json(jar))
        .replace("@JAR@", &json(&project.jar))
}

fn fill_node(text: &str, project: &Node) -> String {
    let (lists, install) = project.packages.install();
    text.replace("@NODE@", &project.version)
        .replace("@LISTS@", lists)
        .replace("@INSTALL@", install)
        .replace("@PRODUCTION@", project.packages.production())
        .replace("@COMMAND@", &list(&project.command))
}

fn fill_python(text: &str, project: &Python, port: u16) -> String {
    // Requirements may include others of their kind: requirements-base.txt.
    let (dependencies, requirements) = match project.is_pyproject {
        true => ("pyproject.toml", template!("python/requirements")),
        false => ("requirements*.txt", ""),
    };
    text.replace("@DEPENDENCIES@", dependencies)
        .replace("@REQUIREMENTS@", requirements)
        .replace("@COMMAND@", &list(&project.command(port)))
}

/// Words as a list in JSON, YAML and Dockerfiles.
fn list(words: &[String]) -> String {
    let words: Vec<_> = words.iter().map(|word| json(word)).collect();
    format!("[{}]", words.join(", "))
}

/// Text in double quotes, as JSON, YAML and Dockerfiles have it.
fn json(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}
