//! A Java project of Maven or Gradle, as far as its Dockerfiles depend on it.

use std::path::Path;

use roxmltree::{Document, Node};

use super::WHAT;
use super::project::{Project, read};
use crate::failure::{Context, Failure, Result};

/// The version where a project names none: one with long-term support.
const JAVA: &str = "21";
/// Files of a Gradle project in the root of its build, which say what it depends on.
const GRADLE: [&str; 5] = [
    "build.gradle",
    "build.gradle.kts",
    "settings.gradle",
    "settings.gradle.kts",
    "gradle.properties",
];
/// Folder of the Dockerfiles in which the project is built: Gradle names what has no other name after it.
const BUILD_FOLDER: &str = "src";
/// How deep properties are followed that stand for others; they may stand for each other.
const DEPTH: usize = 8;

/// A Java project.
pub(super) struct Java {
    /// Version of the language.
    pub version: String,
    /// What builds it.
    pub tool: Tool,
    /// Files that list what it depends on.
    pub lists: Vec<String>,
    /// What is started, relative to the project.
    pub jar: String,
}

/// What builds a project.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Tool {
    Maven,
    Gradle,
}

impl Tool {
    /// Its image, with the JDK of a version.
    pub fn image(self, version: &str) -> String {
        match self {
            Tool::Maven => format!("maven:3-eclipse-temurin-{version}"),
            Tool::Gradle => format!("gradle:8-jdk{version}"),
        }
    }

    /// Downloads what the project depends on.
    pub fn install(self) -> &'static str {
        match self {
            Tool::Maven => "mvn --batch-mode --quiet dependency:go-offline",
            Tool::Gradle => "gradle --no-daemon --quiet dependencies",
        }
    }

    /// Builds the project.
    pub fn package(self) -> &'static str {
        match self {
            Tool::Maven => "mvn --batch-mode --quiet -DskipTests package",
            Tool::Gradle => "gradle --no-daemon --quiet assemble",
        }
    }

    /// Builds it once more, where all is there that it depends on.
    pub fn again(self) -> &'static str {
        match self {
            Tool::Maven => "mvn --batch-mode --quiet --offline -DskipTests package",
            Tool::Gradle => "gradle --no-daemon --quiet --offline assemble",
        }
    }

    /// Names of files that ask for another image, as a pattern of `sync` has them.
    pub fn asks_for_image(self) -> &'static str {
        match self {
            Tool::Maven => "pom.xml,settings.xml",
            Tool::Gradle => "*.gradle,*.gradle.kts,gradle.properties",
        }
    }
}

impl Java {
    pub fn find(folder: &Path, warnings: &mut Vec<String>) -> Result<Option<Project>> {
        if let Some(text) = read(&folder.join("pom.xml"))? {
            return Ok(Some(Project::Java(maven(&text, warnings)?)));
        }
        let lists = GRADLE.iter().filter(|name| folder.join(name).is_file());
        let lists: Vec<String> = lists.map(ToString::to_string).collect();
        if !lists.iter().any(|name| name.starts_with("build.")) {
            return Ok(None);
        }
        let mut text = String::new();
        for list in &lists {
            text += &read(&folder.join(list))?.unwrap_or_default();
            text.push('\n');
        }
        Ok(Some(Project::Java(gradle(&text, lists))))
    }

    /// The folder whose whole content is needed to run, for what is more than one file.
    pub fn folder(&self) -> Option<&str> {
        let (folder, _) = self.jar.rsplit_once('/')?;
        folder.ends_with("quarkus-app").then_some(folder)
    }
}

