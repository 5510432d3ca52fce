//! What the build needs and nobody may see, as it is mounted into the pod.

use std::collections::BTreeMap;
use std::path::Path;

use azds_protocol::agent::{Private, SECRET_BUILD_SECRETS};
use serde_json::Value;

use super::WHAT;
use crate::failure::{Context, Result};

/// Reads the build secrets of an `up` and the logins of the Secrets that the pod pulls with. A Secret
/// that can't be read gives no login: the build says which image it did not get.
pub fn read(up: &Path, pull: &Path) -> Result<Private> {
    let secrets = match std::fs::read(up.join(SECRET_BUILD_SECRETS)) {
        Ok(text) => serde_json::from_slice(&text).or_fail(WHAT, SECRET_BUILD_SECRETS)?,
        Err(_) => BTreeMap::new(),
    };
    let mut logins = BTreeMap::new();
    let entries = std::fs::read_dir(pull).into_iter().flatten().flatten();
    let mut files: Vec<_> = entries.map(|entry| entry.path()).collect();
    files.retain(|file| file.extension().is_some_and(|it| it == "json"));
    // As the kubelet does, the first that knows a registry is taken.
    files.sort();
    for file in files {
        let text = std::fs::read(&file).unwrap_or_default();
        let config: Value = serde_json::from_slice(&text).unwrap_or_default();
        for (registry, login) in config["auths"].as_object().into_iter().flatten() {
            logins.entry(registry.clone()).or_insert(login.clone());
        }
    }
    Ok(Private { secrets, logins })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn logins_of_all_secrets_are_there_and_the_first_wins() {
        let folder = tempfile::tempdir().expect("a folder");
        let write = |name: &str, text: String| {
            std::fs::write(folder.path().join(name), text).expect("written");
        };
        let login = |auth: &str| json!({"auth": auth});
        write("0.json", json!({"auths": {"a": login("1")}}).to_string());
        write(
            "1.json",
            json!({"auths": {"a": login("2"), "b": login("3")}}).to_string(),
        );
        write("2.json", "not JSON".to_owned());
        write(SECRET_BUILD_SECRETS, json!({"npm": "s3cret"}).to_string());
        let private = read(folder.path(), folder.path()).expect("read");
        assert_eq!(private.logins["a"], login("1"));
        assert_eq!(private.logins["b"], login("3"));
        assert_eq!(private.secrets["npm"], "s3cret");
        assert!(!format!("{private:?}").contains("s3cret"));
        let nothing = read(Path::new("/nowhere"), Path::new("/nowhere")).expect("read");
        assert_eq!(nothing, Private::default());
    }
}
