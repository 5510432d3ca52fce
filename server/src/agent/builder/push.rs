//! The registry that BuildKit pushes images to, and what builds may do with the login for it.

use std::path::PathBuf;

use serde_json::{Value, json};

/// What Docker Hub is called in image names, and in Docker's configuration.
const HUB: &str = "docker.io";
const HUB_LOGIN: &str = "https://index.docker.io/v1/";

/// Where images are pushed.
pub struct Push {
    /// `HOST[:PORT]/FOLDER`.
    pub registry: String,
    /// Docker's configuration with the login. It is read for each build, since Secrets are renewed.
    pub login: Option<PathBuf>,
}

impl Push {
    /// The login for the registry's host, under the name by which buildctl looks for it first; none where no login
    /// is needed.
    pub fn login(&self) -> Option<(String, Value)> {
        let text = std::fs::read(self.login.as_ref()?).ok()?;
        let config: Value = serde_json::from_slice(&text).ok()?;
        let host = self.registry.split('/').next().unwrap_or_default();
        let of_host = |key: &&String| {
            let key = key.trim_start_matches("https://");
            let named = key.split('/').next().unwrap_or_default();
            named == host || (host == HUB && named == "index.docker.io")
        };
        let logins = config["auths"].as_object()?;
        let key = logins.keys().find(of_host)?;
        let name = if host == HUB { HUB_LOGIN } else { host };
        Some((name.to_owned(), logins[key].clone()))
    }

    /// BuildKit's source policy for the build of `image`: the login is good for what other spaces have pushed, too,
    /// and no Dockerfile may read that.
    pub fn policy(&self, image: &str) -> String {
        let repository = image.rsplit_once(':').map_or(image, |(name, _)| name);
        let rule = |action: &str, named: String| {
            let identifier = format!("docker-image://{named}");
            json!({"action": action, "selector": {"identifier": identifier}})
        };
        // Of the rules that match, the last one counts.
        let rules = [
            rule("DENY", format!("{}/*", self.registry)),
            rule("ALLOW", format!("{repository}:*")),
            rule("ALLOW", format!("{repository}@*")),
        ];
        json!({"version": 1, "rules": rules}).to_string()
    }

    /// What to try if a build failed because of the registry.
    pub fn remedy(&self, why: &str) -> Option<String> {
        let registry = &self.registry;
        if why.contains("denied by policy") {
            return Some(format!(
                "Name another base image: below {registry} are those that azds built, which are for their own space only."
            ));
        }
        why.contains("failed to push").then(|| {
            format!("Have an administrator see that the builder reaches {registry} and that its login may push there (builds.pushSecret, buildkit.authorities).")
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn push(registry: &str, logins: Value) -> (Option<String>, tempfile::TempDir) {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("config.json");
        std::fs::write(&file, json!({"auths": logins}).to_string()).expect("written");
        let push = Push {
            registry: registry.to_owned(),
            login: Some(file),
        };
        (push.login().map(|(key, _)| key), folder)
    }

    #[test]
    fn of_the_logins_only_that_for_the_registry_is_used() {
        let logins = json!({"other.example": {}, "https://r.example:5000/v2/": {}, "https://index.docker.io/v1/": {}});
        let login = |registry| push(registry, logins.clone()).0;
        assert_eq!(
            login("r.example:5000/dev").as_deref(),
            Some("r.example:5000")
        );
        assert_eq!(
            login("docker.io/acme").as_deref(),
            Some("https://index.docker.io/v1/")
        );
        assert_eq!(
            login("r.example/dev"),
            None,
            "another port, another registry"
        );
    }

    #[test]
    fn a_failed_push_is_told_from_a_failed_build() {
        let push = Push {
            registry: "r.example/dev".to_owned(),
            login: None,
        };
        let denied = "error: failed to solve: failed to push r.example/dev/a:1: 401 Unauthorized";
        assert!(push.remedy(denied).is_some_and(|it| it.contains("push")));
        let other =
            "error: failed to solve: source \"docker-image://r.example/dev/b:1\" denied by policy";
        assert!(push.remedy(other).is_some_and(|it| it.contains("base")));
        assert_eq!(push.remedy("exit code: 2"), None);
    }
}
