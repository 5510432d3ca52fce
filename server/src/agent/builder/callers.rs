//! Who calls the gate: the pod whose token the caller shows, if its namespace is a space.

use std::collections::HashMap;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use azds_protocol::agent::{GATE_AUDIENCE, SPACE_LABEL};
use k8s_openapi::api::authentication::v1::{TokenReview, TokenReviewSpec};
use k8s_openapi::api::core::v1::Namespace;
use kube::api::PostParams;
use kube::{Api, Client};

use crate::failure::{Context, Failure, Result};

const WHAT: &str = "the builder did not serve the pod";
/// How long an answer of the API server about a caller is believed.
const BELIEF: Duration = Duration::from_secs(30);

/// A pod that may build.
#[derive(Debug, Clone)]
pub struct Caller {
    /// Its namespace, which is a space.
    pub namespace: String,
    /// Its name.
    pub pod: String,
}

/// Identifies callers.
pub struct Callers {
    client: Client,
    known: Mutex<HashMap<blake3::Hash, (Instant, Caller)>>,
}

impl Callers {
    /// Identifies callers by asking the API server.
    pub fn new(client: Client) -> Callers {
        Callers {
            client,
            known: Mutex::default(),
        }
    }

    /// The pod to which `token` is bound.
    pub async fn identify(&self, token: Option<&str>) -> Result<Caller> {
        let token = token.ok_or_else(|| Failure::new(WHAT, "", "it showed no token"))?;
        let key = blake3::hash(token.as_bytes());
        if let Some(caller) = self.remembered(&key) {
            return Ok(caller);
        }
        let caller = self.ask(token).await?;
        let mut known = self.known.lock().expect("no holder of the lock panics");
        known.insert(key, (Instant::now(), caller.clone()));
        Ok(caller)
    }

    fn remembered(&self, key: &blake3::Hash) -> Option<Caller> {
        let mut known = self.known.lock().expect("no holder of the lock panics");
        known.retain(|_, (since, _)| since.elapsed() < BELIEF);
        known.get(key).map(|(_, caller)| caller.clone())
    }

    async fn ask(&self, token: &str) -> Result<Caller> {
        let review = TokenReview {
            spec: TokenReviewSpec {
                audiences: Some(vec![GATE_AUDIENCE.to_owned()]),
                token: token.to_owned(),
            },
            ..TokenReview::default()
        };
        let status = Api::<TokenReview>::all(self.client.clone())
            .create(&PostParams::default(), &review)
            .await
            .or_fail(WHAT, "TokenReview")?
            .status
            .unwrap_or_default();
        let caller = caller(&status.user.unwrap_or_default())
            .filter(|_| status.authenticated == Some(true))
            .ok_or_else(|| {
                let why = status
                    .error
                    .unwrap_or_else(|| "its token is not one of a pod".to_owned());
                Failure::new(WHAT, "", why)
            })?;
        let namespace = Api::<Namespace>::all(self.client.clone())
            .get(&caller.namespace)
            .await
            .or_fail(WHAT, format!("namespace {}", caller.namespace))?;
        let labels = namespace.metadata.labels.unwrap_or_default();
        if labels.get(SPACE_LABEL).map(String::as_str) != Some("true") {
            let object = format!("namespace {}", caller.namespace);
            let why = format!("it is not a space: it lacks the label {SPACE_LABEL}=true");
            return Err(Failure::new(WHAT, object, why)
                .try_to("An administrator makes it one with azds use-dev-spaces --space NAME."));
        }
        Ok(caller)
    }
}

/// The pod that a token is bound to: a service account's user name is
/// `system:serviceaccount:NAMESPACE:NAME`, and a bound token names its pod beside it.
fn caller(user: &k8s_openapi::api::authentication::v1::UserInfo) -> Option<Caller> {
    let account = user
        .username
        .as_deref()?
        .strip_prefix("system:serviceaccount:")?;
    let (namespace, _) = account.split_once(':')?;
    let pod = user
        .extra
        .as_ref()?
        .get("authentication.kubernetes.io/pod-name")?
        .first()?;
    Some(Caller {
        namespace: namespace.to_owned(),
        pod: pod.clone(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_token_that_is_bound_to_a_pod_names_a_caller() {
        let user = |extra: serde_json::Value| {
            let user = serde_json::json!({"username": "system:serviceaccount:dev:default", "extra": extra});
            caller(&serde_json::from_value(user).expect("a user"))
        };
        let bound =
            user(serde_json::json!({"authentication.kubernetes.io/pod-name": ["producer-1"]}));
        assert_eq!(
            bound.map(|c| (c.namespace, c.pod)),
            Some(("dev".into(), "producer-1".into()))
        );
        assert!(user(serde_json::json!({})).is_none());
    }
}
