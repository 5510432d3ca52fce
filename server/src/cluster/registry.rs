//! A registry of images, by the protocol of OCI (distribution-spec), for the few images of azds.

mod http;
mod login;

use std::path::PathBuf;
use std::sync::Mutex;

use bytes::Bytes;
use hyper::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, LOCATION, WWW_AUTHENTICATE};
use hyper::{Method, Request, Response, StatusCode, Uri};
use serde_json::Value;

use crate::failure::{Context, Failure, Result};
use http::Http;
use login::{Challenge, Credential};

pub use login::docker_login;

/// Media type of an index: the manifests of an image for several architectures.
pub const INDEX: &str = "application/vnd.oci.image.index.v1+json";
/// Media type of a manifest.
pub const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
const WHAT: &str = "the registry did not answer as it should";

/// How a registry is reached.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// Speak HTTP without TLS.
    pub plain_http: bool,
    /// A file with more authorities (PEM) than this machine and Docker's `certs.d` have.
    pub authority: Option<PathBuf>,
}

/// One repository of a registry.
pub struct Repository {
    http: Http,
    /// `https://HOST`.
    base: String,
    host: String,
    name: String,
    credential: Option<Credential>,
    /// The Authorization header that was good last.
    authorization: Mutex<Option<String>>,
}

impl Repository {
    /// The repository `name` in `registry` (`HOST[:PORT][/FOLDER]`), with this machine's Docker
    /// credentials, if it has any. Blocking.
    pub fn new(registry: &str, name: &str, options: &Options) -> Result<Repository> {
        let (host, folder) = registry
            .trim_end_matches('/')
            .split_once('/')
            .unwrap_or((registry.trim_end_matches('/'), ""));
        let scheme = if options.plain_http { "http" } else { "https" };
        let base = format!("{scheme}://{}", login::api_host(host));
        base.parse::<Uri>()
            .or_fail("the registry's name is not understood", registry)
            .map_err(|failure| failure.try_to("Write it as HOST, HOST:PORT or HOST/FOLDER."))?;
        let parts = [folder, name].into_iter().filter(|part| !part.is_empty());
        Ok(Repository {
            http: Http::new(&base, host, options)?,
            base,
            host: host.to_owned(),
            name: parts.collect::<Vec<_>>().join("/"),
            credential: login::credential(host)?,
            authorization: Mutex::default(),
        })
    }

    /// Puts content there, unless it is there already.
    pub async fn put_blob(&self, digest: &str, content: Bytes) -> Result<()> {
        let what = "the image was not pushed";
        let path = format!("blobs/{digest}");
        let known = self.request(Method::HEAD, &path, &[], Bytes::new());
        if known.await?.status() == StatusCode::OK {
            return Ok(());
        }
        let begun = self.request(Method::POST, "blobs/uploads/", &[], Bytes::new());
        let begun = self
            .expect(begun.await?, StatusCode::ACCEPTED, what)
            .await?;
        let location = begun.headers().get(LOCATION);
        let location = location.and_then(|it| it.to_str().ok()).ok_or_else(|| {
            let why = "it did not say where to send the content";
            Failure::new(what, self.host.as_str(), why)
        })?;
        let separator = if location.contains('?') { '&' } else { '?' };
        let target = format!("{}{separator}digest={digest}", self.absolute(location));
        let headers = [(CONTENT_TYPE, "application/octet-stream")];
        let put = self.send(Method::PUT, &target, &headers, content).await?;
        self.expect(put, StatusCode::CREATED, what).await.map(drop)
    }

    /// Puts a manifest or an index there under a tag or its digest.
    pub async fn put_manifest(&self, reference: &str, kind: &str, content: Bytes) -> Result<()> {
        let path = format!("manifests/{reference}");
        let headers = [(CONTENT_TYPE, kind)];
        let put = self.request(Method::PUT, &path, &headers, content);
        let what = "the image was not pushed";
        self.expect(put.await?, StatusCode::CREATED, what)
            .await
            .map(drop)
    }

    /// The index under a tag, if there is one.
    pub async fn index(&self, tag: &str) -> Result<Option<Value>> {
        let what = "the registry's image is not known";
        let path = format!("manifests/{tag}");
        let asked = self.request(Method::GET, &path, &[(ACCEPT, INDEX)], Bytes::new());
        let answer = asked.await?;
        if answer.status() == StatusCode::NOT_FOUND {
            return Ok(None);
        }
        let answer = self.expect(answer, StatusCode::OK, what).await?;
        let index = serde_json::from_slice(answer.body());
        index.or_fail(what, self.host.as_str()).map(Some)
    }

    fn absolute(&self, location: &str) -> String {
        match location.contains("://") {
            true => location.to_owned(),
            false => format!("{}{location}", self.base),
        }
    }

    async fn request(
        &self,
        method: Method,
        path: &str,
        headers: &[(hyper::header::HeaderName, &str)],
        body: Bytes,
    ) -> Result<Response<Bytes>> {
        let target = format!("{}/v2/{}/{path}", self.base, self.name);
        self.send(method, &target, headers, body).await
    }

    /// Sends a request, again with what the registry asks for if it refuses the first.
    async fn send(
        &self,
        method: Method,
        target: &str,
        headers: &[(hyper::header::HeaderName, &str)],
        body: Bytes,
    ) -> Result<Response<Bytes>> {
        // Uploads may lead to another host, which must not get what is for this one.
        let ours = target.starts_with(&format!("{}/", self.base));
        let request = |authorization: Option<String>| {
            let mut request = Request::builder().method(method.clone()).uri(target);
            for (name, value) in headers {
                request = request.header(name, *value);
            }
            if let Some(authorization) = authorization.filter(|_| ours) {
                request = request.header(AUTHORIZATION, authorization);
            }
            request.body(body.clone()).or_fail(WHAT, target)
        };
        let known = self.authorization().clone();
        let answer = self.http.send(request(known)?).await?;
        if answer.status() != StatusCode::UNAUTHORIZED || !ours {
            return Ok(answer);
        }
        let challenges = answer.headers().get_all(WWW_AUTHENTICATE).iter();
        let mut challenges = challenges.filter_map(|it| Challenge::read(it.to_str().ok()?));
        let Some(challenge) = challenges.next_back() else {
            return Ok(answer);
        };
        let credential = self.credential.as_ref();
        let authorization = login::answer(&self.http, &challenge, credential, &self.name).await?;
        self.authorization().clone_from(&authorization);
        self.http.send(request(authorization)?).await
    }

    fn authorization(&self) -> std::sync::MutexGuard<'_, Option<String>> {
        self.authorization
            .lock()
            .expect("no holder of the lock panics")
    }

    /// Refuses another answer than the one that is expected, in the registry's words.
    async fn expect(
        &self,
        answer: Response<Bytes>,
        status: StatusCode,
        what: &str,
    ) -> Result<Response<Bytes>> {
        if answer.status() == status {
            return Ok(answer);
        }
        let said: Value = serde_json::from_slice(answer.body()).unwrap_or_default();
        let said = said["errors"][0]["message"].as_str().unwrap_or_default();
        let why = format!("it answered {} {said}", answer.status());
        let failure = Failure::new(what, format!("{}/{}", self.host, self.name), why);
        let login = match (answer.status(), &self.credential) {
            (StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN, None) => format!(
                "Log in to it: docker login {}, or write its credentials to ~/.docker/config.json.",
                self.host
            ),
            (StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN, Some(_)) => {
                "See whether the credentials in Docker's configuration are right, and allow to push there.".to_owned()
            }
            _ => return Err(failure),
        };
        Err(failure.try_to(login))
    }
}
