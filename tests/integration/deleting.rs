//! Deleting blobs, manifests and tags.

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::app::{TestApp, digest, error};

async fn app() -> TestApp {
    let app = TestApp::start().await;
    app.sign_up("alice").await;
    app
}

async fn status(app: &TestApp, method: Method, path: &str) -> u16 {
    app.ask("alice", method, path).await.status().as_u16()
}

async fn tags(app: &TestApp) -> Value {
    let path = "/v2/alice/app/tags/list";
    let list = app.ask("alice", Method::GET, path).await;
    let mut body: Value = list.json().await.unwrap();
    body["tags"].take()
}

#[tokio::test]
async fn a_blob_is_deleted_from_one_repository_alone() {
    let app = app().await;
    let blob = app.push_blob("alice", "alice/app", b"layer").await;
    app.push_blob("alice", "alice/other", b"layer").await;
    let path = format!("/v2/alice/app/blobs/{blob}");
    assert_eq!(status(&app, Method::DELETE, &path).await, 202);
    assert_eq!(status(&app, Method::HEAD, &path).await, 404);
    let other = format!("/v2/alice/other/blobs/{blob}");
    let get = app.ask("alice", Method::GET, &other).await;
    assert_eq!(get.text().await.unwrap(), "layer");
    let again = app.ask("alice", Method::DELETE, &path).await;
    assert_eq!(error(again).await, (404, "BLOB_UNKNOWN".to_owned()));
}

#[tokio::test]
async fn a_deleted_manifest_is_gone_with_its_tags() {
    let app = app().await;
    let one = app.push_image("alice", "alice/app", "v1", b"one").await;
    app.push_image("alice", "alice/app", "latest", b"one").await;
    app.push_image("alice", "alice/app", "v2", b"two").await;
    let by_digest = format!("/v2/alice/app/manifests/{}", digest(one.as_bytes()));
    assert_eq!(status(&app, Method::GET, &by_digest).await, 200);
    assert_eq!(status(&app, Method::DELETE, &by_digest).await, 202);
    for path in [
        by_digest.as_str(),
        "/v2/alice/app/manifests/v1",
        "/v2/alice/app/manifests/latest",
    ] {
        let get = app.ask("alice", Method::GET, path).await;
        let expected = (404, "MANIFEST_UNKNOWN".to_owned());
        assert_eq!(error(get).await, expected, "{path}");
    }
    assert_eq!(tags(&app).await, json!(["v2"]));
    let again = app.ask("alice", Method::DELETE, &by_digest).await;
    assert_eq!(error(again).await, (404, "MANIFEST_UNKNOWN".to_owned()));
}

#[tokio::test]
async fn the_last_tag_leaves_its_manifest() {
    let app = app().await;
    let pushed = app.push_image("alice", "alice/app", "v1", b"layer").await;
    let by_tag = "/v2/alice/app/manifests/v1";
    assert_eq!(status(&app, Method::DELETE, by_tag).await, 202);
    assert_eq!(status(&app, Method::GET, by_tag).await, 404);
    assert_eq!(tags(&app).await, json!([]));
    let path = format!("/v2/alice/app/manifests/{}", digest(pushed.as_bytes()));
    let get = app.ask("alice", Method::GET, &path).await;
    assert_eq!(get.status(), StatusCode::OK);
    assert_eq!(get.text().await.unwrap(), pushed);
}

#[tokio::test]
async fn what_is_not_there_can_not_be_deleted() {
    let app = app().await;
    app.create("alice", "alice/app", "public").await;
    let unknown = digest(b"never pushed");
    for (path, status, code) in [
        ("app/manifests/v1", 404, "MANIFEST_UNKNOWN"),
        ("app/manifests/{unknown}", 404, "MANIFEST_UNKNOWN"),
        ("app/blobs/{unknown}", 404, "BLOB_UNKNOWN"),
        ("app/blobs/uploads/x", 404, "BLOB_UPLOAD_UNKNOWN"),
        ("app/manifests/sha256:0", 400, "DIGEST_INVALID"),
        ("app/blobs/sha256:0", 400, "DIGEST_INVALID"),
        ("none/manifests/v1", 404, "NAME_UNKNOWN"),
        ("none/blobs/{unknown}", 404, "NAME_UNKNOWN"),
    ] {
        let path = format!("/v2/alice/{}", path.replace("{unknown}", &unknown));
        let refused = app.ask("alice", Method::DELETE, &path).await;
        assert_eq!(error(refused).await, (status, code.to_owned()), "{path}");
    }
}
