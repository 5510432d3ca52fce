//! Who we are for a registry: Docker's credentials, and the tokens that they are good for.

use std::collections::BTreeMap;
use std::env::home_dir;
use std::path::PathBuf;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use docker_credential::{CredentialRetrievalError, DockerCredential, get_credential};
use hyper::header::{AUTHORIZATION, CONTENT_TYPE};
use hyper::{Method, Request, StatusCode};
use serde_json::{Value, json};

use super::http::Http;
use crate::failure::{Context, Failure, Result};

const WHAT: &str = "the registry did not let azds in";
/// What Docker Hub is called in image names, and where its API and its credentials are.
const HUB: &str = "docker.io";
const HUB_API: &str = "registry-1.docker.io";
const HUB_CREDENTIALS: &str = "https://index.docker.io/v1/";

pub type Credential = DockerCredential;

/// The host of a registry's API.
pub fn api_host(host: &str) -> &str {
    if host == HUB { HUB_API } else { host }
}

/// This machine's Docker credentials for a registry, from its configuration or a credential helper.
pub fn credential(host: &str) -> Result<Option<Credential>> {
    let key = if host == HUB { HUB_CREDENTIALS } else { host };
    match get_credential(key) {
        Ok(credential) => Ok(Some(credential)),
        Err(
            CredentialRetrievalError::ConfigNotFound
            | CredentialRetrievalError::NoCredentialConfigured,
        ) => Ok(None),
        Err(CredentialRetrievalError::ConfigReadError) if !has_config() => Ok(None),
        // A helper says in its own way that it has none.
        Err(CredentialRetrievalError::HelperFailure { stdout, .. })
            if stdout.contains("credentials not found") =>
        {
            Ok(None)
        }
        // A helper's output may hold a secret.
        Err(CredentialRetrievalError::HelperFailure { helper, .. }) => {
            Err(Failure::new(WHAT, host, format!("{helper} failed"))
                .try_to(format!("Log in again: docker login {host}.")))
        }
        Err(error) => Err(Failure::new(WHAT, host, error.to_string())
            .try_to("Look at config.json in ~/.docker, or in DOCKER_CONFIG.")),
    }
}

/// This machine's Docker login for a registry, by its name in Docker's configuration and as `auths` has it.
pub fn docker_login(host: &str) -> Result<Option<(String, Value)>> {
    let name = if host == HUB { HUB_CREDENTIALS } else { host };
    Ok(credential(host)?.map(|credential| {
        let login = match credential {
            DockerCredential::IdentityToken(token) => json!({"identitytoken": token}),
            DockerCredential::UsernamePassword(user, password) => {
                json!({"auth": STANDARD.encode(format!("{user}:{password}"))})
            }
        };
        (name.to_owned(), login)
    }))
}

/// Whether there is a configuration of Docker at all.
fn has_config() -> bool {
    let home = || Some(home_dir()?.join(".docker"));
    let folder = std::env::var_os("DOCKER_CONFIG").map(PathBuf::from);
    let folder = folder.or_else(home);
    folder.is_some_and(|folder| folder.join("config.json").exists())
}

/// What a registry asks for (RFC 9110, WWW-Authenticate).
#[derive(Debug, PartialEq)]
pub enum Challenge {
    /// User and password.
    Basic,
    /// A token from somebody else.
    Bearer(BTreeMap<String, String>),
}

impl Challenge {
    /// Reads the header; another scheme is none.
    pub fn read(header: &str) -> Option<Challenge> {
        let (scheme, rest) = header.split_once(' ').unwrap_or((header, ""));
        if scheme.eq_ignore_ascii_case("basic") {
            return Some(Challenge::Basic);
        }
        if !scheme.eq_ignore_ascii_case("bearer") {
            return None;
        }
        let mut parameters = BTreeMap::new();
        let mut rest = rest.trim();
        while let Some((name, after)) = rest.split_once("=\"") {
            let (value, after) = after.split_once('"')?;
            parameters.insert(
                name.trim_matches([',', ' ']).to_lowercase(),
                value.to_owned(),
            );
            rest = after;
        }
        parameters
            .contains_key("realm")
            .then_some(Challenge::Bearer(parameters))
    }
}

