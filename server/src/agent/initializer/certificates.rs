//! The authority of the set-up and the certificates that it signs for webhook and gate.

use std::time::{Duration, SystemTime};

use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose,
};

use crate::failure::{Context, Result};

const DAY: Duration = Duration::from_secs(24 * 60 * 60);
/// How long a signed certificate lives, and how long before its end it is replaced.
const LIFETIME: Duration = DAY.saturating_mul(90);
const RENEWAL: Duration = DAY.saturating_mul(30);
/// Pods carry the authority's certificate for as long as they live, so it outlives them all.
const AUTHORITY_LIFETIME: Duration = DAY.saturating_mul(3650);
/// Clocks of nodes differ.
const CLOCK_SKEW: Duration = Duration::from_secs(60 * 60);
const WHAT: &str = "azds did not make its certificates";

/// A certificate and its private key, PEM.
#[derive(Clone)]
pub struct Pair {
    /// The certificate.
    pub certificate: String,
    /// The private key: a secret.
    pub key: String,
}

/// Makes an authority.
pub fn new_authority(now: SystemTime) -> Result<Pair> {
    let key = KeyPair::generate().or_fail(WHAT, "authority")?;
    let mut params = authority_params();
    params.not_before = (now - CLOCK_SKEW).into();
    params.not_after = (now + AUTHORITY_LIFETIME).into();
    let certificate = params.self_signed(&key).or_fail(WHAT, "authority")?;
    Ok(Pair {
        certificate: certificate.pem(),
        key: key.serialize_pem(),
    })
}

/// What a signed certificate says of its issuer, so it is the same for every load of the authority.
fn authority_params() -> CertificateParams {
    let mut params = CertificateParams::default();
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.distinguished_name.push(DnType::CommonName, "azds");
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params
}

/// Signs a server certificate for `names`.
pub fn sign(authority: &Pair, names: &[String], now: SystemTime) -> Result<Pair> {
    let object = names.join(", ");
    let authority_key = KeyPair::from_pem(&authority.key).or_fail(WHAT, "authority")?;
    let issuer = Issuer::new(authority_params(), authority_key);
    let key = KeyPair::generate().or_fail(WHAT, &object)?;
    let mut params = CertificateParams::new(names).or_fail(WHAT, &object)?;
    params.distinguished_name.push(DnType::CommonName, "azds");
    params.use_authority_key_identifier_extension = true;
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    params.not_before = (now - CLOCK_SKEW).into();
    params.not_after = (now + LIFETIME).into();
    let certificate = params.signed_by(&key, &issuer).or_fail(WHAT, &object)?;
    Ok(Pair {
        certificate: certificate.pem(),
        key: key.serialize_pem(),
    })
}

/// When a certificate signed at `signed` should be replaced.
pub fn renewal(signed: SystemTime) -> SystemTime {
    signed + LIFETIME - RENEWAL
}
