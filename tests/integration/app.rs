//! A real server on a folder of its own, and what tests do with it.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use dockyard::server::http::bodies::Times;
use dockyard::server::{AppState, router};
use dockyard_hub::accounts::{Caller, SignUp, TokenWish};
use dockyard_hub::clock::Clock;
use dockyard_hub::store::{BlobStore, End, Location};
use dockyard_hub::{Hub, HubOptions, OpenError, Secret};
use futures::{StreamExt, TryStreamExt};
use reqwest::{Client, Method, RequestBuilder, Response, StatusCode};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use tempfile::TempDir;
use tokio::task::JoinHandle;

use crate::engines;

pub const PASSWORD: &str = "correct horse";
pub const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
pub const INDEX: &str = "application/vnd.oci.image.index.v1+json";

/// A server that listens on loopback and ends with the test.
pub struct TestApp {
    folder: TempDir,
    options: HubOptions,
    address: SocketAddr,
    server: JoinHandle<()>,
    client: Client,
    pub hub: Hub,
    pub clock: Clock,
    /// Personal tokens by user: a password would cost a slow hash a request.
    tokens: Mutex<HashMap<String, String>>,
    /// Sessions by user.
    cookies: Mutex<HashMap<String, String>>,
}

impl TestApp {
    pub async fn start() -> Self {
        Self::start_in(tempfile::tempdir().unwrap(), Clock::system()).await
    }

    /// Starts a server that soon gives up a request whose body pauses.
    pub async fn start_impatient(patience: Duration) -> Self {
        let times = Times {
            pause: patience,
            whole: patience,
        };
        Self::start_with(|state| state.times = times).await
    }

    /// Starts a server of which something is set otherwise.
    pub async fn start_with(set: impl FnOnce(&mut AppState)) -> Self {
        Self::start_as(tempfile::tempdir().unwrap(), Clock::system(), set).await
    }

    /// Starts with a clock that tests move: it begins now, as the ids of objects tell the real time.
    pub async fn start_on_a_fixed_clock() -> Self {
        let clock = Clock::fixed(Clock::system().now_ms());
        Self::start_in(tempfile::tempdir().unwrap(), clock).await
    }

    /// Starts with a clock that stands still a month ago.
    pub async fn start_a_month_ago() -> Self {
        let month_ms = 30 * 24 * 3600 * 1000;
        let clock = Clock::fixed(Clock::system().now_ms() - month_ms);
        Self::start_in(tempfile::tempdir().unwrap(), clock).await
    }

    async fn start_in(folder: TempDir, clock: Clock) -> Self {
        Self::start_as(folder, clock, |_| {}).await
    }

    async fn start_as(folder: TempDir, clock: Clock, set: impl FnOnce(&mut AppState)) -> Self {
        let options = engines::options(folder.path(), clock).await;
        Self::start_on(folder, options, set).await
    }

