//! Build secrets and logins as files for buildctl, which hands them to BuildKit's session.

use std::fs::{File, Permissions};
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;

use azds_protocol::agent::Private;
use serde_json::{Value, json};
use tokio::process::Command;

use super::WHAT;
use crate::failure::{Context, Failure, Result};

/// The files, which are there while this lives.
pub struct Files {
    folder: tempfile::TempDir,
    secrets: Vec<String>,
}

impl Files {
    /// Writes them into a folder that only this user reads. Logins of azds' own come before those of the space.
    pub fn write(
        private: &Private,
        own: impl IntoIterator<Item = (String, Value)>,
    ) -> Result<Files> {
        let folder = tempfile::Builder::new()
            .permissions(Permissions::from_mode(0o700))
            .tempdir()
            .or_fail(WHAT, "a temporary folder")?;
        let mut files = Files {
            folder,
            secrets: Vec::new(),
        };
        let mut logins = private.logins.clone();
        logins.extend(own);
        files.keep("config.json", &json!({"auths": logins}).to_string())?;
        for (index, (id, value)) in private.secrets.iter().enumerate() {
            check(id)?;
            let name = format!("secret-{index}");
            let path = files.keep(&name, value)?;
            files
                .secrets
                .push(format!("id={id},src={}", path.display()));
        }
        Ok(files)
    }

    /// Keeps one more file beside them, and says where.
    pub fn keep(&self, name: &str, text: &str) -> Result<PathBuf> {
        let path = self.folder.path().join(name);
        let written = File::create_new(&path).and_then(|mut file| file.write_all(text.as_bytes()));
        written.or_fail(WHAT, "a temporary folder")?;
        Ok(path)
    }

    /// Tells buildctl where they are.
    pub fn name(&self, buildctl: &mut Command) {
        buildctl.env("DOCKER_CONFIG", self.folder.path());
        for secret in &self.secrets {
            buildctl.arg("--secret").arg(secret);
        }
    }
}

/// An id stands in an option of buildctl, where a comma would begin another one.
fn check(id: &str) -> Result<()> {
    let fit = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
    match !id.is_empty() && id.bytes().all(fit) {
        true => Ok(()),
        false => Err(Failure::new(WHAT, id, "it is no id of a build secret")
            .try_to("Use letters, digits, `.`, `_` and `-` for the keys of build.secrets.")),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    #[test]
    fn secrets_are_files_of_their_own_and_no_arguments() {
        let private = Private {
            secrets: BTreeMap::from([("npm".to_owned(), "s3cret".to_owned())]),
            logins: BTreeMap::from([("r.example".to_owned(), json!({"auth": "YTpi"}))]),
        };
        let own = [("r.example".to_owned(), json!({"auth": "cHVzaA=="}))];
        let files = Files::write(&private, own).expect("written");
        let mut command = Command::new("buildctl");
        files.name(&mut command);
        let command = format!("{command:?}");
        assert!(
            command.contains("id=npm,src=") && !command.contains("s3cret"),
            "{command}"
        );
        let read = |name: &str| std::fs::read_to_string(files.folder.path().join(name));
        assert_eq!(read("secret-0").ok().as_deref(), Some("s3cret"));
        assert!(
            read("config.json").is_ok_and(|it| it.contains("cHVzaA==") && !it.contains("YTpi"))
        );
        let bad = Private {
            secrets: BTreeMap::from([("a,src=/etc/passwd".to_owned(), String::new())]),
            ..Private::default()
        };
        assert!(Files::write(&bad, []).is_err());
    }
}