fn maven(text: &str, warnings: &mut Vec<String>) -> Result<Java> {
    let document = Document::parse(text).or_fail(WHAT, "pom.xml")?;
    let project = document.root_element();
    let at = |path: &str| {
        let mut names = path.split('/');
        let found = names.try_fold(project, child)?;
        let value = found.text().unwrap_or_default().trim();
        (!value.is_empty()).then(|| value.to_owned())
    };
    let property = |name: &str| at(&format!("properties/{name}"));
    let packaging = at("packaging").unwrap_or_else(|| "jar".to_owned());
    if packaging == "pom" {
        let why = "it only holds modules together and is no service itself";
        return Err(Failure::new(WHAT, "pom.xml", why)
            .try_to("Run prep in the folder of a module. If the module needs the others, set build.context in azds.yaml to this folder."));
    }
    if let Some(parent) = child(project, "parent") {
        let local = child(parent, "relativePath").map_or("", |path| path.text().unwrap_or(""));
        if local.starts_with("..") {
            warnings.push(
                "The parent of pom.xml is outside of its folder, which the build does not see: set build.context in azds.yaml to the folder above all of them, and write the COPY lines of the Dockerfiles from there."
                    .to_owned(),
            );
        }
    }
    let version = [
        "maven.compiler.release",
        "maven.compiler.target",
        "java.version",
    ]
    .into_iter()
    .find_map(property)
    .map(|version| version.trim_start_matches("1.").to_owned());
    let named = at("build/finalName").or_else(|| {
        let version = at("version").or_else(|| at("parent/version"))?;
        Some(format!("{}-{version}", at("artifactId")?))
    });
    let known = |name: &str| match name {
        "project.artifactId" => at("artifactId"),
        "project.version" => at("version").or_else(|| at("parent/version")),
        name => property(name),
    };
    let name = resolved(&named.unwrap_or_default(), &known, DEPTH);
    let is_quarkus = text.contains("quarkus-maven-plugin");
    let jar = match &name {
        _ if is_quarkus => "target/quarkus-app/quarkus-run.jar".to_owned(),
        Some(name) if packaging == "war" => format!("target/{name}.war"),
        Some(name) => format!("target/{name}.jar"),
        None => {
            warnings.push(
                "pom.xml does not say what the jar is called, so target/app.jar is assumed: set finalName of its build to app, or correct the jar in the Dockerfiles."
                    .to_owned(),
            );
            "target/app.jar".to_owned()
        }
    };
    let is_runnable = ["spring-boot-maven-plugin", "mainClass", "Main-Class"];
    if !is_quarkus && !is_runnable.iter().any(|word| text.contains(word)) {
        warnings.push(
            "pom.xml names no main class, so `java -jar` cannot start the service: let maven-jar-plugin write mainClass into the manifest, or correct ENTRYPOINT in the Dockerfiles."
                .to_owned(),
        );
    }
    Ok(Java {
        version: version
            .and_then(|version| resolved(&version, &known, DEPTH))
            .unwrap_or_else(|| JAVA.to_owned()),
        tool: Tool::Maven,
        lists: vec!["pom.xml".to_owned()],
        jar,
    })
}

fn child<'a, 'input>(node: Node<'a, 'input>, name: &str) -> Option<Node<'a, 'input>> {
    node.children()
        .find(|child| child.tag_name().name() == name)
}

/// A text with the values of its properties, or nothing if it is empty or one is not known.
fn resolved(
    text: &str,
    property: &impl Fn(&str) -> Option<String>,
    depth: usize,
) -> Option<String> {
    let mut parts = text.split("${");
    let mut result = parts.next()?.to_owned();
    for part in parts {
        let (name, rest) = part.split_once('}')?;
        result += &resolved(&property(name)?, property, depth.checked_sub(1)?)?;
        result += rest;
    }
    (!result.is_empty()).then_some(result)
}

