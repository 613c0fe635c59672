//! The server's HTTP API: one method a call, errors as sentences for people.

mod accounts;
mod download;
mod repositories;
mod upload;

pub use download::Choice;
pub use upload::{Lost, Target};

use std::fs;
use std::path::Path;
use std::time::Duration;

use anyhow::{Result, anyhow, bail};
use dockyard_oci::{Digest, ImageName, RepositoryName};
use reqwest::header::ACCEPT;
use reqwest::{Certificate, Method, RequestBuilder, Response, StatusCode, redirect};
use serde::de::DeserializeOwned;
use serde_json::json;

use crate::address::Server;
use crate::answers::{Greeting, KnownLayers};
use crate::failure::{self, Refusal, explain};
use crate::password::Secret;
use crate::proxy::Proxy;

/// How long opening a connection may take.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(15);
/// How long a call without a tarball may take in all.
const CALL_TIMEOUT: Duration = Duration::from_mins(1);
/// How often a silent connection is probed: a dead one must not hang an upload for ever.
const KEEPALIVE: Duration = Duration::from_secs(30);

/// Longest answer that is read, in bytes: many times the longest page of a list.
const ANSWER_MAX_BYTES: usize = 16 * 1024 * 1024;

/// Who a request comes from.
#[derive(Debug, Clone)]
pub enum Credentials {
    Anonymous,
    Token(Secret),
    Password { username: String, password: Secret },
}

/// A connection to one Dockyard. Cheap to clone.
#[derive(Clone)]
pub struct Client {
    http: reqwest::Client,
    server: Server,
    credentials: Credentials,
}

impl Client {
    /// Prepares a connection; nothing is sent yet.
    pub fn new(server: Server, ca_file: Option<&Path>) -> Result<Self> {
        let mut builder = reqwest::Client::builder()
            .user_agent(concat!("mydocker/", env!("CARGO_PKG_VERSION")))
            .connect_timeout(CONNECT_TIMEOUT)
            .tcp_keepalive(KEEPALIVE)
            .redirect(redirect::Policy::none())
            .no_proxy();
        if let Some(proxy) = Proxy::of(&server) {
            let through = reqwest::Proxy::all(&proxy.url);
            let through = through.map_err(|error| anyhow!("the proxy {proxy}: {error}"))?;
            builder = builder.proxy(through);
        }
        for certificate in ca_file.map_or_else(|| Ok(Vec::new()), certificates)? {
            builder = builder.add_root_certificate(certificate);
        }
        let http = builder
            .build()
            .map_err(|error| anyhow!("can't set up HTTP: {error}"))?;
        Ok(Self {
            http,
            server,
            credentials: Credentials::Anonymous,
        })
    }

    /// Lets every later request come from somebody.
    pub fn with(mut self, credentials: Credentials) -> Self {
        self.credentials = credentials;
        self
    }

    /// Makes sure that a Dockyard answers, before anything secret or large is sent.
    pub async fn greet(&self) -> Result<()> {
        let request = self
            .http
            .get(self.server.url("/api/v1"))
            .timeout(CALL_TIMEOUT);
        let response = request
            .send()
            .await
            .map_err(|error| failure::first_contact(&self.server, &error))?;
        if response.status().is_redirection() {
            bail!("{}", self.moved(&response));
        }
        if response.status().is_server_error() {
            return Err(Refusal::read(&self.server, response).await.into());
        }
        match self.read_json::<Greeting>(response).await {
            Ok(greeting) if greeting.name == "dockyard" => Ok(()),
            _ => bail!(
                "{} is not a Dockyard: check the address, or name another server with --server URL",
                self.server
            ),
        }
    }

    /// Tells whether a tarball of the caller's may leave a layer out. A server that does not know the question has none.
    pub async fn has_layer(&self, layer: &Digest) -> Result<bool> {
        let request = self.call(Method::POST, "/api/v1/layers");
        let request = request.json(&json!({ "layers": [layer] }));
        let response = request.send().await;
        let response = response.map_err(|error| failure::connection(&self.server, &error))?;
        if response.status() == StatusCode::NOT_FOUND {
            return Ok(false);
        }
        let response = self.accept(response).await?;
        let answer: KnownLayers = self.read_json(response).await?;
        Ok(!answer.known.is_empty())
    }

    fn call(&self, method: Method, path: &str) -> RequestBuilder {
        self.request(method, path).timeout(CALL_TIMEOUT)
    }

    fn image_request(&self, method: Method, image: &ImageName) -> RequestBuilder {
        self.request(method, &format!("/api/v1/images/{image}"))
    }

    fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let request = self.http.request(method, self.server.url(path));
        let request = request.header(ACCEPT, "application/json, application/x-tar");
        match &self.credentials {
            Credentials::Anonymous => request,
            Credentials::Token(token) => request.bearer_auth(token.expose()),
            Credentials::Password { username, password } => {
                request.basic_auth(username, Some(password.expose()))
            }
        }
    }

    async fn answer<T: DeserializeOwned>(&self, request: RequestBuilder) -> Result<T> {
        let response = self.send(request).await?;
        self.read_json(response).await
    }

    async fn send(&self, request: RequestBuilder) -> Result<Response> {
        let response = request.send().await;
        let response = response.map_err(|error| failure::connection(&self.server, &error))?;
        self.accept(response).await
    }

    /// Lets a success pass and turns everything else into its sentence.
    async fn accept(&self, response: Response) -> Result<Response> {
        let status = response.status();
        if status.is_success() {
            return Ok(response);
        }
        if status.is_redirection() {
            bail!("{}", self.moved(&response));
        }
        let refusal = Refusal::read(&self.server, response).await;
        Err(explain(refusal.into(), |refusal| {
            (refusal.status == StatusCode::UNAUTHORIZED).then(|| self.unauthorized())
        }))
    }

    async fn read_json<T: DeserializeOwned>(&self, response: Response) -> Result<T> {
        let body = self.read_whole(response).await?;
        serde_json::from_slice(&body).map_err(|error| {
            anyhow!(
                "{} gave an answer that this mydocker can't read ({error}): are both of the same \
                version?",
                self.server
            )
        })
    }

    async fn read_whole(&self, mut response: Response) -> Result<Vec<u8>> {
        let mut body = Vec::new();
        loop {
            let chunk = response.chunk().await;
            let chunk = chunk.map_err(|error| failure::connection(&self.server, &error))?;
            let Some(chunk) = chunk else {
                return Ok(body);
            };
            if body.len() + chunk.len() > ANSWER_MAX_BYTES {
                bail!(
                    "{} gives an answer without end: is it a Dockyard?",
                    self.server
                );
            }
            body.extend_from_slice(&chunk);
        }
    }

    fn unauthorized(&self) -> String {
        let server = &self.server;
        match &self.credentials {
            Credentials::Anonymous => {
                format!("{server} asks who you are: run `mydocker login` first")
            }
            Credentials::Token(_) => format!(
                "the token for {server} is no longer valid: run `mydocker login` again, or renew \
                MYDOCKER_TOKEN"
            ),
            Credentials::Password { username, .. } => {
                format!("wrong user name or password for {username} at {server}: try again")
            }
        }
    }

    fn moved(&self, response: &Response) -> String {
        let to = failure::header(response, "location").unwrap_or_default();
        let to = to.trim_end_matches("/api/v1").to_owned();
        format!("{} sends its callers on: try --server {to}", self.server)
    }

    fn explain_missing(&self, error: anyhow::Error, repository: &RepositoryName) -> anyhow::Error {
        explain(error, |refusal| {
            let is_repository = refusal.status == StatusCode::NOT_FOUND
                && !matches!(
                    refusal.code.as_str(),
                    "MANIFEST_UNKNOWN" | "TAG_UNKNOWN" | "PLATFORM_UNKNOWN"
                );
            if is_repository {
                let login = match self.credentials {
                    Credentials::Anonymous => " (a private one shows only after `mydocker login`)",
                    _ => "",
                };
                return Some(format!(
                    "there is no repository {repository} at {} that you may see{login}: check \
                    the name, or find it with `mydocker search`",
                    self.server
                ));
            }
            (refusal.status == StatusCode::NOT_FOUND)
                .then(|| format!("{refusal}; see `mydocker tags {repository}`"))
        })
    }
}

/// Says how another platform is named, where it is the platform that is missing.
fn explain_platform(error: anyhow::Error, image: &ImageName) -> anyhow::Error {
    explain(error, |refusal| {
        (refusal.code == "PLATFORM_UNKNOWN")
            .then(|| format!("{refusal}: name one with --platform, as in `mydocker pull --platform linux/arm64 {image}`"))
    })
}

/// Reads the certificates of a PEM file.
fn certificates(path: &Path) -> Result<Vec<Certificate>> {
    let shown = path.display();
    let pem = fs::read(path).map_err(|error| anyhow!("can't read the CA file {shown}: {error}"))?;
    match Certificate::from_pem_bundle(&pem) {
        Ok(found) if !found.is_empty() => Ok(found),
        _ => bail!("{shown} holds no PEM certificate: name the CA's certificate file"),
    }
}

#[cfg(test)]
mod tests;
