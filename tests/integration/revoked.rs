//! Credentials that were revoked: what was issued for them ends, and what was begun with them is not completed.

use std::convert::Infallible;
use std::time::Duration;

use bytes::Bytes;
use futures::channel::mpsc::{UnboundedSender, unbounded};
use reqwest::{Body, Method, Response, StatusCode};
use serde_json::{Value, json};

use crate::app::{MANIFEST, PASSWORD, TestApp, header};
use crate::tarballs::saved;

const NEW_PASSWORD: &str = "another horse";
const PUSH: &str = "repository:alice/app:pull,push,delete";
const TAGS: &str = "/v2/alice/app/tags/list";

/// A server and one more on the same data, where the database can be shared.
async fn nodes() -> (TestApp, Option<TestApp>) {
    let app = TestApp::start().await;
    app.sign_up("alice").await;
    app.push_image("alice", "alice/app", "v1", b"layer").await;
    app.create("alice", "alice/secret", "private").await;
    let other = match app.options().database {
        Some(_) => Some(app.join().await),
        None => None,
    };
    (app, other)
}

/// Begins a request and returns where the rest of its body goes in, and what will be its answer.
fn begin(
    request: reqwest::RequestBuilder,
    first: Bytes,
) -> (
    UnboundedSender<Result<Bytes, Infallible>>,
    tokio::task::JoinHandle<Response>,
) {
    let (send, receive) = unbounded();
    send.unbounded_send(Ok(first)).unwrap();
    let request = request.body(Body::wrap_stream(receive));
    let answer = tokio::spawn(async move { request.send().await.unwrap() });
    (send, answer)
}

async fn make_token(app: &TestApp, wish: &Value) -> (String, String) {
    let made = app.by("alice", Method::POST, "/api/v1/tokens").json(wish);
    let made: Value = made.send().await.unwrap().json().await.unwrap();
    let text = |key: &str| made[key].as_str().unwrap().to_owned();
    (text("id"), text("token"))
}

async fn trade(app: &TestApp, secret: &str, scope: &str) -> String {
    let path = format!("/token?scope={scope}");
    let request = app.anonymous(Method::GET, &path);
    let answer = request.basic_auth("alice", Some(secret)).send().await;
    let answer: Value = answer.unwrap().json().await.unwrap();
    answer["token"].as_str().unwrap().to_owned()
}

async fn status(app: &TestApp, method: Method, path: &str, token: &str) -> u16 {
    let request = app.bearer(method, path, token);
    request.send().await.unwrap().status().as_u16()
}

async fn change_password(app: &TestApp, cookie: &str, from: &str, more: &[(&str, &str)]) {
    let mut form = vec![("current", from), ("password", NEW_PASSWORD)];
    form.extend(more);
    let request = app
        .anonymous(Method::POST, "/api/web/change-password")
        .header("accept", "text/html")
        .header("referer", app.url("/settings/password"))
        .header("cookie", cookie)
        .form(&form);
    let changed = request.send().await.unwrap();
    let to = header(&changed, "location");
    assert_eq!(to, "/settings/password?done=password");
}

/// Tells which of the doors of the registry and the API a registry token opens.
async fn opened(app: &TestApp, token: &str) -> [u16; 5] {
    [
        status(app, Method::GET, "/v2/", token).await,
        status(app, Method::GET, "/v2/alice/secret/tags/list", token).await,
        status(app, Method::POST, "/v2/alice/app/blobs/uploads/", token).await,
        status(app, Method::DELETE, "/v2/alice/app/manifests/none", token).await,
        status(app, Method::GET, "/api/v1/repositories", token).await,
    ]
}