/// The Authorization header that answers a challenge; none without credentials.
pub async fn answer(
    http: &Http,
    challenge: &Challenge,
    credential: Option<&Credential>,
    repository: &str,
) -> Result<Option<String>> {
    match (challenge, credential) {
        (Challenge::Basic, credential) => Ok(credential.and_then(basic)),
        (Challenge::Bearer(parameters), credential) => {
            let token = token(http, parameters, credential, repository).await?;
            Ok(Some(format!("Bearer {token}")))
        }
    }
}

fn basic(credential: &Credential) -> Option<String> {
    match credential {
        DockerCredential::UsernamePassword(user, password) => Some(format!(
            "Basic {}",
            STANDARD.encode(format!("{user}:{password}"))
        )),
        DockerCredential::IdentityToken(_) => None,
    }
}

async fn token(
    http: &Http,
    parameters: &BTreeMap<String, String>,
    credential: Option<&Credential>,
    repository: &str,
) -> Result<String> {
    let realm = &parameters["realm"];
    let mut asked = vec![("scope", format!("repository:{repository}:pull,push"))];
    if let Some(service) = parameters.get("service") {
        asked.push(("service", service.clone()));
    }
    let request = match credential {
        Some(DockerCredential::IdentityToken(token)) => {
            asked.push(("grant_type", "refresh_token".to_owned()));
            asked.push(("client_id", "azds".to_owned()));
            asked.push(("refresh_token", token.clone()));
            Request::builder()
                .method(Method::POST)
                .uri(realm)
                .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
                .body(Bytes::from(form(&asked)))
        }
        other => {
            let separator = if realm.contains('?') { '&' } else { '?' };
            let mut request = Request::builder().uri(format!("{realm}{separator}{}", form(&asked)));
            if let Some(basic) = other.and_then(basic) {
                request = request.header(AUTHORIZATION, basic);
            }
            request.body(Bytes::new())
        }
    };
    let answer = http.send(request.or_fail(WHAT, realm)?).await?;
    if answer.status() != StatusCode::OK {
        let why = format!("it answered {}", answer.status());
        return Err(Failure::new(WHAT, realm, why)
            .try_to("See whether the credentials in Docker's configuration are right."));
    }
    let said: Value = serde_json::from_slice(answer.body()).or_fail(WHAT, realm)?;
    let token = said["token"].as_str().or(said["access_token"].as_str());
    token
        .map(str::to_owned)
        .ok_or_else(|| Failure::new(WHAT, realm, "it gave no token"))
}

fn form(parameters: &[(&str, String)]) -> String {
    let pairs = parameters
        .iter()
        .map(|(name, value)| format!("{name}={}", escaped(value)));
    pairs.collect::<Vec<_>>().join("&")
}

fn escaped(text: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    let one = |byte: u8| match plain(byte) {
        true => char::from(byte).to_string(),
        false => format!("%{byte:02X}"),
    };
    text.bytes().map(one).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn challenges_are_read() {
        assert_eq!(Challenge::read("Basic realm=\"x\""), Some(Challenge::Basic));
        assert_eq!(Challenge::read("Negotiate"), None);
        let header = r#"Bearer realm="https://auth.example/token?a=b",service="r.example",scope="repository:a/b:pull,push""#;
        let Some(Challenge::Bearer(parameters)) = Challenge::read(header) else {
            panic!("it is one");
        };
        assert_eq!(parameters["realm"], "https://auth.example/token?a=b");
        assert_eq!(parameters["service"], "r.example");
        assert_eq!(parameters["scope"], "repository:a/b:pull,push");
        assert_eq!(Challenge::read("Bearer service=\"x\""), None, "no realm");
    }

    #[test]
    fn parameters_are_escaped() {
        assert_eq!(
            form(&[
                ("scope", "repository:a/b:pull".to_owned()),
                ("x", "y".to_owned())
            ]),
            "scope=repository%3Aa%2Fb%3Apull&x=y"
        );
    }

    #[test]
    fn docker_hub_has_other_names() {
        assert_eq!(api_host("docker.io"), "registry-1.docker.io");
        assert_eq!(api_host("r.example:5000"), "r.example:5000");
    }
}