    /// Starts a server whose data is reached in another way.
    pub async fn start_behind(change: impl FnOnce(&mut HubOptions)) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut options = engines::options(folder.path(), Clock::system()).await;
        change(&mut options);
        Self::start_on(folder, options, |_| {}).await
    }

    /// Starts one more server on the same database and bucket.
    pub async fn join(&self) -> Self {
        self.join_with(self.options.clock.clone()).await
    }

    /// Starts one more server on the same database and bucket, on a machine with a clock of its own.
    pub async fn join_with(&self, clock: Clock) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let options = HubOptions {
            data_dir: folder.path().to_owned(),
            clock,
            ..self.options.clone()
        };
        let tokens = Mutex::new(self.tokens.lock().unwrap().clone());
        let new = Self::start_on(folder, options, |_| {}).await;
        Self { tokens, ..new }
    }

    async fn start_on(
        folder: TempDir,
        options: HubOptions,
        set: impl FnOnce(&mut AppState),
    ) -> Self {
        if std::env::var_os("DOCKYARD_TEST_LOG").is_some() {
            let _ = tracing_subscriber::fmt().with_test_writer().try_init();
        }
        let clock = options.clock.clone();
        let hub = Hub::open(options.clone()).await.unwrap();
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let mut state = AppState::new(hub.clone(), Vec::new());
        set(&mut state);
        let app = router(state);
        let server = tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
        let client = Client::builder().redirect(reqwest::redirect::Policy::none());
        let (client, tokens) = (client.build().unwrap(), Mutex::default());
        Self {
            folder,
            options,
            address,
            server,
            client,
            hub,
            clock,
            tokens,
            cookies: Mutex::default(),
        }
    }

    /// Takes over what another server on the same data knows of users.
    pub fn learn(&self, other: &Self) {
        self.tokens
            .lock()
            .unwrap()
            .clone_from(&other.tokens.lock().unwrap());
        self.cookies
            .lock()
            .unwrap()
            .clone_from(&other.cookies.lock().unwrap());
    }

    /// Stops serving in the middle of whatever runs, and starts anew on the same data.
    pub async fn restart(mut self) -> Self {
        let (clock, tokens) = (self.clock.clone(), std::mem::take(&mut self.tokens));
        let new = Self::start_in(self.stop().await, clock).await;
        Self { tokens, ..new }
    }

    /// Starts a server on other data, in which the same users have the same tokens.
    pub async fn with_data(&self, folder: TempDir) -> Self {
        let tokens = Mutex::new(self.tokens.lock().unwrap().clone());
        let new = Self::start_in(folder, self.clock.clone()).await;
        Self { tokens, ..new }
    }

    /// Stops and hands the data over.
    pub async fn stop(self) -> TempDir {
        self.server.abort();
        let _ = self.server.await;
        self.hub.close().await;
        self.folder
    }

    /// Opens the same data once more, beside this server.
    pub async fn open_again(&self) -> Result<Hub, OpenError> {
        Hub::open(self.options()).await
    }

    pub fn options(&self) -> HubOptions {
        self.options.clone()
    }

    /// Is the store of the blobs, opened beside the server.
    pub async fn store(&self) -> Box<dyn BlobStore> {
        engines::store(&self.options).await
    }

    /// Finds the object that holds some bytes.
    pub async fn find_object(&self, bytes: &[u8]) -> Location {
        let store = self.store().await;
        let mut objects = store.list();
        while let Some(object) = objects.try_next().await.unwrap() {
            let stream = store.read(object.at, 0..object.size_bytes).await.unwrap();
            let parts: Vec<Bytes> = stream.try_collect().await.unwrap();
            if parts.concat() == bytes {
                return object.at;
            }
        }
        panic!("no object holds {} such bytes", bytes.len());
    }

    /// Counts the objects in the store.
    pub async fn objects(&self) -> usize {
        self.store().await.list().count().await
    }

    /// Changes the database behind the server's back.
    pub async fn change_database(&self, sql: &'static str) {
        engines::change_database(&self.options, sql).await;
    }

    /// Puts an object into the store that nothing stands behind, 9 bytes and some years old.
    pub async fn leave_an_orphan(&self) -> Location {
        let at: Location = "01900000-0000-7000-8000-000000000000".parse().unwrap();
        self.put_object(at, b"left over").await;
        at
    }

    /// Writes an object into the store, over what is there.
    pub async fn put_object(&self, at: Location, bytes: &'static [u8]) {
        let store = self.store().await;
        let mut writer = store.append(at, 0, None, Arc::new(())).await.unwrap();
        writer.write(Bytes::from_static(bytes)).await.unwrap();
        let state = writer.sync(End::Whole).await.unwrap();
        store.finish(at, state.as_deref()).await.unwrap();
    }

    /// Is the personal token of a user who signed up.
    pub fn token(&self, user: &str) -> String {
        self.tokens.lock().unwrap()[user].clone()
    }

    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// A request of nobody.
    pub fn anonymous(&self, method: Method, path: &str) -> RequestBuilder {
        self.client.request(method, self.url(path))
    }

    /// A request of a user who signed up.
    pub fn by(&self, user: &str, method: Method, path: &str) -> RequestBuilder {
        self.anonymous(method, path).bearer_auth(self.token(user))
    }

    /// A request with a registry token.
    pub fn bearer(&self, method: Method, path: &str, token: &str) -> RequestBuilder {
        self.anonymous(method, path).bearer_auth(token)
    }

    /// Sends a request of a user that has no body.
    pub async fn ask(&self, user: &str, method: Method, path: &str) -> Response {
        self.by(user, method, path).send().await.unwrap()
    }

    /// Trades what a user has, or nobody has, for a registry token.
    pub async fn registry_token(&self, user: Option<&str>, scope: &str) -> String {
        let mut request = self
            .anonymous(Method::GET, "/token")
            .query(&[("scope", scope)]);
        if let Some(user) = user {
            request = request.basic_auth(user, Some(self.token(user)));
        }
        let body: Value = request.send().await.unwrap().json().await.unwrap();
        body["token"].as_str().unwrap().to_owned()
    }

    pub async fn sign_up(&self, name: &str) {
        let body = json!({ "username": name, "password": PASSWORD });
        let request = self.anonymous(Method::POST, "/api/v1/users").json(&body);
        assert_eq!(request.send().await.unwrap().status(), StatusCode::CREATED);
        let request = self
            .anonymous(Method::POST, "/api/v1/tokens")
            .json(&json!({"name": "test"}));
        let made = request
            .basic_auth(name, Some(PASSWORD))
            .send()
            .await
            .unwrap();
        let made: Value = made.json().await.unwrap();
        let token = made["token"].as_str().unwrap().to_owned();
        self.tokens.lock().unwrap().insert(name.to_owned(), token);
    }

    /// Makes the first administrator, as the link that is printed at the start does.
    pub async fn sign_up_administrator(&self, name: &str) {
        let request = SignUp {
            name: name.parse().unwrap(),
            password: Secret::new(PASSWORD.to_owned()),
            email: None,
            setup_key: self.hub.accounts.new_setup_key().await.unwrap(),
            from: IpAddr::V4(Ipv4Addr::LOCALHOST),
        };
        let user = self.hub.accounts.sign_up(request).await.unwrap();
        assert!(user.is_admin);
        let token = self
            .hub
            .accounts
            .tokens
            .create(
                &Caller::user_in_person(user),
                &TokenWish {
                    name: "test".to_owned(),
                    ..TokenWish::default()
                },
            )
            .await
            .unwrap();
        let mut tokens = self.tokens.lock().unwrap();
        tokens.insert(name.to_owned(), token.secret.reveal().clone());
    }

    /// Logs a user in, once, and returns the cookie of the session.
    pub async fn cookie(&self, user: &str) -> String {
        if let Some(cookie) = self.cookies.lock().unwrap().get(user) {
            return cookie.clone();
        }
        let cookie = self.log_in(user).await;
        let mut cookies = self.cookies.lock().unwrap();
        cookies.insert(user.to_owned(), cookie.clone());
        cookie
    }

    /// Logs a user in and returns the cookie of the new session.
    pub async fn log_in(&self, user: &str) -> String {
        let form = [("username", user), ("password", PASSWORD), ("next", "/")];
        let login = self.anonymous(Method::POST, "/api/web/log-in").form(&form);
        let response = login.send().await.unwrap();
        let cookie = header(&response, "set-cookie").split(';').next().unwrap();
        assert!(!cookie.is_empty());
        cookie.to_owned()
    }

    pub async fn create(&self, user: &str, name: &str, visibility: &str) {
        let body = json!({ "name": name, "visibility": visibility });
        let request = self
            .by(user, Method::POST, "/api/v1/repositories")
            .json(&body);
        assert_eq!(request.send().await.unwrap().status(), StatusCode::CREATED);
    }

    /// Pushes a blob in one request and returns its digest.
    pub async fn push_blob(&self, user: &str, repository: &str, content: &[u8]) -> String {
        let digest = digest(content);
        let path = format!("/v2/{repository}/blobs/uploads/?digest={digest}");
        let request = self.by(user, Method::POST, &path).body(content.to_vec());
        assert_eq!(request.send().await.unwrap().status(), StatusCode::CREATED);
        digest
    }

    /// Pushes an image of one layer and returns its manifest.
    pub async fn push_image(
        &self,
        user: &str,
        repository: &str,
        tag: &str,
        layer: &[u8],
    ) -> String {
        let config = br#"{"architecture":"amd64","os":"linux"}"#;
        let config_digest = self.push_blob(user, repository, config).await;
        let layer_digest = self.push_blob(user, repository, layer).await;
        let manifest = manifest(&config_digest, config.len(), &layer_digest, layer.len());
        self.put_manifest(user, repository, tag, MANIFEST, &manifest)
            .await;
        manifest
    }

    /// Sends a manifest, whatever becomes of it; `reference` may end in a query.
    pub async fn send_manifest(
        &self,
        user: &str,
        repository: &str,
        reference: &str,
        media_type: &str,
        manifest: &str,
    ) -> Response {
        let path = format!("/v2/{repository}/manifests/{reference}");
        let request = self
            .by(user, Method::PUT, &path)
            .header("content-type", media_type);
        request.body(manifest.to_owned()).send().await.unwrap()
    }

    /// Pushes a manifest under a tag or its digest.
    pub async fn put_manifest(
        &self,
        user: &str,
        repository: &str,
        reference: &str,
        media_type: &str,
        manifest: &str,
    ) {
        let response = self
            .send_manifest(user, repository, reference, media_type, manifest)
            .await;
        assert_eq!(response.status(), StatusCode::CREATED);
        assert_eq!(
            header(&response, "docker-content-digest"),
            digest(manifest.as_bytes())
        );
    }
}