#[tokio::test]
async fn registry_tokens_end_with_what_they_were_traded_for() {
    let (app, other) = nodes().await;
    let node = other.as_ref().unwrap_or(&app);
    let scopes = format!("{PUSH}%20repository:alice/secret:pull%20registry:catalog:*");
    let (id, secret) = make_token(&app, &json!({"name": "ci"})).await;
    let of_token = trade(&app, &secret, &scopes).await;
    let of_password = trade(&app, PASSWORD, &scopes).await;
    let good = [200, 200, 202, 404, 200];
    assert_eq!(opened(node, &of_token).await, good);
    assert_eq!(opened(node, &of_password).await, good);

    let path = format!("/api/v1/tokens/{id}");
    let revoked = app.ask("alice", Method::DELETE, &path).await;
    assert_eq!(revoked.status(), StatusCode::NO_CONTENT);
    assert_eq!(opened(node, &of_token).await, [401; 5]);
    assert_eq!(opened(node, &of_password).await, good);

    let cookie = app.log_in("alice").await;
    change_password(&app, &cookie, PASSWORD, &[]).await;
    assert_eq!(opened(node, &of_password).await, [401; 5]);
    // A list shows what everybody may see, and no more.
    let list = node.bearer(Method::GET, "/v2/_catalog", &of_password);
    assert_eq!(list.send().await.unwrap().status(), 401);
}

#[tokio::test]
async fn registry_tokens_end_with_the_account() {
    let (app, other) = nodes().await;
    let node = other.as_ref().unwrap_or(&app);
    let token = app.registry_token(Some("alice"), PUSH).await;
    let cookie = app.log_in("alice").await;
    let form = [("username", "alice"), ("current", PASSWORD)];
    let request = app.anonymous(Method::POST, "/api/web/delete-account");
    let request = request.header("cookie", cookie).form(&form);
    request.send().await.unwrap();
    // The repository is gone, and says so to whoever owned the namespace.
    let opened = opened(node, &token).await;
    assert_eq!(opened, [401, 401, 401, 404, 401]);
}

#[tokio::test]
async fn what_a_revoked_token_began_is_not_completed() {
    let (app, other) = nodes().await;
    let node = other.as_ref().unwrap_or(&app);
    let manifest = app.push_image("alice", "alice/app", "v1", b"layer").await;
    let tarball = Bytes::from(saved(&json!(["x:v1"])).await);
    let layer = Bytes::from(vec![7; 100_000]);
    let upload = format!(
        "/v2/alice/app/blobs/uploads/?digest={}",
        crate::app::digest(&layer)
    );
    for traded in [false, true] {
        let rounds = [
            (
                Method::PUT,
                "/v2/alice/app/manifests/late",
                manifest.clone().into(),
            ),
            (
                Method::PUT,
                "/api/v1/images/alice/app:late",
                tarball.clone(),
            ),
            (
                Method::PUT,
                "/api/v1/images/alice/late:late",
                tarball.clone(),
            ),
            (Method::POST, upload.as_str(), layer.clone()),
        ];
        for (method, path, body) in rounds {
            if traded && path.starts_with("/api/") {
                continue;
            }
            let (id, secret) = make_token(&app, &json!({"name": "ci"})).await;
            let token = if traded {
                trade(&app, &secret, PUSH).await
            } else {
                secret
            };
            let request = node.bearer(method, path, &token);
            let request = request.header("content-type", MANIFEST);
            let half = body.len() / 2;
            let (rest, answer) = begin(request, body.slice(..half));
            tokio::time::sleep(Duration::from_millis(200)).await;
            assert!(!answer.is_finished(), "{path}");
            let revoked = app
                .ask("alice", Method::DELETE, &format!("/api/v1/tokens/{id}"))
                .await;
            assert_eq!(revoked.status(), StatusCode::NO_CONTENT);
            rest.unbounded_send(Ok(body.slice(half..))).unwrap();
            drop(rest);
            let answer = answer.await.unwrap();
            let status = answer.status();
            let text = answer.text().await.unwrap();
            assert_eq!(status, StatusCode::UNAUTHORIZED, "{path}: {text}");
            assert!(text.contains("log in again"), "{path}: {text}");
        }
    }
    let tags: Value = app
        .ask("alice", Method::GET, TAGS)
        .await
        .json()
        .await
        .unwrap();
    assert_eq!(tags["tags"], json!(["v1"]));
    let late = app
        .ask("alice", Method::GET, "/v2/alice/late/tags/list")
        .await;
    let late: Value = late.json().await.unwrap();
    assert_eq!(late["tags"].as_array().map_or(0, Vec::len), 0, "{late}");
}