/// What a Gradle build's files say, as far as it stands there in plain words.
fn gradle(text: &str, lists: Vec<String>) -> Java {
    let assigned = |name: &str| {
        text.lines().find_map(|line| {
            let rest = line.trim().strip_prefix(name)?.trim_start();
            let value = rest.strip_prefix('=').unwrap_or(rest).trim();
            let quote = value.chars().next().filter(|c| "\"'".contains(*c));
            let value = match quote {
                Some(quote) => value[1..].split(quote).next()?,
                None => value.split_whitespace().next()?,
            };
            Some(value.to_owned()).filter(|value| !value.contains('$'))
        })
    };
    let digits = |text: &str| {
        let digits: String = text.chars().take_while(char::is_ascii_digit).collect();
        (!digits.is_empty()).then_some(digits)
    };
    let language = text
        .split_once("JavaLanguageVersion.of(")
        .and_then(|(_, rest)| digits(rest))
        .or_else(|| {
            let version = assigned("sourceCompatibility")?;
            let version = version.trim_start_matches("JavaVersion.VERSION_");
            digits(version.trim_start_matches("1.").trim_start_matches("1_"))
        });
    let name = assigned("rootProject.name").unwrap_or_else(|| BUILD_FOLDER.to_owned());
    let jar = match assigned("version") {
        Some(version) => format!("build/libs/{name}-{version}.jar"),
        None => format!("build/libs/{name}.jar"),
    };
    Java {
        version: language.unwrap_or_else(|| JAVA.to_owned()),
        tool: Tool::Gradle,
        lists,
        jar: match text.contains("io.quarkus") {
            true => "build/quarkus-app/quarkus-run.jar".to_owned(),
            false => jar,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Version and jar; how many warnings.
    fn found(files: &[(&str, &str)]) -> (String, usize) {
        let folder = tempfile::tempdir().expect("a temporary folder");
        for (name, text) in files {
            std::fs::write(folder.path().join(name), text).expect("a file");
        }
        let mut warnings = Vec::new();
        let Some(Project::Java(java)) =
            Java::find(folder.path(), &mut warnings).expect("readable files")
        else {
            panic!("no Java project");
        };
        (format!("{} {}", java.version, java.jar), warnings.len())
    }

    #[test]
    fn the_jar_follows_from_pom_xml() {
        let plain = "<!-- <version>9</version> --><parent><artifactId>p</artifactId><version>3.2.0</version></parent>\
            <artifactId>shop</artifactId><properties><java.version>17</java.version></properties>\
            <dependencies><dependency><artifactId>d</artifactId><version>1</version></dependency></dependencies>\
            <build><plugins><plugin><artifactId>spring-boot-maven-plugin</artifactId></plugin></plugins></build>";
        let named = "<artifactId>shop</artifactId><version>${revision}</version><packaging>war</packaging>\
            <properties><revision>2</revision><maven.compiler.target>1.8</maven.compiler.target></properties>\
            <build><finalName>${project.artifactId}_${project.version}</finalName></build><mainClass>a.B</mainClass>";
        for (project, expected) in [
            (plain, ("17 target/shop-3.2.0.jar", 0)),
            (named, ("8 target/shop_2.war", 0)),
            (
                "<version>${x}</version><properties><x>${y}</x><y>${x}</y></properties><mainClass/>",
                ("21 target/app.jar", 1),
            ),
            (
                "<artifactId>a</artifactId><version>1</version>",
                ("21 target/a-1.jar", 1),
            ),
            (
                "<artifactId>a</artifactId><!-- quarkus-maven-plugin -->",
                ("21 target/quarkus-app/quarkus-run.jar", 0),
            ),
        ] {
            let text =
                format!("<project xmlns=\"http://maven.apache.org/POM/4.0.0\">{project}</project>");
            let found = found(&[("pom.xml", &text)]);
            assert_eq!((found.0.as_str(), found.1), expected, "{project}");
        }
    }

    #[test]
    fn a_pom_that_is_no_service_is_refused() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        for (text, why) in [
            ("<project><packaging>pom</packaging></project>", "modules"),
            ("<project><artifactId>", ""),
        ] {
            std::fs::write(folder.path().join("pom.xml"), text).expect("a file");
            let Err(failure) = Java::find(folder.path(), &mut Vec::new()) else {
                panic!("{text} is no service");
            };
            assert!(failure.why.contains(why), "{failure}");
        }
    }

    #[test]
    fn the_jar_follows_from_gradles_files() {
        for (files, expected) in [
            (
                &[
                    (
                        "build.gradle",
                        "plugins { id 'java' }\nversion = '1.2'\nsourceCompatibility = '17'\n",
                    ),
                    ("settings.gradle", "rootProject.name = 'shop'\n"),
                ][..],
                "17 build/libs/shop-1.2.jar",
            ),
            (
                &[(
                    "build.gradle.kts",
                    "java { toolchain { languageVersion = JavaLanguageVersion.of(25) } }\n",
                )],
                "25 build/libs/src.jar",
            ),
            (
                &[(
                    "build.gradle",
                    "sourceCompatibility = JavaVersion.VERSION_1_8\n",
                )],
                "8 build/libs/src.jar",
            ),
        ] {
            assert_eq!(found(files), (expected.to_owned(), 0));
        }
    }
}