pub fn manifest(config: &str, config_len: usize, layer: &str, layer_len: usize) -> String {
    json!({
        "schemaVersion": 2,
        "mediaType": MANIFEST,
        "config": {
            "mediaType": "application/vnd.oci.image.config.v1+json",
            "digest": config,
            "size": config_len,
        },
        "layers": [{
            "mediaType": "application/vnd.oci.image.layer.v1.tar+gzip",
            "digest": layer,
            "size": layer_len,
        }],
    })
    .to_string()
}

/// Is a descriptor of content.
pub fn descriptor(media_type: &str, content: &[u8]) -> Value {
    json!({"mediaType": media_type, "digest": digest(content), "size": content.len()})
}

/// Writes a document with more fields, or with others in place of its own.
pub fn with_fields(mut document: Value, more: &Value) -> String {
    for (field, value) in more.as_object().unwrap() {
        document[field] = value.clone();
    }
    document.to_string()
}

pub fn sha512(content: &[u8]) -> String {
    format!("sha512:{}", hex::encode(sha2::Sha512::digest(content)))
}

pub fn digest(content: &[u8]) -> String {
    format!("sha256:{}", hex::encode(Sha256::digest(content)))
}

pub fn header<'a>(response: &'a Response, name: &str) -> &'a str {
    response
        .headers()
        .get(name)
        .map_or("", |value| value.to_str().unwrap())
}

/// Reads an error: its status and code. Every error has a message for people.
pub async fn error(response: Response) -> (u16, String) {
    let status = response.status().as_u16();
    let body: Value = response.json().await.unwrap();
    let error = &body["errors"][0];
    assert!(
        error["message"].as_str().is_some_and(|text| text.len() > 5),
        "{body}"
    );
    (status, error["code"].as_str().unwrap().to_owned())
}

/// Returns the most memory that this process ever had, in MiB.
pub fn peak_mib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmHWM:"));
    let kib = line.unwrap().split_whitespace().nth(1).unwrap();
    kib.parse::<u64>().unwrap() / 1024
}
