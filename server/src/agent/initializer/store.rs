//! What the initializer keeps in the API server: the authority, the gate's certificate, and the
//! webhook's trust in the authority.

use std::collections::BTreeMap;
use std::time::{SystemTime, UNIX_EPOCH};

use azds_protocol::agent::GATE_SERVER_NAME;
use k8s_openapi::ByteString;
use k8s_openapi::api::admissionregistration::v1::MutatingWebhookConfiguration;
use k8s_openapi::api::core::v1::Secret;
use kube::api::{ObjectMeta, Patch, PatchParams, PostParams};
use kube::{Api, Client};
use serde_json::json;

use super::api_failure;
use super::certificates::{self, Pair};
use crate::agent::GATE_SECRET;
use crate::failure::{Failure, Result};

/// Secret with the authority. Only the initializer may read it.
const AUTHORITY_SECRET: &str = "azds-authority";
/// When the certificate in a Secret is due for renewal, in seconds since 1970.
const RENEW_AFTER: &str = "azds.io/renew-after";
/// Who changes the objects, for the API server's records.
const MANAGER: &str = "azds-initializer";

/// The objects of the set-up.
pub struct Store {
    secrets: Api<Secret>,
    webhooks: Api<MutatingWebhookConfiguration>,
}

impl Store {
    /// The objects of the set-up in `namespace`.
    pub fn new(client: Client, namespace: String) -> Store {
        Store {
            secrets: Api::namespaced(client.clone(), &namespace),
            webhooks: Api::all(client),
        }
    }

    /// The authority, made on first use.
    pub async fn authority(&self) -> Result<Pair> {
        if let Some(pair) = self.read(AUTHORITY_SECRET).await? {
            return Ok(pair);
        }
        let pair = certificates::new_authority(SystemTime::now())?;
        let secret = secret(AUTHORITY_SECRET, &pair, BTreeMap::new());
        match self.secrets.create(&PostParams::default(), &secret).await {
            Ok(_) => Ok(pair),
            // Another replica was faster: its authority is the one.
            Err(kube::Error::Api(status)) if status.is_already_exists() => {
                self.read(AUTHORITY_SECRET).await?.ok_or_else(|| {
                    Failure::ours(
                        "the initializer did not read its authority",
                        AUTHORITY_SECRET,
                        "it is gone again",
                    )
                })
            }
            Err(error) => Err(api_failure(AUTHORITY_SECRET, &error)),
        }
    }

    /// Replaces the gate's certificate if it is missing, about to end, or of another authority.
    pub async fn renew_gate_certificate(&self, authority: &Pair) -> Result<()> {
        let now = SystemTime::now();
        let of_authority = blake3::hash(authority.certificate.as_bytes()).to_hex();
        let today = self
            .secrets
            .get_opt(GATE_SECRET)
            .await
            .map_err(|error| api_failure(GATE_SECRET, &error))?;
        let fresh = today.is_some_and(|secret| {
            let annotations = secret.metadata.annotations.unwrap_or_default();
            let renew_after = annotations
                .get(RENEW_AFTER)
                .and_then(|text| text.parse().ok());
            renew_after.is_some_and(|renew_after| seconds(now) < renew_after)
                && annotations.get(AUTHORITY_SECRET).map(String::as_str) == Some(&*of_authority)
        });
        match fresh {
            true => Ok(()),
            false => self.replace_gate_certificate(authority).await,
        }
    }

    /// Replaces the gate's certificate, whatever it is.
    pub async fn replace_gate_certificate(&self, authority: &Pair) -> Result<()> {
        let now = SystemTime::now();
        let of_authority = blake3::hash(authority.certificate.as_bytes()).to_hex();
        let pair = certificates::sign(authority, &[GATE_SERVER_NAME.to_owned()], now)?;
        let annotations = BTreeMap::from([
            (
                RENEW_AFTER.to_owned(),
                seconds(certificates::renewal(now)).to_string(),
            ),
            (AUTHORITY_SECRET.to_owned(), of_authority.to_string()),
        ]);
        let secret = secret(GATE_SECRET, &pair, annotations);
        self.secrets
            .patch(
                GATE_SECRET,
                &PatchParams::apply(MANAGER).force(),
                &Patch::Apply(secret),
            )
            .await
            .map_err(|error| api_failure(GATE_SECRET, &error))?;
        Ok(())
    }

    /// Makes the API server trust webhooks whose certificates this authority signed.
    pub async fn trust_webhook(&self, authority: &str) -> Result<()> {
        let patch = json!([{
            "op": "add",
            "path": "/webhooks/0/clientConfig/caBundle",
            "value": ByteString(authority.as_bytes().to_vec()),
        }]);
        let patch = serde_json::from_value(patch).expect("the operation above is a JSON patch");
        self.webhooks
            .patch(MANAGER, &PatchParams::default(), &Patch::<()>::Json(patch))
            .await
            .map_err(|error| api_failure(format!("webhook {MANAGER}"), &error))?;
        Ok(())
    }

    async fn read(&self, name: &str) -> Result<Option<Pair>> {
        let secret = self
            .secrets
            .get_opt(name)
            .await
            .map_err(|error| api_failure(name, &error))?;
        let data = secret.and_then(|secret| secret.data).unwrap_or_default();
        Ok(crate::agent::pair_of(&data).map(|(certificate, key)| Pair { certificate, key }))
    }
}

fn secret(name: &str, pair: &Pair, annotations: BTreeMap<String, String>) -> Secret {
    Secret {
        metadata: ObjectMeta {
            name: Some(name.to_owned()),
            annotations: Some(annotations),
            ..ObjectMeta::default()
        },
        type_: Some("kubernetes.io/tls".to_owned()),
        string_data: Some(BTreeMap::from([
            ("tls.crt".to_owned(), pair.certificate.clone()),
            ("tls.key".to_owned(), pair.key.clone()),
        ])),
        ..Secret::default()
    }
}

fn seconds(time: SystemTime) -> u64 {
    time.duration_since(UNIX_EPOCH)
        .map_or(0, |since| since.as_secs())
}