#[tokio::test]
async fn a_revoked_token_makes_no_other() {
    let (app, _) = nodes().await;
    let (id, secret) = make_token(&app, &json!({"name": "ci"})).await;
    let request = app.bearer(Method::POST, "/api/v1/tokens", &secret);
    let request = request.header("content-type", "application/json");
    let (rest, answer) = begin(request, Bytes::from_static(b"{\"name\":"));
    tokio::time::sleep(Duration::from_millis(200)).await;
    let path = format!("/api/v1/tokens/{id}");
    app.ask("alice", Method::DELETE, &path).await;
    rest.unbounded_send(Ok(Bytes::from_static(b"\"second\"}")))
        .unwrap();
    drop(rest);
    assert_eq!(answer.await.unwrap().status(), StatusCode::UNAUTHORIZED);
    let listed = app.ask("alice", Method::GET, "/api/v1/tokens").await;
    assert!(!listed.text().await.unwrap().contains("second"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn log_ins_under_way_do_not_outlive_a_new_password() {
    let (app, other) = nodes().await;
    let node = other.as_ref().unwrap_or(&app);
    let mine = app.log_in("alice").await;
    let refresh = async {
        let form = [
            ("grant_type", "password"),
            ("username", "alice"),
            ("password", PASSWORD),
            ("access_type", "offline"),
        ];
        let request = node.anonymous(Method::POST, "/token").form(&form);
        let answer: Value = request.send().await.unwrap().json().await.unwrap();
        answer["refresh_token"]
            .as_str()
            .unwrap_or_default()
            .to_owned()
    };
    let log_in = || async {
        let form = [("username", "alice"), ("password", PASSWORD), ("next", "/")];
        let request = node.anonymous(Method::POST, "/api/web/log-in").form(&form);
        let answer = request.send().await.unwrap();
        let set = header(&answer, "set-cookie").split(';').next();
        set.unwrap_or_default().to_owned()
    };
    let ((), refresh, cookies) = futures::join!(
        change_password(&app, &mine, PASSWORD, &[]),
        refresh,
        futures::future::join_all((0..8).map(|_| log_in())),
    );
    for cookie in cookies.into_iter().chain([mine]) {
        let request = node.anonymous(Method::GET, "/settings/profile");
        let page = request.header("cookie", cookie).send().await.unwrap();
        assert_eq!(page.status(), StatusCode::FOUND);
    }
    let form = [
        ("grant_type", "refresh_token"),
        ("refresh_token", refresh.as_str()),
    ];
    let traded = node.anonymous(Method::POST, "/token").form(&form);
    assert_eq!(traded.send().await.unwrap().status(), 401);
}

#[tokio::test]
async fn personal_tokens_go_with_the_password_where_that_is_wished() {
    let (app, _) = nodes().await;
    let token = app.token("alice");
    let cookie = app.log_in("alice").await;
    change_password(&app, &cookie, PASSWORD, &[]).await;
    assert_eq!(status(&app, Method::GET, "/api/v1/user", &token).await, 200);
    let form = [
        ("username", "alice"),
        ("password", NEW_PASSWORD),
        ("next", "/"),
    ];
    let login = app.anonymous(Method::POST, "/api/web/log-in").form(&form);
    let login = login.send().await.unwrap();
    let cookie = header(&login, "set-cookie").split(';').next().unwrap();
    let revoke = [("revoke_tokens", "true")];
    change_password(&app, cookie, NEW_PASSWORD, &revoke).await;
    assert_eq!(status(&app, Method::GET, "/api/v1/user", &token).await, 401);
}

#[tokio::test]
async fn sessions_are_kept_as_hashes() {
    let (app, _) = nodes().await;
    let cookie = app.log_in("alice").await;
    let id = cookie.split_once('=').unwrap().1;
    let accounts = &app.hub.accounts;
    let name = "alice".parse().unwrap();
    let alice = accounts.profile(&name).await.unwrap().unwrap();
    let listed = accounts.sessions.list(&alice).await.unwrap();
    let hash = crate::app::digest(id.as_bytes());
    // The handle is what the row is called.
    assert_eq!(listed[0].handle, hash.trim_start_matches("sha256:"));
    let (name, _) = cookie.split_once('=').unwrap();
    let request = app.anonymous(Method::GET, "/settings/profile");
    let request = request.header("cookie", format!("{name}={}", listed[0].handle));
    let page = request.send().await.unwrap();
    assert_eq!(page.status(), StatusCode::FOUND);
}
